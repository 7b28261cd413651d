"""Doors to which clients send browsers, by themselves: who owns them, and what they make of what a browser brings."""

from pathlib import Path
from typing import Any

import pytest

from app.core.causes import Cause
from app.core.policy import ConsentRule, PkceRule, Policy, ShopRule
from app.dialects import AuthorizationDoor, AuthorizationReading, DialectError, Dialects, WireRequest, read_dialect
from app.dialects.authorization_door import MAXIMUM_REQUEST
from app.messages import AuthorizationRequest, Endpoint
from tests.dialects.files import GOOD, written
from tests.dialects.test_door import client
from tests.fixtures.dialects import built_in

FORM = "application/x-www-form-urlencoded"
DIALECTS = built_in()
STANDARD = DIALECTS.authorization_doors["/authorize"]
SHARED = DIALECTS.authorization_doors["/oauth/authorize"]
IMPLICIT = DIALECTS.authorization_doors["/open/implicit"]


def get(door: AuthorizationDoor, query: str | bytes) -> AuthorizationReading:
    return door.read(WireRequest("GET", "", None, query.encode() if isinstance(query, str) else query, b"", "192.0.2.1"))


def post(door: AuthorizationDoor, body: str, media_type: str = FORM, query: bytes = b"") -> AuthorizationReading:
    return door.read(WireRequest("POST", media_type, None, query, body.encode(), "192.0.2.1"))


def cause_of(message: AuthorizationRequest) -> Cause | None:
    return message.refusal.cause if message.refusal is not None else None


# -- who owns them ---------------------------------------------------------------------------------------------------------------


def test_the_doors_of_all_dialects_are_those_of_the_documents() -> None:
    doors = DIALECTS.authorization_doors
    assert {path: (tuple(door.owners), door.methods) for path, door in doors.items()} == {
        "/authorize": (("standard",), ("GET", "POST")),
        "/oauth/authorize": (("fantem", "youzan"), ("GET",)),
        "/open/authorize/index": (("open_platform",), ("GET",)),
        "/open/implicit": (("open_platform",), ("GET",)),
    }
    assert not doors.keys() & DIALECTS.doors.keys()


# What each dialect's file says of its browsers: PKCE, issuer, shop, consent, loopback port.
RULES: dict[str, tuple[str, str, str, PkceRule, bool, ShopRule, ConsentRule, bool]] = {
    "standard": ("/authorize", "standard", "code", PkceRule.REQUIRED, True, ShopRule.NONE, ConsentRule.REMEMBERED, True),
    "youzan": ("/oauth/authorize", "youzan", "code", PkceRule.OPTIONAL, False, ShopRule.PICKED, ConsentRule.REMEMBERED, False),
    "fantem": ("/oauth/authorize", "fantem", "code", PkceRule.OPTIONAL, False, ShopRule.NONE, ConsentRule.REMEMBERED, False),
    "code": ("/open/authorize/index", "open_platform", "code", PkceRule.OPTIONAL, False, ShopRule.NONE, ConsentRule.REMEMBERED, False),
    "implicit": ("/open/implicit", "open_platform", "token", PkceRule.OPTIONAL, False, ShopRule.NONE, ConsentRule.ASKED, False),
}


@pytest.mark.parametrize("name", RULES)
def test_the_rules_are_those_of_the_file(name: str) -> None:
    path, dialect, response_type, *rules = RULES[name]
    message = get(DIALECTS.authorization_doors[path], "client_id=demo").choose(client(dialect))
    assert next(iter(message.response_types)) == response_type
    assert len(message.response_types) == (6 if name == "standard" else 1)
    policy = message.policy
    assert [policy.pkce, policy.iss, policy.shop, policy.consent, policy.any_loopback_port] == rules
    assert message.dialect == dialect


def test_an_option_of_the_client_changes_the_policy() -> None:
    reading = get(STANDARD, "client_id=demo")
    assert reading.choose(client("standard", options={"profile": "legacy"})).policy.pkce is PkceRule.PUBLIC
    assert reading.choose(client("standard", options={"profile": "oidc"})).policy.pkce is PkceRule.NONCE


