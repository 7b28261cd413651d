"""The standard library's loggers, set up once: JSON lines or plain ones on standard error, and nothing that could hold a secret."""

import json
import logging
import sys
import traceback
from typing import Final

from app.telemetry.journal import now_text, printable

_TALKATIVE: Final = ("authlib", "asyncpg", "sqlalchemy", "aiosqlite", "python_multipart", "asyncio", "uvicorn.access")
"""Libraries whose lower levels print requests, statements or tokens: they speak from ``warning`` on, whatever level is set."""


def describe(error: BaseException) -> str:
    """Return where an error came from: its type and the lines it passed, without its message, which may quote what was sent."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at " + " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames[-8:]))


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": now_text(),
            "level": record.levelname.lower(),
            "event": "log",
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = describe(record.exc_info[1])
        return json.dumps(line)


class _PlainFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = f"{record.levelname.lower()}: {printable(record.getMessage())}"
        if record.exc_info and record.exc_info[1] is not None:
            text += f" ({describe(record.exc_info[1])})"
        return text


def set_up_logging(level: str, *, plain: bool) -> None:
    """Send all loggers to standard error in one form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PlainFormatter() if plain else _JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in (*_TALKATIVE, "uvicorn.error") if plain else _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # what it warns of is in our own refusal
