"""The secret key beside an SQLite database: made once, for its owner alone, and never half."""

import contextlib
import os
import re
import secrets
from pathlib import Path
from typing import Final

from app.core.mistakes import ExitCode, Mistake
from app.core.secret_key import SecretKey
from app.storage._address import parse

_BYTES: Final = 32
_CONTENT: Final = re.compile(rf"[0-9a-f]{{{2 * _BYTES}}}\n")
_MAKE: Final = "make one with: openssl rand -hex 32"
_SET: Final = f"set TOKENRY_SECRET_KEY ({_MAKE})"


def open_key(url: str, declared: str | None) -> SecretKey:
    """Return the server's secret key: the declared one, or that of the file beside an SQLite database, made where there is none.

    The file ``<database>.key`` holds the text that the setting would hold, so that a key can move from one to the other. A database
    on a server may be shared by machines, which share no file: there the key must be declared.

    Raises:
        Mistake: it must be declared, or the file cannot be made or read, is damaged, or is open to everybody.
    """
    if declared is not None:
        return SecretKey(declared)
    address = parse(url)
    if address.path is None:
        raise Mistake(
            f"TOKENRY_SECRET_KEY is not set: with {address.shown} every process must have the same one; {_MAKE}", ExitCode.CONFIGURATION
        )
    path = address.path.with_name(f"{address.path.name}.key")
    try:
        if not path.exists():
            _make(path)
        return SecretKey(_read(path))
    except OSError as error:
        raise Mistake(f"the secret key {path} cannot be made or read ({error.strerror}): {_SET}", ExitCode.CONFIGURATION) from None


def _make(path: Path) -> None:
    """Write a key under a name of its own, and only when it is whole and on disk give it the name that counts, if nobody else did.

    Raises:
        OSError: the folder or the file system does not let us.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        with os.fdopen(file, "w", encoding="ascii") as opened:
            opened.write(f"{os.urandom(_BYTES).hex()}\n")
            opened.flush()
            os.fsync(opened.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Let the new name outlive a power cut, before anything is sealed under the key."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _read(path: Path) -> str:
    if path.stat().st_mode & 0o007:
        raise Mistake(f"the secret key {path} is open to everybody: chmod 600 it", ExitCode.CONFIGURATION)
    content = path.read_text(encoding="ascii", errors="replace")
    if _CONTENT.fullmatch(content) is None:
        raise Mistake(
            f"the secret key {path} is damaged: restore it from a backup; what was sealed under it cannot be read otherwise",
            ExitCode.CONFIGURATION,
        )
    return content.strip()
