"""The authorization endpoint: who is told what, and by which way."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.causes import STANDARD_ANSWERS, Cause
from app.ledger import Visit
from app.messages import ErrorPage, Redirect, Step
from tests.oauth2.browser import CHALLENGE, DIALECTS, EVERY_DOOR, Arrival, az, code_of_platform, fantem, implicit, partner, session, youzan
from tests.oauth2.exchange import CALLBACK, NOW, SERVER, client, public, user

ISSUER = SERVER.issuer
DOORS = pytest.mark.parametrize("door", EVERY_DOOR.values(), ids=EVERY_DOOR)
Door = Callable[..., Arrival]

# -- who asks --------------------------------------------------------------------------------------------------------------------

NOBODY = {
    "unknown": "nope",
    "empty": "",
    "absent": None,
    "with NUL": "demo\0",
    "with SQL": "' OR 1=1 --",
    "too long": "d" * 201,
    "another case": "DEMO",
    "a space behind": "demo ",
    "not ASCII": "démo",
}


@pytest.mark.security("AZ-02")
@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.parametrize("client_id", [pytest.param(value, id=name.replace(" ", "-")) for name, value in NOBODY.items()])
@DOORS
def test_an_unknown_client_is_told_on_a_page(door: Door, client_id: str | None) -> None:
    page = door(client_id=client_id).page()
    assert page.status == 400
    assert page.client is None


@pytest.mark.security("AZ-02")
def test_a_disabled_client_is_as_good_as_unknown() -> None:
    disabled, unknown = az().but(client=client(disabled_at=NOW)).page(), az(client_id="nope").page()
    assert (disabled.status, disabled.refusal.description) == (unknown.status, unknown.refusal.description)
    assert disabled.refusal.detail == "the client is disabled"


@pytest.mark.security("VN-01")
@pytest.mark.parametrize("dialect", ["standard", "hex", "youzan", "fantem", "open_platform", "not_loaded"])
@DOORS
def test_a_client_of_another_dialect_is_not_served(door: Door, dialect: str) -> None:
    arrival = door()
    stranger = arrival.but(client=client(dialect=dialect))
    if dialect in DIALECTS.authorization_doors[arrival.path].owners:
        stranger.sending(code_challenge=CHALLENGE, code_challenge_method="S256").asked(Step.CONSENT)
        return
    page = stranger.page()
    assert page.refusal.cause is Cause.FOREIGN_DIALECT
    assert (page.status, STANDARD_ANSWERS[page.refusal.cause].error) == (400, "unauthorized_client")


# -- where the answer goes -------------------------------------------------------------------------------------------------------

ELSEWHERE = {
    "suffix": f"{CALLBACK}x",
    "slash": f"{CALLBACK}/",
    "shorter": CALLBACK[:-1],
    "dot segments": "https://client.example.com/cb/../cb",
    "dots behind": f"{CALLBACK}/../evil",
    "encoded dots": f"{CALLBACK}/%2e%2e/evil",
    "encoded letter": "https://client.example.com/%63b",
    "double slash": "https://client.example.com//cb",
    "added query": f"{CALLBACK}?next=https://evil.example",
    "bare query": f"{CALLBACK}?",
    "bare fragment": f"{CALLBACK}#",
    "fragment": f"{CALLBACK}#x",
    "matrix parameter": f"{CALLBACK};x",
    "userinfo": "https://client.example.com@evil.example/cb",
    "userinfo in front": "https://evil@client.example.com/cb",
    "subdomain": "https://evil.client.example.com/cb",
    "longer host": "https://client.example.com.evil.example/cb",
    "trailing dot": "https://client.example.com./cb",
    "backslash": "https://client.example.com\\@evil.example/cb",
    "backslashes": "https:\\\\client.example.com\\cb",
    "host in capitals": "https://CLIENT.example.com/cb",
    "path in capitals": "https://client.example.com/CB",
    "scheme in capitals": "HTTPS://client.example.com/cb",
    "plain http": "http://client.example.com/cb",
    "no scheme": "//client.example.com/cb",
    "default port": "https://client.example.com:443/cb",
    "other port": "https://client.example.com:8443/cb",
    "line break": f"{CALLBACK}\r\nSet-Cookie: a=b",
    "NUL": f"{CALLBACK}\0",
    "space behind": f"{CALLBACK} ",
    "space in front": f" {CALLBACK}",
    "no-break space": f"{CALLBACK}\u00a0",
    "full width": "https://\uff43lient.example.com/cb",
    "javascript": "javascript:alert(1)",
    "data": "data:text/html,x",
    "star": "*",
    "wildcard host": "https://*.example.com/cb",
    "another scheme": "com.evil.app:/cb",
    "a list": f"{CALLBACK} https://evil.example/cb",
    "encoded twice": quote(CALLBACK, safe=""),
}


@pytest.mark.security("RU-01")
@pytest.mark.rfc("9700", "4.1.3")
@pytest.mark.parametrize("uri", [pytest.param(uri, id=name.replace(" ", "-")) for name, uri in ELSEWHERE.items()])
@DOORS
def test_an_unregistered_redirect_uri_is_told_on_a_page(door: Door, uri: str) -> None:
    arrival = door(redirect_uri=uri)
    assert arrival.page().status == 400
    assert arrival.but(session=None, user=None).page().status == 400


@pytest.mark.security("RU-01")
@given(st.text(min_size=1, max_size=80))
def test_whatever_else_is_no_redirect_uri(uri: str) -> None:
    uri = uri.encode("utf-8", "ignore").decode() or "x"
    az(redirect_uri=uri).page()
    az(redirect_uri=CALLBACK + uri).page()


@pytest.mark.security("RU-03")
@pytest.mark.parametrize("evil", ["https://evil.example/cb", CALLBACK, ""])
@pytest.mark.parametrize("first", [True, False])
@DOORS
def test_two_redirect_uris_are_told_on_a_page(door: Door, evil: str, first: bool) -> None:  # noqa: FBT001 (both ways)
    page = door().with_also("redirect_uri", evil, first=first).page()
    assert page.refusal.cause is Cause.REPEATED_PARAMETER


@pytest.mark.security("RU-02")
@pytest.mark.rfc("6749", "3.1.2.3")
@DOORS
def test_the_only_registered_redirect_uri_may_be_left_out(door: Door) -> None:
    assert door(redirect_uri=None).asked(Step.CONSENT).redirect_uri == CALLBACK
    assert door(redirect_uri="").asked(Step.CONSENT).redirect_uri == CALLBACK


@pytest.mark.security("RU-02")
@DOORS
def test_one_of_several_redirect_uris_must_be_named(door: Door) -> None:
    arrival = door(redirect_uri=None)
    assert arrival.client is not None
    for registered in ([], [CALLBACK, "https://client.example.com/other"]):
        owner = client(dialect=arrival.client.dialect, redirect_uris=registered)
        assert arrival.but(client=owner).page().refusal.cause is Cause.MISSING_PARAMETER


@pytest.mark.security("RU-02")
def test_a_request_of_openid_connect_must_name_its_redirect_uri() -> None:
    owner = client(scope="openid orders")
    assert az(redirect_uri=None, scope="orders openid").but(client=owner).page().refusal.cause is Cause.MISSING_PARAMETER
    assert az(redirect_uri=None, scope="orders").but(client=owner).asked(Step.CONSENT).redirect_uri == CALLBACK


@pytest.mark.security("RU-04")
def test_only_a_standard_client_without_a_secret_may_vary_its_loopback_port() -> None:
    at_home: dict[str, Any] = {"redirect_uris": ["http://127.0.0.1/cb"]}
    uri = "http://127.0.0.1:5555/cb"
    assert az(redirect_uri=uri).but(client=public(**at_home)).asked(Step.CONSENT).redirect_uri == uri
    az(redirect_uri=uri).but(client=client(**at_home)).page()
    fantem(redirect_uri=uri).but(client=public(dialect="fantem", **at_home)).page()
    landing, writes = az(redirect_uri=uri).but(client=public(**at_home)).allowed().issued()
    assert landing.location.startswith(f"{uri}?code=")
    assert writes.codes[0].redirect_uri == uri


# -- what is told to the client by a redirect ------------------------------------------------------------------------------------

ERRORS: dict[str, tuple[Arrival, str]] = {
    "no response type": (az(response_type=None), "invalid_request"),
    "an empty response type": (az(response_type=""), "invalid_request"),
    "an unknown response type": (az(response_type="bogus"), "unsupported_response_type"),
    "capitals": (az(response_type="CODE"), "unsupported_response_type"),
    "one too many": (az(response_type="code bogus"), "unsupported_response_type"),
    "NUL in the response type": (az(response_type="code\0"), "unsupported_response_type"),
    "a space behind it": (az(response_type="code "), "unsupported_response_type"),
    "a quotation mark in it": (az(response_type='co"de'), "unsupported_response_type"),
    "a scope beyond the registration": (az(scope="orders admin"), "invalid_scope"),
    "a scope that is no word": (az(scope='say "x"'), "invalid_scope"),
    "a scope with a comma": (az(scope="orders,items"), "invalid_scope"),
    "a scope with a no-break space": (az(scope="orders\u00a0items"), "invalid_scope"),
    "101 scopes": (az(scope=" ".join(f"s{number}" for number in range(101))), "invalid_scope"),
    "none with login": (az(prompt="none login"), "invalid_request"),
    "none with an unknown prompt": (az(prompt="xyz none"), "invalid_request"),
    "an age that is no number": (az(max_age="soon"), "invalid_request"),
    "a negative age": (az(max_age="-1"), "invalid_request"),
    "an age in foreign digits": (az(max_age="٣"), "invalid_request"),
    "a huge age": (az(max_age="9" * 5000), "invalid_request"),
    "an unknown response mode": (az(response_mode="web_message"), "invalid_request"),
    "a signed answer": (az(response_mode="jwt"), "invalid_request"),
    "a request object": (az(request="eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZSJ9."), "request_not_supported"),
    "a request by reference": (az(request_uri="http://127.0.0.1:9/canary"), "request_uri_not_supported"),
    "a client's metadata": (az(registration='{"redirect_uris":["https://evil.example"]}'), "registration_not_supported"),
    "a pushed request of nobody": (az(request_uri="urn:ietf:params:oauth:request_uri:x"), "request_uri_not_supported"),
}
HYBRID = ("id_token", "id_token token", "code token", "code id_token", "code id_token token")
IDS = {
    "AZ-04": ("no response type", "an empty response type"),
    "AZ-05": ("an unknown response type", "capitals", "one too many", "NUL in the response type"),
    "AZ-09": ("none with login",),
    "AZ-10": ("a request by reference", "a pushed request of nobody"),
    "AZ-11": ("a request object",),
    "AZ-14": ("an age that is no number",),
    "AZ-16": ("an unknown response mode", "a signed answer"),
    "SC-03": ("a scope with a no-break space",),
    "SC-04": ("101 scopes", "a scope that is no word"),
}


def _case(name: str) -> object:
    rows = [row for row, names in IDS.items() if name in names]
    return pytest.param(*ERRORS[name], id=name.replace(" ", "-"), marks=[pytest.mark.security(row) for row in rows])


@pytest.mark.security("AZ-07")
@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.rfc("9207", "2")
@pytest.mark.parametrize(("arrival", "error"), [_case(name) for name in ERRORS])
def test_an_error_goes_to_the_client_with_state_and_issuer(arrival: Arrival, error: str) -> None:
    assert arrival.error() == error
    _, landing, _ = arrival.redirected()
    assert list(landing.members) == ["error", "error_description", "state", "iss"]
    assert landing.location.startswith(f"{CALLBACK}?")
    assert landing.members["iss"] == ISSUER
    assert arrival.but(session=None, user=None).error() == error


@pytest.mark.security("AZ-03")
@pytest.mark.rfc("6749", "3.1")
@pytest.mark.parametrize(
    "name",
    [
        *("client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method"),
        *("prompt", "max_age", "response_mode", "audience", "whatever"),
    ],
)
@pytest.mark.parametrize("same", [True, False])
def test_no_parameter_comes_twice(name: str, same: bool) -> None:  # noqa: FBT001 (both ways)
    sent = dict(az().fields)
    twice = az(**{name: sent.get(name, "x")}).with_also(name, sent.get(name, "x") if same else "another")
    if name in {"client_id", "redirect_uri"}:
        assert twice.page().refusal.cause is Cause.REPEATED_PARAMETER
        return
    _, landing, writes = twice.redirected()
    assert not writes
    assert landing.members["error"] == "invalid_request"
    assert landing.members.get("state") == (None if name == "state" else "s")


@pytest.mark.security("AZ-06")
@pytest.mark.security("VN-01")
@pytest.mark.parametrize("response_type", ["id_token", "id_token token", "code token", "code id_token", "code id_token token"])
@pytest.mark.parametrize("profile", ["oauth21", "oidc", "legacy"])
def test_the_front_channel_is_for_clients_that_have_registered_the_very_response_type(response_type: str, profile: str) -> None:
    arrival = az(response_type=response_type, scope="openid", nonce="n")
    members: list[dict[str, Any]] = [
        {},
        {"response_types": None},
        {"response_types": ["code"]},
        {"response_types": ["code", "token"]},
        {"response_types": [response_type], "grant_types": ["authorization_code"]},
        {"response_types": [one for one in HYBRID if one != response_type]},
    ]
    for one in members:
        owner = client(options={"profile": profile}, scope="openid", **one)
        assert arrival.but(client=owner).error() == "unauthorized_client"


@pytest.mark.security("AZ-06")
@pytest.mark.security("VN-01")
@pytest.mark.parametrize("response_type", ["token", "none", "token code none", "id_token id_token", "code  token"])
def test_the_standard_door_gives_nobody_a_bare_token(response_type: str) -> None:
    owner = client(options={"profile": "oidc"}, response_types=["code", "token", response_type])
    assert az(response_type=response_type).but(client=owner).error() == "unsupported_response_type"


@pytest.mark.security("AZ-06")
@pytest.mark.security("TK-12")
@pytest.mark.security("VN-01")
@pytest.mark.parametrize(
    "members",
    [{"response_types": ["code"]}, {"response_types": []}, {"grant_types": ["authorization_code"]}, {"grant_types": []}],
    ids=["code alone", "no response type", "codes alone", "no grant"],
)
def test_only_a_client_that_is_registered_for_it_gets_a_token_from_the_front_channel(members: dict[str, Any]) -> None:
    arrival = implicit().but(client=client(dialect="open_platform", **members))
    assert arrival.error() == "unauthorized_client"
    implicit().but(client=client(dialect="open_platform", response_types=["token"], grant_types=["implicit"])).asked(Step.CONSENT)


@pytest.mark.security("TK-12")
@pytest.mark.parametrize("members", [{"response_types": ["token"]}, {"grant_types": ["client_credentials"]}])
@DOORS
def test_only_a_client_that_is_registered_for_it_gets_a_code(door: Door, members: dict[str, Any]) -> None:
    arrival = door()
    if arrival.path != "/open/implicit":
        assert arrival.client is not None
        assert arrival.but(client=client(dialect=arrival.client.dialect, **members)).error() == "unauthorized_client"


@pytest.mark.parametrize("dialect", ["youzan", "open_platform"])
def test_a_client_without_a_secret_gets_nothing_where_there_are_no_such_clients(dialect: str) -> None:
    for door in (youzan, code_of_platform, implicit):
        if (arrival := door()).client is not None and arrival.client.dialect == dialect:
            assert arrival.but(client=public(dialect=dialect)).error() == "unauthorized_client"


@pytest.mark.security("AZ-16")
@pytest.mark.parametrize("mode", ["form_post", "web_message", "query.jwt"])
def test_an_answer_that_a_custom_scheme_could_not_take_is_told_on_a_page(mode: str) -> None:
    owner = public(redirect_uris=["com.example.app:/cb"])
    arrival = az(redirect_uri="com.example.app:/cb", response_mode=mode).but(client=owner)
    assert arrival.page().refusal.cause is Cause.UNSUPPORTED_RESPONSE_MODE


@pytest.mark.security("AZ-16")
@DOORS
def test_the_usual_response_mode_may_be_named(door: Door) -> None:
    door(response_mode="fragment" if door is implicit else "query").asked(Step.CONSENT)


@pytest.mark.security("VN-02")
@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_a_token_travels_in_the_fragment_or_not_at_all(mode: str) -> None:
    _, landing, writes = implicit(response_mode=mode).redirected()
    assert landing.in_fragment
    assert landing.members["error"] == "invalid_request"
    assert not writes


@pytest.mark.parametrize("door", [youzan, fantem, code_of_platform, implicit], ids=["youzan", "fantem", "code", "implicit"])
def test_a_partners_answers_do_not_name_the_issuer(door: Door) -> None:
    _, refused, _ = door(scope="admin").redirected()
    assert list(refused.members) == ["error", "error_description", "state"]
    landing, _ = door().allowed().issued()
    assert "iss" not in landing.members
    assert refused.in_fragment is landing.in_fragment is (door is implicit)


def test_parameters_that_a_dialect_does_not_know_are_ignored() -> None:
    youzan(prompt="none", max_age="soon", code_challenge="short", nonce="n", kdt_id="1").asked(Step.CONSENT)
    az(nonce="n", claims="{", acr_values="x", id_token_hint="x", redirect_url="https://evil.example").asked(Step.CONSENT)


@pytest.mark.security("IN-10")
def test_what_was_encoded_twice_is_decoded_once() -> None:
    assert az().with_also("%72edirect_uri", "https://evil.example").asked(Step.CONSENT).redirect_uri == CALLBACK


@pytest.mark.security("AZ-13")
def test_a_form_is_answered_like_a_query() -> None:
    arrival = az(ui_locales="zh", login_hint="demo", display="touch")
    assert arrival.but(method="POST").asked(Step.CONSENT) == arrival.asked(Step.CONSENT)
    assert az(scope="admin").but(method="POST").error() == "invalid_scope"
    assert az(client_id="nope").but(method="POST").page().status == 400
    for door in (youzan, fantem, code_of_platform, implicit):
        page = door().but(method="POST").page()
        assert (page.status, page.refusal.allow) == (405, "GET")


# -- PKCE ------------------------------------------------------------------------------------------------------------------------

NO_CHALLENGE = {"code_challenge": None, "code_challenge_method": None}


@pytest.mark.parametrize(
    ("owner", "error"),
    [
        pytest.param(public(), "invalid_request", marks=pytest.mark.security("PK-02"), id="public"),
        pytest.param(client(), "invalid_request", marks=pytest.mark.security("PK-03"), id="confidential"),
        pytest.param(client(options={"profile": "oauth21"}), "invalid_request", id="oauth21"),
        pytest.param(client(options={"profile": "oidc"}), "invalid_request", id="oidc"),
        pytest.param(client(options={"profile": "legacy"}), None, id="legacy"),
        pytest.param(public(options={"profile": "legacy"}), "invalid_request", id="public-legacy"),
    ],
)
@pytest.mark.rfc("9700", "2.1.1")
def test_who_must_use_pkce(owner: object, error: str | None) -> None:
    arrival = az(**NO_CHALLENGE).but(client=owner)
    if error is not None:
        assert arrival.error() == error
    else:
        _, writes = arrival.allowed().issued()
        assert (writes.codes[0].code_challenge, writes.codes[0].code_challenge_method) == (None, None)


BAD_CHALLENGES = {
    "plain": {"code_challenge_method": "plain"},
    "no method": {"code_challenge_method": None},
    "an empty method": {"code_challenge_method": ""},
    "S512": {"code_challenge_method": "S512"},
    "s256": {"code_challenge_method": "s256"},
    "a space behind the method": {"code_challenge_method": "S256 "},
    "a method alone": {"code_challenge": None},
    "an empty challenge": {"code_challenge": ""},
    "short": {"code_challenge": "short"},
    "42": {"code_challenge": "a" * 42},
    "129": {"code_challenge": "a" * 129},
    "a mark": {"code_challenge": "a" * 42 + "!"},
    "padding": {"code_challenge": "a" * 43 + "="},
    "a line break": {"code_challenge": f"{CHALLENGE}\n"},
    "not ASCII": {"code_challenge": "é" * 43},
}


@pytest.mark.security("PK-04")
@pytest.mark.security("PK-07")
@pytest.mark.rfc("7636", "4.4.1")
@pytest.mark.parametrize("changes", [pytest.param(changes, id=name.replace(" ", "-")) for name, changes in BAD_CHALLENGES.items()])
@pytest.mark.parametrize("door", [az, fantem], ids=["standard", "fantem"])
def test_a_challenge_is_s256_in_its_grammar_or_nothing(door: Door, changes: dict[str, str | None]) -> None:
    sent = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    assert door(**{**sent, **changes}).error() == "invalid_request"
    if door is az:
        legacy = client(options={"profile": "legacy"})
        assert door(**{**sent, **changes}).but(client=legacy).error() == "invalid_request"


@pytest.mark.parametrize("challenge", ["a" * 43, "a" * 128, CHALLENGE, "-._~" * 11])
def test_a_challenge_in_its_grammar_is_bound_to_the_code(challenge: str) -> None:
    for door in (az, fantem):
        _, writes = door(code_challenge=challenge, code_challenge_method="S256").allowed().issued()
        assert (writes.codes[0].code_challenge, writes.codes[0].code_challenge_method) == (challenge, "S256")


# -- state -----------------------------------------------------------------------------------------------------------------------

STATE = "a+b c&d=e%20<\">'/?#é中😀"
SPELLINGS: dict[str, Callable[[str], str]] = {
    "form": quote_plus,
    "percent": lambda text: quote(text, safe=""),
    "encodeURIComponent": lambda text: quote(text, safe="!'()*~"),
    "lower case": lambda text: quote(text, safe="").replace("%C3%A9", "%c3%a9"),
}


@pytest.mark.security("AZ-01")
@pytest.mark.rfc("6749", "4.1.2")
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@DOORS
def test_state_returns_byte_for_byte(door: Door, spelling: Callable[[str], str]) -> None:
    sent = spelling(STATE)
    others = "&".join(f"{name}={quote(value, safe='')}" for name, value in door(state=None).fields)
    arrival = door().but(query=f"{others}&state={sent}".encode())
    for landing in (arrival.allowed().redirected()[1], arrival.refused().redirected()[1]):
        assert f"&state={sent}" in landing.location
        assert landing.members["state"] == STATE


@pytest.mark.security("AZ-01")
@pytest.mark.parametrize("raw", ["中😀".encode(), b"<script>", b'"', b"a b", b"%zz", b"100%", b"{}|^`\\", b"#x"])
def test_a_state_that_no_uri_can_hold_as_it_is_decodes_to_the_same(raw: bytes) -> None:
    query = f"response_type=code&client_id=demo&code_challenge={CHALLENGE}&code_challenge_method=S256&state=".encode() + raw
    _, landing, _ = Arrival(query=query).allowed().redirected()
    assert landing.location.isascii()
    assert landing.location.isprintable()
    assert not set(' "<>\\^`{|}#') & set(landing.location.partition("?")[2])
    assert landing.members["state"] == unquote_plus(raw.decode())


@pytest.mark.security("AZ-01")
@given(st.text(alphabet=st.characters(blacklist_categories=["Cc", "Cs"]), min_size=1, max_size=50), st.sampled_from([*SPELLINGS]))
def test_any_printable_state_returns(state: str, spelling: str) -> None:
    sent = SPELLINGS[spelling](state)
    query = f"state={sent}&response_type=code&client_id=demo&code_challenge={CHALLENGE}&code_challenge_method=S256"
    _, landing, _ = Arrival(query=query.encode()).allowed().redirected()
    assert landing.members["state"] == state
    decode = unquote_plus if spelling == "form" else unquote
    raw = landing.location.partition("&state=")[2].partition("&")[0]
    assert raw == sent
    assert decode(raw) == state


@pytest.mark.parametrize("state", ["x" * 2048, "x" * 4096, "é" * 2048, "中" * 1365, "😀" * 1024])
@DOORS
def test_a_long_state_returns(door: Door, state: str) -> None:
    landing, _ = door(state=state).allowed().issued()
    assert landing.members["state"] == state


def test_a_state_that_was_not_sent_is_not_invented() -> None:
    for state in (None, ""):
        assert list(az(state=state).allowed().issued()[0].members) == ["code", "iss"]
        _, landing, _ = az(state=state, scope="admin").redirected()
        assert list(landing.members) == ["error", "error_description", "iss"]


# -- strange requests ------------------------------------------------------------------------------------------------------------

ODD = [b"%00", b"%ff%fe", b"%ed%a0%80", b"%C0%AF", b"\xff", b"%0d%0aSet-Cookie:%20a=b", b"%1b[31m", b"%c2%85", b"%7f"]


@pytest.mark.security("IN-01")
@pytest.mark.security("HI-01")
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "name",
    [
        *("response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method", "nonce", "prompt"),
        *("max_age", "login_hint", "response_mode", "whatever"),
    ],
)
def test_odd_bytes_are_refused_wherever_they_stand(name: str, odd: bytes) -> None:
    sent = {key: value for key, value in az().fields if key != name}
    others = "&".join(f"{key}={quote(value, safe='')}" for key, value in sent.items()).encode()
    arrival = Arrival(query=others + f"&{name}=x".encode() + odd)
    if name in {"client_id", "redirect_uri"}:
        assert arrival.page().refusal.cause is Cause.MALFORMED_BODY
        return
    _, landing, writes = arrival.redirected()
    assert not writes
    assert landing.members["error"] == ("unsupported_response_type" if name == "response_type" else "invalid_request")
    assert landing.members.get("state") == (None if name == "state" else "s")


@pytest.mark.security("IN-02")
@pytest.mark.security("IN-03")
@pytest.mark.parametrize("name", ["scope", "state", "client_id", "redirect_uri", "code_challenge", "nonce", "x" * 60_000])
@DOORS
def test_a_request_that_is_too_long_is_told_on_a_page(door: Door, name: str) -> None:
    assert door(**{name: "a" * 60_000}).page().status == 414


@pytest.mark.security("IN-03")
def test_a_huge_scope_is_refused_in_few_words() -> None:
    assert az(scope=" ".join(f"s{number}" for number in range(10_000))).page().status == 414
    _, landing, _ = az(scope="a " * 5_000).redirected()
    assert landing.members["error"] == "invalid_scope"
    assert len(landing.location) < 1000


@pytest.mark.security("IN-05")
def test_a_hundred_parameters_are_enough() -> None:
    arrival = az()
    for number in range(93):
        arrival = arrival.with_also(f"x{number}", "")
    assert len(arrival.fields) == 100
    arrival.asked(Step.CONSENT)
    assert arrival.with_also("one", "more").page().status == 400


@given(st.binary(max_size=200))
def test_no_query_makes_the_engine_stumble(query: bytes) -> None:
    for path in ("/authorize", "/oauth/authorize", "/open/implicit"):
        Arrival(path=path, query=query).decide()
        Arrival(path=path, query=b"client_id=demo&" + query, client=client(dialect="fantem")).decide()


# -- order -----------------------------------------------------------------------------------------------------------------------


def test_checks_come_in_their_order() -> None:
    """Everything is wrong at first; mending one thing shows the next."""
    arrival = Arrival(
        fields=[
            *(("response_type", "bogus"), ("client_id", "nope"), ("redirect_uri", "https://evil.example"), ("scope", "admin")),
            *(("state", "s"), ("response_mode", "jwt"), ("code_challenge", "x"), ("prompt", "none login"), ("max_age", "x")),
        ],
        client=client(response_types=["token"]),
        session=None,
        user=None,
    )
    assert arrival.page().refusal.cause is Cause.UNKNOWN_CLIENT
    arrival = arrival.sending(client_id="demo")
    assert arrival.page().refusal.cause is Cause.UNREGISTERED_REDIRECT_URI
    arrival = arrival.sending(redirect_uri=CALLBACK)
    assert arrival.error() == "unsupported_response_type"
    arrival = arrival.sending(response_type="code")
    assert arrival.error() == "unauthorized_client"
    arrival = arrival.but(client=client())
    for changes, cause in (
        ({"response_mode": "query"}, Cause.UNSUPPORTED_RESPONSE_MODE),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "S256"}, Cause.BAD_CODE_CHALLENGE),
        ({"scope": "orders"}, Cause.BAD_SCOPE),
        ({"prompt": "none"}, Cause.INVALID_PARAMETER),
        ({"max_age": "1"}, Cause.INVALID_PARAMETER),
    ):
        refusal = arrival.redirected()[0].refusal
        assert refusal is not None
        assert refusal.cause is cause
        arrival = arrival.sending(**changes)
    assert arrival.error() == "login_required"


# -- nothing of a request stays --------------------------------------------------------------------------------------------------


def test_an_exchange_leaves_nothing_to_the_collector() -> None:
    import gc

    arrivals = [az().allowed(), az(scope="admin"), az(client_id="nope"), az().with_also("scope", "x"), az(), implicit().allowed()]
    for arrival in arrivals:
        arrival.decide()
    gc.collect()
    gc.disable()
    try:
        for arrival in arrivals:
            arrival.decide()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_who_asks_is_told_to_the_log() -> None:
    redirect, _, _ = az().allowed().redirected()
    assert (redirect.client.client_id, redirect.user_id, redirect.shop, redirect.refusal) == ("demo", "user-demo", None, None)
    redirect, _, _ = az(scope="admin").redirected()
    assert redirect.refusal is not None
    assert redirect.refusal.cause is Cause.BAD_SCOPE
    assert "code=" not in repr(az().allowed().decide()[0])


def test_a_door_that_nobody_of_the_dialect_knows_is_none() -> None:
    assert partner("/oauth/authorize", "hex").page().refusal.cause is Cause.FOREIGN_DIALECT
    az().but(user=user(disabled_at=NOW), session=session(created_at=NOW - timedelta(days=1))).asked(Step.LOGIN)


# -- who does not go on ------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.parametrize("who", [{}, {"session": None, "user": None}], ids=["logged-in", "a-stranger"])
def test_a_person_who_does_not_go_on_is_told_of_to_the_client(who: dict[str, Any]) -> None:
    arrival = implicit(state="s t").but(**who)
    visit = Visit(client=arrival.client, session=arrival.session, user=arrival.user)
    gone = SERVER.withdraw(arrival.message(), visit, NOW)
    assert isinstance(gone, Redirect)
    assert gone.location.startswith(f"{CALLBACK}#error=access_denied&")
    assert "state=s%20t" in gone.location
    nowhere = SERVER.withdraw(arrival.sending(redirect_uri="https://evil.example/cb").message(), visit, NOW)
    assert isinstance(nowhere, ErrorPage)
