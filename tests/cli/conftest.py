"""The command line, run in this process as its entry point runs it."""

import gc
import io
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one plain line that a failure leaves on standard error."""
        assert self.code != 0, self
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("tokenry: "), self.err
        return self.err.removeprefix("tokenry: ").rstrip("\n")


Command = Callable[..., Ended]


class Input(io.TextIOWrapper):
    """Standard input, from a pipe or from a terminal."""

    is_terminal = False

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.fixture
def tokenry(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Command]:
    """Runs ``tokenry`` with arguments, in an empty folder; ``stdin`` is what is typed or piped."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str | bytes = b"", is_terminal: bool = False) -> Ended:
        raw = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "argv", ["tokenry", *arguments])
        given = Input(io.BytesIO(raw))
        given.is_terminal = is_terminal
        monkeypatch.setattr(sys, "stdin", given)
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield run
    gc.enable()
    root.handlers[:] = handlers  # what a command has set up writes to this test's standard error
    root.setLevel(level)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, database_url: str) -> str:
    """A fresh database, on each engine in turn, that the settings name."""
    monkeypatch.setenv("TOKENRY_DATABASE_URL", database_url)
    return database_url


@pytest.fixture
def sqlite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The path of an SQLite database that the settings name, and that is not there yet."""
    path = tmp_path / "tokenry.db"
    monkeypatch.setenv("TOKENRY_DATABASE_URL", f"sqlite:///{path}")
    return path