def test_what_a_file_does_not_say_is_strict() -> None:
    policy = Policy()
    assert (policy.pkce, policy.iss, policy.consent, policy.any_loopback_port) == (PkceRule.REQUIRED, False, ConsentRule.REMEMBERED, False)


# -- reading ---------------------------------------------------------------------------------------------------------------------

PARAMETERS = {
    "/authorize": (
        "standard",
        {
            *("response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"),
            *("prompt", "max_age", "login_hint", "ui_locales", "display", "nonce", "acr_values", "claims"),
        },
    ),
    "/oauth/authorize": ("youzan", {"response_type", "client_id", "redirect_uri", "scope", "state"}),
    "/oauth/authorize ": (
        "fantem",
        {"response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"},
    ),
    "/open/authorize/index": ("open_platform", {"response_type", "client_id", "redirect_uri", "scope", "state"}),
    "/open/implicit": ("open_platform", {"response_type", "client_id", "redirect_uri", "scope", "state"}),
}


@pytest.mark.parametrize("path", PARAMETERS)
def test_each_door_understands_the_parameters_of_its_document(path: str) -> None:
    dialect, expected = PARAMETERS[path]
    everything = {*PARAMETERS["/authorize"][1], "response_mode", "request", "request_uri", "kdt_id", "client_secret", "code"}
    query = "&".join(f"{name}=v-{name}" for name in sorted(everything))
    message = get(DIALECTS.authorization_doors[path.strip()], query).choose(client(dialect))
    assert message.parameters == {name: f"v-{name}" for name in expected | {"response_mode", "request", "request_uri"}}
    assert (message.endpoint, message.dialect, message.refusal, message.is_certain) == (Endpoint.AUTHORIZATION, dialect, None, True)


def test_a_request_is_read_in_the_clients_dialect() -> None:
    reading = get(SHARED, "response_type=code&client_id=demo&code_challenge=x&state=s")
    assert reading.client_id == "demo"
    assert "code_challenge" in reading.choose(client("fantem")).parameters
    assert "code_challenge" not in reading.choose(client("youzan")).parameters
    assert reading.choose(None).dialect == reading.choose(client("hex")).dialect == "fantem"


def test_a_value_is_form_decoded() -> None:
    message = get(STANDARD, "client_id=demo&scope=a+b%20c&login_hint=%E6%9D%8E+%2B").choose(client("standard"))
    assert (message.parameters["scope"], message.parameters["login_hint"]) == ("a b c", "李 +")


@pytest.mark.rfc("6749", "3.1")
def test_an_empty_parameter_is_absent() -> None:
    message = get(STANDARD, "client_id=demo&scope=&state=&&prompt&redirect_uri=").choose(client("standard"))
    assert message.parameters == {"client_id": "demo"}
    assert (message.state, message.refusal) == (None, None)


@pytest.mark.parametrize(
    ("query", "client_id"),
    [
        ("client_id=demo", "demo"),
        ("client_id=d%65mo", "demo"),
        ("%63lient_id=demo", "demo"),
        ("client_id=", None),
        ("client_id", None),
        ("", None),
        ("client_id=demo&client_id=demo", None),
        ("client_id=demo&client_id=", None),
        ("client_id=demo%00", None),
        ("client_id=%ff", None),
        ("client_id=" + "d" * 200, "d" * 200),
        ("client_id=" + "d" * 201, None),
        ("CLIENT_ID=demo", None),
    ],
)
def test_a_client_is_named_once_or_not_at_all(query: str, client_id: str | None) -> None:
    assert get(STANDARD, query).client_id == client_id


# -- what is wrong with a request as such ----------------------------------------------------------------------------------------

