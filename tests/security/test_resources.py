"""Resources, JWT access tokens and introspection over the whole server: whom a token is for, who may ask about it, what ends it."""

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet

from app.admin import disable_client, disable_resource, disable_user, enable_client, enable_resource, enable_user, set_password
from app.admin.keys import rotate_keys
from app.core.keys import Algorithm, half_hash
from app.core.secret_key import SecretKey
from tests.fixtures.server import SECRET_KEY
from tests.fixtures.world import CALLBACK, CHALLENGE, ISSUER, VERIFIER, World, basic_header
from tests.security.people import OpenVisit, allowed, encoded

ORDERS, STOCK = "https://orders.example.com/", "https://stock.example.com/v1"
SIGNED = "application/token-introspection+jwt"
DECLARED = """
[[users]]
username = "ada"
password = "a-password-of-her-own"
email = "ada@example.com"
name = "Ada Lovelace"

[[clients]]
client_id = "orders-api"
client_secret = "orders-api-secret"
grant_types = []
[[clients]]
client_id = "stock-api"
client_secret = "stock-api-secret"
grant_types = []
introspection_signed_response_alg = "ES256"
[[clients]]
client_id = "bystander"
client_secret = "bystander-secret"
grant_types = []

[[resources]]
uri = "https://orders.example.com/"
name = "Orders"
scopes = ["orders", "refunds"]
introspection_client = "orders-api"
[[resources]]
uri = "https://stock.example.com/v1"
scopes = ["items"]
introspection_client = "stock-api"

[[clients]]
client_id = "res-app"
client_secret = "res-app-secret"
redirect_uris = ["http://127.0.0.1:9401/cb"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scope = "openid profile offline_access orders items"
[[clients]]
client_id = "jwt-app"
client_secret = "jwt-app-secret"
redirect_uris = ["http://127.0.0.1:9401/cb"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scope = "openid profile offline_access orders items"
access_token_format = "jwt"
[[clients]]
client_id = "jwt-rs256"
client_secret = "jwt-rs256-secret"
grant_types = ["client_credentials"]
scope = "orders items"
access_token_format = "jwt"
access_token_signed_response_alg = "RS256"
default_resources = ["https://orders.example.com/"]
[[clients]]
client_id = "jwt-eddsa"
client_secret = "jwt-eddsa-secret"
grant_types = ["client_credentials"]
access_token_format = "jwt"
access_token_signed_response_alg = "EdDSA"
[[clients]]
client_id = "jwt-pairwise"
client_secret = "jwt-pairwise-secret"
redirect_uris = ["http://127.0.0.1:9401/cb"]
scope = "openid orders"
access_token_format = "jwt"
subject_type = "pairwise"
[[clients]]
client_id = "jwt-hybrid"
client_secret = "jwt-hybrid-secret"
profile = "oidc"
redirect_uris = ["http://127.0.0.1:9401/cb"]
response_types = ["code id_token token"]
grant_types = ["authorization_code", "implicit"]
scope = "openid orders items"
access_token_format = "jwt"
[[clients]]
client_id = "jwt-public"
token_endpoint_auth_method = "none"
redirect_uris = ["http://127.0.0.1:9401/cb"]
grant_types = ["authorization_code", "refresh_token"]
scope = "openid orders"
access_token_format = "jwt"
"""
APPS = pytest.mark.parametrize("app", ["res-app", "jwt-app"])


@pytest.fixture
async def site(world: World) -> World:
    """The world with resources, their servers, and clients that ask for tokens for them."""
    await world.declare_once(DECLARED)
    return world


async def own(site: World, client_id: str = "jwt-app", *, status: int = 200, **sent: str | list[str]) -> dict[str, Any]:
    """Return a client's own token."""
    fields: Mapping[str, Any] = {"grant_type": "client_credentials", **sent}
    answer = await site.post("/token", fields, basic=client_id)
    assert answer.status_code == status, answer.text
    members: dict[str, Any] = answer.json()
    return members


async def redeemed(site: World, client_id: str = "jwt-app", resource: str | None = None, **sent: str) -> dict[str, Any]:
    """Return the tokens of a code that Ada allowed."""
    code = await site.code(client_id, user="ada", challenge=CHALLENGE, nonce="n", resource=resource)
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **sent}
    answer = await post(site, fields, client_id)
    assert answer.status_code == 200, answer.text
    members: dict[str, Any] = answer.json()
    return members


