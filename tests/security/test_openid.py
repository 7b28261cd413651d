"""OpenID Connect over the whole server: published keys, ID tokens, and who is told what of a person."""

import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from app.core.keyring import Keyring
from app.core.keys import Algorithm, UnusableKey, half_hash
from app.core.secret_key import SecretKey
from app.main import create_app
from app.settings import Settings
from tests.fixtures.server import SECRET_KEY
from tests.fixtures.world import CALLBACK, CHALLENGE, ISSUER, VERIFIER, World, basic_header

FORM = "application/x-www-form-urlencoded"
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
DECLARED = """
[[users]]
username = "ada"
password = "a-password-of-her-own"
email = "ada@example.com"
name = "Ada Lovelace"
[users.claims]
given_name = "Ada"
locale = "en-GB"
email_verified = true
phone_number = "+44 20 7946 0000"
address = { locality = "London", country = "GB" }

[[clients]]
client_id = "oidc-app"
client_secret = "oidc-app-secret"
redirect_uris = ["http://127.0.0.1:9401/cb"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scope = "openid profile email address phone offline_access orders"
[[clients]]
client_id = "oidc-es256"
client_secret = "oidc-es256-secret"
redirect_uris = ["http://127.0.0.1:9401/cb"]
scope = "openid profile email"
id_token_signed_response_alg = "ES256"
userinfo_signed_response_alg = "ES256"
[[clients]]
client_id = "oidc-eddsa"
client_secret = "oidc-eddsa-secret"
redirect_uris = ["http://127.0.0.1:9401/cb"]
scope = "openid"
id_token_signed_response_alg = "EdDSA"
userinfo_signed_response_alg = "RS256"
[[clients]]
client_id = "oidc-pairwise"
client_secret = "oidc-pairwise-secret"
redirect_uris = ["http://127.0.0.1:9401/cb"]
scope = "openid email"
subject_type = "pairwise"
[[clients]]
client_id = "oidc-sibling"
client_secret = "oidc-sibling-secret"
redirect_uris = ["http://127.0.0.1:9402/cb"]
scope = "openid email"
subject_type = "pairwise"
[[clients]]
client_id = "oidc-stranger"
client_secret = "oidc-stranger-secret"
redirect_uris = ["https://stranger.example.com/cb"]
scope = "openid email"
subject_type = "pairwise"
"""


@pytest.fixture
async def site(world: World) -> World:
    """The world with clients of OpenID Connect and a person who is well known."""
    await world.declare_once(DECLARED)
    return world


async def jwks(site: World) -> KeySet:
    answer = await site.send("GET", "/.well-known/jwks.json")
    assert answer.status_code == 200, answer.text
    return KeySet.import_key_set(answer.json())


async def redeemed(
    site: World, client_id: str = "oidc-app", *, scope: str | None = None, nonce: str | None = "n", redirect_uri: str = CALLBACK
) -> dict[str, Any]:
    """Return the tokens of a code that Ada allowed."""
    code = await site.code(client_id, user="ada", scope=scope, challenge=CHALLENGE, nonce=nonce, redirect_uri=redirect_uri)
    sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": VERIFIER}
    answer = await site.post("/token", sent, basic=client_id)
    assert answer.status_code == 200, answer.text
    members: dict[str, Any] = answer.json()
    return members


async def claims_of(site: World, token: str, algorithm: str = "RS256") -> Mapping[str, Any]:
    """Verify a token of ours by the published keys, as a client does."""
    with pytest.warns(match="EdDSA") if algorithm == "EdDSA" else nullcontext():
        read = jwt.decode(token, await jwks(site), algorithms=[algorithm])
    assert read.header["alg"] == algorithm
    return read.claims


