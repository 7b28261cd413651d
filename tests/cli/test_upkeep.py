"""``tokenry apply``, ``migrate``, ``purge``, ``config``, ``version``, ``codes``, ``dialects``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app import __version__
from app.admin import SANDBOX
from app.core.clock import SystemClock
from app.settings import Settings
from app.storage import open_storage
from app.storage._schema import REVISIONS
from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]
FILE = """
[[users]]
username = "alice"
password = "wonderland-9-wonderland"
[[clients]]
client_id = "app"
dialect = "fantem"
redirect_uris = ["http://127.0.0.1:9401/cb"]
[[clients]]
client_id = "home"
dialect = "fantem"
token_endpoint_auth_method = "none"
"""


def test_a_file_is_applied_and_its_plan_shown_before(tokenry: Command, database: str, tmp_path: Path) -> None:
    (tmp_path / "partners.toml").write_text(FILE)
    planned = tokenry("apply", "partners.toml", "--dry-run")
    assert planned.out.splitlines() == ["created  user    alice", "created  client  app", "created  client  home"]
    assert planned.err == "would be 3 created, 0 updated, 0 unchanged\n"
    applied = tokenry("apply", "partners.toml")
    assert applied.out.splitlines()[:3] == planned.out.splitlines()
    assert applied.out.splitlines()[3].startswith("client_secret app ")
    again = tokenry("apply", "partners.toml", "-o", "json")
    assert {change["status"] for change in json.loads(again.out)} == {"unchanged"}
    assert again.err == "0 created, 0 updated, 3 unchanged\n"


def test_a_database_is_kept_as_a_file_for_its_owner_alone(tokenry: Command, database: str, tmp_path: Path) -> None:
    (tmp_path / "partners.toml").write_text(FILE)
    tokenry("apply", "partners.toml")
    kept = tmp_path / "kept.toml"
    kept.write_text("an earlier one")
    written = tokenry("export", "kept.toml")
    assert (written.code, written.out) == (0, "")
    assert written.err == "kept.toml holds the hashes of passwords and secrets: keep it as you keep the database\n"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if "kept" in path.name] == ["kept.toml"]
    assert tokenry("export").out == tokenry("export", "-").out == kept.read_text()
    again = tokenry("apply", "kept.toml")
    assert again.err == "0 created, 0 updated, 3 unchanged\n"
    elsewhere = ("--database", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    assert tokenry("apply", "kept.toml", *elsewhere).err.startswith("3 created")
    assert tokenry("export", *elsewhere).out == kept.read_text()
    assert tokenry("export", "no-such-folder/kept.toml").line == "cannot write no-such-folder/kept.toml: No such file or directory"


def test_a_schema_is_made_once(tokenry: Command, database: str) -> None:
    newest = REVISIONS[-1]
    assert tokenry("migrate").out == f"the schema is {newest} now\n"
    assert tokenry("migrate").out == f"the schema is {newest} already\n"
    assert tokenry("purge").out == "0 rows deleted\n"


def test_an_older_schema_is_migrated_before_anything_else(tokenry: Command, database: str) -> None:
    program = f"import asyncio, sys; from app.storage import migrate; asyncio.run(migrate(sys.argv[1], {REVISIONS[0]!r}))"
    subprocess.run([sys.executable, "-c", program, database], check=True, cwd=ROOT, capture_output=True)
    refused = tokenry("users", "list")
    assert refused.line.endswith("run: tokenry migrate")
    assert tokenry("migrate").out == f"the schema is {REVISIONS[-1]} now, was {REVISIONS[0]}\n"
    assert tokenry("users", "list", "-o", "json").out == "[]\n"


def test_the_settings_are_shown_with_their_sources_and_without_secrets(
    tokenry: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("k" * 40)
    monkeypatch.setenv("TOKENRY_SECRET_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("TOKENRY_DATABASE_URL", "postgresql://tokenry:p%40ss:w0rd@db.example:5432/tokenry")
    monkeypatch.setenv("TOKENRY_PORT", "7000")
    shown = {row["setting"]: (row["value"], row["source"]) for row in json.loads(tokenry("config", "-o", "json").out)}
    assert shown["database_url"] == ("postgresql://tokenry:**********@db.example:5432/tokenry", "environment TOKENRY_DATABASE_URL")
    assert shown["secret_key"] == ("**********", f"file {tmp_path / 'key'}")
    assert shown["port"] == (7000, "environment TOKENRY_PORT")
    assert shown["issuer"] == ("http://localhost:7000", "default")
    assert shown["workers"] == (1, "default")
    table = tokenry("config", "--database", "sqlite:///x.db").out
    assert [line.split() for line in table.splitlines() if line.startswith("database_url")] == [["database_url", "sqlite:///x.db", "flag"]]
    assert "k" * 40 not in table


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://tokenry:hunter2@db.example/tokenry",
        "postgresql://tokenry:hunter2@/tokenry?host=/run",
        "postgresql+asyncpg://tokenry:hun@ter2@db/x",
        "postgresql://tokenry:hun/ter2@db/x",
        "postgresql://tokenry:hun/ter2",
        "postgresql://tokenry:hun?ter2@db/x",
        "postgresql://tokenry:hun:ter2@[::1]:5432/x?host=/run",
        "postgresql://db.example/x?user=tokenry&password=hunter2",
        "postgresql:hunter2",
    ],
)
def test_no_spelling_of_a_database_url_shows_its_password(tokenry: Command, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TOKENRY_DATABASE_URL", url)
    out = tokenry("config").out
    assert "ter2" not in out


def test_the_version_is_told(tokenry: Command) -> None:
    assert tokenry("version").out == f"tokenry {__version__}\n"


async def _mark_as_sandbox(url: str) -> None:
    storage = await open_storage(url, clock=SystemClock())
    await storage.transact(lambda catalog: catalog.set_property(SANDBOX, "1"))
    await storage.close()


def test_a_code_stands_alone_on_standard_output(tokenry: Command, database: str, tmp_path: Path) -> None:
    import asyncio

    (tmp_path / "partners.toml").write_text(FILE)
    tokenry("apply", "partners.toml")
    refused = tokenry("codes", "issue", "--client", "app", "--user", "alice")
    assert refused.line.startswith("codes are issued by hand in a sandbox only")
    asyncio.run(_mark_as_sandbox(database))
    issued = tokenry("codes", "issue", "--client", "app", "--user", "alice")
    assert len(issued.out) == 33, issued
    assert issued.err == "valid 600 s, for redirect_uri http://127.0.0.1:9401/cb\n"
    shown = json.loads(tokenry("codes", "issue", "--client", "app", "--user", "alice", "-o", "json").out)
    assert (set(shown), shown["expires_in"]) == ({"code", "expires_in", "redirect_uri", "scope"}, 600)
    assert "Missing option" in tokenry("codes", "issue", "--client", "app").err


def test_a_sandbox_takes_a_short_secret_by_command_too(tokenry: Command, sqlite: Path) -> None:
    import asyncio

    create = ("clients", "create", "--client-id", "app", "--dialect", "hex", "--client-secret-stdin")
    assert tokenry(*create, stdin="short").line.startswith("client_secret: is shorter than 32 characters")
    asyncio.run(_mark_as_sandbox(f"sqlite:///{sqlite}"))
    assert tokenry(*create, stdin="short").out == "created client app\n"


def test_dialects_are_listed_and_shown(tokenry: Command) -> None:
    names = [line.split()[0] for line in tokenry("dialects", "list").out.splitlines()[1:]]
    assert names == ["standard", "fantem", "hex", "open_platform", "youzan"]
    assert {view["name"] for view in json.loads(tokenry("dialects", "list", "-o", "json").out)} == set(names)
    chinese, english = tokenry("dialects", "show", "hex").out, tokenry("dialects", "show", "hex", "--language", "en").out
    assert "| store_id | string | 是 | 门店编码 |" in chinese
    assert "| store_id | string | yes | Code of the store |" in english
    assert tokenry("dialects", "show", "klingon").line.startswith("there is no dialect klingon: there are standard")
    assert tokenry("dialects", "show", "hex", "--language", "fr").code == 2


def test_every_built_in_dialect_passes_its_own_check(tokenry: Command) -> None:
    from app.dialects.loader import BUILT_IN

    for path in sorted(BUILT_IN.glob("*.toml")):
        ended = tokenry("dialects", "check", str(path))
        assert ended.code == 0, ended
        assert f"{path.stem} is good" in ended.out


HEX = (
    '[[doors]]\npath = "/x"\n[parameters]\ngrant_type = {}\n[grants.g]\ngrant_type = "client_credentials"\n'
    "[answers.token]\nbody = {}\n[answers.error]\nbody = {}\n"
)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("absent.toml", None, "No such file or directory"),
        ("broken.toml", "name = \n", "at line 1"),
        ("broken.json", "{", "Expecting property name"),
        ("empty.toml", "", "name: Field required"),
        ("unknown.toml", f'name = "x"\ntitle = {{}}\nfoo = 1\n{HEX}', "foo: Extra inputs are not permitted"),
        (
            "answer.toml",
            f'name = "x"\ntitle = {{}}\n{HEX}'.replace("answers.token", "answers.other"),
            "grants.g.answer: there is no answer token",
        ),
        ("policy.toml", f'name = "x"\ntitle = {{}}\npolicy = {{ refresh_rule = "never" }}\n{HEX}', "grants.g.policy.refresh_rule"),
        ("place.toml", f'name = "x"\ntitle = {{}}\n{HEX}'.replace("body = {}", 'body = { a = "$b" }', 1), "there is no value $b"),
        (
            "door.toml",
            f'name = "x"\ntitle = {{}}\n{HEX}'.replace('"/x"', '"/third_party/oauth2/token"'),
            "door /third_party/oauth2/token: its dialects disagree",
        ),
        ("own.toml", f'name = "x"\ntitle = {{}}\n{HEX}'.replace('"/x"', '"/login"'), "doors.0.path: /login is the server's own"),
        ("name.toml", f'name = "hex"\ntitle = {{}}\n{HEX}', "hex is a built-in dialect"),
    ],
)
def test_a_broken_dialect_file_is_named_with_key_and_reason(
    tokenry: Command, tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    ended = tokenry("dialects", "check", name)
    assert ended.code == 78
    assert said in ended.line
    assert ended.line.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TOKENRY_PROT", "TOKENRY_PORT"),
        ("TOKENRY_DATABSE_URL", "TOKENRY_DATABASE_URL"),
        ("TOKENRY_SECRET_KEY_FIEL", "TOKENRY_SECRET_KEY_FILE"),
    ],
)
@pytest.mark.parametrize("where", ["environment", ".env"])
def test_a_misspelt_setting_is_told_and_not_passed_over(
    tokenry: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, meant: str, where: str
) -> None:
    if where == "environment":
        monkeypatch.setenv(name, "1")
    else:
        (tmp_path / ".env").write_text(f"{name}=1\n")
        monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    for command in (("config",), ("clients", "list"), ("serve",)):
        ended = tokenry(*command)
        assert (ended.code, ended.line) == (78, f"{name} is no setting: did you mean {meant}?")


def test_what_others_call_by_our_prefix_is_theirs(tokenry: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """An orchestrator names the service tokenry so in the environment of its neighbours; the test kits and compose have names of theirs."""
    for name in ("SERVICE_HOST", "SERVICE_PORT", "PORT_6749_TCP", "PORT_6749_TCP_PROTO", "COMMAND", "URL", "PUBLISH"):
        monkeypatch.setenv(f"TOKENRY_{name}", "tcp://10.0.0.1:6749")
    assert tokenry("config").code == 0
