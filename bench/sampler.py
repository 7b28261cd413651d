"""Runs the service and looks, some hundred times a second of CPU time, at what it is doing: ``python -m bench.sampler FILE serve …``.

Samples are of the main thread, taken between two bytecodes. So time in C code is counted to the Python function that called it; what the
event loop and its sockets take, to the function that it calls next. Where that is plain to see, because the function is just
beginning, it is counted as the loop's own. On SIGUSR1 the samples since the last time are written to the file.
"""

import atexit
import json
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

ROOT: Final = Path(__file__).parents[1]

INTERVAL: Final = 0.001
"""Seconds of CPU time; the kernel's own tick is longer and decides."""
LOOP: Final = "(event loop, sockets)"


class Samples:
    """Counts by function: where it was, and which functions it was under."""

    def __init__(self) -> None:
        self.own: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()
        self.under: Counter[str] = Counter()

    def take(self, _number: int, frame: FrameType | None) -> None:
        if frame is None:
            return
        code = frame.f_code
        if _is_outside(code) or (frame.f_back is not None and _is_outside(frame.f_back.f_code) and frame.f_lineno == code.co_firstlineno):
            self.own[LOOP] += 1
            return
        name = _name(code)
        if frame.f_back is not None and not name.startswith("app/"):
            name += f" ← {frame.f_back.f_code.co_qualname}"
        self.own[name] += 1
        self.lines[f"{name}:{frame.f_lineno}"] += 1
        seen = set()
        step: FrameType | None = frame
        while step is not None and not _is_outside(step.f_code):
            seen.add(step.f_code)
            step = step.f_back
        self.under.update(_name(each) for each in seen)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps({"own": self.own, "lines": self.lines, "under": self.under}))
        self.__init__()  # type: ignore[misc]


def _is_outside(code: CodeType) -> bool:
    return code.co_filename.endswith("asyncio/runners.py")


def _name(code: CodeType) -> str:
    path = code.co_filename
    for mark in ("/site-packages/", "/lib/python3.11/", f"{ROOT}/"):
        path = path.rpartition(mark)[2]
    return f"{path}:{code.co_firstlineno} {code.co_qualname}"


def main() -> None:
    samples, path = Samples(), Path(sys.argv[1])
    signal.signal(signal.SIGPROF, samples.take)
    signal.signal(signal.SIGUSR1, lambda *_: samples.write(path))
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    atexit.register(signal.setitimer, signal.ITIMER_PROF, 0)
    sys.argv = ["app", *sys.argv[2:]]
    runpy.run_module("app", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
