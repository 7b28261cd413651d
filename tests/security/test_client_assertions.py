"""Clients that prove themselves by what they sign: private_key_jwt and client_secret_jwt, at every door."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey

from app.admin import disable_client
from app.oauth2.verification import CLIENT_FAILURES
from tests.fixtures.listening import Listening, listening
from tests.fixtures.world import CALLBACK, CHALLENGE, ISSUER, OTHERWISE_CROSSED, VERIFIER, World
from tests.security.signers import DECLARED, EC, JWT_BEARER, RSA, SECRET, claims_of, public, signed, with_assertion

pytestmark = OTHERWISE_CROSSED
__all__ = ["listening"]
SECRET_KEY = OctKey.import_key(SECRET)
WRONG_AUDIENCES: list[Any] = [None, "https://other.example", f"{ISSUER}/", f"{ISSUER}/userinfo", [], {}, 7]
WRONG_AUDIENCES += [[ISSUER, "https://other.example"], [7], [None]]
NO_TIMES: list[Any] = ["soon", True, [], {}, -1, 1e30, "1e3", 10**400]
NO_NAMES: list[Any] = [None, "", 7, [], "j" * 513]
NO_ALGORITHMS: list[Any] = [7, None, [], "ES256", "RSA-OAEP"]


@pytest.fixture
async def world(shared_world: World) -> World:
    shared_world.begin()
    await shared_world.declare_once(DECLARED)
    shared_world.secrets.pop("signer-secret", None)  # what is asked in its name is signed
    return shared_world


async def ask(world: World, assertion: str, **fields: str) -> httpx.Response:
    return await world.post("/token", with_assertion(assertion, grant_type="client_credentials", **fields))


def refused(answer: httpx.Response) -> str:
    """Return the words of an answer to a client that could not prove itself."""
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), answer.text
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["error_description"])


@pytest.mark.rfc("7523", "2.2")
@pytest.mark.rfc("7523", "3")
@pytest.mark.parametrize(
    ("client_id", "key", "algorithm"),
    [
        ("signer", EC, "ES256"),
        *(("signer-rsa", RSA, algorithm) for algorithm in ("RS256", "RS512", "PS384")),
        ("signer-rsa", EC, "ES256"),
        *(("signer-secret", SECRET_KEY, algorithm) for algorithm in ("HS256", "HS512")),
    ],
)
async def test_right_assertion_is_a_client(world: World, client_id: str, key: Any, algorithm: str) -> None:
    for more in ({}, {"client_id": client_id}):
        answer = await ask(world, signed(claims_of(world, client_id), key, algorithm), **more)
        assert answer.status_code == 200, answer.text
        assert await world.is_alive(answer.json()["access_token"])


@pytest.mark.rfc("7523", "3")
@pytest.mark.parametrize("aud", [ISSUER, f"{ISSUER}/token", [ISSUER], [f"{ISSUER}/token", ISSUER]])
async def test_audience_is_the_issuer_or_the_token_endpoint(world: World, aud: object) -> None:
    assert (await ask(world, signed(claims_of(world, "signer", aud=aud)))).status_code == 200


@pytest.mark.security("CA-10")
@pytest.mark.rfc("7523", "3")
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"iss": "signer-rsa"}, "iss and sub"),
        ({"iss": None}, "iss and sub"),
        *[({"aud": aud}, "aud") for aud in WRONG_AUDIENCES],
        ({"exp": None}, "no exp"),
        *[({"exp": exp}, "not a number") for exp in NO_TIMES],
        *[({name: moment}, "not a number") for name in ("iat", "nbf") for moment in NO_TIMES],
        *[({"jti": jti}, "jti") for jti in NO_NAMES],
    ],
)
async def test_what_an_assertion_must_say_is_told_to_who_signed_it(world: World, changed: dict[str, Any], words: str) -> None:
    claims = claims_of(world, "signer") | changed
    said = {name: value for name, value in claims.items() if name not in changed or changed[name] is not None}
    assert words in refused(await ask(world, signed(said)))


@pytest.mark.security("CA-10")
@pytest.mark.rfc("7523", "3")
@pytest.mark.parametrize(
    ("moments", "is_right"),
    [
        ({"exp": -29}, True),
        ({"exp": -30}, False),
        ({"exp": 330}, True),
        ({"exp": 331}, False),
        ({"exp": 3600}, False),
        ({"iat": 30}, True),
        ({"iat": 31}, False),
        ({"iat": -86400}, True),
        ({"nbf": 30}, True),
        ({"nbf": 31}, False),
        ({"iat": None}, True),
    ],
)
async def test_times_are_bounded_with_a_small_leeway(world: World, moments: dict[str, int | None], *, is_right: bool) -> None:
    now = int(world.clock.now().timestamp())
    changed = {name: None if offset is None else now + offset for name, offset in moments.items()}
    answer = await ask(world, signed(claims_of(world, "signer", **changed)))
    assert (answer.status_code == 200) is is_right, answer.text
    if not is_right:
        refused(answer)


@pytest.mark.security("CA-10")
async def test_assertion_is_used_once(world: World) -> None:
    assertion = signed(claims_of(world, "signer"))
    assert (await ask(world, assertion)).status_code == 200
    assert "used before" in refused(await ask(world, assertion))
    again = signed(claims_of(world, "signer") | {"jti": json.loads(decoded(assertion.split(".")[1]))["jti"]})
    assert "used before" in refused(await ask(world, again))


def decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "==")


@pytest.mark.security("CA-10")
async def test_of_many_with_one_assertion_one_is_served(world: World) -> None:
    for _ in range(3):
        assertion = signed(claims_of(world, "signer"))
        answers = await asyncio.gather(*(ask(world, assertion) for _ in range(12)))
        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 11


@pytest.mark.security("BF-05")
async def test_who_forges_again_and_again_is_held_off(world: World) -> None:
    for _ in range(CLIENT_FAILURES):
        refused(await ask(world, signed(claims_of(world, "signer"), STRANGER)))
    answer = await ask(world, signed(claims_of(world, "signer")))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    world.address = "192.0.2.77"
    assert (await ask(world, signed(claims_of(world, "signer")))).status_code == 200


async def test_two_clients_may_use_the_same_jti(world: World) -> None:
    assert (await ask(world, signed(claims_of(world, "signer", jti="the same")))).status_code == 200
    assert (await ask(world, signed(claims_of(world, "signer-rsa", jti="the same"), RSA, "RS256"))).status_code == 200


def with_header(assertion: str, **header: Any) -> str:
    """Return a JWT under another header, its signature as it was."""
    _, payload, signature = assertion.split(".")
    return f"{encoded(header)}.{payload}.{signature}"


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_public_key(world: World) -> str:
    """Return an assertion whose secret is the client's public key."""
    message = f"{encoded({'alg': 'HS256'})}.{encoded(claims_of(world, 'signer-rsa'))}"
    return f"{message}.{encoded(hmac.digest(RSA.as_pem(private=False), message.encode(), hashlib.sha256))}"


