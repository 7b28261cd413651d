"""``tokenry clients``, ``users``, ``shops``, ``scopes``, ``resources``: a thin way to admin/, whose own tests hold the rules."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command, Ended

LONG = "0123456789abcdef0123456789abcdef"


def as_json(ended: Ended) -> Any:
    assert ended.code == 0, ended
    return json.loads(ended.out)


def test_a_client_from_its_registration_to_its_end(tokenry: Command, database: str) -> None:
    assert tokenry("shops", "create", "hex", "S001", "--name", "店").out == "created shop hex S001\n"
    assert tokenry("shops", "create", "hex", "S002").code == 0
    made = tokenry("clients", "create", "--client-id", "app", "--dialect", "hex", "--shop", "S001", "--option", "always_http_200=true")
    first, second = made.out.splitlines()
    assert first == "created client app"
    assert second.startswith("client_secret app ")
    assert "shown this once" in made.err
    secret = second.split()[-1]
    updated = tokenry("clients", "update", "app", "--client-name", "App", "--contact", "ops@example.com", "--metadata", "software_id=x")
    assert updated.out == "updated client app: client_name, software_id, contacts\n"
    assert tokenry("clients", "grant-shop", "app", "S002").out == "updated client app: shops\n"
    assert tokenry("clients", "withdraw-shop", "app", "S001").out == "updated client app: shops\n"
    view = as_json(tokenry("clients", "show", "app", "-o", "json"))
    assert (view["shops"], view["always_http_200"], view["client_name"]) == (["S002"], True, "App")
    assert tokenry("clients", "disable", "app").out == "updated client app: disabled_at\n"
    assert tokenry("clients", "enable", "app").out == "updated client app: disabled_at\n"
    rotated = as_json(tokenry("clients", "rotate-secret", "app", "--keep-old", "60", "--output", "json"))
    assert rotated["client_secret"] != secret
    listed = tokenry("clients", "list")
    assert listed.out.splitlines()[0].split() == ["client_id", "dialect", "client_name", "token_endpoint_auth_method", "disabled_at"]
    assert listed.out.splitlines()[1].split() == ["app", "hex", "App", "-", "-"]
    for shown in (listed.out, tokenry("clients", "show", "app").out, json.dumps(view)):
        assert secret not in shown
        assert rotated["client_secret"] not in shown


def test_every_key_of_a_registration_has_its_flag(tokenry: Command, sqlite: Path) -> None:
    made = as_json(
        tokenry(
            *("clients", "create", "--client-id", "app", "--client-name", "App", "--dialect", "standard"),
            *("--redirect-uri", "https://a.example/1", "--redirect-uri", "https://a.example/2"),
            *("--grant-type", "authorization_code", "--grant-type", "refresh_token", "--response-type", "code", "--scope", "a b"),
            *("--token-endpoint-auth-method", "client_secret_post", "--post-logout-redirect-uri", "https://a.example/bye"),
            *("--allowed-origin", "https://a.example", "--option", "profile=oidc", "--client-secret-stdin", "-o", "json"),
            stdin=LONG + "\n",
        )
    )
    assert (made["client_id"], made["status"]) == ("app", "created")
    assert "client_secret" not in made
    view = as_json(tokenry("clients", "show", "app", "-o", "json"))
    assert view["redirect_uris"] == ["https://a.example/1", "https://a.example/2"]
    assert (view["grant_types"], view["scope"], view["profile"]) == (["authorization_code", "refresh_token"], "a b", "oidc")
    assert tokenry("clients", "update", "app", "--redirect-uri", "", "--grant-type", "", "--scope", "", "--option", "profile=").code == 0
    view = as_json(tokenry("clients", "show", "app", "-o", "json"))
    assert (view["redirect_uris"], view["grant_types"], view["scope"], "profile" in view) == ([], [], "", False)
    assert tokenry("clients", "update", "app", "--option", "profile").line == "--option takes NAME=VALUE"
    assert tokenry("clients", "update", "nobody", "--scope", "x").line == "there is no client nobody"
    said = tokenry("clients", "update", "app", "--redirect-uri", "http://a.example/").line
    assert said == "redirect_uris: http://a.example/: http is for loopback only: use https"


def test_a_user_from_creation_to_disabling(tokenry: Command, database: str) -> None:
    made = tokenry("users", "create", "alice", "--email", "alice@example.com", "--password-stdin", stdin="wonderland-9-wonderland\n")
    assert made.out == "created user alice\n", made
    assert tokenry("users", "create", "robot", "--no-password", "--name", "Robot").out == "created user robot\n"
    assert tokenry("users", "update", "alice@example.com", "--name", "Alice").out == "updated user alice: name\n"
    assert tokenry("users", "set-password", "alice", "--password-stdin", stdin="looking-glass-9").out == "updated user alice: password\n"
    assert tokenry("users", "disable", "alice").out == "updated user alice: disabled_at\n"
    assert tokenry("users", "enable", "alice").code == 0
    views = as_json(tokenry("users", "list", "-o", "json"))
    assert [(view["username"], view["has_password"]) for view in views] == [("alice", True), ("robot", False)]
    shown = tokenry("users", "show", "robot").out
    assert re.search(r"^has_password +false$", shown, re.MULTILINE)
    assert "argon2" not in shown + json.dumps(views)


def test_what_lets_a_user_in_and_for_which_shops(tokenry: Command, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tokenry("users", "create", "alice", "--no-password").code == 0
    assert tokenry("shops", "create", "youzan", "88888").code == 0
    assert tokenry("users", "grant-shop", "alice", "youzan", "88888").out == "updated user alice: shops\n"
    assert "youzan" in tokenry("users", "show", "alice").out
    assert as_json(tokenry("users", "show", "alice", "-o", "json"))["shops"] == [{"dialect": "youzan", "code": "88888"}]
    assert tokenry("users", "withdraw-shop", "alice", "youzan", "88888").out == "updated user alice: shops\n"
    made = tokenry("users", "reset-password", "alice")
    assert re.fullmatch(r"http://localhost:6749/reset\?token=[A-Za-z0-9_-]{43}\n", made.out), made
    assert re.fullmatch(r"good once, until \S+Z: whoever has it sets the password of alice\n", made.err), made
    monkeypatch.setenv("TOKENRY_ISSUER", "https://id.example.com")
    link = as_json(tokenry("users", "reset-password", "alice", "--valid-in", "600", "-o", "json"))
    assert link["link"].startswith("https://id.example.com/reset?token=")
    assert tokenry("users", "reset-password", "alice", "--issuer", "http://localhost:8080").out.startswith("http://localhost:8080/reset?")
    assert tokenry("users", "reset-password", "alice", "--issuer", "ftp://x").line.startswith("TOKENRY_ISSUER: ")
    assert tokenry("users", "reset-password", "alice", "--valid-in", "1").line == "valid_in: takes seconds from 60 to 604800"
    assert tokenry("users", "sessions", "alice").out.split() == ["created_at", "last_seen_at", "expires_at", "amr", "address", "user_agent"]
    assert tokenry("users", "end-sessions", "alice").out == "unchanged user alice\n"
    assert tokenry("users", "reset-second-factor", "alice").out == "unchanged user alice\n"
    assert tokenry("users", "sessions", "bob").line == "there is no user bob"


@pytest.mark.security("DP-08")
@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        (b"", "there is no password on standard input"),
        (b"\n", "there is no password on standard input"),
        (b"short\n", "password: a password needs at least 8 characters"),
        (b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\n", "the password on standard input is not UTF-8"),
        (b"p" * 5000, "password: is longer than 1024 characters"),
        (b"nul\x00-in-the-middle\n", "password: holds a control character"),
    ],
)
def test_a_password_on_standard_input_that_cannot_be_is_refused(tokenry: Command, sqlite: Path, stdin: bytes, said: str) -> None:
    assert tokenry("users", "create", "alice", "--password-stdin", stdin=stdin).line == said


def test_a_password_is_asked_for_at_a_terminal_only(tokenry: Command, sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tokenry("users", "create", "alice").line == "there is no terminal to ask for a password: use --password-stdin"
    typed = iter(["wonderland-9", "wonderland-9", "looking-glass", "looking-class"])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    assert tokenry("users", "create", "alice", is_terminal=True).out == "created user alice\n"
    assert tokenry("users", "set-password", "alice", is_terminal=True).line == "the two passwords differ: nothing was changed"


@pytest.mark.security("DP-08")
def test_no_command_takes_a_secret_as_an_argument(tokenry: Command) -> None:
    for command in (["clients", "create"], ["clients", "rotate-secret"], ["users", "create"], ["users", "set-password"]):
        flags = {word for word in tokenry(*command, "--help").out.split() if word.startswith("--")}
        assert not flags & {"--client-secret", "--secret", "--password"}, command


def test_shops_and_scopes(tokenry: Command, database: str) -> None:
    assert tokenry("shops", "create", "youzan", "88888", "--name", "Demo").code == 0
    assert tokenry("shops", "update", "youzan", "88888", "--name", "有赞").out == "updated shop youzan 88888: name\n"
    assert tokenry("shops", "disable", "youzan", "88888").code == 0
    assert tokenry("shops", "enable", "youzan", "88888").code == 0
    assert tokenry("shops", "list", "--dialect", "youzan").out.splitlines()[1].split() == ["youzan", "88888", "有赞", "-"]
    assert "有赞" in tokenry("shops", "show", "youzan", "88888").out
    assert tokenry("shops", "create", "youzan", "0").line == "code: 0 has not the form that kdt_id has in the dialect youzan"
    assert tokenry("scopes", "create", "orders", "--title", "en=See your orders").out == "created scope orders\n"
    assert tokenry("scopes", "update", "orders", "--title", "zh=查看").out == "updated scope orders: title\n"
    assert as_json(tokenry("scopes", "list", "-o", "json")) == [{"name": "orders", "title": {"en": "See your orders", "zh": "查看"}}]
    assert "查看" in tokenry("scopes", "show", "orders").out


def test_resources_from_their_making_to_their_end(tokenry: Command, database: str) -> None:
    uri = "https://orders.example.com/"
    assert tokenry("clients", "create", "--client-id", "orders-api", "--grant-type", "client_credentials").code == 0
    made = tokenry("resources", "create", uri, "--name", "Orders", "--scope", "orders", "--scope", "refunds")
    assert made.out == f"created resource {uri}\n", made
    changed = tokenry("resources", "update", uri, "--introspection-client", "orders-api", "--scope", "orders")
    assert changed.out == f"updated resource {uri}: scopes, introspection_client\n"
    listed = tokenry("resources", "list").out.splitlines()
    assert [line.split() for line in listed] == [
        ["uri", "name", "scopes", "introspection_client", "disabled_at"],
        [uri, "Orders", "orders", "orders-api", "-"],
    ]
    assert tokenry("resources", "disable", uri).out == f"updated resource {uri}: disabled_at\n"
    assert tokenry("resources", "enable", uri).out == f"updated resource {uri}: disabled_at\n"
    assert as_json(tokenry("resources", "show", uri, "-o", "json"))["scopes"] == ["orders"]
    assert tokenry("resources", "update", uri, "--introspection-client", "").out == f"updated resource {uri}: introspection_client\n"
    assert tokenry("resources", "create", "orders", "--scope", "x").line.startswith("uri: orders: must be an absolute URI")
    assert tokenry("resources", "show", "urn:x").line == "there is no resource urn:x"
    metadata = ("--metadata", "access_token_format=jwt", "--metadata", f"default_resources={uri}")
    assert (
        tokenry("clients", "update", "orders-api", *metadata).out == "updated client orders-api: access_token_format, default_resources\n"
    )


def test_a_mistyped_path_does_not_become_a_new_database(tokenry: Command, sqlite: Path) -> None:
    said = tokenry("clients", "list", "--database", f"sqlite:///{sqlite}x").line
    assert said == f"there is no database at {sqlite}x: name yours with --database, or make one with tokenry migrate"
    assert not sqlite.with_name("tokenry.dbx").exists()


def test_signing_keys_from_their_making_to_their_end(tokenry: Command, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENRY_SECRET_KEY", LONG)
    assert tokenry("migrate").code == 0
    assert as_json(tokenry("keys", "list", "-o", "json")) == []
    assert tokenry("keys", "rotate").out.count("created  key") == 3
    made = as_json(tokenry("keys", "rotate", "ES256", "-o", "json"))[0]["name"]
    first, second = (key for key in as_json(tokenry("keys", "list", "-o", "json")) if key["algorithm"] == "ES256")
    assert (first["state"], second["state"], second["kid"]) == ("signing", "waiting", made)
    assert tokenry("keys", "list").out.splitlines()[0].split() == ["kid", "algorithm", "state", "active_from", "published_until"]
    assert tokenry("keys", "retire", made).out == f"updated key {made}: retired_at\n"
    assert "--force" in tokenry("keys", "retire", first["kid"]).line
    assert tokenry("keys", "retire", first["kid"], "--force").out == f"updated key {first['kid']}: retired_at\n"
    assert tokenry("keys", "rotate", "RS256", "--now").code == 0
    states = [(key["algorithm"], key["state"]) for key in as_json(tokenry("keys", "list", "-o", "json"))]
    assert sorted(states) == [
        *[("ES256", "retired"), ("ES256", "retired"), ("ES256", "signing"), ("EdDSA", "signing")],
        *[("RS256", "published"), ("RS256", "signing")],
    ]


def test_signing_keys_need_the_secret_key_and_a_database(tokenry: Command, sqlite: Path) -> None:
    assert "there is no database at" in tokenry("keys", "rotate").line
    assert not list(sqlite.parent.iterdir())


def test_claims_of_a_person_from_the_command_line(tokenry: Command, sqlite: Path) -> None:
    claims = [
        "--claim",
        "given_name=Ada",
        "--claim",
        "email_verified=true",
        "--claim",
        "address.country=GB",
        "--claim",
        "address.locality=London",
    ]
    assert tokenry("users", "create", "ada", "--no-password", *claims).code == 0
    told = as_json(tokenry("users", "show", "ada", "-o", "json"))["claims"]
    assert told == {"given_name": "Ada", "email_verified": True, "address": {"locality": "London", "country": "GB"}}
    assert tokenry("users", "update", "ada", "--claim", "given_name=", "--claim", "address=").out == "updated user ada: claims\n"
    assert as_json(tokenry("users", "show", "ada", "-o", "json"))["claims"] == {"email_verified": True}
    assert "claims.sub: is no key here" in tokenry("users", "update", "ada", "--claim", "sub=x").line


def test_metadata_of_openid_connect_from_the_command_line(tokenry: Command, sqlite: Path) -> None:
    metadata = [
        "--metadata",
        "default_max_age=300",
        "--metadata",
        "require_auth_time=true",
        "--metadata",
        "id_token_signed_response_alg=ES256",
    ]
    made = tokenry("clients", "create", "--client-id", "app", "--redirect-uri", "https://a.example/cb", *metadata)
    assert made.code == 0, made
    view = as_json(tokenry("clients", "show", "app", "-o", "json"))
    assert (view["default_max_age"], view["require_auth_time"], view["id_token_signed_response_alg"]) == (300, True, "ES256")
    assert tokenry("clients", "update", "app", "--metadata", "default_max_age=").out == "updated client app: default_max_age\n"
    assert (
        "id_token_signed_response_alg: is one of"
        in tokenry("clients", "update", "app", "--metadata", "id_token_signed_response_alg=none").line
    )
