"""What is issued at the authorization endpoint: codes, and the implicit token."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import NEVER
from app.core.secrets import digest
from app.ledger import Facts
from tests.oauth2.browser import CHALLENGE, Arrival, az, code_of_platform, consent, fantem, implicit, shops, youzan
from tests.oauth2.exchange import CALLBACK, NOW, Asked, client, held, public, user

CODES: dict[str, tuple[Callable[..., Arrival], str, int]] = {
    "standard": (az, r"[A-Za-z0-9_-]{43}", 60),
    "youzan": (youzan, r"[0-9a-f]{40}", 600),
    "fantem": (fantem, r"[0-9a-f]{32}", 600),
    "open_platform": (code_of_platform, r"[A-Za-z0-9_-]{43}", 600),
}


@pytest.mark.security("CD-07")
@pytest.mark.security("CD-09")
@pytest.mark.rfc("6749", "4.1.2")
@pytest.mark.parametrize("dialect", CODES)
def test_a_code_is_of_the_dialects_form_and_life(dialect: str) -> None:
    door, pattern, lifetime = CODES[dialect]
    landing, writes = door().allowed().issued()
    assert not landing.in_fragment
    assert list(landing.members) == ["code", "state", "iss"][: 3 if dialect == "standard" else 2]
    assert re.fullmatch(pattern, landing.members["code"])
    (code,), (grant,) = writes.codes, writes.grants
    assert code.code_hash == digest(landing.members["code"])
    assert (code.created_at, code.expires_at, code.used_at) == (NOW, NOW + timedelta(seconds=lifetime), None)
    assert code.grant_id == grant.id
    assert (grant.dialect, grant.grant_type, grant.client_id) == (dialect, "authorization_code", "demo")
    assert (grant.user_id, grant.shop_id, grant.scope, grant.created_at) == ("user-demo", None, "orders", NOW)
    assert (writes.tokens, writes.spend, writes.at) == ([], None, NOW)


@pytest.mark.security("CD-04")
@pytest.mark.parametrize("dialect", CODES)
def test_a_code_is_bound_to_the_redirect_uri_and_remembers_whether_it_was_sent(dialect: str) -> None:
    door, _, _ = CODES[dialect]
    for sent in (CALLBACK, None):
        _, writes = door(redirect_uri=sent).allowed().issued()
        assert (writes.codes[0].redirect_uri, writes.codes[0].redirect_uri_sent) == (CALLBACK, sent is not None)


def test_a_challenge_that_the_dialect_does_not_know_is_bound_to_nothing() -> None:
    for door in (youzan, code_of_platform):
        _, writes = door(code_challenge=CHALLENGE, code_challenge_method="S256").allowed().issued()
        assert (writes.codes[0].code_challenge, writes.codes[0].code_challenge_method) == (None, None)


@pytest.mark.parametrize(
    ("arrival", "end"),
    [
        (az(), NOW + timedelta(days=365)),
        (az().but(client=client(grant_types=["authorization_code"])), NOW + timedelta(seconds=60 + 3600)),
        (youzan(), NOW + timedelta(days=365)),
        (fantem(), NEVER),
        (fantem().but(client=client(dialect="fantem", grant_types=["authorization_code"])), NOW + timedelta(seconds=600 + 36000)),
        (implicit(), NOW + timedelta(seconds=3600)),
    ],
    ids=["standard", "without-refresh", "youzan", "fantem", "fantem-without-refresh", "implicit"],
)
def test_a_family_ends_with_what_it_can_yield(arrival: Arrival, end: object) -> None:
    _, writes = arrival.allowed().issued()
    assert writes.grants[0].expires_at == end


@pytest.mark.security("VN-05")
def test_a_code_carries_the_shop() -> None:
    _, writes = youzan().but(shops=shops("11", "22")).allowed("22").issued()
    assert writes.grants[0].shop_id == "shop-22"


def test_two_codes_are_two_grants() -> None:
    first, second = az().allowed().issued(), az().allowed().issued()
    assert first[0].members["code"] != second[0].members["code"]
    assert first[1].grants[0].id != second[1].grants[0].id


@pytest.mark.parametrize(("owner", "proof"), [(client(), {}), (public(), {"credentials_method": "none"})], ids=["confidential", "public"])
def test_the_code_buys_a_token(owner: Any, proof: dict[str, str]) -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    landing, writes = az().but(client=owner).allowed().issued()
    sent = {"client_id": "demo", "code": landing.members["code"], "redirect_uri": CALLBACK, "code_verifier": verifier}
    facts = Facts(client=owner, code=held(writes.codes[0], writes.grants[0], owner=owner, person=user()))
    asked = Asked("authorization_code", sent, facts)
    if proof:
        asked.message = {"credentials": asked.request().credentials._replace(client_secret=None, method="none")}
    members = asked.members()
    assert members["scope"] == "orders"
    assert members["refresh_token"]


# -- implicit --------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("VN-02")
@pytest.mark.rfc("6749", "4.2.2")
def test_an_implicit_token_travels_in_the_fragment_alone() -> None:
    landing, writes = implicit().allowed().issued()
    token = landing.members["access_token"]
    assert landing.location == f"{CALLBACK}#access_token={token}&token_type=Bearer&expires_in=3600&scope=orders&state=s"
    (record,), (grant,) = writes.tokens, writes.grants
    assert (record.token_hash, record.kind, record.scope, record.grant_id) == (digest(token), "access", "orders", grant.id)
    assert (record.issued_at, record.expires_at) == (NOW, NOW + timedelta(seconds=3600))
    assert (grant.dialect, grant.grant_type, grant.user_id, grant.shop_id) == ("open_platform", "implicit", "user-demo", None)
    assert writes.codes == []


@pytest.mark.security("VN-02")
@pytest.mark.security("CC-01")
def test_there_is_never_a_refresh_token_in_a_fragment() -> None:
    assert "refresh_token" not in implicit().allowed().issued()[0].members


@pytest.mark.rfc("6749", "4.2.2")
def test_members_without_a_value_are_left_out() -> None:
    landing, _ = implicit(scope=None, state=None).but(client=client(dialect="open_platform", scope="")).allowed().issued()
    assert list(landing.members) == ["access_token", "token_type", "expires_in"]


def test_several_scopes_arrive_as_one_member() -> None:
    landing, _ = implicit(scope="items orders").allowed().issued()
    assert landing.members["scope"] == "items orders"
    assert "scope=items%20orders" in landing.location


@pytest.mark.parametrize("uri", ["https://client.example.com/cb?brand=x", "com.example.app://cb"])
def test_the_redirect_uri_stays_as_it_is(uri: str) -> None:
    owner: dict[str, Any] = {"redirect_uris": [uri]}
    landing, _ = implicit(redirect_uri=uri).but(client=client(dialect="open_platform", **owner)).allowed().issued()
    assert landing.location.startswith(f"{uri}#access_token=")
    landing, _ = code_of_platform(redirect_uri=uri).but(client=client(dialect="open_platform", **owner)).allowed().issued()
    assert landing.location.startswith(f"{uri}{'&' if '?' in uri else '?'}code=")


def test_a_code_comes_without_a_page_where_everything_was_allowed_before() -> None:
    landing, writes = az().but(consent=consent("orders items")).issued()
    assert digest(landing.members["code"]) == writes.codes[0].code_hash