WRONG: dict[str, tuple[str | bytes, Cause, bool]] = {
    "a name twice": ("client_id=demo&scope=a&scope=a", Cause.REPEATED_PARAMETER, True),
    "an unknown name twice": ("client_id=demo&x=1&x=2", Cause.REPEATED_PARAMETER, True),
    "a name three times": ("client_id=demo&x=1&x=2&x=3", Cause.REPEATED_PARAMETER, True),
    "a name in two spellings": ("client_id=demo&scope=a&sc%6fpe=b", Cause.REPEATED_PARAMETER, True),
    "a name without a value twice": ("client_id=demo&x&x", Cause.REPEATED_PARAMETER, True),
    "no UTF-8": ("client_id=demo&scope=%ff", Cause.MALFORMED_BODY, True),
    "a surrogate": ("client_id=demo&state=%ed%a0%80", Cause.MALFORMED_BODY, True),
    "raw bytes": (b"client_id=demo&state=\xff", Cause.MALFORMED_BODY, True),
    "a control character": ("client_id=demo&state=%0a", Cause.MALFORMED_BODY, True),
    "a control character of Latin-1": ("client_id=demo&state=%c2%85", Cause.MALFORMED_BODY, True),
    "a name that is no text": ("client_id=demo&%ff=x", Cause.MALFORMED_BODY, True),
    "an unknown name with NUL": ("client_id=demo&x%00=x", Cause.MALFORMED_BODY, True),
    "a response type that is no text": ("client_id=demo&response_type=%00", Cause.UNSUPPORTED_RESPONSE_TYPE, True),
    "a response type twice": ("client_id=demo&response_type=code&response_type=code", Cause.REPEATED_PARAMETER, True),
    "a client twice": ("client_id=demo&client_id=demo", Cause.REPEATED_PARAMETER, False),
    "a client that is no text": ("client_id=%00", Cause.MALFORMED_BODY, False),
    "a redirect_uri twice": ("client_id=demo&redirect_uri=a&redirect_uri=b", Cause.REPEATED_PARAMETER, False),
    "a redirect_uri that is no text": ("client_id=demo&redirect_uri=https://a%0d%0a", Cause.MALFORMED_BODY, False),
    "a redirect_uri twice and more": ("client_id=demo&x=1&x=2&redirect_uri=a&redirect_uri=b", Cause.REPEATED_PARAMETER, False),
}


@pytest.mark.security("AZ-03")
@pytest.mark.security("IN-01")
@pytest.mark.parametrize(("query", "cause", "is_certain"), [pytest.param(*case, id=name.replace(" ", "-")) for name, case in WRONG.items()])
def test_what_is_wrong_is_said_and_whether_the_client_is_certain(query: str | bytes, cause: Cause, is_certain: bool) -> None:  # noqa: FBT001
    message = get(STANDARD, query).choose(client("standard"))
    assert (cause_of(message), message.is_certain) == (cause, is_certain)


def test_what_stands_twice_has_no_value() -> None:
    message = get(STANDARD, "client_id=demo&state=a&state=b&scope=c&scope=d").choose(client("standard"))
    assert (message.parameters, message.state) == ({"client_id": "demo"}, None)


@pytest.mark.security("IN-02")
def test_a_request_has_its_bounds() -> None:
    start = "client_id=demo&state="
    longest = start + "a" * (MAXIMUM_REQUEST - len(start))
    assert get(STANDARD, longest).choose(client("standard")).refusal is None
    for read, cause in ((get, Cause.URI_TOO_LONG), (post, Cause.BODY_TOO_LARGE)):
        reading = read(STANDARD, longest + "a")
        message = reading.choose(None)
        assert (cause_of(message), message.is_certain, reading.client_id, reading.query) == (cause, False, None, b"")


@pytest.mark.security("IN-05")
@pytest.mark.security("IN-06")
def test_a_hundred_fields_are_the_most() -> None:
    assert get(STANDARD, "client_id=demo" + "&" * 99).choose(client("standard")).refusal is None
    message = get(STANDARD, "client_id=demo" + "&" * 100).choose(None)
    assert (cause_of(message), message.is_certain) == (Cause.MALFORMED_BODY, False)
    assert get(STANDARD, "client_id=demo;scope=x").client_id == "demo;scope=x"


# -- ways in ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("AZ-13")
@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_a_form_is_read_like_a_query() -> None:
    body = "response_type=code&client_id=demo&state=a%20b"
    posted, got = post(STANDARD, body, f"{FORM}; charset=utf-8"), get(STANDARD, body)
    assert posted.choose(client("standard")) == got.choose(client("standard"))
    assert posted.query == got.query == body.encode()