STRANGER = ECKey.generate_key("P-256", {"kid": "ec-1"})
FORGERIES: dict[str, Callable[[World], str]] = {
    "another key": lambda world: signed(claims_of(world, "signer"), STRANGER),
    "a key in the header": lambda world: signed(claims_of(world, "signer"), STRANGER, jwk=STRANGER.as_dict(private=False)),
    "an address of keys": lambda world: signed(claims_of(world, "signer"), STRANGER, jku="https://evil.example/jwks"),
    "a certificate's address": lambda world: signed(claims_of(world, "signer"), STRANGER, x5u="https://evil.example/x5u"),
    "an unknown kid": lambda world: signed(claims_of(world, "signer"), EC, kid="ec-2"),
    "no signature": lambda world: f"{encoded({'alg': 'none'})}.{encoded(claims_of(world, 'signer'))}.",
    "none with a signature": lambda world: with_header(signed(claims_of(world, "signer")), alg="none"),
    "the public key as a secret": by_public_key,
    "another algorithm than registered": lambda world: signed(claims_of(world, "signer"), RSA, "RS256"),
    "an extension": lambda world: signed(claims_of(world, "signer"), EC, crit=["b64"], b64=True),
    "a private_key_jwt client's secret": lambda world: signed(claims_of(world, "signer"), SECRET_KEY, "HS256"),
    "a secret client's private key": lambda world: signed(claims_of(world, "signer-secret"), EC),
    "another secret": lambda world: signed(claims_of(world, "signer-secret"), OctKey.import_key("x" * 40), "HS256"),
    "a client without keys": lambda world: signed(claims_of(world, "demo-service")),
    "a public client": lambda world: signed(claims_of(world, "demo-spa")),
    "an unknown client": lambda world: signed(claims_of(world, "nobody")),
}


