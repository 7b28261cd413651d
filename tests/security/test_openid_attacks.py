"""OpenID Connect under attack: forged and misplaced tokens at every entrance, odd requests, and what must end when something ends."""

import asyncio
import base64
import hmac
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import RSAKey

from app.admin import create_user, disable_client, disable_user, enable_client, enable_user, set_password, update_user
from app.core.base64url import base64url
from app.core.key_pairs import KeyPair, public_members
from app.core.keys import Algorithm, signed
from tests.fixtures.visits import Visit
from tests.fixtures.work import bearable
from tests.fixtures.world import CALLBACK, CHALLENGE, ISSUER, VERIFIER, World
from tests.security.people import DATABASES, PASSWORD, OpenVisit, allowed, complaints, somebody, told, user_of
from tests.security.test_openid import DECLARED, claims_of, redeemed, userinfo

CLIENT: Final = "oidc-app"


@pytest.fixture
async def site(world: World) -> World:
    """The world with clients of OpenID Connect and a person who is well known."""
    await world.declare_once(DECLARED)
    return world


async def is_alive(site: World, token: str) -> bool:
    answer = await userinfo(site, token)
    assert answer.status_code in {200, 401}
    return bool(answer.status_code == 200)


# -- forged tokens -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Canary:
    """An address at which nobody may ever knock."""

    address: str
    listener: socket.socket

    @property
    def sang(self) -> bool:
        try:
            self.listener.accept()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def canary() -> Iterator[Canary]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0)
        yield Canary(f"http://127.0.0.1:{listener.getsockname()[1]}/keys", listener)


def segment(value: object) -> str:
    return base64url(json.dumps(value).encode())


def forgeries(true: str, published: Mapping[str, Any], canary: str) -> Iterator[tuple[str, str]]:
    """Yield forged tokens, each with what is wrong about it: their claims are those of the true one, or are for an access token."""
    _, payload, signature = true.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    rsa, ec = (next(key for key in published["keys"] if key["kty"] == kind) for kind in ("RSA", "EC"))
    for none in ("none", "None", "NONE", "nOnE"):
        for tail in ("", signature):
            yield f"alg {none}", f"{segment({'alg': none, 'typ': 'at+jwt', 'kid': rsa['kid']})}.{payload}.{tail}"
    yield "no algorithm", f"{segment({'typ': 'JWT'})}.{payload}.{signature}"
    pem = RSAKey.import_key(rsa).as_pem(private=False)
    for name, secret in (("PEM", pem), ("stripped PEM", pem.strip()), ("JWK", json.dumps(rsa).encode()), ("nothing", b"")):
        message = f"{segment({'alg': 'HS256', 'typ': 'JWT', 'kid': rsa['kid']})}.{payload}"
        yield f"HS256 by the public key as {name}", f"{message}.{base64url(hmac.digest(secret, message.encode(), 'sha256'))}"
    own = KeyPair(Algorithm.ES256, generate_private_key(SECP256R1()))
    public = public_members(own.private)
    brought: dict[str, dict[str, Any]] = {
        "nothing": {},
        "jwk": {"jwk": public},
        "jku": {"jku": canary},
        "x5u": {"x5u": canary},
        "jku and our kid": {"jku": canary, "kid": ec["kid"]},
        "our kid": {"kid": ec["kid"]},
        "jwk and our kid": {"jwk": public, "kid": ec["kid"]},
        "a path as kid": {"kid": "../../../../dev/null"},
        "SQL as kid": {"kid": "' UNION SELECT 'AA' --"},
    }
    for name, header in brought.items():
        for typ in ("JWT", "at+jwt"):
            yield f"own key, {name}, {typ}", signed(own, {"alg": "ES256", "typ": typ, **header}, claims)
    other = KeyPair(Algorithm.RS256, generate_rsa(65537, 2048))
    chain = base64.b64encode(other.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    yield "own key, x5c", signed(other, {"alg": "RS256", "typ": "at+jwt", "kid": rsa["kid"], "x5c": [chain]}, claims)
    yield "a signature of zeros", f"{segment({'alg': 'ES256', 'kid': ec['kid']})}.{payload}.{base64url(bytes(64))}"
    yield "another algorithm", f"{segment({'alg': 'ES256', 'kid': rsa['kid']})}.{payload}.{signature}"
    head = true.partition(".")[0]
    for change in ({"sub": "eve"}, {"aud": "another"}, {"exp": 9_999_999_999}, {"scope": "openid profile email", "client_id": CLIENT}):
        yield f"changed {change}", f"{head}.{segment({**claims, **change})}.{signature}"
    yield "in two pieces", f"{head}.{payload}"
    yield "in five pieces", f"{true}.{payload}.{signature}"


@pytest.mark.security("KY-04")
@pytest.mark.security("KY-05")
@pytest.mark.security("IT-04")
@pytest.mark.security("BR-04")
@pytest.mark.security("JW-04")
async def test_a_forged_token_opens_nothing(site: World, canary: Canary) -> None:
    tokens = await redeemed(site)
    published = (await site.send("GET", "/.well-known/jwks.json")).json()
    for what, forged in forgeries(tokens["id_token"], published, canary.address):
        assert (await userinfo(site, forged)).status_code == 401, what
        assert (await userinfo(site, None, "POST", data={"access_token": forged})).status_code == 401, what
        assert await site.introspect(forged, CLIENT) == {"active": False}, what
        assert (await site.post("/revoke", {"token": forged}, basic=CLIENT)).status_code == 200, what
        for sent in ({"grant_type": "refresh_token", "refresh_token": forged}, exchange(forged)):
            answer = await site.post("/token", sent, basic=CLIENT)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), what
    assert await is_alive(site, tokens["access_token"]), "and none was harmed by trying"
    assert not canary.sang


