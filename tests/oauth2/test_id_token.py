"""ID tokens: when they come, and what they say."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.core.policy import Policy, RefreshRule
from app.ledger import Facts, Held
from app.messages import Unsigned
from app.models import AuthorizationCode, Client, Grant, Token
from app.oauth2 import AuthorizationServer, Subjects
from app.oauth2.subjects import session_name
from tests.oauth2.exchange import NOW, SERVER, Asked, client, code, family, held, token, user

POLICY = Policy(issue_refresh_token=True, id_token=True)
LOGIN = NOW - timedelta(minutes=5)
SCOPE = "openid profile email"


def app(**members: Any) -> Client:
    return client(scope=f"{SCOPE} orders", **members)


def logged_in(**members: Any) -> Grant:
    """Return a family that began with a request of OpenID Connect."""
    login = {"auth_time": LOGIN, "acr": "2", "amr": "pwd otp mfa", "sid": "the-session"}
    return family(**{"scope": SCOPE, **login, **members})


def code_of(grant: Grant, owner: Client, nonce: str | None = None, **person: Any) -> Held[AuthorizationCode]:
    return held(code(nonce=nonce), grant, owner=owner, person=user(**person))


def redeemed(
    grant: Grant | None = None,
    owner: Client | None = None,
    policy: Policy = POLICY,
    nonce: str | None = None,
    person: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the members of the answer to a code."""
    owner = owner or app()
    facts = Facts(client=owner, code=code_of(grant or logged_in(), owner, nonce, **(person or {})))
    sent = {"code": "the-code", "redirect_uri": "https://client.example.com/cb"}
    return dict(Asked("authorization_code", sent, facts, policy).members())


def claims_of(members: dict[str, Any]) -> dict[str, Any]:
    unsigned = members["id_token"]
    assert isinstance(unsigned, Unsigned)
    return dict(unsigned.claims)


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


# -- what it says ------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC Core", "2")
@pytest.mark.rfc("OIDC Core", "3.1.3.3")
@pytest.mark.security("ID-01")
@pytest.mark.security("AZ-14")
def test_a_code_of_openid_connect_yields_an_id_token() -> None:
    members = redeemed(nonce="n-0S6_WzA2Mj")
    assert claims_of(members) == {
        "iss": "https://id.example.com",
        "sub": "user-demo",
        "aud": "demo",
        "azp": "demo",
        "iat": seconds(NOW),
        "exp": seconds(NOW) + 3600,
        "auth_time": seconds(LOGIN),
        "nonce": "n-0S6_WzA2Mj",
        "acr": "2",
        "amr": ["pwd", "otp", "mfa"],
        "sid": session_name("demo", "the-session"),
    }
    assert list(members) == ["access_token", "token_type", "expires_in", "expires_at", "scope", "refresh_token", "id_token"]


@pytest.mark.security("ID-02")
@pytest.mark.rfc("OIDC Core", "3.1.3.6")
def test_an_id_token_holds_the_hash_of_the_access_token_beside_it() -> None:
    unsigned = redeemed()["id_token"]
    assert (unsigned.typ, unsigned.algorithm, unsigned.hashes) == ("JWT", "RS256", [("at_hash", "access_token")])


def test_the_pipeline_is_told_that_something_is_unsigned() -> None:
    facts = Facts(client=app(), code=code_of(logged_in(), app()))
    outcome, _ = Asked("authorization_code", {"code": "the-code", "redirect_uri": "https://client.example.com/cb"}, facts, POLICY).answer()
    assert outcome.is_unsigned


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_an_id_token_is_signed_as_the_client_is_registered(algorithm: str) -> None:
    owner = app(extra={"id_token_signed_response_alg": algorithm})
    assert redeemed(owner=owner)["id_token"].algorithm == algorithm


@pytest.mark.rfc("OIDC Core", "3.1.3.7")
def test_without_a_nonce_session_or_method_nothing_is_said_of_them() -> None:
    claims = claims_of(redeemed(logged_in(sid=None, amr="", acr=None)))
    assert {"nonce", "sid", "amr", "acr"}.isdisjoint(claims)


def test_an_id_token_lives_as_long_as_the_policy_says() -> None:
    assert claims_of(redeemed(policy=replace(POLICY, id_token_expires_in=60)))["exp"] == seconds(NOW) + 60


def test_two_clients_know_a_session_by_different_names() -> None:
    assert session_name("a", "s") == session_name("a", "s") != session_name("b", "s")
    assert len(session_name("a", "s")) == 22


# -- when there is none ------------------------------------------------------------------------------------------------------------


def test_without_the_scope_openid_there_is_no_id_token() -> None:
    assert "id_token" not in redeemed(logged_in(scope="profile email"))
    assert "id_token" not in redeemed(logged_in(scope="openid-not profile"))


def test_a_family_without_a_login_yields_none() -> None:
    assert "id_token" not in redeemed(logged_in(auth_time=None))


def test_a_dialect_that_does_not_speak_openid_connect_yields_none() -> None:
    assert "id_token" not in redeemed(policy=Policy(issue_refresh_token=True))


@pytest.mark.security("CC-01")
def test_client_credentials_yield_none() -> None:
    owner = app()
    outcome, _ = Asked("client_credentials", {"scope": "openid"}, Facts(client=owner), POLICY).answer()
    assert outcome.refusal is None
    assert "id_token" not in outcome.members
    assert not outcome.is_unsigned


# -- refreshing --------------------------------------------------------------------------------------------------------------------


def refreshed(
    grant: Grant | None = None, policy: Policy = POLICY, record: Token | None = None, at: timedelta = timedelta(hours=1), **sent: str
) -> Asked:
    grant, owner = grant or logged_in(), app()
    presented = held(record or token(scope=grant.scope), grant, owner=owner)
    return Asked("refresh_token", {"refresh_token": "the-refresh-token", **sent}, Facts(client=owner, token=presented), policy, NOW + at)


