"""For whom access tokens are, and what they may do there (RFC 8707)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.core.causes import Cause
from app.core.policy import Policy
from app.core.resources import MAXIMUM_RESOURCES
from app.core.secrets import identifier_digest
from app.ledger import Facts, Writes
from app.messages import Outcome, Unsigned
from app.models import Client, Resource, Token
from app.oauth2.needs import needs_of
from tests.oauth2.browser import az, consent
from tests.oauth2.exchange import LONG_AGO, NOW, SERVER, Asked, client, code, family, held, token

ORDERS, STOCK, LATER = "https://orders.example.com/", "https://stock.example.com/v1", "https://later.example.com"
ISSUER = SERVER.issuer
POLICY = Policy(issue_refresh_token=True, id_token=True)
SENT = {"code": "the-code", "redirect_uri": "https://client.example.com/cb"}
SCOPE = "openid profile orders items"


def resource(uri: str, scope: str, **members: Any) -> Resource:
    return Resource(**{"uri": uri, "scope": scope, "created_at": LONG_AGO, "updated_at": LONG_AGO, **members})


RESOURCES = {
    one.uri: one for one in (resource(ORDERS, "orders refunds"), resource(STOCK, "items"), resource(LATER, "orders", disabled_at=NOW))
}


def app(**members: Any) -> Client:
    return client(**{"scope": SCOPE, **members})


def own(scope: str | None = None, named: str | None = None, owner: Client | None = None) -> Asked:
    """Return a request of a client for a token of its own."""
    sent = {name: value for name, value in (("scope", scope), ("resource", named)) if value is not None}
    return Asked("client_credentials", sent, Facts(client=owner or app(), resources=RESOURCES), POLICY)


def redeemed(granted: str | None = None, named: str | None = None, scope: str = SCOPE, owner: Client | None = None) -> Asked:
    """Return a request for a code that a person allowed for some resources."""
    owner = owner or app()
    grant = family(scope=scope, resource=granted, auth_time=NOW - timedelta(minutes=5))
    facts = Facts(client=owner, code=held(code(), grant, owner=owner), resources=RESOURCES)
    return Asked("authorization_code", SENT | ({"resource": named} if named is not None else {}), facts, POLICY)


def refreshed(granted: str | None = None, named: str | None = None, scope: str | None = None, owner: Client | None = None) -> Asked:
    """Return a request to refresh a token of a person who allowed the client something for some resources."""
    owner = owner or app()
    grant = family(scope=SCOPE, resource=granted, auth_time=NOW - timedelta(minutes=5))
    facts = Facts(client=owner, token=held(token(scope=SCOPE), grant, owner=owner), resources=RESOURCES)
    sent = {"refresh_token": "the-refresh-token", "resource": named, "scope": scope}
    return Asked("refresh_token", {name: value for name, value in sent.items() if value is not None}, facts, POLICY)


def access(answer: tuple[Outcome, Writes]) -> Token:
    outcome, writes = answer
    assert outcome.refusal is None, outcome.refusal.detail or outcome.refusal.description
    (made,) = (one for one in writes.tokens if one.kind == "access")
    assert outcome.members["scope"] == made.scope
    return made


def aimed(asked: Asked) -> tuple[str | None, str]:
    """Return whom the token is for, and its scope."""
    made = access(asked.answer())
    return made.resource, made.scope


# -- a client's own tokens ---------------------------------------------------------------------------------------------------------


def test_a_token_that_is_asked_for_nobody_is_for_nobody_in_particular() -> None:
    assert aimed(own()) == (None, SCOPE)


@pytest.mark.rfc("8707", "2.2")
@pytest.mark.security("JW-02")
def test_a_token_is_for_the_resources_that_are_named_and_holds_what_they_know() -> None:
    assert aimed(own(named=ORDERS)) == (ORDERS, "orders")
    assert aimed(own(named=f"{ORDERS} {STOCK}")) == (f"{ORDERS} {STOCK}", "orders items")
    assert aimed(own("items orders", STOCK)) == (STOCK, "items")
    assert aimed(own(named=f"{STOCK} {STOCK}")) == (STOCK, "items")


def test_the_family_keeps_for_whom_it_was_begun() -> None:
    _, writes = own(named=ORDERS).answer()
    assert [(one.resource, one.scope) for one in writes.grants] == [(ORDERS, "orders")]
    _, writes = own().answer()
    assert [one.resource for one in writes.grants] == [None]


@pytest.mark.rfc("8707", "2")
@pytest.mark.security("JW-02")
@pytest.mark.parametrize(
    ("named", "detail"),
    [
        ("https://unknown.example.com", "unknown resource"),
        (f"{ORDERS} https://unknown.example.com", "unknown resource"),
        (ORDERS.rstrip("/"), "unknown resource"),
        (ORDERS.upper(), "unknown resource"),
        (LATER, "the resource is disabled"),
        (" ", "A resource is named by an absolute URI without a fragment."),
        ("orders", "A resource is named by an absolute URI without a fragment."),
        (f"{ORDERS}#a", "A resource is named by an absolute URI without a fragment."),
        (" ".join(f"urn:{number}" for number in range(MAXIMUM_RESOURCES + 1)), "The request names more than 10 resources."),
    ],
)
def test_what_is_no_resource_is_refused_and_nothing_written(named: str, detail: str) -> None:
    for asked in (own(named=named), redeemed(named=named), refreshed(named=named)):
        outcome, writes = asked.answer()
        assert outcome.refusal is not None
        assert (outcome.refusal.cause, outcome.refusal.detail or outcome.refusal.description) == (Cause.BAD_TARGET, detail)
        assert not writes


@pytest.mark.security("JW-02")
@pytest.mark.security("SC-02")
def test_a_resource_that_knows_none_of_the_scopes_is_refused() -> None:
    for asked in (
        own("items", ORDERS),
        own("items", f"{ORDERS} {STOCK}"),
        own(named=ORDERS, owner=app(scope="items")),
        own(named=ORDERS, owner=app(scope="")),
        own("orders", ISSUER),
    ):
        outcome, writes = asked.answer()
        assert outcome.refusal is not None
        assert outcome.refusal.cause is Cause.BAD_TARGET
        assert not writes


def test_resources_are_looked_up_and_never_recalled() -> None:
    needs = needs_of([own(named=f"{ORDERS} {STOCK}").request()])
    assert needs.resources == (ORDERS, STOCK)
    assert not needs.is_of_client_alone
    assert needs_of([own().request()]).is_of_client_alone
    assert needs_of([own(named="no-uri").request()]).resources == ()


@pytest.mark.rfc("9068", "3")
def test_a_client_may_have_default_resources() -> None:
    owner = app(extra={"default_resources": [ORDERS, STOCK]})
    assert aimed(own("orders", owner=owner)) == (f"{ORDERS} {STOCK}", "orders")
    assert aimed(own("openid orders", owner=owner)) == (f"{ORDERS} {STOCK} {ISSUER}", "openid orders")
    assert aimed(own("orders items", STOCK, owner=owner)) == (STOCK, "items")


# -- what a person allowed ---------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("8707", "2.1")
def test_a_request_for_a_code_names_what_the_person_is_asked_to_allow() -> None:
    arrival = az(scope=SCOPE, resource=f"{ORDERS} {STOCK}").but(client=app(), resources=RESOURCES)
    assert arrival.asked_scopes() == tuple(SCOPE.split())
    narrow = az(scope=SCOPE, resource=ORDERS).but(client=app(), resources=RESOURCES)
    assert narrow.asked_scopes() == ("openid", "profile", "orders")
    _, writes = narrow.allowed().issued()
    assert [(one.resource, one.scope) for one in writes.grants] == [(ORDERS, "openid profile orders")]


@pytest.mark.rfc("8707", "2.1")
def test_the_parameter_may_be_repeated() -> None:
    arrival = az(scope=SCOPE, resource=ORDERS).with_also("resource", STOCK).but(client=app(), resources=RESOURCES)
    _, writes = arrival.allowed().issued()
    assert [one.resource for one in writes.grants] == [f"{ORDERS} {STOCK}"]


@pytest.mark.rfc("8707", "2")
@pytest.mark.security("JW-02")
@pytest.mark.parametrize("named", ["https://unknown.example.com", LATER, "orders", f"{ORDERS}#a", STOCK + " urn:x"])
def test_a_client_is_told_by_a_redirect_of_a_resource_that_is_none(named: str) -> None:
    assert az(scope=SCOPE, resource=named).but(client=app(), resources=RESOURCES).error() == "invalid_target"


def test_a_resource_must_know_something_of_what_a_person_is_asked() -> None:
    assert az(scope="openid items", resource=ORDERS).but(client=app(), resources=RESOURCES).error() == "invalid_target"


def test_what_was_allowed_before_is_not_asked_again_for_a_resource_of_it() -> None:
    arrival = az(scope="orders", resource=ORDERS).but(client=app(), resources=RESOURCES, consent=consent("orders"))
    _, writes = arrival.issued()
    assert [one.resource for one in writes.grants] == [ORDERS]


@pytest.mark.rfc("8707", "2.2")
def test_a_code_yields_a_token_for_all_that_was_allowed_and_for_this_server() -> None:
    assert aimed(redeemed(f"{ORDERS} {STOCK}")) == (f"{ORDERS} {STOCK} {ISSUER}", SCOPE)
    assert aimed(redeemed(ORDERS, scope="orders")) == (ORDERS, "orders")
    assert aimed(redeemed(f"{ORDERS} {ISSUER}")) == (f"{ORDERS} {ISSUER}", SCOPE)


@pytest.mark.rfc("8707", "2.2")
@pytest.mark.security("JW-02")
def test_a_token_may_be_asked_for_a_part_of_what_was_allowed() -> None:
    assert aimed(redeemed(f"{ORDERS} {STOCK}", STOCK)) == (STOCK, "items")
    assert aimed(redeemed(f"{ORDERS} {STOCK}", ISSUER)) == (ISSUER, "openid profile")
    assert aimed(redeemed(f"{ORDERS} {STOCK}", f"{ISSUER} {ORDERS}")) == (f"{ISSUER} {ORDERS}", "openid profile orders")
    assert aimed(refreshed(f"{ORDERS} {STOCK}", ORDERS)) == (ORDERS, "orders")
    assert aimed(refreshed(f"{ORDERS} {STOCK}", ORDERS, "orders items")) == (ORDERS, "orders")


@pytest.mark.rfc("8707", "2.2")
@pytest.mark.security("JW-02")
def test_a_token_for_more_than_was_allowed_is_refused() -> None:
    for asked in (redeemed(ORDERS, STOCK), redeemed(ORDERS, f"{ORDERS} {STOCK}"), refreshed(ORDERS, STOCK)):
        assert asked.refusal() == (Cause.BAD_TARGET, "The resource goes beyond what was granted.")
    assert redeemed(ORDERS, ISSUER, scope="orders").refusal()[0] is Cause.BAD_TARGET


def test_where_the_person_allowed_it_for_no_resource_a_token_may_be_asked_for_any() -> None:
    assert aimed(redeemed(None, ORDERS)) == (ORDERS, "orders")
    assert aimed(refreshed(None, STOCK)) == (STOCK, "items")
    assert aimed(refreshed(None)) == (None, SCOPE)


def test_the_refresh_token_keeps_all_that_was_allowed_and_so_does_the_id_token() -> None:
    outcome, writes = redeemed(f"{ORDERS} {STOCK}", ORDERS).answer()
    (kept,) = (one for one in writes.tokens if one.kind == "refresh")
    assert (kept.scope, kept.resource) == (SCOPE, None)
    assert isinstance(outcome.members["id_token"], Unsigned)
    outcome, writes = refreshed(f"{ORDERS} {STOCK}", ORDERS).answer()
    (kept,) = (one for one in writes.tokens if one.kind == "refresh")
    assert kept.scope == SCOPE
    assert isinstance(outcome.members["id_token"], Unsigned)
    assert access(refreshed(ORDERS).answer()).resource == f"{ORDERS} {ISSUER}"


def test_the_default_resources_count_where_the_person_allowed_it_for_none() -> None:
    owner = app(extra={"default_resources": [STOCK]})
    assert aimed(redeemed(None, owner=owner)) == (f"{STOCK} {ISSUER}", SCOPE)
    assert aimed(redeemed(ORDERS, owner=owner)) == (f"{ORDERS} {ISSUER}", SCOPE)


# -- JWT access tokens -------------------------------------------------------------------------------------------------------------

JWT = {"access_token_format": "jwt"}


def jwt_of(asked: Asked) -> tuple[Unsigned, Token]:
    outcome, writes = asked.answer()
    made = access((outcome, writes))
    unsigned = outcome.members["access_token"]
    assert isinstance(unsigned, Unsigned)
    assert outcome.is_unsigned
    return unsigned, made


@pytest.mark.rfc("9068", "2.2")
@pytest.mark.security("JW-01")
def test_a_jwt_says_whose_it_is_and_for_whom() -> None:
    unsigned, made = jwt_of(own("orders", ORDERS, app(extra=JWT)))
    jti = str(unsigned.claims["jti"])
    now = int(NOW.timestamp())
    assert unsigned.claims == {
        "iss": ISSUER,
        "sub": "demo",
        "aud": ORDERS,
        "client_id": "demo",
        "iat": now,
        "exp": now + 3600,
        "jti": jti,
        "scope": "orders",
    }
    assert (unsigned.typ, unsigned.algorithm, unsigned.hashes) == ("at+jwt", "ES256", ())
    assert made.token_hash == identifier_digest(jti)
    assert len(jti) == 22


@pytest.mark.rfc("9068", "2.2.1")
@pytest.mark.security("JW-01")
def test_a_jwt_tells_of_the_login_what_the_first_one_did() -> None:
    owner = app(extra=JWT)
    login = {"auth_time": NOW - timedelta(hours=2), "acr": "2", "amr": "pwd otp mfa", "scope": SCOPE}
    facts = Facts(client=owner, token=held(token(scope=SCOPE), family(**login), owner=owner))
    unsigned, _ = jwt_of(Asked("refresh_token", {"refresh_token": "the-refresh-token"}, facts, POLICY))
    said = {name: unsigned.claims[name] for name in ("sub", "auth_time", "acr", "amr", "scope")}
    amr = ["pwd", "otp", "mfa"]
    assert said == {"sub": "user-demo", "auth_time": int(NOW.timestamp()) - 7200, "acr": "2", "amr": amr, "scope": SCOPE}


@pytest.mark.rfc("9068", "3")
def test_a_jwt_for_nobody_in_particular_is_for_this_server() -> None:
    unsigned, made = jwt_of(own(owner=app(extra=JWT)))
    assert (unsigned.claims["aud"], made.resource) == (ISSUER, ISSUER)


def test_a_jwt_for_several_resources_names_them_all() -> None:
    unsigned, _ = jwt_of(redeemed(f"{ORDERS} {STOCK}", owner=app(extra=JWT)))
    assert unsigned.claims["aud"] == [ORDERS, STOCK, ISSUER]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_jwt_is_signed_as_the_client_is_registered(algorithm: str) -> None:
    unsigned, _ = jwt_of(own(owner=app(extra={**JWT, "access_token_signed_response_alg": algorithm})))
    assert unsigned.algorithm == algorithm


def test_a_jwt_without_a_scope_says_nothing_of_one() -> None:
    unsigned, _ = jwt_of(own(owner=app(extra=JWT, scope="")))
    assert "scope" not in unsigned.claims


@pytest.mark.security("KY-03")
def test_no_jwt_outlives_the_publication_of_its_key() -> None:
    asked = own(owner=app(extra=JWT))
    asked.policy = replace(POLICY, access_token_expires_in=30 * 86400, family_expires_in=0)
    unsigned, made = jwt_of(asked)
    assert made.expires_at == NOW + timedelta(days=1)
    assert unsigned.claims["exp"] == int(NOW.timestamp()) + 86400


@pytest.mark.parametrize("extra", [{}, {"access_token_format": "opaque"}, {"access_token_format": ""}, {"logo_uri": "https://a.example"}])
def test_every_other_token_is_opaque(extra: dict[str, str]) -> None:
    outcome, _ = own(owner=app(extra=extra)).answer()
    assert isinstance(outcome.members["access_token"], str)
    assert not outcome.is_unsigned


@pytest.mark.security("RF-10")
@pytest.mark.security("RF-12")
def test_a_repeated_refresh_says_the_same_jwt_again() -> None:
    owner = app(extra=JWT)
    first, writes = refreshed(ORDERS, owner=owner).answer()
    assert writes.spend is not None
    spent = token(scope=SCOPE, used_at=NOW, successor_hash=writes.spend.successor_hash, successor_sealed=writes.spend.successor_sealed)
    facts = Facts(client=owner, token=held(spent, family(scope=SCOPE, resource=ORDERS), owner=owner))
    again, nothing = Asked("refresh_token", {"refresh_token": "the-refresh-token"}, facts, POLICY).answer()
    assert again.is_unsigned
    assert not nothing
    one, other = first.members["access_token"], again.members["access_token"]
    assert isinstance(one, Unsigned)
    assert isinstance(other, Unsigned)
    assert one.claims == other.claims