@pytest.mark.security("KY-07")
async def test_a_giant_takes_no_time(site: World) -> None:
    part = "A" * 20_000
    demanding = segment({"alg": "RS256", "crit": ["x"] * 9_000})
    giants = ["A" * 300_000, f"{part * 5}.{part * 5}.{part * 5}", "." * 300_000, f"{demanding}.e30.AA"]
    await redeemed(site)
    for giant in giants:
        with bearable():
            answers = [await userinfo(site, giant), await userinfo(site, None, "POST", data={"access_token": giant})]
            answers += [await site.post(path, {"token": giant}, basic=CLIENT) for path in ("/introspect", "/revoke")]
        assert {answer.status_code for answer in answers} <= {200, 400, 401, 413}
        assert all(len(answer.content) < 2_000 for answer in answers)


def exchange(code: str) -> dict[str, str]:
    return {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}


@pytest.mark.security("JW-04")
@pytest.mark.security("BR-04")
@pytest.mark.security("RF-07")
@pytest.mark.security("CD-08")
async def test_each_token_is_good_in_its_own_place_alone(site: World) -> None:
    code = await site.code(CLIENT, user="ada", challenge=CHALLENGE, nonce="n")
    tokens = await redeemed(site)
    values = {"code": code, **{name: tokens[name] for name in ("access_token", "refresh_token", "id_token")}}
    for name, value in values.items():
        if name != "access_token":
            assert (await userinfo(site, value)).status_code == 401, name
            assert (await userinfo(site, None, "POST", data={"access_token": value})).status_code == 401, name
        if name not in {"access_token", "refresh_token"}:
            assert await site.introspect(value, CLIENT) == {"active": False}, name
            assert (await site.post("/revoke", {"token": value}, basic=CLIENT)).status_code == 200
        if name != "refresh_token":
            answer = await site.post("/token", {"grant_type": "refresh_token", "refresh_token": value}, basic=CLIENT)
            assert answer.json()["error"] == "invalid_grant", name
        if name != "code":
            assert (await site.post("/token", exchange(value), basic=CLIENT)).json()["error"] == "invalid_grant", name
    assert (await site.post("/token", exchange(code), basic=CLIENT)).status_code == 200
    assert await is_alive(site, tokens["access_token"])


# -- what a request cannot change --------------------------------------------------------------------------------------------------

FORGED: Final = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Prefix": "/evil",
    "X-Original-URL": "https://evil.example/",
    "Forwarded": 'host="evil.example";proto=http',
}


@pytest.mark.security("MD-03")
@pytest.mark.security("MD-01")
@pytest.mark.security("ID-01")
async def test_nothing_that_is_said_or_signed_is_made_of_a_requests_host(site: World) -> None:
    for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"):
        answer = await site.send("GET", path)
        assert (await site.send("GET", path, headers=FORGED)).content == answer.content
        assert b"evil" not in answer.content
    code = await site.code("oidc-es256", user="ada", challenge=CHALLENGE)
    headers = {"Authorization": "Basic " + base64.b64encode(b"oidc-es256:oidc-es256-secret").decode(), **FORGED}
    tokens = (await site.send("POST", "/token", data=exchange(code), headers=headers)).json()
    assert (await claims_of(site, tokens["id_token"], "ES256"))["iss"] == ISSUER
    told = await site.send("GET", "/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}", **FORGED})
    assert (await claims_of(site, told.text, "ES256"))["iss"] == ISSUER


