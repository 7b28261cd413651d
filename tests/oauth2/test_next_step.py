"""What a person is asked, and when they are not."""

from datetime import timedelta
from typing import Any

import pytest

from app.core.causes import Cause
from app.ledger import Visit
from app.messages import Redirect, Step
from tests.oauth2.browser import Arrival, az, code_of_platform, consent, fantem, implicit, session, shops, youzan
from tests.oauth2.exchange import CALLBACK, NOW, SERVER, client, public, user

LOGIN, CONSENT, ISSUE = Step.LOGIN, Step.CONSENT, Step.ISSUE
BEFORE, SINCE = NOW - timedelta(minutes=5), NOW - timedelta(minutes=1)
"""The person logged in before the request came, or after; the request came two minutes ago, where it came before."""
ASKED_AT = NOW - timedelta(minutes=2)
FRESH = session(created_at=SINCE)
ALLOWED = consent("orders items")


def step_of(arrival: Arrival) -> Step | str:
    """Return what comes next, or the error that the client is told."""
    decided, _, _ = arrival.redirected() if "none" in dict(arrival.fields).get("prompt", "") else (None, None, None)
    if decided is not None:
        return ISSUE if decided.refusal is None else decided.refusal.cause.value
    answer, _ = arrival.decide()
    return getattr(answer, "step", ISSUE)


# Circumstances, and what comes next without a prompt, and with prompt=none.
TABLE: dict[str, tuple[dict[str, Any], dict[str, str], Step, str]] = {
    "nobody is logged in": ({"session": None, "user": None}, {}, LOGIN, "login_required"),
    "a user without a session": ({"session": None}, {}, LOGIN, "login_required"),
    "a session without its user": ({"user": None}, {}, LOGIN, "login_required"),
    "a session of somebody else": ({"session": session(user_id="user-other")}, {}, LOGIN, "login_required"),
    "a disabled user": ({"user": user(disabled_at=NOW), "consent": ALLOWED}, {}, LOGIN, "login_required"),
    "a session that has ended": ({"session": session(expires_at=NOW), "consent": ALLOWED}, {}, LOGIN, "login_required"),
    "a session in its last second": ({"session": session(expires_at=NOW + timedelta(seconds=1)), "consent": ALLOWED}, {}, ISSUE, "issue"),
    "a session that outlived a new password": ({"user": user(password_changed_at=NOW), "consent": ALLOWED}, {}, ISSUE, "issue"),
    "never asked": ({}, {}, CONSENT, "consent_required"),
    "asked and allowed": ({"consent": ALLOWED}, {}, ISSUE, "issue"),
    "asked about less": ({"consent": consent("items")}, {}, CONSENT, "consent_required"),
    "asked about more": ({"consent": consent("admin orders")}, {}, ISSUE, "issue"),
    "asked about nothing": ({"consent": consent("")}, {}, CONSENT, "consent_required"),
    "somebody else has allowed it": ({"consent": consent(user_id="user-other")}, {}, CONSENT, "consent_required"),
    "it was allowed to another client": ({"consent": consent(client_id="other")}, {}, CONSENT, "consent_required"),
    "no scope and never asked": ({"client": client(scope="")}, {"scope": ""}, CONSENT, "consent_required"),
    "no scope and allowed": ({"client": client(scope=""), "consent": consent("")}, {"scope": ""}, ISSUE, "issue"),
    "a login young enough": ({"consent": ALLOWED}, {"max_age": "300"}, ISSUE, "issue"),
    "a login too old": ({"consent": ALLOWED}, {"max_age": "299"}, LOGIN, "login_required"),
    "a login of this moment": ({"consent": ALLOWED}, {"max_age": "0"}, LOGIN, "login_required"),
    "a login since the request": (
        {"consent": ALLOWED, "session": FRESH, "asked_at": ASKED_AT},
        {"max_age": "1"},
        ISSUE,
        "issue",
    ),
    "a login before the request": ({"consent": ALLOWED, "asked_at": ASKED_AT}, {"max_age": "1"}, LOGIN, "login_required"),
    "a hint of this user": ({"consent": ALLOWED, "subject": "user-demo"}, {}, ISSUE, "issue"),
    "a hint of another user": ({"consent": ALLOWED, "subject": "user-other"}, {}, LOGIN, "login_required"),
    "another user since": (
        {"consent": ALLOWED, "subject": "user-other", "session": FRESH, "asked_at": ASKED_AT},
        {},
        ISSUE,
        "login_required",
    ),
    "a hint of a name": ({"consent": ALLOWED}, {"login_hint": "somebody@example.com"}, ISSUE, "issue"),
}


