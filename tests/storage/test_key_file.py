"""The secret key beside the database."""

import os
import stat
import sys
from asyncio import create_subprocess_exec, gather, subprocess
from pathlib import Path

import pytest

from app.core.mistakes import ExitCode, Mistake
from app.storage import _key_file, open_key, open_storage
from tests.storage.conftest import MovableClock

PROGRAM = "import sys; from app.storage import open_key; print(open_key(sys.argv[1], None).text)"
CRASH = """
import os, sys
from app.storage import _key_file
os.fsync = lambda _: os._exit(9)
_key_file.open_key(sys.argv[1], None)
"""


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def refusal(url: str) -> str:
    with pytest.raises(Mistake) as info:
        open_key(url, None)
    assert info.value.exit_code is ExitCode.CONFIGURATION
    assert "\n" not in str(info.value)
    return str(info.value)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "tokenry.db"


@pytest.fixture
def file(database: Path) -> Path:
    return database.with_name("tokenry.db.key")


@pytest.mark.security("AT-04")
@pytest.mark.security("AT-08")
@pytest.mark.parametrize("driver", ["", "+aiosqlite"])
def test_key_is_made_once_for_its_owner_alone(database: Path, file: Path, driver: str) -> None:
    old = os.umask(0)
    try:
        key = open_key(f"sqlite{driver}:///{database}", None)
    finally:
        os.umask(old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == f"{key.text}\n"
    assert len(bytes.fromhex(key.text)) == 32
    assert open_key(url_of(database), None) == key
    assert list(file.parent.iterdir()) == [file]
    assert open_key(url_of(database.with_name("other.db")), None) != key


def test_declared_key_wins_and_makes_no_file(database: Path, file: Path) -> None:
    assert open_key(url_of(database), "declared" * 4).text == "declared" * 4
    assert open_key("postgresql://ada@db.example/tokenry", "declared" * 4).text == "declared" * 4
    assert not file.exists()


def test_key_of_a_file_can_be_declared_instead(database: Path, file: Path) -> None:
    key = open_key(url_of(database), None)
    assert open_key("postgresql://ada@db.example/tokenry", file.read_text().strip()) == key


@pytest.mark.parametrize("url", ["postgresql://ada:s3cret@db.example/tokenry", "mysql+asyncmy://ada:s3cret@db.example/tokenry"])
def test_database_on_a_server_needs_a_declared_key(url: str) -> None:
    message = refusal(url)
    assert message.startswith("TOKENRY_SECRET_KEY is not set")
    assert "openssl rand -hex 32" in message
    assert "s3cret" not in message


async def test_processes_that_start_at_once_have_one_key(database: Path, file: Path) -> None:
    async def start() -> str:
        process = await create_subprocess_exec(sys.executable, "-c", PROGRAM, url_of(database), stdout=subprocess.PIPE)
        output, _ = await process.communicate()
        return output.decode().strip()

    keys = await gather(*(start() for _ in range(8)))
    assert set(keys) == {file.read_text().strip()}
    assert list(file.parent.iterdir()) == [file]


def test_whoever_comes_second_takes_the_key_of_the_first(database: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_key(url_of(database), None)
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert open_key(url_of(database), None) == first
    assert list(file.parent.iterdir()) == [file]


async def test_crash_half_way_leaves_no_half_key(database: Path, file: Path) -> None:
    process = await create_subprocess_exec(sys.executable, "-c", CRASH, url_of(database))
    assert await process.wait() == 9
    assert not file.exists()
    assert open_key(url_of(database), None) == open_key(url_of(database), None)


@pytest.mark.parametrize("content", ["", "ab", "0" * 63 + "\n", "0" * 64, "g" * 64 + "\n", "0" * 65 + "\n", "é" * 64 + "\n"])
def test_damaged_key_is_refused_and_left_alone(database: Path, file: Path, content: str) -> None:
    file.write_text(content)
    file.chmod(0o600)
    assert "damaged: restore it" in refusal(url_of(database))
    assert file.read_text() == content


@pytest.mark.security("AT-04")
def test_key_that_everybody_can_read_is_refused(database: Path, file: Path) -> None:
    open_key(url_of(database), None)
    file.chmod(0o604)
    assert "open to everybody: chmod 600" in refusal(url_of(database))
    file.chmod(0o640)  # a container engine's group of a volume
    open_key(url_of(database), None)


def test_folder_that_takes_no_key_is_named_with_the_way_out(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = refusal(url_of(tmp_path / "absent" / "tokenry.db"))
    assert "No such file" in message
    assert "openssl rand -hex 32" in message

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert "Operation not permitted" in refusal(url_of(tmp_path / "tokenry.db"))
    assert list(tmp_path.iterdir()) == []


async def test_key_lies_beside_the_database_and_not_in_it(database: Path, file: Path, clock: MovableClock) -> None:
    storage = await open_storage(url_of(database), clock=clock)
    key = open_key(url_of(database), None)
    await storage.close()
    assert key.text.encode() not in database.read_bytes()
    assert file.is_file()
    assert _key_file.open_key(url_of(database), None) == key