@pytest.mark.rfc("OIDC Core", "12.2")
def test_an_id_token_of_a_refresh_says_the_same_of_the_login_and_has_no_nonce() -> None:
    first = claims_of(redeemed(nonce="n"))
    again = claims_of(dict(refreshed().members()))
    changed = {"iat": seconds(NOW) + 3600, "exp": seconds(NOW) + 7200}
    assert again == {name: value for name, value in first.items() if name != "nonce"} | changed


def test_a_refresh_that_leaves_openid_out_yields_no_id_token() -> None:
    assert "id_token" not in refreshed(scope="profile").members()
    assert "id_token" in refreshed(scope="profile openid").members()


@pytest.mark.parametrize("rule", [RefreshRule.ROTATE, RefreshRule.REUSE])
def test_an_id_token_comes_with_whatever_is_refreshed(rule: RefreshRule) -> None:
    outcome, _ = refreshed(policy=replace(POLICY, refresh_rule=rule)).answer()
    assert "id_token" in outcome.members
    assert outcome.is_unsigned


@pytest.mark.security("RF-12")
def test_an_honest_second_try_is_told_the_same_id_token() -> None:
    outcome, writes = refreshed().answer()
    assert writes.spend is not None
    used = NOW + timedelta(hours=1)
    spent = token(scope=SCOPE, used_at=used, successor_hash=writes.spend.successor_hash, successor_sealed=writes.spend.successor_sealed)
    again, _ = refreshed(record=spent, at=timedelta(hours=1, seconds=5)).answer()
    assert again.is_unsigned
    assert claims_of(dict(again.members)) == claims_of(dict(outcome.members))
    assert {**again.members, "id_token": None} == {**outcome.members, "id_token": None}
    repeated, first = again.members["id_token"], outcome.members["id_token"]
    assert isinstance(repeated, Unsigned)
    assert isinstance(first, Unsigned)
    assert (repeated.typ, repeated.algorithm) == (first.typ, first.algorithm)
    assert [tuple(pair) for pair in repeated.hashes] == first.hashes


@pytest.mark.security("RF-07")
def test_an_id_token_is_no_refresh_token() -> None:
    facts = Facts(client=app(), token=None)
    outcome, _ = Asked("refresh_token", {"refresh_token": "eyJhbGciOiJub25lIn0.e30."}, facts, POLICY).answer()
    assert outcome.refusal is not None


# -- claims that were asked for one by one -----------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC Core", "5.5")
def test_an_id_token_holds_the_claims_that_were_asked_for_in_it() -> None:
    wanted = {
        "userinfo": {"name": None},
        "id_token": {"email": None, "email_verified": None, "given_name": ["Ada", "Eve"], "locale": ["de"]},
    }
    person = {
        "email": "ada@example.com",
        "name": "Ada L",
        "claims": json.dumps({"given_name": "Ada", "locale": "en", "email_verified": True}),
    }
    claims = claims_of(redeemed(logged_in(claims=json.dumps(wanted)), person=person))
    told = {name: claims.get(name) for name in ("email", "email_verified", "given_name", "locale", "name")}
    assert told == {"email": "ada@example.com", "email_verified": True, "given_name": "Ada", "locale": None, "name": None}


def test_claims_that_were_asked_for_never_replace_what_the_token_says_itself() -> None:
    wanted = {"userinfo": {}, "id_token": {"sub": None, "iss": None, "aud": None}}
    claims = claims_of(redeemed(logged_in(claims=json.dumps(wanted)), person={"claims": json.dumps({"iss": "https://evil", "sub": "eve"})}))
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("https://id.example.com", "user-demo", "demo")


# -- names -------------------------------------------------------------------------------------------------------------------------

PAIRWISE = {"subject_type": "pairwise"}


@pytest.mark.rfc("OIDC Core", "8.1")
@pytest.mark.security("BR-07")
def test_a_pairwise_name_is_the_sectors_own_and_stays() -> None:
    subjects = Subjects(b"k" * 32)
    one, same_host = client("one", extra=PAIRWISE), client("two", extra=PAIRWISE)
    other = client("three", extra=PAIRWISE, redirect_uris=["https://other.example/cb"])
    shared = client("four", extra={**PAIRWISE, "sector_identifier_uri": "https://client.example.com/uris.json"}, redirect_uris=[])
    plain = client("five")
    names = [subjects.of(each, "user-demo") for each in (one, same_host, other, shared, plain)]
    assert names[0] == names[1] == names[3]
    assert len(names[0]) == 43
    assert names[2] not in {names[0], "user-demo"}
    assert names[4] == "user-demo"
    assert subjects.of(one, "user-other") != names[0]
    assert Subjects(b"o" * 32).of(one, "user-demo") != names[0]


def test_pairwise_names_need_a_key() -> None:
    with pytest.raises(RuntimeError, match="key"):
        SERVER.subjects.of(client(extra=PAIRWISE), "user-demo")


def test_an_id_token_names_the_person_as_the_client_knows_them() -> None:
    server = AuthorizationServer("https://id.example.com", Subjects(b"k" * 32))
    owner = app(extra=PAIRWISE)
    facts = Facts(client=owner, code=code_of(logged_in(), owner))
    request = Asked("authorization_code", {"code": "the-code", "redirect_uri": "https://client.example.com/cb"}, facts, POLICY).request()
    outcome, _ = server.respond(request, facts, Asked("").proofs, NOW)
    assert claims_of(dict(outcome.members))["sub"] == server.subjects.of(owner, "user-demo") != "user-demo"