def _row(name: str) -> object:
    marks = {"hint of another": "AZ-15", "login": "AZ-14", "asked about": "AZ-17"}
    found = [pytest.mark.security(row) for words, row in marks.items() if words in name]
    return pytest.param(*TABLE[name], id=name.replace(" ", "-"), marks=found)


@pytest.mark.security("AZ-08")
@pytest.mark.parametrize(("circumstances", "changes", "step", "silent"), [_row(name) for name in TABLE])
def test_what_comes_next(circumstances: dict[str, Any], changes: dict[str, str], step: Step, silent: str) -> None:
    arrival = az(**changes).but(**circumstances)
    assert step_of(arrival) == step
    assert step_of(arrival.sending(prompt="none")) == silent
    assert step_of(arrival.sending(prompt="xyz")) == step


@pytest.mark.security("AZ-08")
def test_silence_about_a_wrong_redirect_uri_is_a_page() -> None:
    az(prompt="none", redirect_uri="https://evil.example/cb").but(session=None, user=None).page()
    _, landing, _ = az(prompt="none").but(session=None, user=None).redirected()
    assert landing.members == {
        "error": "login_required",
        "error_description": "The person must log in, and prompt=none forbids to ask.",
        "state": "s",
        "iss": "https://id.example.com",
    }


@pytest.mark.parametrize("prompt", ["login", "select_account", "login consent", "select_account xyz"])
@pytest.mark.rfc("OIDC Core", "3.1.2.3")
def test_a_demanded_login_is_met_by_one_since_the_request(prompt: str) -> None:
    arrival = az(prompt=prompt).but(consent=ALLOWED)
    asked = arrival.asked(LOGIN)
    assert asked.prompt == set(prompt.split(" "))
    arrival.but(asked_at=NOW).asked(LOGIN)
    arrival.but(asked_at=ASKED_AT).asked(LOGIN)
    arrival.but(session=FRESH).asked(LOGIN)  # The request has only just come: it must be shown to be older.
    after = arrival.but(session=FRESH, asked_at=ASKED_AT)
    assert step_of(after) is (CONSENT if "consent" in prompt else ISSUE)
    assert step_of(arrival.but(session=session(created_at=ASKED_AT), asked_at=ASKED_AT)) is (CONSENT if "consent" in prompt else ISSUE)


def test_a_demanded_consent_is_asked_and_answered_once() -> None:
    arrival = az(prompt="consent").but(consent=ALLOWED)
    asked = arrival.asked(CONSENT)
    assert asked.new_scopes == ()
    arrival.but(decision=asked.answered(approved=True)).issued()


# -- what the pages are told -----------------------------------------------------------------------------------------------------


def test_the_login_page_is_told_who_is_expected() -> None:
    arrival = az(login_hint="demo@example.com", ui_locales="zh-CN en", display="touch").but(session=None, user=None)
    asked = arrival.asked(LOGIN)
    assert (asked.login_hint, asked.ui_locales) == ("demo@example.com", "zh-CN en")
    assert (asked.client.client_id, asked.redirect_uri, asked.user) == ("demo", CALLBACK, None)


@pytest.mark.security("AZ-17")
def test_the_consent_page_is_told_what_is_asked_and_for_how_long() -> None:
    asked = az(scope="items orders").but(consent=consent("orders")).asked(CONSENT)
    assert (asked.scopes, asked.new_scopes) == (("items", "orders"), ("items",))
    assert asked.user is not None
    assert asked.user.username == "demo"
    assert (asked.access_token_expires_in, asked.renewable_in, asked.is_remembered, asked.shops) == (3600, 365 * 86400, True, ())


@pytest.mark.parametrize(
    ("arrival", "access", "renewable"),
    [
        (az(), 3600, 365 * 86400),
        (az().but(client=client(grant_types=["authorization_code"])), 3600, None),
        (youzan(), 7 * 86400, 365 * 86400),
        (fantem(), 36000, 0),
        (code_of_platform(), 3600, 365 * 86400),
        (implicit(), 3600, None),
    ],
    ids=["standard", "without-refresh", "youzan", "fantem", "code", "implicit"],
)
def test_how_long_what_is_allowed_lasts(arrival: Arrival, access: int, renewable: int | None) -> None:
    asked = arrival.asked(CONSENT)
    assert (asked.access_token_expires_in, asked.renewable_in) == (access, renewable)


def test_an_absent_scope_is_all_that_is_registered() -> None:
    for door in (az, youzan, fantem, code_of_platform, implicit):
        assert door(scope=None).asked(CONSENT).scopes == ("orders", "items")
        assert door(scope="items items").asked(CONSENT).scopes == ("items",)


