"""Registering clients that sign: their keys, their method, and the secrets that are kept to check what they sign."""

import json
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from app.admin import Operator, Refused, Status, create_client, rotate_secret, show_client, update_client
from app.core.secrets import digest, unseal
from tests.admin.conftest import stored

KEY = b"k" * 32
LONG = "0123456789abcdef0123456789abcdef"
CB = ["https://app.example.com/cb"]
EC = ECKey.generate_key("P-256", {"kid": "one"}).as_dict(private=False)
RSA = RSAKey.generate_key(2048).as_dict(private=False)
SHORT = {"kty": "RSA", "e": "AQAB", "n": "_" * 170 + "w"}
OKP = OKPKey.generate_key("Ed25519").as_dict(private=False)
SIGNER: dict[str, Any] = {
    "client_id": "signer",
    "grant_types": ["client_credentials"],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": {"keys": [EC]},
}
BY_SECRET: dict[str, Any] = {
    "client_id": "by-secret",
    "grant_types": ["client_credentials"],
    "token_endpoint_auth_method": "client_secret_jwt",
}


@pytest.fixture
def sealing(operator: Operator) -> Operator:
    return replace(operator, sealing_key=lambda: KEY)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"token_endpoint_auth_signing_alg": "ES256"},
        {"jwks": {"keys": [RSA, OKP]}},
        {"jwks": {"keys": [OKP]}, "token_endpoint_auth_signing_alg": "EdDSA"},
        {"jwks": {}, "jwks_uri": "https://app.example.com/jwks.json"},
        {"jwks": {}, "jwks_uri": "http://127.0.0.1:9000/jwks.json"},
    ],
)
async def test_a_client_with_keys_has_no_secret(operator: Operator, more: dict[str, Any]) -> None:
    change = await create_client(operator, SIGNER | more)
    assert (change.status, change.secret) == (Status.CREATED, None)
    client = await stored(operator, "signer")
    assert (client.token_endpoint_auth_method, client.secrets) == ("private_key_jwt", ())
    view = await show_client(operator, "signer")
    assert {name: view[name] for name, value in more.items() if value} == {name: value for name, value in more.items() if value}