async def userinfo(site: World, token: str | None, method: str = "GET", **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return await site.send(method, "/userinfo", headers=headers, **options)


# -- keys --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("KY-01")
@pytest.mark.security("KY-02")
@pytest.mark.rfc("7517", "5")
async def test_published_keys_are_public_and_have_names_of_their_own(site: World) -> None:
    answer = await site.send("GET", "/.well-known/jwks.json")
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    keys = answer.json()["keys"]
    assert sorted(key["alg"] for key in keys) == ["ES256", "EdDSA", "RS256"]
    assert len({key["kid"] for key in keys}) == len(keys)
    assert all(PRIVATE.isdisjoint(key) and key["use"] == "sig" for key in keys)


@pytest.mark.security("AT-04")
async def test_what_is_stored_of_a_private_key_opens_under_the_secret_key_alone(site: World) -> None:
    await jwks(site)
    stored = await site.storage.look(lambda catalog: catalog.signing_keys())
    right, wrong = (Keyring(stored, SecretKey(text).derive(b"signing")) for text in (SECRET_KEY, "o" * 40))
    for key in stored:
        pkcs8 = right.unsealed(key)
        assert right.pair(key).public_jwk == key.public_jwk
        assert not any(pkcs8[at : at + 16] in key.private_sealed for at in range(len(pkcs8) - 16))
        assert PRIVATE.isdisjoint(key.public_jwk)
        with pytest.raises(UnusableKey):
            wrong.unsealed(key)


# -- ID tokens ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC Core", "3.1.3.7")
@pytest.mark.security("ID-01")
@pytest.mark.security("ID-02")
@pytest.mark.parametrize(("client_id", "algorithm"), [("oidc-app", "RS256"), ("oidc-es256", "ES256"), ("oidc-eddsa", "EdDSA")])
async def test_an_id_token_stands_every_check_of_a_client(site: World, client_id: str, algorithm: str) -> None:
    tokens = await redeemed(site, client_id, nonce="the-nonce")
    claims = await claims_of(site, tokens["id_token"], algorithm)
    assert claims["at_hash"] == half_hash(tokens["access_token"], Algorithm(algorithm))
    header = {"alg": algorithm}
    options = {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": client_id}}
    read = CodeIDToken(claims, header, options, {"nonce": "the-nonce", "client_id": client_id, "access_token": tokens["access_token"]})
    read.validate(now=int(site.clock.now().timestamp()))
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["auth_time"] == claims["iat"]


async def test_without_the_scope_openid_the_answer_is_as_it_always_was(site: World) -> None:
    assert "id_token" not in await redeemed(site, scope="profile orders")


@pytest.mark.security("CC-01")
async def test_a_client_of_its_own_gets_no_id_token(site: World) -> None:
    answer = await site.post("/token", {"grant_type": "client_credentials", "scope": "openid profile"}, basic="oidc-app")
    assert answer.status_code == 200
    assert "id_token" not in answer.json()


@pytest.mark.rfc("OIDC Core", "12.2")
async def test_a_refresh_tells_the_same_login_again(site: World) -> None:
    tokens = await redeemed(site)
    first = await claims_of(site, tokens["id_token"])
    site.clock.move(minutes=30)
    sent = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answer = await site.post("/token", sent, basic="oidc-app")
    again = await claims_of(site, answer.json()["id_token"])
    same = ("iss", "sub", "aud", "azp", "auth_time", "acr")
    assert [again[name] for name in same] == [first[name] for name in same]
    assert again["iat"] == first["iat"] + 1800
    assert "nonce" not in again
    site.clock.move(seconds=5)
    repeated = await site.post("/token", sent, basic="oidc-app")
    assert await claims_of(site, repeated.json()["id_token"]) == again


@pytest.mark.security("KY-05")
@pytest.mark.security("BR-04")
@pytest.mark.security("JW-04")
async def test_an_id_token_is_nothing_but_an_id_token(site: World) -> None:
    tokens = await redeemed(site)
    assert (await userinfo(site, tokens["id_token"])).status_code == 401
    told = await site.introspect(tokens["id_token"], "oidc-app")
    assert told == {"active": False}
    answer = await site.post("/token", {"grant_type": "refresh_token", "refresh_token": tokens["id_token"]}, basic="oidc-app")
    assert answer.json()["error"] == "invalid_grant"


# -- userinfo ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC Core", "5.3")
@pytest.mark.rfc("OIDC Core", "5.4")
@pytest.mark.security("BR-07")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_token_tells_the_claims_of_its_scopes(site: World, method: str) -> None:
    user = await site.storage.look(lambda catalog: catalog.user_by_login("ada"))
    assert user is not None
    told: dict[str, dict[str, Any]] = {
        "openid": {"sub": user.id},
        "profile": {
            "name": "Ada Lovelace",
            "preferred_username": "ada",
            "given_name": "Ada",
            "locale": "en-GB",
            "updated_at": int(user.updated_at.timestamp()),
        },
        "email": {"email": "ada@example.com", "email_verified": True},
        "address": {"address": {"locality": "London", "country": "GB"}},
        "phone": {"phone_number": "+44 20 7946 0000", "phone_number_verified": False},
    }
    for scope in ("openid", "openid email", "openid profile phone", "openid profile email address phone offline_access"):
        answer = await userinfo(site, (await redeemed(site, scope=scope))["access_token"], method)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json() == {name: value for one in scope.split() for name, value in told.get(one, {}).items()}


@pytest.mark.rfc("OIDC Core", "5.3.1")
@pytest.mark.rfc("6750", "2.2")
async def test_a_token_may_come_in_the_form_of_a_post(site: World) -> None:
    token = (await redeemed(site, scope="openid email"))["access_token"]
    answer = await userinfo(site, None, "POST", data={"access_token": token})
    assert answer.json()["email"] == "ada@example.com"


@pytest.mark.rfc("OIDC Core", "5.3.2")
@pytest.mark.security("ID-01")
@pytest.mark.parametrize(("client_id", "algorithm"), [("oidc-es256", "ES256"), ("oidc-eddsa", "RS256")])
async def test_a_client_may_be_told_by_a_signed_answer(site: World, client_id: str, algorithm: str) -> None:
    tokens = await redeemed(site, client_id)
    answer = await userinfo(site, tokens["access_token"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jwt")
    assert answer.headers["content-length"] == str(len(answer.content))
    claims = await claims_of(site, answer.text, algorithm)
    assert (claims["iss"], claims["aud"]) == (ISSUER, client_id)
    assert claims["sub"] == (await claims_of(site, tokens["id_token"], "ES256" if client_id == "oidc-es256" else "EdDSA"))["sub"]
    assert "exp" not in claims


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.security("BR-01")
async def test_who_brings_no_token_is_told_how_to_ask_and_nothing_else(site: World) -> None:
    for answer in (
        await userinfo(site, None),
        await userinfo(site, None, "POST"),
        await userinfo(site, None, "POST", data={"token": "x"}),
        await site.send("GET", "/userinfo", headers={"Authorization": basic_header("oidc-app", "oidc-app-secret")}),
    ):
        assert (answer.status_code, answer.headers["www-authenticate"], answer.content) == (401, 'Bearer realm="tokenry"', b"")


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.security("BR-02")
@pytest.mark.security("BR-04")
async def test_what_is_no_living_access_token_is_told_so(site: World) -> None:
    tokens = await redeemed(site)
    for bad in ("x", "a.b.c", "é", "0" * 9000, tokens["refresh_token"], tokens["access_token"][:-1], tokens["access_token"] + "A"):
        answer = await site.send("GET", "/userinfo", headers={"Authorization": f"Bearer {bad}".encode()})
        assert answer.status_code == 401, bad
        assert answer.json()["error"] == "invalid_token"
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    site.clock.move(hours=1)
    assert (await userinfo(site, tokens["access_token"])).status_code == 401


@pytest.mark.security("BR-03")
@pytest.mark.rfc("9700", "4.3.2")
async def test_a_token_in_the_url_is_not_read(site: World) -> None:
    token = (await redeemed(site))["access_token"]
    assert (await userinfo(site, None, params={"access_token": token})).status_code == 401
    assert (await userinfo(site, None, "POST", params={"access_token": token})).status_code == 401


@pytest.mark.security("BR-05")
@pytest.mark.rfc("6750", "2")
async def test_a_token_that_comes_in_two_ways_is_refused(site: World) -> None:
    token = (await redeemed(site))["access_token"]
    for answer in (
        await userinfo(site, token, "POST", data={"access_token": token}),
        await userinfo(site, token, params={"access_token": token}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert 'error="invalid_request"' in answer.headers["www-authenticate"]
    headers = [("authorization", f"Bearer {token}")] * 2
    assert (await site.raw("GET", "/userinfo", headers, [b""])).status == 400


@pytest.mark.security("BR-06")
@pytest.mark.rfc("6750", "3.1")
async def test_a_token_without_a_person_or_without_openid_tells_nothing(site: World) -> None:
    own = (await site.post("/token", {"grant_type": "client_credentials", "scope": "openid"}, basic="oidc-app")).json()["access_token"]
    assert (await userinfo(site, own)).status_code == 401
    without = (await redeemed(site, scope="profile"))["access_token"]
    answer = await userinfo(site, without)
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    assert answer.headers["www-authenticate"].endswith('scope="openid"')
    partner = (await site.post("/oauth/token", {"grant_type": "silent", "kdt_id": "88888", **site.credentials("testclient")})).json()
    assert (await userinfo(site, partner["access_token"])).status_code == 401


@pytest.mark.security("IN-01")
@pytest.mark.security("IN-04")
@pytest.mark.security("CA-06")
@pytest.mark.parametrize(
    ("headers", "body", "statuses"),
    [
        pytest.param([("authorization", "Bearer")], b"", {401}, id="no token"),
        pytest.param([("authorization", "Bearer a b")], b"", {401}, id="two words"),
        pytest.param([("authorization", "bearer \x00")], b"", {401}, id="NUL"),
        pytest.param([("authorization", "\xff\xfe")], b"", {401}, id="no ASCII"),
        pytest.param([("authorization", "Bearer " + "\xe9" * 500)], b"", {401}, id="a token of no ASCII"),
        pytest.param([("content-type", FORM)], b"access_token=%00", {400, 401}, id="NUL in the form"),
        pytest.param([("content-type", FORM)], b"access_token=%ff%fe", {400}, id="no UTF-8"),
        pytest.param([("content-type", FORM)], b"access_token=%ED%A0%80", {400}, id="half a surrogate pair"),
        pytest.param([("content-type", FORM)], b"access_token=a&access_token=b", {400}, id="twice"),
        pytest.param([("content-type", FORM)], b"access_token=" + b"a" * 70_000, {413}, id="too large"),
        pytest.param([("content-type", FORM)], b"a=b&" * 5000, {400}, id="too many fields"),
        pytest.param([("content-type", "application/json")], b'{"access_token":"x"}', {401}, id="JSON"),
        pytest.param([("content-type", "multipart/form-data; boundary=B")], b"--B\r\n", {401}, id="multipart"),
        pytest.param([("content-type", FORM), ("content-type", FORM)], b"access_token=x", {415}, id="two types"),
    ],
)
async def test_whatever_is_sent_is_refused_in_due_form(
    site: World, headers: list[tuple[str, str]], body: bytes, statuses: set[int]
) -> None:
    raw = await site.raw("POST", "/userinfo", headers, [body])
    assert raw.status in statuses, raw
    assert raw.headers["cache-control"] == "no-store"
    if raw.body:
        assert set(json.loads(raw.body)) == {"error", "error_description"}


async def test_other_methods_are_named(site: World) -> None:
    answer = await site.send("PUT", "/userinfo")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


@pytest.mark.security("IT-06")
@pytest.mark.security("AD-08")
async def test_what_ends_a_grant_ends_what_its_token_tells(site: World) -> None:
    tokens = await redeemed(site)
    await site.post("/revoke", {"token": tokens["refresh_token"]}, basic="oidc-app")
    assert (await userinfo(site, tokens["access_token"])).status_code == 401


async def test_an_answer_takes_one_load_and_no_commit(site: World) -> None:
    token = (await redeemed(site))["access_token"]
    counters = site.storage.counters
    before = (counters.loads, counters.commits)
    assert (await userinfo(site, token)).status_code == 200
    assert (counters.loads - before[0], counters.commits - before[1]) == (1, 0)


async def test_the_log_tells_who_asked_about_whom(site: World) -> None:
    token = (await redeemed(site))["access_token"]
    site.notes.events.clear()
    await userinfo(site, token)
    (event,) = site.notes.events
    assert (event.method, event.path, event.status, event.client_id, event.grant) == ("GET", "/userinfo", 200, "oidc-app", "userinfo")
    assert event.user_id is not None
    assert token not in json.dumps([str(value) for value in (event.detail, event.path, event.cause)])


# -- names -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC Core", "8")
@pytest.mark.security("BR-07")
async def test_clients_of_different_sectors_know_a_person_by_different_names(site: World) -> None:
    names = {}
    for client_id, redirect_uri in (
        ("oidc-app", CALLBACK),
        ("oidc-pairwise", CALLBACK),
        ("oidc-sibling", "http://127.0.0.1:9402/cb"),
        ("oidc-stranger", "https://stranger.example.com/cb"),
    ):
        tokens = await redeemed(site, client_id, redirect_uri=redirect_uri)
        told = await userinfo(site, tokens["access_token"])
        names[client_id] = (await claims_of(site, tokens["id_token"]))["sub"]
        assert told.json()["sub"] == names[client_id]
        assert (await site.introspect(tokens["access_token"], client_id))["sub"] == names[client_id]
    assert names["oidc-pairwise"] == names["oidc-sibling"]
    assert len(set(names.values())) == 3
    again = await redeemed(site, "oidc-pairwise")
    assert (await claims_of(site, again["id_token"]))["sub"] == names["oidc-pairwise"]


# -- metadata ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("8414", "3.1")
@pytest.mark.security("MD-01")
async def test_an_issuer_with_a_path_is_found_where_each_text_looks_for_it(tmp_path: Path) -> None:
    plain, openid = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
    issuer = "https://id.example.com/tenant/one"
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path / 'x.db'}", issuer=issuer))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://id.example.com") as client:
        found = {path: await client.get(path) for path in (plain, openid, f"{plain}/tenant/one", f"{openid}/tenant/one")}
        assert (await client.get(f"{plain}/tenant/two")).status_code == 404
    assert {answer.status_code for answer in found.values()} == {200}
    assert {answer.json()["issuer"] for answer in found.values()} == {issuer}
    assert {answer.json()["token_endpoint"] for answer in found.values()} == {f"{issuer}/token"}