async def post(site: World, fields: Mapping[str, str], client_id: str) -> httpx.Response:
    if client_id in site.secrets:
        return await site.post("/token", fields, basic=client_id)
    return await site.post("/token", {**fields, "client_id": client_id})


async def refreshed(site: World, refresh_token: str, client_id: str = "jwt-app", **sent: str) -> httpx.Response:
    return await post(site, {"grant_type": "refresh_token", "refresh_token": refresh_token, **sent}, client_id)


async def read(site: World, token: str, algorithm: str = "ES256") -> jwt.Token:
    """Verify a token of ours by the published keys, as a resource does (RFC 9068 §4)."""
    keys = KeySet.import_key_set((await site.send("GET", "/.well-known/jwks.json")).json())
    with pytest.warns(match="EdDSA") if algorithm == "EdDSA" else nullcontext():
        return jwt.decode(token, keys, algorithms=[algorithm])


async def userinfo(site: World, token: str) -> httpx.Response:
    return await site.send("GET", "/userinfo", headers={"Authorization": f"Bearer {token}"})


async def asked(site: World, token: str, client_id: str, accept: str = SIGNED, **more: str) -> httpx.Response:
    """Ask about a token, for a signed answer."""
    headers = {"Authorization": basic_header(client_id, site.secrets[client_id]), "Accept": accept, **more}
    return await site.send("POST", "/introspect", data={"token": token}, headers=headers)