@pytest.mark.parametrize(
    ("reading", "cause"),
    [
        (post(STANDARD, "{}", "application/json"), Cause.UNSUPPORTED_MEDIA_TYPE),
        (post(STANDARD, "client_id=demo", ""), Cause.UNSUPPORTED_MEDIA_TYPE),
        (post(STANDARD, "client_id=demo", query=b"client_id=demo"), Cause.PARAMETER_IN_QUERY),
        (post(SHARED, "client_id=demo"), Cause.METHOD_NOT_ALLOWED),
        (STANDARD.read(WireRequest("PUT", FORM, None, b"", b"", "")), Cause.METHOD_NOT_ALLOWED),
        (STANDARD.read(WireRequest("HEAD", "", None, b"client_id=demo", b"", "")), Cause.METHOD_NOT_ALLOWED),
    ],
)
def test_what_is_not_read_is_certain_of_nothing(reading: AuthorizationReading, cause: Cause) -> None:
    message = reading.choose(None)
    assert (cause_of(message), message.is_certain, reading.client_id) == (cause, False, None)


def test_the_methods_of_a_door_are_told() -> None:
    for door, allow in ((STANDARD, "GET, POST"), (SHARED, "GET"), (IMPLICIT, "GET")):
        refusal = door.read(WireRequest("DELETE", "", None, b"", b"", "")).choose(None).refusal
        assert refusal is not None
        assert refusal.allow == allow


@pytest.mark.security("AZ-18")
@pytest.mark.parametrize("query", [b"client_id=demo&state=a+b%2Fc", b"client_id=demo&x=1&x=2", b"%ff", b""])
def test_what_was_kept_reads_the_same_again(query: bytes) -> None:
    first = get(STANDARD, query)
    again = STANDARD.resume(first.query)
    assert (again.query, again.client_id, again.fields) == (first.query, first.client_id, first.fields)


# -- state -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("AZ-01")
@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b"abc", "abc"),
        (b"a+b", "a+b"),
        (b"a%20b", "a%20b"),
        (b"a%2fb%2Fc", "a%2fb%2Fc"),
        (b"abc==", "abc=="),
        (b"!'()*~-._:@/?$,;", "!'()*~-._:@/?$,;"),
        (b'"<>"', "%22%3C%3E%22"),
        (b"100%", "100%25"),
        (b"%zz", "%25zz"),
        ("中".encode(), "%E4%B8%AD"),
        (b"a#b", "a%23b"),
        (b"[x]", "%5Bx%5D"),
    ],
)
def test_state_is_kept_as_it_came_where_a_uri_can_hold_it(raw: bytes, kept: str) -> None:
    assert get(STANDARD, b"client_id=demo&state=" + raw).choose(client("standard")).state == f"state={kept}"


# -- an operator's own -----------------------------------------------------------------------------------------------------------


def renamed() -> dict[str, Any]:
    """Return a dialect with a door for browsers that calls everything by other names."""
    machine = {"grant_type": "client_credentials", "required": ["grant_type", "key", "client_secret"]}
    browsers = {"by_code": {"grant_type": "authorization_code", "required": ["code"]}, "direct": {"grant_type": "implicit"}}
    return {
        **GOOD,
        "doors": [*GOOD["doors"], {"path": "/mini/ask", "endpoint": "authorization", "required": ["key"], "optional": ["back", "echo"]}],
        "parameters": {
            **{name: parameter for name, parameter in GOOD["parameters"].items() if name != "client_id"},
            "key": {"means": "client_id"},
            "back": {"means": "redirect_uri"},
            "echo": {"means": "state"},
            "wants": {"means": "response_type"},
            "who": {"pattern": "[a-z]+"},
            "code": {},
        },
        "grants": {**GOOD["grants"], "client_credentials": machine, **browsers},
    }


def opened(tmp_path: Path, content: dict[str, Any]) -> AuthorizationDoor:
    return Dialects([read_dialect(written(tmp_path, content))]).authorization_doors["/mini/ask"]


