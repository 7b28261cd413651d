"""Keys that sign, held to the vectors of the RFCs."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from contextlib import nullcontext

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateNumbers, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from app.core.base64url import base64url
from app.core.key_pairs import RSA_BITS, KeyPair, load_key, make_key, public_members
from app.core.keys import Algorithm, UnusableKey, half_hash, signed, thumbprint
from tests.fixtures.vectors import ACCESS_TOKEN, CODE, EC, EC_SIGNATURE, PAYLOAD, RSA, RSA_SIGNATURE

PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

# RFC 8037 appendix A.1 to A.4.
ED25519 = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
ED25519_PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
ED25519_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
ED25519_INPUT = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
ED25519_SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    return int.from_bytes(raw(text))


def rsa_key() -> KeyPair:
    parts = {name: number(RSA[name]) for name in ("p", "q", "d")}
    crt = {"dmp1": number(RSA["dp"]), "dmq1": number(RSA["dq"]), "iqmp": number(RSA["qi"])}
    numbers = RSAPrivateNumbers(**parts, **crt, public_numbers=RSAPublicNumbers(number(RSA["e"]), number(RSA["n"])))
    return KeyPair(Algorithm.RS256, numbers.private_key())


def ec_key() -> KeyPair:
    public = EllipticCurvePublicNumbers(number(EC["x"]), number(EC["y"]), SECP256R1())
    return KeyPair(Algorithm.ES256, EllipticCurvePrivateNumbers(number(EC["d"]), public).private_key())


def ed25519_key() -> KeyPair:
    return KeyPair(Algorithm.EDDSA, Ed25519PrivateKey.from_private_bytes(raw(ED25519)))


@pytest.fixture(scope="module")
def made() -> Mapping[Algorithm, KeyPair]:
    return {algorithm: make_key(algorithm) for algorithm in Algorithm}


@pytest.fixture(params=list(Algorithm))
def key(request: pytest.FixtureRequest, made: Mapping[Algorithm, KeyPair]) -> KeyPair:
    key: KeyPair = made[request.param]
    return key


def read(text: str, key: KeyPair) -> tuple[dict[str, object], dict[str, object]]:
    """Read what a key signed, by the JOSE library."""
    imported = KeySet.import_key_set({"keys": [dict(key.public_jwk)]}).keys[0]
    with pytest.warns(match="EdDSA") if key.algorithm is Algorithm.EDDSA else nullcontext():
        read = jws.deserialize_compact(text, imported, algorithms=[key.algorithm])
    return read.headers(), json.loads(read.payload)


# -- vectors -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("7638", "3.1")
def test_the_thumbprint_of_the_rfcs_example_is_its_own() -> None:
    example = {
        "kty": "RSA",
        "n": (
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5Js"
            "GY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
            "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
        ),
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert thumbprint(example) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.rfc("8037", "A.2")
@pytest.mark.rfc("8037", "A.3")
def test_the_key_of_rfc_8037_is_published_and_named_as_there() -> None:
    assert public_members(ed25519_key().private) == {"kty": "OKP", "crv": "Ed25519", "x": ED25519_PUBLIC}
    assert ed25519_key().public_jwk["kid"] == ED25519_THUMBPRINT


@pytest.mark.rfc("8037", "A.4")
def test_the_key_of_rfc_8037_signs_as_there() -> None:
    assert base64url(ed25519_key().sign(ED25519_INPUT.encode())) == ED25519_SIGNATURE


@pytest.mark.rfc("7515", "A.2")
def test_the_key_of_rfc_7515_a_2_signs_as_there() -> None:
    key = rsa_key()
    assert {name: key.public_jwk[name] for name in ("n", "e")} == {"n": RSA["n"], "e": RSA["e"]}
    assert base64url(key.sign(f"eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}".encode())) == RSA_SIGNATURE


@pytest.mark.rfc("7515", "A.3")
def test_the_key_of_rfc_7515_a_3_verifies_the_signature_there_and_signs_in_its_form() -> None:
    key = ec_key()
    public = ECKey.import_key({name: key.public_jwk[name] for name in ("kty", "crv", "x", "y")})
    assert {"x": EC["x"], "y": EC["y"]}.items() <= key.public_jwk.items()
    message = f"eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}"
    assert json.loads(jws.deserialize_compact(f"{message}.{EC_SIGNATURE}", public).payload)["iss"] == "joe"
    ours = base64url(key.sign(message.encode()))
    assert len(raw(ours)) == 64
    assert json.loads(jws.deserialize_compact(f"{message}.{ours}", public).payload)["iss"] == "joe"
    with pytest.raises(BadSignatureError):
        jws.deserialize_compact(f"{message.replace('Jqb2U', 'JKb2U')}.{ours}", public)


@pytest.mark.rfc("7515", "C")
@pytest.mark.rfc("7636", "A")
def test_bytes_are_written_as_in_the_rfcs_examples() -> None:
    assert base64url(bytes([3, 236, 255, 224, 193])) == "A-z_4ME"


@pytest.mark.rfc("OIDC Core", "A.3")
@pytest.mark.rfc("OIDC Core", "A.4")
def test_hashes_are_those_of_the_examples_of_openid_connect_core() -> None:
    assert half_hash(ACCESS_TOKEN, Algorithm.RS256) == "77QmUPtjPfzWtF2AnpK9RQ"
    assert half_hash(CODE, Algorithm.ES256) == "LDktKdoQak3Pk0cnXxCltA"
    assert len(raw(half_hash("a", Algorithm.EDDSA))) == 32


# -- keys of our own ---------------------------------------------------------------------------------------------------------------


@pytest.mark.security("KY-01")
@pytest.mark.security("KY-02")
def test_what_is_published_of_a_key_is_public_and_says_what_it_is_for(key: KeyPair) -> None:
    jwk = key.public_jwk
    assert PRIVATE_MEMBERS.isdisjoint(jwk)
    assert (jwk["alg"], jwk["use"], jwk["kid"]) == (key.algorithm, "sig", thumbprint(jwk))


@pytest.mark.security("KY-02")
def test_an_rsa_key_has_two_thousand_and_forty_eight_bits(made: Mapping[Algorithm, KeyPair]) -> None:
    assert number(made[Algorithm.RS256].public_jwk["n"]).bit_length() == RSA_BITS == 2048


def test_what_a_key_signs_is_read_by_the_jose_library(key: KeyPair) -> None:
    header, claims = {"alg": key.algorithm, "kid": key.public_jwk["kid"], "typ": "JWT"}, {"sub": "ä", "n": 1}
    text = signed(key, header, claims)
    assert read(text, key) == (header, claims)


def test_a_key_survives_its_storage(key: KeyPair) -> None:
    loaded = load_key(key.algorithm, key.pkcs8)
    assert loaded.public_jwk == key.public_jwk
    assert read(signed(loaded, {"alg": key.algorithm}, {"a": 1}), key)[1] == {"a": 1}


@pytest.mark.parametrize("stored", [b"", b"no key", b"\x30\x03\x02\x01\x00"])
def test_what_is_no_key_is_not_taken_for_one(stored: bytes) -> None:
    with pytest.raises(UnusableKey):
        load_key(Algorithm.ES256, stored)


def test_a_key_of_another_algorithm_is_refused(made: Mapping[Algorithm, KeyPair]) -> None:
    with pytest.raises(UnusableKey, match="RS256"):
        load_key(Algorithm.RS256, made[Algorithm.ES256].pkcs8)


def test_a_key_does_not_print_itself(key: KeyPair) -> None:
    assert "private" not in repr(key)


def test_published_keys_are_keys_to_the_jose_library(made: Mapping[Algorithm, KeyPair]) -> None:
    kinds = {Algorithm.RS256: RSAKey, Algorithm.ES256: ECKey, Algorithm.EDDSA: OKPKey}
    found = KeySet.import_key_set({"keys": [dict(key.public_jwk) for key in made.values()]})
    assert [type(one) for one in found.keys] == [kinds[algorithm] for algorithm in made]
    assert [one.thumbprint() for one in found.keys] == [key.public_jwk["kid"] for key in made.values()]