# -- who is asked each time ------------------------------------------------------------------------------------------------------

APP: dict[str, Any] = {"redirect_uris": [CALLBACK, "http://127.0.0.1/cb", "com.example.app:/cb"]}


@pytest.mark.security("AZ-17")
@pytest.mark.rfc("8252", "8.6")
@pytest.mark.parametrize(
    ("redirect_uri", "expected"),
    [(CALLBACK, ISSUE), ("http://127.0.0.1/cb", CONSENT), ("http://127.0.0.1:5555/cb", CONSENT), ("com.example.app:/cb", CONSENT)],
)
def test_a_client_that_anybody_could_pretend_to_be_is_asked_about_each_time(redirect_uri: str, expected: Step) -> None:
    arrival = az(redirect_uri=redirect_uri).but(client=public(**APP), consent=ALLOWED)
    assert step_of(arrival) is expected
    assert step_of(arrival.sending(prompt="none")) == ("issue" if expected is ISSUE else "consent_required")
    if expected is CONSENT:
        assert not arrival.asked(CONSENT).is_remembered
        redirect, _, _ = arrival.allowed().redirected()
        assert redirect.consent is None
        secretive = client(**APP)
        assert ":5555" in redirect_uri or step_of(arrival.but(client=secretive)) is ISSUE
        if ":5555" not in redirect_uri:
            fantem(redirect_uri=redirect_uri).but(client=public(dialect="fantem", **APP), consent=ALLOWED).asked(CONSENT)


@pytest.mark.security("VN-02")
def test_the_implicit_door_asks_each_time_and_remembers_nothing() -> None:
    arrival = implicit().but(consent=ALLOWED)
    asked = arrival.asked(CONSENT)
    assert (asked.new_scopes, asked.is_remembered) == ((), False)
    assert arrival.allowed().redirected()[0].consent is None
    code_of_platform().but(consent=ALLOWED).issued()


# -- what is remembered ----------------------------------------------------------------------------------------------------------


def test_all_that_was_ever_allowed_is_remembered() -> None:
    redirect, _, _ = az(scope="items").but(consent=consent("orders legacy")).allowed().redirected()
    assert redirect.consent is not None
    assert redirect.consent.scope == "orders legacy items"
    assert (redirect.consent.user_id, redirect.consent.client_id, redirect.consent.granted_at) == ("user-demo", "demo", NOW)
    redirect, _, _ = az().allowed().redirected()
    assert redirect.consent is not None
    assert redirect.consent.scope == "orders"


def test_nothing_new_is_remembered_without_an_answer() -> None:
    assert az().but(consent=ALLOWED).redirected()[0].consent is None
    assert az().refused().redirected()[0].consent is None
    stranger = consent("admin", user_id="user-other")
    redirect, _, _ = az().but(consent=stranger).allowed().redirected()
    assert redirect.consent is not None
    assert redirect.consent.scope == "orders"


# -- the person's answer ---------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("6749", "4.1.2.1")
def test_a_refusal_is_told() -> None:
    for door in (az, youzan, fantem, code_of_platform, implicit):
        assert door().refused().error() == "access_denied"
    assert az().but(consent=ALLOWED, decision=az().refused().decision).error() == "access_denied"


@pytest.mark.security("AZ-18")
@pytest.mark.security("LG-15")
@pytest.mark.parametrize("approved", [True, False])
def test_an_answer_to_another_question_is_none(approved: bool) -> None:  # noqa: FBT001 (both ways)
    answer = az(scope="items").asked(CONSENT).answered(approved=approved)
    az(scope="orders items").but(decision=answer).asked(CONSENT)
    az(scope="orders").but(decision=answer).asked(CONSENT)
    az(scope=None).but(decision=answer).asked(CONSENT)
    grown = client(scope="orders items admin")
    answer = az(scope=None).asked(CONSENT).answered(approved=approved)
    assert az(scope=None).but(decision=answer, client=grown).asked(CONSENT).scopes == ("orders", "items", "admin")


@pytest.mark.security("AZ-18")
@pytest.mark.parametrize("approved", [True, False])
def test_who_answered_something_else_sees_what_is_asked_even_if_it_was_allowed_before(approved: bool) -> None:  # noqa: FBT001 (both ways)
    answer = az(scope="items").asked(CONSENT).answered(approved=approved)
    assert az().but(decision=answer, consent=ALLOWED).asked(CONSENT).new_scopes == ()
    az(prompt="none").but(decision=answer, consent=ALLOWED).issued()