def test_a_dialect_has_its_own_names(tmp_path: Path) -> None:
    content = renamed()
    content["doors"][1] |= {"required": ["key", "wants"], "optional": ["back", "echo"], "response_types": ["token", "code"]}
    door = opened(tmp_path, content)
    message = get(door, "wants=code&key=demo&back=https://a&echo=a%20b&state=x&client_id=y").choose(client("mini"))
    assert message.parameters == {"response_type": "code", "client_id": "demo", "redirect_uri": "https://a", "state": "a b"}
    assert (message.state, message.registered_grant) == ("echo=a%20b", "by_code")
    assert get(door, "key=demo").choose(client("mini")).registered_grant == "direct"
    assert get(door, "key=demo&key=demo").client_id is None


def test_a_path_may_say_the_response_type(tmp_path: Path) -> None:
    content = renamed()
    content["doors"][1] |= {"optional": ["back"], "response_types": ["token"]}
    message = get(opened(tmp_path, content), "key=demo&response_type=code").choose(client("mini"))
    assert message.parameters == {"client_id": "demo", "response_type": "token"}
    assert message.registered_grant == "direct"


def test_a_value_must_have_the_form_that_the_file_demands(tmp_path: Path) -> None:
    content = renamed()
    content["doors"][1] |= {"optional": ["who"]}
    door = opened(tmp_path, content)
    for query, invalid in (("key=demo&who=me", None), ("key=demo&who=", None), ("key=demo", None), ("key=demo&who=7", "who")):
        assert get(door, query).choose(client("mini")).invalid == invalid


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"pkce": "optional"}, "doors.1.pkce: Extra inputs are not permitted"),
    "no parameters": ({"required": []}, "doors.1.required: none of them means client_id"),
    "a client that may be left out": ({"required": [], "optional": ["key"]}, "doors.1.required: none of them means client_id"),
    "a response type that may be left out": ({"optional": ["wants"]}, "doors.1.required: none of them means response_type"),
    "two response types and no name for them": (
        {"optional": [], "response_types": ["code", "token"]},
        "doors.1.required: none of them means response_type",
    ),
    "no response type": ({"optional": [], "response_types": []}, "doors.1.response_types: List should have at least 1 item"),
    "an unknown response type": (
        {"optional": [], "response_types": ["magic"]},
        "doors.1.response_types.0: Input should be 'code', 'token', 'id_token'",
    ),
    "a response type of OpenID Connect without ID tokens": (
        {"optional": [], "required": ["key", "wants"], "response_types": ["id_token"]},
        "doors.1.response_types: id_token is of OpenID Connect: its grant needs the policy id_token = true",
    ),
    "an unknown response mode": (
        {"optional": [], "response_modes": ["jwt"]},
        "doors.1.response_modes.0: Input should be 'query', 'fragment' or 'form_post'",
    ),
    "no method": ({"optional": [], "methods": []}, "doors.1.methods: List should have at least 1 item"),
    "an unknown method": ({"optional": [], "methods": ["PUT"]}, "doors.1.methods.0: Input should be 'GET' or 'POST'"),
    "a path without a slash": ({"optional": [], "path": "ask"}, "doors.1.path: String should match pattern"),
    "the path of a machine's door": ({"optional": [], "path": "/mini/token"}, "doors: two of them have the same path"),
    "a parameter that is not declared": ({"optional": ["nonce"]}, "doors.1.optional: the parameter nonce is not among the parameters"),
    "a required parameter that is not declared": ({"required": ["app"]}, "doors.1.required: the parameter app is not among the parameters"),
    "words for a parameter that is not declared": (
        {"optional": [], "descriptions": {"nonce": {"en": "x"}}},
        "doors.1.descriptions: the parameter nonce is not among the parameters",
    ),
    "words in a language that is not spoken": ({"optional": [], "descriptions": {"key": {"fr": "x"}}}, "doors.1.descriptions.key.fr.[key]"),
}


@pytest.mark.parametrize(("door", "reason"), [pytest.param(*case, id=name.replace(" ", "-")) for name, case in BAD.items()])
def test_a_bad_door_names_the_file_the_key_and_the_reason(tmp_path: Path, door: dict[str, Any], reason: str) -> None:
    content = renamed()
    content["doors"][1] |= door
    check_refused(tmp_path, content, reason)