def segments(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, claims, signature = token.split(".")
    return opened(header), opened(claims), signature


def opened(segment: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return found


def closed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


# -- JWT access tokens -------------------------------------------------------------------------------------------------------------


@pytest.mark.security("JW-01")
@pytest.mark.rfc("9068", "2.1")
@pytest.mark.rfc("9068", "2.2")
@pytest.mark.rfc("9068", "4")
@pytest.mark.parametrize(("client_id", "algorithm"), [("jwt-app", "ES256"), ("jwt-rs256", "RS256"), ("jwt-eddsa", "EdDSA")])
async def test_a_resource_can_check_a_token_by_the_published_keys(site: World, client_id: str, algorithm: str) -> None:
    answer = await own(site, client_id)
    found = await read(site, answer["access_token"], algorithm)
    assert found.header["typ"] == "at+jwt"
    assert answer["token_type"] == "Bearer"
    claims = found.claims
    assert (claims["iss"], claims["sub"], claims["client_id"]) == (ISSUER, client_id, client_id)
    assert claims["aud"] == (ORDERS if client_id == "jwt-rs256" else ISSUER)
    assert claims["iat"] == int(site.clock.now().timestamp())
    assert claims["exp"] == claims["iat"] + answer["expires_in"]
    assert claims.get("scope") == answer.get("scope")


@pytest.mark.rfc("9068", "2.2.1")
@pytest.mark.security("JW-01")
async def test_a_token_of_a_person_says_the_same_of_them_as_the_id_token(site: World) -> None:
    tokens = await redeemed(site)
    token, identity = (await read(site, tokens["access_token"])).claims, (await read(site, tokens["id_token"], "RS256")).claims
    assert (token["sub"], token["auth_time"], token["acr"]) == (identity["sub"], identity["auth_time"], identity["acr"])
    told = (await userinfo(site, tokens["access_token"])).json()
    assert (told["sub"], told["name"]) == (token["sub"], "Ada Lovelace")


@pytest.mark.rfc("9068", "6")
async def test_a_client_knows_people_in_its_tokens_by_its_own_names(site: World) -> None:
    tokens = await redeemed(site, "jwt-pairwise")
    sub = (await read(site, tokens["access_token"])).claims["sub"]
    assert sub == (await userinfo(site, tokens["access_token"])).json()["sub"]
    assert sub != (await read(site, (await redeemed(site))["access_token"])).claims["sub"]


@pytest.mark.security("ID-02")
async def test_the_id_token_holds_the_hash_of_the_signed_access_token(site: World) -> None:
    tokens = await redeemed(site)
    assert (await read(site, tokens["id_token"], "RS256")).claims["at_hash"] == half_hash(tokens["access_token"], Algorithm.RS256)


@pytest.mark.security("IT-04")
@pytest.mark.security("KY-04")
@pytest.mark.security("KY-05")
@pytest.mark.security("BR-02")
@pytest.mark.rfc("8725", "3.1")
async def test_whatever_we_have_not_signed_is_no_token(site: World) -> None:
    token = (await redeemed(site))["access_token"]
    header, claims, signature = segments(token)
    first, second, _ = token.split(".")
    stranger = ECKey.generate_key("P-256")
    signed = {name: jws.serialize_compact({**header, **more}, json.dumps(claims).encode(), stranger) for name, more in STRANGERS.items()}
    signed["jwk"] = jws.serialize_compact(
        {**header, "jwk": stranger.as_dict(private=False)}, json.dumps(claims).encode(), stranger, registry=LENIENT
    )
    forged = {
        **signed,
        "none": f"{closed({'alg': 'none', 'typ': 'at+jwt'})}.{second}.",
        "none with the signature": f"{closed({'alg': 'none', 'typ': 'at+jwt'})}.{second}.{signature}",
        "no signature": f"{first}.{second}.",
        "another signature": f"{first}.{second}.{signature[:-4]}AAAA",
        "more scope": f"{first}.{closed({**claims, 'scope': 'admin'})}.{signature}",
        "its identifier alone": claims["jti"],
        "its identifier in an empty token": f"{closed({})}.{closed({'jti': claims['jti']})}.",
        "cut": token[:-1],
        "longer": token + "A",
        "a fourth part": token + ".e30",
        "another case": token.swapcase(),
        "no base64 behind": f"{token}~",
    }
    for name, bad in forged.items():
        assert (await asked(site, bad, "jwt-app", "*/*")).json() == {"active": False}, name
        assert (await userinfo(site, bad)).status_code == 401, name
        await site.post("/revoke", {"token": bad}, basic="jwt-app")
    assert (await site.introspect(token, "jwt-app"))["active"]
    assert (await userinfo(site, token)).status_code == 200


@pytest.mark.rfc("9068", "2.2")
@pytest.mark.rfc("8707", "2.1")
@pytest.mark.security("ID-02")
@pytest.mark.security("JW-02")
@pytest.mark.parametrize("shared_world", ["sqlite-direct", "postgresql-direct"], indirect=True)
async def test_a_signed_access_token_may_come_by_the_browser(site: World, visits: OpenVisit, person: str) -> None:
    asked_for = {
        "response_type": "code id_token token",
        "client_id": "jwt-hybrid",
        "redirect_uri": CALLBACK,
        "scope": "openid orders items",
        "resource": ORDERS,
        "nonce": "n",
        "state": "s",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    members = await allowed(await visits(), f"/authorize?{encoded(asked_for)}", person)
    token, identity = await read(site, members["access_token"]), await read(site, members["id_token"], "RS256")
    assert (token.claims["aud"], token.claims["scope"]) == ([ORDERS, ISSUER], "openid orders")
    assert identity.claims["at_hash"] == half_hash(members["access_token"], Algorithm.RS256)
    assert (await site.introspect(members["access_token"], "orders-api"))["scope"] == "orders"
    assert (await userinfo(site, members["access_token"])).status_code == 200
    sent = {"grant_type": "authorization_code", "code": members["code"], "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    answer = await post(site, {**sent, "resource": ORDERS}, "jwt-hybrid")
    assert (await read(site, answer.json()["access_token"])).claims["aud"] == ORDERS


STRANGERS: Mapping[str, Mapping[str, str]] = {"their key under our name": {}, "their key under another name": {"kid": "theirs"}}
LENIENT = jws.JWSRegistry(strict_check_header=False)


@pytest.mark.security("KY-07")
@pytest.mark.security("IT-02")
@pytest.mark.parametrize(
    "bad",
    [
        "a.b.c",
        "..",
        ". .",
        "e30.e30.",
        f"e30.{closed([1])}.x",
        f"e30.{closed({'jti': 1})}.x",
        f"e30.{closed({'jti': None})}.x",
        f"e30.{closed({'jti': chr(0)})}.x",
        f"e30.{base64.urlsafe_b64encode(b'[' * 9000).decode().rstrip('=')}.x",
        f"e30.{base64.urlsafe_b64encode(bytes([34, 255, 34])).decode().rstrip('=')}.x",
        "e30." + closed({"jti": "\ud800"}) + ".x",
        "\u00e9.\u00e9.\u00e9",
        "0" * 9000,
        "a." + "A" * 40_000 + ".c",
    ],
)
async def test_whatever_looks_like_a_jwt_and_is_none_is_inactive(site: World, bad: str) -> None:
    await own(site)
    assert (await asked(site, bad, "jwt-app", "*/*")).json() == {"active": False}
    answer = await site.send("GET", "/userinfo", headers={"Authorization": b"Bearer " + bad.encode()})
    assert answer.status_code == 401
    assert (await site.post("/revoke", {"token": bad}, basic="jwt-app")).status_code == 200


@pytest.mark.security("JW-04")
@pytest.mark.security("BR-04")
@pytest.mark.security("RF-07")
@pytest.mark.rfc("8725", "3.11")
async def test_tokens_of_one_kind_do_not_stand_for_another(site: World) -> None:
    tokens = await redeemed(site)
    told = (await asked(site, tokens["access_token"], "jwt-app")).text
    for bad in (tokens["id_token"], told, tokens["refresh_token"]):
        assert (await userinfo(site, bad)).status_code == 401
    for bad in (tokens["id_token"], told):
        assert (await asked(site, bad, "jwt-app", "*/*")).json() == {"active": False}
    for bad in (tokens["access_token"], tokens["id_token"], told):
        answer = await refreshed(site, bad)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.security("JW-03")
@pytest.mark.security("RV-01")
@pytest.mark.rfc("7009", "2.1")
async def test_a_jwt_is_revoked_at_once_and_by_its_owner_alone(site: World) -> None:
    token = (await redeemed(site))["access_token"]
    foreign = await site.post("/revoke", {"token": token}, basic="bystander")
    assert (foreign.status_code, foreign.json()["error"]) == (400, "invalid_grant")
    assert (await userinfo(site, token)).status_code == 200
    assert (await site.post("/revoke", {"token": token, "token_type_hint": "refresh_token"}, basic="jwt-app")).status_code == 200
    assert await site.introspect(token, "jwt-app") == {"active": False}
    assert (await userinfo(site, token)).status_code == 401


@pytest.mark.security("JW-03")
@pytest.mark.security("IT-06")
async def test_a_jwt_ends_with_its_time_and_with_whoever_stands_behind_it(site: World) -> None:
    tokens = await redeemed(site)
    token = tokens["access_token"]
    site.clock.move(seconds=3599)
    assert (await site.introspect(token, "jwt-app"))["active"]
    site.clock.move(seconds=1)
    assert await site.introspect(token, "jwt-app") == {"active": False}
    assert (await userinfo(site, token)).status_code == 401
    token = (await redeemed(site))["access_token"]
    await disable_user(site.operator, "ada")
    assert await site.introspect(token, "jwt-app") == {"active": False}
    await enable_user(site.operator, "ada")
    tokens = await redeemed(site)
    await site.post("/revoke", {"token": tokens["refresh_token"]}, basic="jwt-app")
    assert await site.introspect(tokens["access_token"], "jwt-app") == {"active": False}


@pytest.mark.security("KY-03")
async def test_a_token_stays_known_when_the_keys_change(site: World) -> None:
    token = (await own(site))["access_token"]
    assert (await site.introspect(token, "jwt-app"))["active"]
    await rotate_keys(site.operator, SecretKey(SECRET_KEY).derive(b"signing"), "ES256", now=True)
    fresh = (await own(site))["access_token"]
    for one in (token, fresh):
        assert (await site.introspect(one, "jwt-app"))["active"]
        await read(site, one)


@pytest.mark.security("AT-01")
@pytest.mark.security("LO-01")
async def test_of_a_jwt_only_a_digest_is_kept_and_nothing_is_logged(site: World) -> None:
    token = (await own(site))["access_token"]
    jti = segments(token)[1]["jti"]
    await asked(site, token, "jwt-app")
    said = json.dumps([str(event) for event in site.notes.events])
    assert jti not in said
    assert token.rpartition(".")[2] not in said


# -- resources ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("JW-02")
@pytest.mark.rfc("8707", "2.2")
async def test_a_token_is_for_the_resource_that_is_asked_for(site: World) -> None:
    answer = await own(site, resource=STOCK)
    assert answer["scope"] == "items"
    claims = (await read(site, answer["access_token"])).claims
    assert (claims["aud"], claims["scope"]) == (STOCK, "items")
    both = await own(site, resource=[ORDERS, STOCK], scope="items orders")
    claims = (await read(site, both["access_token"])).claims
    assert (claims["aud"], claims["scope"]) == ([ORDERS, STOCK], "items orders")
    opaque = await own(site, "res-app", resource=ORDERS)
    assert (opaque["scope"], (await site.introspect(opaque["access_token"], "res-app"))["aud"]) == ("orders", ORDERS)


@pytest.mark.security("JW-02")
@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize(
    "resource",
    ["https://unknown.example.com", "https://orders.example.com", "orders", f"{ORDERS}#x", "javascript:", "\u5e97", [ORDERS, "x"]],
)
async def test_what_is_no_resource_is_an_invalid_target(site: World, resource: str | list[str]) -> None:
    members = await own(site, status=400, resource=resource)
    assert members["error"] == "invalid_target"


@pytest.mark.security("JW-02")
async def test_a_disabled_resource_is_refused_at_once_and_its_server_told_nothing(site: World) -> None:
    token = (await own(site, "res-app", resource=ORDERS))["access_token"]
    assert (await site.introspect(token, "orders-api"))["active"]
    await disable_resource(site.operator, ORDERS)
    assert (await own(site, status=400, resource=ORDERS))["error"] == "invalid_target"
    assert await site.introspect(token, "orders-api") == {"active": False}
    await enable_resource(site.operator, ORDERS)
    assert (await site.introspect(token, "orders-api"))["active"]


@APPS
@pytest.mark.security("JW-02")
@pytest.mark.rfc("8707", "2.2")
async def test_a_person_allows_some_resources_and_tokens_are_for_a_part_of_them(site: World, app: str) -> None:
    tokens = await redeemed(site, app, f"{ORDERS} {STOCK}")
    assert (await site.introspect(tokens["access_token"], app))["aud"] == [ORDERS, STOCK, ISSUER]
    assert (await userinfo(site, tokens["access_token"])).status_code == 200
    narrow = (await refreshed(site, tokens["refresh_token"], app, resource=STOCK)).json()
    told = await site.introspect(narrow["access_token"], app)
    assert (told["aud"], told["scope"], narrow["scope"]) == (STOCK, "items", "items")
    assert "id_token" in narrow
    assert (await userinfo(site, narrow["access_token"])).status_code == 401
    other = await refreshed(site, narrow["refresh_token"], app, resource="https://unknown.example.com")
    assert (other.status_code, other.json()["error"]) == (400, "invalid_target")
    back = (await refreshed(site, narrow["refresh_token"], app)).json()
    assert (await site.introspect(back["access_token"], app))["aud"] == [ORDERS, STOCK, ISSUER]


@pytest.mark.rfc("8707", "2.1")
@pytest.mark.security("JW-02")
async def test_the_authorization_endpoint_tells_of_a_resource_that_is_none(site: World) -> None:
    sound = {
        "client_id": "res-app",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "state": "s",
    }
    answer = await site.send("GET", "/authorize", params={**sound, "resource": "https://unknown.example.com"})
    assert answer.status_code in {302, 303}
    assert answer.headers["location"].startswith(f"{CALLBACK}?error=invalid_target&")
    answer = await site.send("GET", "/authorize", params={**sound, "resource": [ORDERS, STOCK]})
    assert answer.headers["location"].startswith("/login")


@pytest.mark.security("IN-01")
@pytest.mark.security("IN-02")
@pytest.mark.security("IN-08")
@pytest.mark.parametrize(
    "value",
    [
        "%00",
        "%ff%fe",
        "%ed%a0%80",
        "%C0%AF",
        "%0d%0aSet-Cookie:a=b",
        "urn:a%20urn:b",
        "urn:" + "a" * 20_000,
        "urn:a&resource=%00",
        "'--",
        "%20",
        "+&resource=+",
    ],
)
async def test_odd_resources_never_fail(site: World, value: str) -> None:
    sound = f"client_id=res-app&redirect_uri={CALLBACK}&response_type=code&code_challenge={CHALLENGE}&code_challenge_method=S256"
    answer = await site.send("GET", f"/authorize?{sound}&resource={value}")
    assert answer.status_code in {302, 303, 400}, answer.text
    assert "set-cookie" not in answer.headers or "a=b" not in answer.headers["set-cookie"]
    headers = {"Authorization": basic_header("res-app", "res-app-secret"), "Content-Type": "application/x-www-form-urlencoded"}
    answer = await site.send("POST", "/token", content=f"grant_type=client_credentials&resource={value}", headers=headers)
    assert (answer.status_code, answer.json()["error"] in {"invalid_target", "invalid_request"}) == (400, True)


async def test_a_token_for_a_resource_takes_one_load_and_one_commit(site: World) -> None:
    await own(site, resource=ORDERS)
    counters = site.storage.counters
    before = (counters.loads, counters.commits)
    token = (await own(site, resource=[ORDERS, STOCK]))["access_token"]
    assert (counters.loads - before[0], counters.commits - before[1]) == (1, 1)
    before = (counters.loads, counters.commits)
    await site.introspect(token, "stock-api")
    assert (counters.loads - before[0], counters.commits - before[1]) == (1, 0)


# -- who may ask about a token -----------------------------------------------------------------------------------------------------


@APPS
@pytest.mark.security("IT-05")
@pytest.mark.rfc("7662", "4")
@pytest.mark.rfc("7662", "2.2")
async def test_a_resource_is_told_what_concerns_it(site: World, app: str) -> None:
    tokens = await redeemed(site, app, f"{ORDERS} {STOCK}")
    token = tokens["access_token"]
    owner = await site.introspect(token, app)
    assert owner["username"] == "ada"
    assert owner["scope"] == "openid profile offline_access orders items"
    for client_id, uri, scope in (("orders-api", ORDERS, "orders"), ("stock-api", STOCK, "items")):
        told = await site.introspect(token, client_id)
        assert (told["active"], told["aud"], told["scope"], told["client_id"], told["iss"]) == (True, uri, scope, app, ISSUER)
        assert (told["sub"], told["exp"], told["auth_time"]) == (owner["sub"], owner["exp"], owner["auth_time"])
        assert "username" not in told


@APPS
@pytest.mark.security("IT-05")
@pytest.mark.rfc("7662", "4")
async def test_who_is_neither_owner_nor_meant_is_told_nothing(site: World, app: str) -> None:
    for_orders, for_nobody = (await own(site, app, resource=ORDERS))["access_token"], (await own(site, app))["access_token"]
    refresh = (await redeemed(site, app, ORDERS))["refresh_token"]
    for token, client_id in (
        (for_orders, "stock-api"),
        (for_orders, "bystander"),
        (for_orders, "demo-service"),
        (for_nobody, "orders-api"),
        (refresh, "orders-api"),
    ):
        assert await site.introspect(token, client_id) == {"active": False}
    assert (await site.introspect(for_orders, "orders-api"))["active"]
    assert (await site.introspect(refresh, app))["active"]


@pytest.mark.security("IT-05")
async def test_who_asks_for_a_resource_may_change_at_any_time(site: World) -> None:
    token = (await own(site, resource=ORDERS))["access_token"]
    entry = '[[resources]]\nuri = "https://orders.example.com/"\nintrospection_client = "{}"'
    await site.declare(entry.format("bystander"))
    assert (await site.introspect(token, "bystander"))["active"]
    assert await site.introspect(token, "orders-api") == {"active": False}
    await site.declare(entry.format("orders-api"))
    assert await site.introspect(token, "bystander") == {"active": False}


@pytest.mark.security("IT-01")
@pytest.mark.security("CA-12")
async def test_a_resource_authenticates_and_is_not_disabled(site: World) -> None:
    token = (await own(site, resource=ORDERS))["access_token"]
    wrong = {"Authorization": basic_header("orders-api", "wrong")}
    assert (await site.send("POST", "/introspect", data={"token": token}, headers=wrong)).status_code == 401
    assert (await site.post("/introspect", {"token": token, "client_id": "orders-api"})).status_code == 401
    await disable_client(site.operator, "orders-api")
    assert (await site.post("/introspect", {"token": token}, basic="orders-api")).status_code == 401
    await enable_client(site.operator, "orders-api")


async def test_default_resources_let_a_client_that_names_none_be_checked(site: World) -> None:
    token = (await own(site, "jwt-rs256"))["access_token"]
    told = await site.introspect(token, "orders-api")
    assert (told["aud"], told["scope"]) == (ORDERS, "orders")


# -- signed answers ----------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("9701", "4")
@pytest.mark.rfc("9701", "5")
@pytest.mark.parametrize(("client_id", "algorithm"), [("orders-api", "RS256"), ("stock-api", "ES256")])
async def test_a_resource_may_be_told_by_a_signed_answer(site: World, client_id: str, algorithm: str) -> None:
    token = (await own(site, resource=[ORDERS, STOCK]))["access_token"]
    answer = await asked(site, token, client_id)
    assert (answer.status_code, answer.headers["content-type"]) == (200, SIGNED)
    assert (answer.headers["cache-control"], answer.headers["content-length"]) == ("no-store", str(len(answer.content)))
    found = await read(site, answer.text, algorithm)
    assert found.header["typ"] == "token-introspection+jwt"
    plain = await site.introspect(token, client_id)
    now = int(site.clock.now().timestamp())
    assert found.claims == {"iss": ISSUER, "aud": client_id, "iat": now, "token_introspection": plain}


@pytest.mark.rfc("9701", "5")
@pytest.mark.security("IT-02")
async def test_of_an_inactive_token_a_signed_answer_says_nothing_else(site: World) -> None:
    for bad in ("x", "a.b.c", (await own(site))["access_token"]):
        found = await read(site, (await asked(site, bad, "orders-api")).text, "RS256")
        assert found.claims["token_introspection"] == {"active": False}


@pytest.mark.rfc("9701", "4")
@pytest.mark.parametrize(
    ("accept", "is_signed"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/jwt", False),
        ("application/*", False),
        (SIGNED, True),
        (SIGNED.upper(), True),
        (f"{SIGNED};q=0", False),
        (f"{SIGNED};q=0.5, application/json", False),
        (f"application/json;q=0.5, {SIGNED};q=0.9", True),
        (f"{SIGNED}, */*;q=0.1", True),
        (f"{SIGNED};q=x", False),
        (f"{SIGNED};q=", False),
        (",;,=;q", False),
    ],
)
async def test_an_answer_is_signed_where_that_is_asked_for(site: World, accept: str, is_signed: bool) -> None:  # noqa: FBT001 (what is expected)
    token = (await own(site))["access_token"]
    answer = await asked(site, token, "jwt-app", accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == (SIGNED if is_signed else "application/json")


@pytest.mark.rfc("9701", "5")
async def test_whoever_does_not_authenticate_is_refused_in_plain_words(site: World) -> None:
    headers = {"Authorization": basic_header("orders-api", "wrong"), "Accept": SIGNED}
    answer = await site.send("POST", "/introspect", data={"token": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.rfc("9701", "7")
async def test_the_metadata_tells_what_signs_the_answers(site: World) -> None:
    members = (await site.send("GET", "/.well-known/oauth-authorization-server")).json()
    assert members["introspection_signing_alg_values_supported"] == ["RS256", "ES256", "EdDSA"]


# -- refresh -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("RF-01")
@pytest.mark.security("RF-05")
async def test_a_rotation_gives_new_tokens_and_a_replay_ends_them_all(site: World) -> None:
    for client_id in ("jwt-app", "jwt-public"):
        old = await redeemed(site, client_id)
        new = (await refreshed(site, old["refresh_token"], client_id)).json()
        jtis = {segments(one["access_token"])[1]["jti"] for one in (old, new)}
        assert len(jtis) == 2
        assert (await userinfo(site, new["access_token"])).status_code == 200
        site.clock.move(seconds=11)
        assert (await refreshed(site, old["refresh_token"], client_id)).json()["error"] == "invalid_grant"
        for one in (old, new):
            assert (await userinfo(site, one["access_token"])).status_code == 401
        assert (await refreshed(site, new["refresh_token"], client_id)).json()["error"] == "invalid_grant"


@pytest.mark.security("RF-10")
@pytest.mark.security("RF-12")
async def test_a_retry_within_the_grace_gets_the_same_tokens_signed_again(site: World) -> None:
    old = (await redeemed(site, resource=ORDERS))["refresh_token"]
    one = (await refreshed(site, old)).json()
    site.clock.move(seconds=9)
    other = (await refreshed(site, old)).json()
    assert one["refresh_token"] == other["refresh_token"]
    for name, algorithm in (("access_token", "ES256"), ("id_token", "RS256")):
        first, second = (await read(site, one[name], algorithm)).claims, (await read(site, other[name], algorithm)).claims
        changing = {"at_hash"}
        assert {k: v for k, v in first.items() if k not in changing} == {k: v for k, v in second.items() if k not in changing}
    for token in (one["access_token"], other["access_token"]):
        assert (await site.introspect(token, "orders-api"))["active"]
    await site.post("/revoke", {"token": one["access_token"]}, basic="jwt-app")
    for token in (one["access_token"], other["access_token"]):
        assert await site.introspect(token, "orders-api") == {"active": False}


@pytest.mark.security("RF-10")
async def test_a_public_client_has_no_grace(site: World) -> None:
    old = (await redeemed(site, "jwt-public"))["refresh_token"]
    assert (await refreshed(site, old, "jwt-public")).status_code == 200
    assert (await refreshed(site, old, "jwt-public")).json()["error"] == "invalid_grant"


@pytest.mark.security("RF-02")
async def test_a_refresh_never_widens(site: World) -> None:
    tokens = await redeemed(site, resource=ORDERS)
    narrow = (await refreshed(site, tokens["refresh_token"], scope="orders")).json()
    assert narrow["scope"] == "orders"
    for more in ({"scope": "orders items"}, {"scope": "admin"}):
        assert (await refreshed(site, narrow["refresh_token"], **more)).json()["error"] == "invalid_scope"
    assert (await refreshed(site, narrow["refresh_token"], resource=STOCK)).json()["error"] == "invalid_target"


@pytest.mark.security("RF-03")
@pytest.mark.security("RF-04")
async def test_a_refresh_token_is_good_for_its_client_alone(site: World) -> None:
    token = (await redeemed(site))["refresh_token"]
    assert (await refreshed(site, token, "res-app")).json()["error"] == "invalid_grant"
    unproved = await site.post("/token", {"grant_type": "refresh_token", "refresh_token": token, "client_id": "jwt-app"})
    assert (unproved.status_code, unproved.json()["error"]) == (401, "invalid_client")
    assert (await refreshed(site, token)).status_code == 200


@pytest.mark.security("RF-08")
async def test_a_bent_refresh_token_is_none(site: World) -> None:
    token = (await redeemed(site))["refresh_token"]
    for bad in (token[:-1], token + "A", token.swapcase(), token[: len(token) // 2], f"{token}.{token}.{token}"):
        assert (await refreshed(site, bad)).json()["error"] == "invalid_grant"
    assert (await refreshed(site, token)).status_code == 200


@pytest.mark.security("RF-09")
async def test_refresh_tokens_end_when_they_are_not_used_and_families_in_any_case(site: World) -> None:
    unused = (await redeemed(site))["refresh_token"]
    used = (await redeemed(site))["refresh_token"]
    for _ in range(13):
        site.clock.move(days=28)
        answer = await refreshed(site, used)
        assert answer.status_code == 200, answer.text
        used = answer.json()["refresh_token"]
    assert (await refreshed(site, unused)).json()["error"] == "invalid_grant"
    site.clock.move(days=2)
    assert (await refreshed(site, used)).json()["error"] == "invalid_grant"


@pytest.mark.security("RF-11")
@pytest.mark.security("CA-12")
async def test_a_refresh_token_dies_with_what_it_stands_on(site: World) -> None:
    user = await site.storage.look(lambda catalog: catalog.user_by_login("ada"))
    assert user is not None
    user_id = user.id

    async def consent_withdrawn() -> None:
        await site.storage.transact(lambda catalog: catalog.withdraw_consent(user_id, "jwt-app"))

    async def access_ended() -> None:
        await site.storage.transact(lambda catalog: catalog.end_access(user_id))

    ends: Mapping[str, Callable[[], Awaitable[object]]] = {
        "password": lambda: set_password(site.operator, "ada", "another-password-of-hers"),
        "consent": consent_withdrawn,
        "everywhere": access_ended,
        "user": lambda: disable_user(site.operator, "ada"),
    }
    for name, end in ends.items():
        tokens = await redeemed(site, resource=ORDERS)
        await end()
        site.clock.move(seconds=1)
        assert (await refreshed(site, tokens["refresh_token"])).json()["error"] == "invalid_grant", name
        assert await site.introspect(tokens["access_token"], "orders-api") == {"active": False}, name
    await enable_user(site.operator, "ada")
    tokens = await redeemed(site, resource=ORDERS)
    await disable_client(site.operator, "jwt-app")
    assert (await refreshed(site, tokens["refresh_token"])).status_code == 401
    assert await site.introspect(tokens["access_token"], "orders-api") == {"active": False}
    await enable_client(site.operator, "jwt-app")