@pytest.mark.security("KY-01")
@pytest.mark.security("HD-01")
async def test_the_published_documents_are_only_read(site: World) -> None:
    for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"):
        plain = (await site.send("GET", path)).content
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            answer = await site.send(method, path, content=b"{}")
            assert answer.status_code in {200, 204, 400, 405}, method
            assert not any(f'"{member}":' in answer.text for member in ("d", "p", "q", "dp", "dq", "qi", "k"))
        for query in ("kid=x", "kid=%00", "d=1&private=true", "%ff"):
            assert (await site.send("GET", f"{path}?{query}")).content == plain


# -- races -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("CD-06")
@pytest.mark.security("ID-01")
async def test_of_twenty_who_redeem_a_code_at_once_one_gets_an_id_token(site: World) -> None:
    for _ in range(3):
        code = await site.code(CLIENT, user="ada", challenge=CHALLENGE, nonce="n")
        answers = await asyncio.gather(*(site.post("/token", exchange(code), basic=CLIENT) for _ in range(20)))
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
        (tokens,) = [answer.json() for answer in answers if answer.status_code == 200]
        assert (await claims_of(site, tokens["id_token"]))["nonce"] == "n"


@pytest.mark.security("RF-06")
@pytest.mark.security("RF-12")
async def test_all_who_refresh_at_once_are_told_the_same_login(site: World) -> None:
    tokens = await redeemed(site)
    site.clock.move(seconds=10)
    sent = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answers = await asyncio.gather(*(site.post("/token", sent, basic=CLIENT) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert len({json.dumps(await claims_of(site, answer.json()["id_token"]), sort_keys=True) for answer in answers}) == 1


# -- what must end -----------------------------------------------------------------------------------------------------------------


async def tokens_of(site: World, person: str) -> dict[str, Any]:
    code = await site.code(CLIENT, user=person, scope="openid email offline_access", challenge=CHALLENGE)
    answer = await site.post("/token", exchange(code), basic=CLIENT)
    members: dict[str, Any] = answer.json()
    return members


@pytest.mark.security("IT-06")
@pytest.mark.security("RF-11")
@pytest.mark.security("AD-08")
@pytest.mark.parametrize("end", ["disabled", "password"])
async def test_the_end_of_a_person_ends_what_their_tokens_tell(site: World, end: str) -> None:
    leaver = await somebody(site)
    tokens = await tokens_of(site, leaver)
    assert await is_alive(site, tokens["access_token"])
    site.clock.move(seconds=1)
    if end == "disabled":
        await disable_user(site.operator, leaver)
    else:
        await set_password(site.operator, leaver, "another-password-of-theirs")
    assert not await is_alive(site, tokens["access_token"])
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answer = await site.post("/token", refresh, basic=CLIENT)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "id_token" not in answer.json()
    if end == "disabled":
        await enable_user(site.operator, leaver)
        assert await is_alive(site, (await tokens_of(site, leaver))["access_token"])


@pytest.mark.security("CA-12")
@pytest.mark.security("IT-06")
async def test_the_end_of_a_client_ends_what_its_tokens_tell(site: World) -> None:
    await site.declare(DECLARED.replace("oidc-es256", "oidc-ending"))
    tokens = await redeemed(site, "oidc-ending")
    assert await is_alive(site, tokens["access_token"])
    await disable_client(site.operator, "oidc-ending")
    assert not await is_alive(site, tokens["access_token"])
    refused = await site.post("/token", {"grant_type": "refresh_token", "refresh_token": "x"}, basic="oidc-ending")
    assert refused.status_code == 401
    await enable_client(site.operator, "oidc-ending")


@pytest.mark.security("BR-07")
async def test_a_name_is_one_persons_whatever_they_are_called(site: World) -> None:
    person = await somebody(site)
    first = await claims_of(site, (await tokens_of(site, person))["id_token"])
    await update_user(site.operator, person, {"username": f"{person}-renamed", "email": f"{person}-renamed@example.com"})
    same = await claims_of(site, (await tokens_of(site, f"{person}-renamed"))["id_token"])
    await create_user(site.operator, {"username": person, "password": PASSWORD, "email": f"{person}@example.com"})
    other = await claims_of(site, (await tokens_of(site, person))["id_token"])
    assert same["sub"] == first["sub"] != other["sub"]
    assert "@" not in first["sub"]
    assert person not in first["sub"]


@pytest.mark.security("BR-07")
@pytest.mark.security("RF-02")
async def test_a_narrower_token_tells_less_and_never_more_again(site: World) -> None:
    tokens = await redeemed(site, scope="openid profile email")
    narrow = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "scope": "openid email"}
    less = (await site.post("/token", narrow, basic=CLIENT)).json()
    assert set((await userinfo(site, less["access_token"])).json()) == {"sub", "email", "email_verified"}
    wide = {"grant_type": "refresh_token", "refresh_token": less["refresh_token"], "scope": "openid profile email phone"}
    answer = await site.post("/token", wide, basic=CLIENT)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


# -- odd requests ------------------------------------------------------------------------------------------------------------------

GATE: Final = (
    f"/authorize?response_type=code&client_id={CLIENT}&redirect_uri={quote(CALLBACK, safe='')}&scope=openid"
    f"&code_challenge={CHALLENGE}&code_challenge_method=S256&state=s"
)


@pytest.mark.security("ID-01")
@pytest.mark.security("IN-01")
@DATABASES
async def test_a_nonce_comes_back_as_it_was_sent_or_not_at_all(site: World, visits: OpenVisit) -> None:
    visit, person = await visits(), await somebody(site)
    nonces = ['"\\/', "a+b c%20", "中文😀", "</script>", "' OR 1=1 --", '{"nonce":"x"}', "x" * 4000, "\u202e\u2028", "0", "null"]
    for nonce in nonces:
        members = await allowed(visit, f"{GATE}&nonce={quote(nonce, safe='')}", person)
        answer = await site.post("/token", exchange(members["code"]), basic=CLIENT)
        assert (await claims_of(site, answer.json()["id_token"]))["nonce"] == nonce
    for odd in ("%00", "a%00b", "%ff%fe", "%ed%a0%80", "%0a", "%0d%0aSet-Cookie:a=b", "a&nonce=b"):
        await visit.go(f"{GATE}&nonce={odd}")
        assert told(visit.answer)["error"] == "invalid_request", odd
        assert complaints(visit.answer) == []


ODD: Final[Mapping[str, list[str]]] = {
    "claims": [
        "{",
        "null",
        "[" * 5_000,
        '{"userinfo":' * 3_000,
        '{"userinfo":{"email":{"values":["' + "x" * 9_000 + '"]}}}',
        '{"userinfo":{"\\u0000":null}}',
        '{"userinfo":{"\\ud800":null}}',
        '{"userinfo":{"email":{"value":"\\u0000"}}}',
        '{"userinfo":{"email":{"value":1e999}}}',
        '{"userinfo":{"email":{"essential":"yes"}}}',
        json.dumps({"userinfo": {f"claim-{number}": None for number in range(500)}}),
        json.dumps({"id_token": {"sub": {"value": "somebody-else"}}}),
        json.dumps({"id_token": {"acr": {"essential": True, "values": ["9"]}}}),
        json.dumps({"id_token": {"auth_time": {"value": -1}}}),
    ],
    "max_age": ["-1", "1.5", "1e3", "0x10", "٣", "9" * 30, "", " 1", "null"],
    "acr_values": ["9 8 7", "1 " * 900, "\ud83d"],
    "prompt": ["nonsense", "none consent", "login " * 500, "NONE"],
    "display": ["nonsense", "page popup"],
    "ui_locales": ["zh en", "../../etc", "en " * 900, "x" * 3_000],
    "login_hint": ["<script>alert(1)</script>", "x" * 5_000, "'; DROP TABLE user; --"],
    "id_token_hint": ["x", "a.b.c", "e30.e30.", "A" * 20_000, "eyJhbGciOiJub25lIn0.e30."],
    "claims_locales": ["zh", "x" * 3_000],
    "response_mode": ["fragment", "nonsense", "form_post.jwt"],
    "registration": ["{}"],
}


@pytest.mark.security("IN-01")
@pytest.mark.security("IN-03")
@pytest.mark.security("IN-09")
@DATABASES
@pytest.mark.parametrize("parameter", ODD)
async def test_no_parameter_of_openid_connect_breaks_the_authorization_endpoint(
    site: World, visit: Visit, person: str, parameter: str
) -> None:
    await allowed(visit, f"{GATE}&nonce=n", person)
    for value in ODD[parameter]:
        encoded = quote(value.encode("utf-8", "surrogatepass"), safe="")
        for more in ("", "&prompt=none") if parameter != "prompt" else ("",):
            with bearable():
                await visit.go(f"{GATE}&nonce=n&{parameter}={encoded}{more}")
            assert complaints(visit.answer) == [], (value[:80], more)
            location = visit.answer.headers.get("location", "")
            assert visit.answer.status_code in {200, 302, 303, 400, 414}
            assert not location or location.startswith(CALLBACK), value[:80]
            assert len(visit.answer.content) < 40_000
    user = await user_of(site, person)
    members = await allowed(visit, f"{GATE}&nonce=n", person)
    answer = await site.post("/token", exchange(members["code"]), basic=CLIENT)
    assert (await claims_of(site, answer.json()["id_token"]))["sub"] == user.id, "and who is logged in has stayed themselves"