@pytest.mark.security("AZ-18")
@pytest.mark.parametrize("approved", [True, False])
def test_an_answer_of_somebody_else_is_none(approved: bool) -> None:  # noqa: FBT001 (both ways)
    answer = az().asked(CONSENT).answered(approved=approved)
    other: dict[str, Any] = {"session": session(user_id="user-other"), "user": user(id="user-other")}
    az().but(decision=answer, **other).asked(CONSENT)
    az().but(decision=answer, session=None, user=None).asked(LOGIN)


def test_an_answer_after_the_session_ended_counts_for_nothing() -> None:
    allowed = az().allowed()
    allowed.but(now=NOW + timedelta(hours=2)).asked(LOGIN)
    allowed.but(user=user(disabled_at=NOW)).asked(LOGIN)


def test_where_nobody_may_be_asked_nobody_has_answered() -> None:
    answer = az().asked(CONSENT).answered(approved=True)
    assert az(prompt="none").but(decision=answer).error() == "consent_required"
    az(prompt="none").but(decision=answer, consent=ALLOWED).issued()


# -- shops -----------------------------------------------------------------------------------------------------------------------

ONE, TWO = shops("11"), shops("11", "22")


def shop_of(arrival: Arrival) -> str | None:
    redirect, _, writes = arrival.redirected()
    assert redirect.refusal is None
    assert writes.grants[0].shop_id == (f"shop-{redirect.shop}" if redirect.shop else None)
    return redirect.shop


@pytest.mark.security("VN-05")
def test_a_code_acts_for_the_shop_that_the_person_picked() -> None:
    assert [one.code for one in youzan().but(shops=TWO).asked(CONSENT).shops] == ["11", "22"]
    for code in ("11", "22"):
        assert shop_of(youzan().but(shops=TWO).allowed(code)) == code
        assert shop_of(youzan().but(shops=TWO, consent=ALLOWED).allowed(code)) == code
    assert shop_of(youzan().but(shops=ONE).allowed("11")) == "11"


def test_a_code_acts_for_no_shop_where_there_is_none() -> None:
    assert shop_of(youzan().allowed()) is None
    assert shop_of(youzan().but(consent=ALLOWED)) is None


def test_a_remembered_consent_leaves_the_choice_among_several_shops() -> None:
    assert shop_of(youzan().but(shops=ONE, consent=ALLOWED)) == "11"
    assert youzan().but(shops=TWO, consent=ALLOWED).asked(CONSENT).new_scopes == ()


@pytest.mark.parametrize(("having", "error"), [(TWO, "interaction_required"), (ONE, None)], ids=["several", "one"])
def test_a_silent_request_cannot_choose_among_shops(having: tuple[Any, ...], error: str | None) -> None:
    arrival = youzan().but(shops=having, consent=ALLOWED)
    message = arrival.message()
    message.parameters = {**message.parameters, "prompt": "none"}
    visit = Visit(client=arrival.client, session=arrival.session, user=arrival.user, consent=ALLOWED, shops=having)
    redirect, _ = SERVER.authorize(message, visit, None, NOW)
    assert isinstance(redirect, Redirect)
    assert (redirect.refusal.cause if redirect.refusal is not None else None) == error


@pytest.mark.parametrize("having", [ONE, TWO], ids=["one", "several"])
def test_an_answer_without_a_shop_is_asked_again(having: tuple[Any, ...]) -> None:
    youzan().but(shops=having).allowed(None).asked(CONSENT)


@pytest.mark.security("VN-05")
@pytest.mark.security("VN-06")
@pytest.mark.parametrize("code", ["33", "011", "", "shop-11", "11 ", "\u0661\u0661"])
def test_a_shop_that_was_not_to_choose_from_is_told_on_a_page(code: str) -> None:
    page = youzan().but(shops=TWO).allowed(code).page()
    assert (page.refusal.cause, page.status) == (Cause.UNKNOWN_SHOP, 400)
    assert youzan().but(shops=TWO).allowed("11").but(shops=()).page().refusal.cause is Cause.UNKNOWN_SHOP


@pytest.mark.parametrize("door", [az, fantem, code_of_platform, implicit], ids=["standard", "fantem", "code", "implicit"])
def test_where_codes_act_for_no_shop_none_is_shown(door: Any) -> None:
    arrival = door().but(shops=shops("11", "22", dialect="fantem"))
    assert arrival.asked(CONSENT).shops == ()
    assert shop_of(arrival.allowed()) is None
    assert arrival.allowed("11").page().refusal.cause is Cause.UNKNOWN_SHOP
