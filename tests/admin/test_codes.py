"""Codes issued by hand obey what a browser's request would."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.admin import CodeRequest, Operator, apply, disable_client, disable_shop, disable_user, issue_code, parse_document
from app.core.clock import NEVER
from app.core.mistakes import Mistake
from app.core.secrets import digest
from app.ledger import Held, Needs
from app.models import AuthorizationCode
from tests.admin.conftest import START

CB = "http://127.0.0.1:9401/cb"
OTHER = "https://app.example.com/cb"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
DECLARED = {
    "users": [{"username": "demo", "password": "demo-password", "email": "demo@example.com"}],
    "shops": [{"dialect": "youzan", "code": "1"}, {"dialect": "youzan", "code": "2"}, {"dialect": "hex", "code": "S001"}],
    "clients": [
        {"client_id": "shop-app", "client_secret": "x", "dialect": "youzan", "redirect_uris": [CB], "scope": "a b", "shops": ["1"]},
        {"client_id": "home", "dialect": "fantem", "token_endpoint_auth_method": "none", "redirect_uris": [CB, OTHER]},
        {"client_id": "web", "token_endpoint_auth_method": "none", "redirect_uris": [CB], "scope": "orders"},
        {"client_id": "old", "client_secret": "x", "profile": "legacy", "redirect_uris": [CB]},
        {"client_id": "service", "client_secret": "x", "grant_types": ["client_credentials"], "redirect_uris": [CB]},
        {"client_id": "store", "client_secret": "x", "dialect": "hex", "shops": ["S001"]},
        {"client_id": "bare", "client_secret": "x", "dialect": "youzan"},
    ],
}
REFUSED = (
    (CodeRequest(client_id="nobody", user="demo"), "there is no client nobody"),
    (CodeRequest(client_id="shop-app", user="nobody"), "there is no user nobody"),
    (CodeRequest(client_id="store", user="demo"), "the dialect hex has no authorization codes"),
    (
        CodeRequest(client_id="service", user="demo", code_challenge=CHALLENGE),
        "the client service is not registered for authorization codes",
    ),
    (CodeRequest(client_id="shop-app", user="demo", redirect_uri=OTHER), f"redirect_uri: is not registered: shop-app has {CB}"),
    (CodeRequest(client_id="shop-app", user="demo", redirect_uri=f"{CB}/"), "redirect_uri: is not registered"),
    (CodeRequest(client_id="home", user="demo"), f"redirect_uri: name one of those registered: {CB}, {OTHER}"),
    (CodeRequest(client_id="bare", user="demo"), "redirect_uri: name one of those registered: there are none"),
    (CodeRequest(client_id="shop-app", user="demo", scope="a b c"), "scope: goes beyond what shop-app is registered for: a b"),
    (CodeRequest(client_id="home", user="demo", redirect_uri=CB, scope="x"), "no scope at all"),
    (CodeRequest(client_id="web", user="demo"), "The code_challenge is missing: this client must use PKCE"),
    (CodeRequest(client_id="web", user="demo", code_challenge="short"), "The code_challenge takes 43 to 128 characters"),
    (CodeRequest(client_id="web", user="demo", code_challenge=f"{CHALLENGE}\n"), "holds a control character"),
    (CodeRequest(client_id="shop-app", user="demo", code_challenge=CHALLENGE), "code_challenge: is not among what the dialect youzan"),
    (CodeRequest(client_id="shop-app", user="demo", shop="2"), "shop: 2 is disabled, or not granted to shop-app"),
    (CodeRequest(client_id="shop-app", user="demo", shop="3"), "there is no shop 3 in the dialect youzan"),
    (CodeRequest(client_id="web", user="demo", code_challenge=CHALLENGE, shop="1"), "there is no shop 1 in the dialect standard"),
)
"""Requests, and what is said to them."""


@pytest.fixture
async def desk(sandbox_operator: Operator) -> Operator:
    """A sandbox operator with clients of several dialects."""
    await apply(sandbox_operator, parse_document(DECLARED, "declared", sandbox_operator.dialects))
    return sandbox_operator


async def held(operator: Operator, code: str) -> Held[AuthorizationCode]:
    found = (await operator.storage.load(Needs(code_hash=digest(code)))).code
    assert found is not None
    return found


async def test_a_code_is_of_the_dialects_form_and_life(desk: Operator) -> None:
    issued = await issue_code(desk, CodeRequest(client_id="shop-app", user="demo", shop="1"))
    assert len(issued.code) == 40
    assert (issued.expires_in, issued.redirect_uri, issued.scope) == (600, CB, "a b")
    found = await held(desk, issued.code)
    assert found.record.expires_at == START + timedelta(seconds=600)
    assert (found.record.redirect_uri, found.record.redirect_uri_sent, found.record.code_challenge) == (CB, False, None)
    assert (found.grant.dialect, found.grant.grant_type, found.grant.client_id) == ("youzan", "authorization_code", "shop-app")
    assert found.shop is not None
    assert found.shop.code == "1"
    assert found.user is not None
    assert found.user.username == "demo"
    assert found.grant.expires_at == START + timedelta(days=365)
    assert issued.code not in repr(issued)


async def test_what_was_sent_is_bound_to_the_code(desk: Operator) -> None:
    issued = await issue_code(
        desk, CodeRequest(client_id="web", user="demo@example.com", redirect_uri=CB, code_challenge=CHALLENGE, scope="orders")
    )
    found = await held(desk, issued.code)
    assert (found.record.redirect_uri_sent, found.record.code_challenge, found.record.code_challenge_method) == (True, CHALLENGE, "S256")
    assert issued.expires_in == 60


async def test_a_family_without_refresh_ends_with_what_its_code_can_yield(desk: Operator) -> None:
    issued = await issue_code(desk, CodeRequest(client_id="web", user="demo", code_challenge=CHALLENGE))
    assert (await held(desk, issued.code)).grant.expires_at == START + timedelta(seconds=60 + 3600)
    issued = await issue_code(desk, CodeRequest(client_id="home", user="demo", redirect_uri=CB))
    assert (await held(desk, issued.code)).grant.expires_at == NEVER


async def test_what_a_browser_would_be_refused_is_refused(desk: Operator) -> None:
    for request, reason in REFUSED:
        with pytest.raises(Mistake) as caught:
            await issue_code(desk, request)
        assert reason in str(caught.value), request


async def test_a_legacy_client_needs_no_challenge(desk: Operator) -> None:
    assert (await issue_code(desk, CodeRequest(client_id="old", user="demo"))).code


async def test_who_is_disabled_gets_no_code(desk: Operator) -> None:
    await disable_shop(desk, "youzan", "1")
    with pytest.raises(Mistake, match="shop: 1 is disabled"):
        await issue_code(desk, CodeRequest(client_id="shop-app", user="demo", shop="1"))
    await disable_client(desk, "shop-app")
    with pytest.raises(Mistake, match="the client shop-app is disabled"):
        await issue_code(desk, CodeRequest(client_id="shop-app", user="demo"))
    await disable_user(desk, "demo")
    with pytest.raises(Mistake, match="the user demo is disabled"):
        await issue_code(desk, CodeRequest(client_id="old", user="demo"))


@pytest.mark.security("DP-04")
async def test_codes_are_issued_in_a_sandbox_only(operator: Operator) -> None:
    with pytest.raises(Mistake, match="codes are issued by hand in a sandbox only"):
        await issue_code(operator, CodeRequest(client_id="shop-app", user="demo"))


async def test_a_client_of_a_dialect_that_is_not_loaded_gets_no_code(desk: Operator) -> None:
    from app.dialects import Dialects

    without = Dialects(dialect for dialect in desk.dialects.by_name.values() if dialect.name != "youzan")
    with pytest.raises(Mistake, match="the dialect youzan of the client is not loaded"):
        await issue_code(replace(desk, dialects=without), CodeRequest(client_id="shop-app", user="demo"))