@pytest.mark.parametrize(
    ("more", "key", "reason"),
    [
        ({"jwks": {}}, "jwks", "is missing"),
        ({"jwks": {"keys": []}}, "jwks", "must hold a list of 1 to 100 keys"),
        ({"jwks": {"keys": [EC] * 101}}, "jwks", "must hold a list of 1 to 100 keys"),
        ({"jwks": {"keys": [EC, EC]}}, "jwks", "two keys with the same kid"),
        ({"jwks": {"keys": [{"kty": "EC"}]}}, "jwks", "key 1 is no key that can be used"),
        ({"jwks": {"keys": [EC, {**EC, "kid": "b", "x": "!"}]}}, "jwks", "key 2 is no key that can be used"),
        ({"jwks": {"keys": [{**EC, "kid": 7}]}}, "jwks", "kid of key 1 must be a text"),
        ({"jwks": {"keys": [{"kty": "magic"}]}}, "jwks", "key 1 is no key that can be used"),
        ({"jwks": {"keys": [{}]}}, "jwks", "key 1 is no key that can be used"),
        ({"jwks": {"keys": [SHORT]}}, "jwks", "has 1024 bits"),
        ({"jwks": {"keys": [ECKey.generate_key("P-256").as_dict(private=True)]}}, "jwks", "holds a private key"),
        ({"jwks": {"keys": [OctKey.generate_key(256).as_dict()]}}, "jwks", "holds a private key"),
        ({"jwks": {"keys": [{**EC, "use": "enc"}]}}, "jwks", "holds no key that signs"),
        ({"token_endpoint_auth_signing_alg": "RS256"}, "jwks", "holds no key that signs with RS256"),
        ({"token_endpoint_auth_signing_alg": "ES384"}, "jwks", "holds no key that signs with ES384"),
        ({"token_endpoint_auth_signing_alg": "HS256"}, "token_endpoint_auth_signing_alg", "private_key_jwt takes one of RS256"),
        ({"token_endpoint_auth_signing_alg": "none"}, "token_endpoint_auth_signing_alg", "is one of RS256"),
        ({"jwks_uri": "https://app.example.com/jwks"}, "jwks_uri", "declare one of the two"),
        ({"jwks": {}, "jwks_uri": "http://app.example.com/jwks"}, "jwks_uri", "must be an https address"),
        ({"jwks": {}, "jwks_uri": "https://app.example.com/jwks#a"}, "jwks_uri", "has a fragment"),
        ({"client_secret": LONG}, "client_secret", "signs with a key of its own and has none"),
        ({"dialect": "youzan", "grant_types": ["silent"]}, "token_endpoint_auth_method", "takes no client_assertion"),
    ],
)
async def test_what_does_not_fit_is_refused_with_key_and_reason(operator: Operator, more: dict[str, Any], key: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        await create_client(operator, SIGNER | more)
    assert refused.value.key == key
    assert reason in refused.value.reason


async def test_an_algorithm_without_a_method_that_signs_is_refused(operator: Operator) -> None:
    with pytest.raises(Refused, match="token_endpoint_auth_signing_alg: is for private_key_jwt and client_secret_jwt"):
        await create_client(operator, {"client_id": "web", "redirect_uris": CB, "token_endpoint_auth_signing_alg": "ES256"})


async def test_keys_may_be_written_as_json_text_and_taken_away(operator: Operator) -> None:
    await create_client(operator, SIGNER | {"jwks": json.dumps({"keys": [EC]})})
    assert (await stored(operator, "signer")).jwks == {"keys": [EC]}
    await update_client(operator, "signer", {"jwks": "", "jwks_uri": "https://app.example.com/jwks"})
    assert (await stored(operator, "signer")).jwks is None
    for text in ("[]", "x", "7", "{"):
        with pytest.raises(Refused, match="jwks: must be a table"):
            await update_client(operator, "signer", {"jwks": text})


@pytest.mark.security("AT-02")
async def test_a_secret_that_signs_is_kept_sealed_beside_its_digest(sealing: Operator) -> None:
    change = await create_client(sealing, BY_SECRET)
    assert change.secret is not None
    (secret,) = (await stored(sealing, "by-secret")).secrets
    assert secret.secret_sealed is not None
    assert (secret.secret_hash, unseal(KEY, secret.secret_sealed)) == (digest(change.secret), change.secret.encode())
    assert change.secret.encode() not in secret.secret_sealed
    assert "sealed" not in repr(await show_client(sealing, "by-secret"))


async def test_a_secret_that_signs_is_replaced_with_time_to_change(sealing: Operator) -> None:
    first = await create_client(sealing, BY_SECRET)
    second = await rotate_secret(sealing, "by-secret", keep_old_in=60)
    sealed = [one.secret_sealed for one in (await stored(sealing, "by-secret")).secrets]
    assert {unseal(KEY, one or b"") for one in sealed} == {(one.secret or "").encode() for one in (first, second)}
    assert (await update_client(sealing, "by-secret", {"client_secret": second.secret})).status is Status.UNCHANGED


async def test_who_begins_to_sign_gets_a_secret_that_is_kept(sealing: Operator) -> None:
    await create_client(sealing, {"client_id": "by-secret", "grant_types": ["client_credentials"], "client_secret": LONG})
    assert [one.secret_sealed for one in (await stored(sealing, "by-secret")).secrets] == [None]
    change = await update_client(sealing, "by-secret", {"token_endpoint_auth_method": "client_secret_jwt"})
    (secret,) = (await stored(sealing, "by-secret")).secrets
    assert change.secret is not None
    assert unseal(KEY, secret.secret_sealed or b"") == change.secret.encode()
    same = await update_client(sealing, "by-secret", {"client_secret": change.secret, "client_name": "x"})
    assert same.secret is None


async def test_who_signs_no_more_keeps_a_digest_alone(sealing: Operator) -> None:
    change = await create_client(sealing, BY_SECRET)
    await update_client(sealing, "by-secret", {"token_endpoint_auth_method": "client_secret_basic"})
    (secret,) = (await stored(sealing, "by-secret")).secrets
    assert (secret.secret_hash, secret.secret_sealed) == (digest(change.secret or ""), None)
    await update_client(sealing, "by-secret", {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [EC]}})
    assert (await stored(sealing, "by-secret")).secrets == ()
    with pytest.raises(Refused, match="signs with a key of its own"):
        await rotate_secret(sealing, "by-secret")


async def test_a_secret_that_signs_is_long_in_a_sandbox_too(sandbox_operator: Operator) -> None:
    sealing = replace(sandbox_operator, sealing_key=lambda: KEY)
    with pytest.raises(Refused, match="shorter than 32 characters, which one that signs must have"):
        await create_client(sealing, BY_SECRET | {"client_secret": "short"})


async def test_without_the_servers_key_no_secret_can_be_kept(operator: Operator) -> None:
    with pytest.raises(Refused, match="client_secret_jwt needs the server's secret key"):
        await create_client(operator, BY_SECRET)
