"""Everything an operator can get wrong ends in one plain line that says what to do, and a code other than 0."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest

from app.cli import failures, main
from tests.cli.conftest import Command
from tests.fixtures.server import ROOT, free_port

EVERY_COMMAND_THAT_OPENS = [
    ("apply", "partners.toml"),
    ("clients", "list"),
    ("users", "show", "x"),
    ("shops", "list"),
    ("scopes", "list"),
    ("codes", "issue", "--client", "x", "--user", "x"),
    ("purge",),
    ("migrate",),
    ("serve",),
    ("sandbox",),
]


@pytest.fixture
def partners(tmp_path: Path) -> Path:
    file = tmp_path / "partners.toml"
    file.write_text("")
    return file


def make_schema(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        connection.commit()


@pytest.mark.parametrize("command", EVERY_COMMAND_THAT_OPENS, ids=" ".join)
def test_a_newer_schema(tokenry: Command, sqlite: Path, partners: Path, command: tuple[str, ...]) -> None:
    make_schema(sqlite, "9999")
    ended = tokenry(*command, *(["--port", str(free_port())] if command[0] in {"serve", "sandbox"} else []))
    assert ended.line.startswith(f"{sqlite} has a schema that this version does not know (9999)")


@pytest.mark.parametrize("command", ["serve", "sandbox"])
def test_an_older_schema_says_which_command_helps(tokenry: Command, sqlite: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr("app.storage._schema.REVISIONS", ("0000", "0001"))
    make_schema(sqlite, "0000")
    assert tokenry(command, "--port", str(free_port())).line.endswith("run: tokenry migrate")


@pytest.mark.parametrize("command", EVERY_COMMAND_THAT_OPENS, ids=" ".join)
def test_an_unreachable_database(tokenry: Command, partners: Path, command: tuple[str, ...]) -> None:
    url = f"postgresql://tokenry:hunter2@127.0.0.1:{free_port()}/tokenry"
    ended = tokenry(*command, "--database", url, *(["--port", str(free_port())] if command[0] in {"serve", "sandbox"} else []))
    assert "127.0.0.1" in ended.line
    assert "hunter2" not in ended.line


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://x", "the database URL must start with sqlite:/// or postgresql://"),
        ("sqlite://", "the database URL must start with"),
        ("sqlite:///:memory:", "the SQLite database needs a file"),
        ("tokenry.db", "the database URL must start with"),
        ("sqlite:////no/such/folder/tokenry.db", "the folder /no/such/folder of the database does not exist"),
    ],
)
def test_an_address_that_names_no_database(tokenry: Command, partners: Path, url: str, said: str) -> None:
    assert said in tokenry("apply", "partners.toml", "--database", url).line


def test_a_file_that_is_no_database_or_anothers(tokenry: Command, sqlite: Path) -> None:
    sqlite.write_bytes(b"this is no database, it is a text of some length" * 100)
    assert "is no SQLite database" in tokenry("clients", "list").line
    sqlite.unlink()
    with closing(sqlite3.connect(sqlite)) as connection:
        connection.execute("CREATE TABLE customers (id)")
        connection.commit()
    assert "holds tables of another program" in tokenry("clients", "list").line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "partners.toml: No such file or directory"),
        ("[[users]\n", "partners.toml: Expected ']]' at the end of an array declaration (at line 1, column 8)"),
        ("[[user]]\n", "partners.toml: user: is no table here: there are users, shops, scopes, clients"),
        (
            '[[clients]]\nclient_id = "a"\nredirect_url = "x"\n',
            "partners.toml: [[clients]] 1 (a): redirect_url: is no key here: there are client_id, client_secret",
        ),
    ],
)
@pytest.mark.parametrize(
    "command", [("apply", "partners.toml"), ("serve", "--config", "partners.toml"), ("sandbox", "--config", "partners.toml")]
)
def test_a_file_that_cannot_be_applied(
    tokenry: Command, sqlite: Path, tmp_path: Path, command: tuple[str, ...], content: str | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "partners.toml").write_text(content)
    ended = tokenry(*command, *(["--port", str(free_port())] if command[0] != "apply" else []))
    assert ended.code == 78
    assert ended.line.startswith(said)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "http", "TOKENRY_PORT: "),
        ("PORT", "70000", "TOKENRY_PORT: "),
        ("WORKERS", "0", "TOKENRY_WORKERS: "),
        ("ISSUER", "http://id.example.com", "TOKENRY_ISSUER: must be https off loopback"),
        ("ISSUER", "https://id.example.com/", "TOKENRY_ISSUER: must not end with a slash"),
        ("SECRET_KEY", "short", "TOKENRY_SECRET_KEY: must have at least 32 characters"),
        ("SECRET_KEY_FILE", "/no/such/file", "TOKENRY_SECRET_KEY_FILE: cannot read /no/such/file"),
        ("DIALECTS", "/no/such/folder", "/no/such/folder: no such folder of dialect files"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "sandbox"])
def test_a_setting_that_cannot_be(
    tokenry: Command, sqlite: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"TOKENRY_{name}", value)
    ended = tokenry(command, *(["--port", str(free_port())] if name != "PORT" else []))
    assert ended.code == 78
    assert ended.line.startswith(said)


@pytest.mark.security("DP-04")
@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--host", "0.0.0.0"], "the sandbox listens on this machine only"),  # noqa: S104 (what must be refused)
        (["--issuer", "https://id.example.com"], "the sandbox is for this machine only"),
    ],
)
def test_a_sandbox_that_would_be_reachable(tokenry: Command, flags: list[str], said: str) -> None:
    ended = tokenry("sandbox", *flags)
    assert ended.code == 78
    assert ended.line.startswith(said)


@pytest.mark.security("DP-01")
def test_a_service_that_would_run_on_published_secrets(tokenry: Command, sqlite: Path, tmp_path: Path) -> None:
    (tmp_path / "partners.toml").write_text('[[clients]]\nclient_id = "testclient"\nclient_secret = "testsecret"\ndialect = "youzan"\n')
    ended = tokenry("serve", "--config", "partners.toml", "--port", str(free_port()))
    assert ended.code == 78
    assert ended.line.startswith("partners.toml: [[clients]] 1 (testclient): client_secret: is a published demo secret")


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["clients"], ["clients", "fly"], ["apply"], ["clients", "show"], ["serve", "--port", "x"]]
)
def test_wrong_usage(tokenry: Command, arguments: list[str]) -> None:
    assert tokenry(*arguments).code == 2


def test_no_server_to_ask_for_its_health(tokenry: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("TOKENRY_PORT", str(port))
    assert tokenry("healthcheck").line.startswith(f"no answer at 127.0.0.1 port {port}: ")


def test_a_defect_is_one_line_too_and_quotes_nothing(tokenry: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_database: str | None) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("app.cli.effective.effective_settings", broken)
    line = tokenry("config").line
    assert line.startswith("this is a defect of the program, please report it: RuntimeError at ")
    assert "hunter2" not in line


def test_what_was_typed_over_several_lines_is_told_in_one() -> None:
    from app.core.mistakes import Mistake

    assert failures.explain(Mistake("a\nb\tc")) == ("a b c", 1)


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (BrokenPipeError(), 141)])
def test_being_interrupted_is_no_defect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    def interrupted(*_: str) -> NoReturn:
        raise error

    monkeypatch.setattr("app.cli.made", interrupted)
    monkeypatch.setattr(sys, "stderr", open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 (closed by what is tested)
    with pytest.raises(SystemExit) as end:
        main()
    sys.stderr.close()
    assert end.value.code == code
    assert capsys.readouterr().out == ""


def test_a_missing_dependency_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import not_installed_here\n")
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": os.environ["PATH"]}
    ended = subprocess.run(
        [sys.executable, "-m", "app", "version"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr == "tokenry: not_installed_here is not installed in this Python: run: make setup (then .venv/bin/python -m app)\n"