def check_refused(tmp_path: Path, content: dict[str, Any], reason: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(DialectError) as told:
        read_dialect(path)
    assert str(told.value).startswith(f"{path}: ")
    assert reason in str(told.value)


BAD_GRANTS: dict[str, tuple[dict[str, Any], str]] = {
    "codes without their grant": ({"by_code": None}, "doors.1.response_types: code needs a grant whose grant_type is authorization_code"),
    "an unknown rule": ({"by_code": {"policy": {"pkce": "sometimes"}}}, "grants.by_code.policy.pkce: Input should be 'required', 'nonce'"),
    "an unknown consent": ({"by_code": {"policy": {"consent": "never"}}}, "grants.by_code.policy.consent: Input should be 'remembered'"),
    "a shop that nobody can pick": (
        {"client_credentials": {"policy": {"shop": "picked"}}},
        "grants.client_credentials.policy.shop: no person is there to pick one",
    ),
    "a shop that nobody can register": (
        {"by_code": {"policy": {"shop": "picked"}}},
        "grants.by_code.policy.shop: no parameter means shop, so that none can be registered",
    ),
}


@pytest.mark.parametrize(("grants", "reason"), [pytest.param(*case, id=name.replace(" ", "-")) for name, case in BAD_GRANTS.items()])
def test_a_bad_grant_of_a_door_is_named(tmp_path: Path, grants: dict[str, Any], reason: str) -> None:
    content = renamed()
    content["doors"][1]["optional"] = []
    for word, changes in grants.items():
        content["grants"][word] = content["grants"][word] | changes if changes is not None else None
    content["grants"] = {word: grant for word, grant in content["grants"].items() if grant is not None}
    check_refused(tmp_path, content, reason)


def test_the_implicit_grant_belongs_to_no_machine(tmp_path: Path) -> None:
    content = renamed()
    content["doors"][1]["optional"] = []
    door = Dialects([read_dialect(written(tmp_path, content))]).doors["/mini/token"]
    assert "direct" not in door.words
    content["doors"][0] = {**content["doors"][0], "grants": ["direct"]}
    check_refused(tmp_path, content, "doors.0.grants: the implicit grant belongs to an authorization door")


def together(tmp_path: Path, **changes: Any) -> Dialects:
    """Return two dialects that share a door for browsers, the second of them changed."""
    first, second = renamed(), renamed()
    first["doors"][1]["optional"] = []
    if changes.get("required") == ["app"]:
        second["parameters"]["app"] = second["parameters"].pop("key")
        second["grants"]["client_credentials"]["required"] = ["grant_type", "app", "client_secret"]
    second["name"] = "other"
    second["doors"] = [{"path": "/other/token"}, second["doors"][1] | {"optional": []} | changes]
    return Dialects([read_dialect(written(tmp_path, first)), read_dialect(written(tmp_path, second, "other"))])


def test_dialects_share_a_door(tmp_path: Path) -> None:
    assert list(together(tmp_path).authorization_doors["/mini/ask"].owners) == ["mini", "other"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"methods": ["POST"]}, "door /mini/ask: its dialects disagree on methods"),
        ({"required": ["app"]}, "door /mini/ask: its dialects call client_id by different names: app, key"),
        ({"path": "/mini/token"}, "door /mini/token: machines post to it and browsers are sent to it"),
    ],
)
def test_dialects_that_cannot_share_a_door_are_refused(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(DialectError) as told:
        together(tmp_path, **changes)
    assert reason in str(told.value)


def test_the_doors_of_machines_ignore_what_only_browsers_bring() -> None:
    for path in ("/token", "/oauth/token", "/oauth2/password"):
        door = DIALECTS.doors[path]
        reading = door.read(
            WireRequest("POST", FORM, None, b"state=x&response_type=code", b"grant_type=password&state=1&display=page", "192.0.2.1")
            if "password" in door.words
            else WireRequest("POST", FORM, None, b"state=x&response_type=code", b"grant_type=refresh_token&state=1", "192.0.2.1")
        )
        assert all("state" not in candidate.parameters for candidate in reading.candidates)