@pytest.mark.security("CA-10")
@pytest.mark.security("CA-02")
@pytest.mark.rfc("7523", "3.2")
@pytest.mark.parametrize("forgery", FORGERIES)
async def test_forged_assertions_look_all_the_same(world: World, forgery: str) -> None:
    answer = await ask(world, FORGERIES[forgery](world))
    assert refused(answer) == "Client authentication failed."
    assert "client_id" not in answer.json()


@pytest.mark.security("CA-10")
async def test_changed_claims_break_the_signature(world: World) -> None:
    header, _, signature = signed(claims_of(world, "signer")).split(".")
    assert refused(await ask(world, f"{header}.{encoded(claims_of(world, 'signer'))}.{signature}"))


@pytest.mark.security("CA-06")
@pytest.mark.parametrize(
    "assertion",
    ["x", "a.b.c", "....", "é.é.é", f"{encoded(b'{')}.{encoded(b'{')}.", "." * 3000, "a" * 60_000, f"{encoded({})}.{encoded([])}.x"]
    + [f"{encoded({'alg': 'ES256'})}.{encoded({'sub': sub})}.x" for sub in ("", 7, None, "x" * 300, "a\x00b", {"a": 1})]
    + [f"{encoded({'alg': alg, 'kid': []})}.{encoded({'sub': 'signer'})}.{encoded(b'x')}" for alg in NO_ALGORITHMS]
    + [encoded(b"[" * 9000) + f".{encoded({'sub': 'signer'})}.x", f"{encoded({})}.{encoded(b'[' * 9000)}.x"],
)
async def test_garbage_is_no_client(world: World, assertion: str) -> None:
    refused(await ask(world, assertion))


@pytest.mark.security("CA-04")
@pytest.mark.security("CA-05")
async def test_only_one_way_to_prove_oneself(world: World) -> None:
    assertion = signed(claims_of(world, "signer"))
    fields = with_assertion(assertion, grant_type="client_credentials")
    both = await world.post("/token", fields | {"client_secret": "x", "client_id": "signer"})
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")
    basic = await world.post("/token", fields, basic="demo-service")
    assert (basic.status_code, basic.json()["error"]) == (400, "invalid_request")
    assert "client_id differs" in refused(await ask(world, assertion, client_id="signer-rsa"))
    assert (await ask(world, assertion)).status_code == 200, "none of these has used it"


@pytest.mark.rfc("7523", "2.2")
async def test_type_and_assertion_come_together(world: World) -> None:
    for name, kind in (("client_assertion", "x"), ("client_assertion_type", JWT_BEARER)):
        answer = await world.post("/token", {"grant_type": "client_credentials", "client_id": "signer", name: kind})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert "client_assertion" in answer.json()["error_description"]
    saml = {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}
    fields = with_assertion(signed(claims_of(world, "signer")), grant_type="client_credentials") | saml
    assert "jwt-bearer" in refused(await world.post("/token", fields))


