"""What is signed in the examples of the standards is read as it is meant there."""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers

from app.core.key_pairs import KeyPair
from app.core.keys import Algorithm, half_hash, signed
from app.dialects.codecs import decode_urlencoded
from app.dialects.credentials import JWT_BEARER
from app.oauth2.jose import BadJwt, read_jwt
from tests.fixtures.vectors import (
    ACCESS_TOKEN,
    CODE,
    CORE_KEY,
    EC,
    EC_SIGNATURE,
    HS256_JWS,
    HS256_SECRET,
    ID_TOKEN,
    ID_TOKEN_WITH_CODE,
    ID_TOKEN_WITH_TOKEN,
    PAYLOAD,
    RSA,
    RSA_SIGNATURE,
)

JOE = {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}
LOGIN = {
    "iss": "http://server.example.com",
    "sub": "248289761001",
    "aud": "s6BhdRkqt3",
    "nonce": "n-0S6_WzA2Mj",
    "exp": 1311281970,
    "iat": 1311280970,
}
SECRET = {"kty": "oct", "k": HS256_SECRET}
PUBLIC_RSA = {"kty": "RSA", "n": RSA["n"], "e": RSA["e"]}
PUBLIC_EC = {"kty": "EC", "crv": "P-256", "x": EC["x"], "y": EC["y"]}


@pytest.mark.rfc("7515", "A.1")
@pytest.mark.rfc("7515", "A.2")
@pytest.mark.rfc("7515", "A.3")
@pytest.mark.parametrize(
    ("text", "key", "algorithm"),
    [
        pytest.param(HS256_JWS, SECRET, "HS256", id="A.1"),
        pytest.param(f"eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.{RSA_SIGNATURE}", PUBLIC_RSA, "RS256", id="A.2"),
        pytest.param(f"eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}.{EC_SIGNATURE}", PUBLIC_EC, "ES256", id="A.3"),
    ],
)
def test_the_jws_of_rfc_7515_is_read_by_its_key_and_algorithm_alone(text: str, key: Mapping[str, str], algorithm: str) -> None:
    assert read_jwt(text, [key], [algorithm]).claims == JOE
    for keys, algorithms in (
        ([key], {"HS256", "RS256", "ES256"} - {algorithm}),
        ([other for other in (SECRET, PUBLIC_RSA, PUBLIC_EC) if other is not key], {algorithm}),
    ):
        with pytest.raises(BadJwt):
            read_jwt(text, keys, algorithms)


@pytest.mark.rfc("7515", "A.5")
@pytest.mark.security("KY-05")
def test_the_unsecured_jws_of_rfc_7515_is_never_read() -> None:
    for algorithms in (["none"], list(Algorithm), ["none", *Algorithm]):
        with pytest.raises(BadJwt):
            read_jwt(f"eyJhbGciOiJub25lIn0.{PAYLOAD}.", [PUBLIC_RSA, PUBLIC_EC], algorithms)


def test_the_jws_of_rfc_7515_is_read_from_no_other_spelling() -> None:
    """A signature in base64url has one spelling: bits that say nothing, padding and line breaks would make several of one token."""
    head, payload, signature = HS256_JWS.split(".")
    for text in (
        f"{head}.{payload}.{signature[:-1]}l",
        f"{head}.{payload}.{signature}=",
        f"{head}.{payload}.{signature}\n",
        f"{head}.{payload}.{signature.replace('_', '/').replace('-', '+')}",
        f" {HS256_JWS}",
        f"{HS256_JWS}.",
    ):
        with pytest.raises(BadJwt):
            read_jwt(text, [SECRET], ["HS256"])


# RFC 7523 §2.2, with its line breaks taken out; what it leaves out of the assertion stands here as dots.
REQUEST = (
    b"grant_type=authorization_code&code=n0esc3NRze7LTCu7iYzS6a5acc3f0ogp4"
    b"&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    b"&client_assertion=eyJhbGciOiJSUzI1NiIsImtpZCI6IjIyIn0.eyJpc3Mi....cC4hiUPo..."
)


@pytest.mark.rfc("7523", "2.2")
def test_the_request_of_rfc_7523_is_understood_and_its_assertion_asks_for_a_key_by_name() -> None:
    fields = decode_urlencoded(REQUEST, "application/x-www-form-urlencoded")
    assert fields["client_assertion_type"] == JWT_BEARER
    head = fields["client_assertion"].partition(".")[0]
    n, e, d, p, q, dp, dq, qi = (
        int.from_bytes(urlsafe_b64decode(f"{RSA[name]}==")) for name in ("n", "e", "d", "p", "q", "dp", "dq", "qi")
    )
    numbers = RSAPrivateNumbers(p, q, d, dp, dq, qi, RSAPublicNumbers(e, n))
    assertion = signed(KeyPair(Algorithm.RS256, numbers.private_key()), {"alg": "RS256", "kid": "22"}, {"iss": "s6BhdRkqt3"})
    assert assertion.startswith(f"{head}.eyJpc3Mi"), "ours is written as the example is"
    assert read_jwt(assertion, [{**PUBLIC_RSA, "kid": "22"}, {**CORE_KEY, "kid": "21"}], ["RS256"]).claims == {"iss": "s6BhdRkqt3"}
    with pytest.raises(BadJwt):
        read_jwt(assertion, [{**PUBLIC_RSA, "kid": "21"}, {**CORE_KEY, "kid": "22"}], ["RS256"])


@pytest.mark.rfc("OIDC Core", "A.2")
@pytest.mark.rfc("OIDC Core", "A.3")
@pytest.mark.rfc("OIDC Core", "A.4")
@pytest.mark.parametrize(
    ("text", "further"),
    [
        pytest.param(
            ID_TOKEN,
            {
                "name": "Jane Doe",
                "given_name": "Jane",
                "family_name": "Doe",
                "gender": "female",
                "birthdate": "0000-10-31",
                "email": "janedoe@example.com",
                "picture": "http://example.com/janedoe/me.jpg",
            },
            id="A.2",
        ),
        pytest.param(ID_TOKEN_WITH_TOKEN, {"at_hash": half_hash(ACCESS_TOKEN, Algorithm.RS256)}, id="A.3"),
        pytest.param(ID_TOKEN_WITH_CODE, {"c_hash": half_hash(CODE, Algorithm.RS256)}, id="A.4"),
    ],
)
def test_the_id_tokens_of_openid_connect_core_are_read_and_hold_our_hashes(text: str, further: Mapping[str, Any]) -> None:
    assert read_jwt(text, [CORE_KEY], ["RS256"]).claims == {**LOGIN, **further}