@pytest.mark.security("CA-10")
@pytest.mark.security("TK-04")
async def test_assertions_are_never_read_from_the_url(world: World) -> None:
    answer = await world.send("POST", f"/token?client_assertion={signed(claims_of(world, 'signer'))}", data={"grant_type": "x"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.security("CA-08")
@pytest.mark.parametrize("door", ["/token", "/introspect", "/revoke"])
async def test_registered_method_counts_at_every_door(world: World, door: str) -> None:
    fields = {"grant_type": "client_credentials"} if door == "/token" else {"token": "x"}
    world.secrets["signer-secret"] = SECRET
    for wrong in ({"client_id": "signer", "client_secret": SECRET}, {"client_id": "signer"}, {"client_id": "signer-secret"}):
        refused(await world.post(door, fields | wrong))
    refused(await world.post(door, fields | world.credentials("signer-secret")))
    refused(await world.post(door, fields, basic="signer-secret"))
    for client_id, key, algorithm in (("signer", EC, "ES256"), ("signer-secret", SECRET_KEY, "HS256")):
        for aud in (ISSUER, f"{ISSUER}/token", f"{ISSUER}{door}"):
            assertion = signed(claims_of(world, client_id, aud=aud), key, algorithm)
            answer = await world.post(door, with_assertion(assertion, **fields))
            assert answer.status_code == 200, answer.text
            refused(await world.post(door, with_assertion(assertion, **fields)))


@pytest.mark.security("CA-12")
async def test_disabled_client_is_refused_whatever_it_signs(world: World) -> None:
    declared = DECLARED.partition('[[clients]]\nclient_id = "signer-rsa"')[0].replace('"signer"', '"signer-off"')
    await world.declare(declared)
    assert (await ask(world, signed(claims_of(world, "signer-off")))).status_code == 200
    await disable_client(world.operator, "signer-off")
    assert refused(await ask(world, signed(claims_of(world, "signer-off")))) == "Client authentication failed."


async def test_code_and_refresh_of_a_client_that_signs(world: World) -> None:
    code = await world.code("signer", challenge=CHALLENGE)
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    answer = await world.post("/token", with_assertion(signed(claims_of(world, "signer")), **fields))
    assert answer.status_code == 200, answer.text
    refresh = {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"]}
    renewed = await world.post("/token", with_assertion(signed(claims_of(world, "signer")), **refresh))
    assert renewed.status_code == 200, renewed.text
    refused(await world.post("/token", refresh | {"client_id": "signer"}))


async def test_keys_that_a_client_publishes_are_fetched(world: World, listening: Listening) -> None:
    listening.page = json.dumps(public(EC))
    await world.declare(f"""
[[clients]]
client_id = "publisher-{listening.port}"
token_endpoint_auth_method = "private_key_jwt"
grant_types = ["client_credentials"]
jwks_uri = "{listening.origin}/jwks"
""")
    client_id = f"publisher-{listening.port}"
    for _ in range(3):
        assert (await ask(world, signed(claims_of(world, client_id)))).status_code == 200
    refused(await ask(world, signed(claims_of(world, client_id), STRANGER)))
    assert len(listening.told) == 1


@pytest.mark.security("AZ-10")
async def test_keys_that_cannot_be_had_are_none(world: World, listening: Listening) -> None:
    listening.answers.extend([302, 500])
    await world.declare(f"""
[[clients]]
client_id = "silent-{listening.port}"
token_endpoint_auth_method = "private_key_jwt"
grant_types = ["client_credentials"]
jwks_uri = "{listening.origin}/jwks"
""")
    assert refused(await ask(world, signed(claims_of(world, f"silent-{listening.port}")))) == "Client authentication failed."


@pytest.mark.security("CD-06")
@pytest.mark.security("CA-10")
async def test_of_many_who_redeem_a_code_one_wins_and_the_others_have_used_their_assertions(world: World) -> None:
    code = await world.code("signer", challenge=CHALLENGE)
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    assertions = [signed(claims_of(world, "signer")) for _ in range(8)]
    answers = await asyncio.gather(*(world.post("/token", with_assertion(one, **fields)) for one in assertions))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
    assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
    for assertion in assertions:
        assert "used before" in refused(await ask(world, assertion))


async def test_refused_request_has_used_its_assertion(world: World) -> None:
    assertion = signed(claims_of(world, "signer"))
    answer = await ask(world, assertion, scope="admin")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert "used before" in refused(await ask(world, assertion))


async def test_an_assertion_costs_one_load_and_one_commit(world: World) -> None:
    counters = world.storage.counters
    for fields in ({"grant_type": "client_credentials"}, {"token": "x"}):
        before = counters.loads, counters.commits
        path = "/token" if "grant_type" in fields else "/introspect"
        assertion = signed(claims_of(world, "signer"))
        assert (await world.post(path, with_assertion(assertion, **fields))).status_code == 200
        assert (counters.loads - before[0], counters.commits - before[1]) == (1, 1)


@pytest.mark.security("LO-01")
async def test_log_holds_no_assertion_and_says_what_was_wrong(world: World) -> None:
    assertion = signed(claims_of(world, "signer"), STRANGER)
    refused(await ask(world, assertion))
    event = world.notes.events[-1]
    assert (event.client_id, event.cause) == ("signer", "invalid_client")
    assert event.detail is not None
    assert "signature" in event.detail
    assert assertion not in repr(world.notes.events)


async def test_partner_doors_take_no_assertion(world: World) -> None:
    fields = with_assertion(signed(claims_of(world, "signer")), grant_type="authorize_platform")
    answer = await world.post("/oauth/token", fields)
    assert answer.status_code in {400, 401}
