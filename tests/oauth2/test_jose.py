"""What passes for a JWT, and what does not."""

import base64
import hmac
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from app.core.base64url import base64url
from app.core.key_pairs import KeyPair, make_key
from app.core.keys import Algorithm, signed
from app.oauth2.jose import MAXIMUM_LENGTH, BadJwt, read_jwt

CLAIMS = {"iss": "https://id.example.com", "sub": "ada"}
ALL = list(Algorithm)


@pytest.fixture(scope="module")
def pairs() -> Mapping[Algorithm, KeyPair]:
    return {algorithm: make_key(algorithm) for algorithm in Algorithm}


@pytest.fixture(scope="module")
def trusted(pairs: Mapping[Algorithm, KeyPair]) -> list[Mapping[str, str]]:
    return [pair.public_jwk for pair in pairs.values()]


def minted(pair: KeyPair, claims: Mapping[str, Any] = CLAIMS, **header: Any) -> str:
    return signed(pair, {"alg": pair.algorithm, "kid": pair.public_jwk["kid"], "typ": "JWT", **header}, claims)


def segment(value: object) -> str:
    return base64url(json.dumps(value).encode())


@pytest.mark.parametrize("algorithm", ALL)
def test_what_a_trusted_key_has_signed_is_read(
    algorithm: Algorithm, pairs: Mapping[Algorithm, KeyPair], trusted: list[Mapping[str, str]]
) -> None:
    jwt = read_jwt(minted(pairs[algorithm]), trusted, ALL)
    assert jwt.claims == CLAIMS
    assert jwt.header["kid"] == pairs[algorithm].public_jwk["kid"]


def test_without_a_name_the_only_key_that_fits_is_taken(pairs: Mapping[Algorithm, KeyPair]) -> None:
    pair, other = pairs[Algorithm.ES256], make_key(Algorithm.ES256)
    bare = {name: pair.public_jwk[name] for name in ("kty", "crv", "x", "y")}
    text = signed(pair, {"alg": "ES256"}, CLAIMS)
    assert read_jwt(text, [bare], ALL).claims == CLAIMS
    assert read_jwt(minted(pair), [bare], ALL).claims == CLAIMS
    with pytest.raises(BadJwt, match="which key"):
        read_jwt(text, [bare, other.public_jwk], ALL)


@pytest.mark.security("KY-04")
@pytest.mark.security("KY-05")
def test_an_algorithm_that_is_not_agreed_on_is_refused(pairs: Mapping[Algorithm, KeyPair], trusted: list[Mapping[str, str]]) -> None:
    with pytest.raises(BadJwt, match="agreed"):
        read_jwt(minted(pairs[Algorithm.ES256]), trusted, ["RS256"])
    unsigned = f"{segment({'alg': 'none'})}.{segment(CLAIMS)}."
    for allowed in (ALL, ["none"], ["None", "NONE"]):
        with pytest.raises(BadJwt, match="agreed"):
            read_jwt(unsigned, trusted, allowed)


@pytest.mark.security("KY-04")
def test_a_public_key_is_no_shared_secret(pairs: Mapping[Algorithm, KeyPair], trusted: list[Mapping[str, str]]) -> None:
    rsa = RSAKey.import_key(dict(pairs[Algorithm.RS256].public_jwk))
    message = f"{segment({'alg': 'HS256'})}.{segment(CLAIMS)}"
    forged = f"{message}.{base64url(hmac.digest(rsa.as_pem(private=False), message.encode(), 'sha256'))}"
    with pytest.raises(BadJwt):
        read_jwt(forged, trusted, [*ALL, "HS256"])


@pytest.mark.security("KY-04")
def test_a_key_that_the_jwt_brings_itself_is_never_looked_at(trusted: list[Mapping[str, str]]) -> None:
    own = make_key(Algorithm.ES256)
    public = {name: value for name, value in own.public_jwk.items() if name in {"kty", "crv", "x", "y"}}
    for header in ({"jwk": public}, {"jku": "http://127.0.0.1:9/jwks"}, {"x5u": "http://127.0.0.1:9/cert"}):
        with pytest.raises(BadJwt):
            read_jwt(signed(own, {"alg": "ES256", **header}, CLAIMS), trusted[:0], ALL)
        with pytest.raises(BadJwt):
            read_jwt(signed(own, {"alg": "ES256", "kid": trusted[1]["kid"], **header}, CLAIMS), trusted, ALL)


@pytest.mark.security("KY-04")
def test_a_key_counts_for_its_own_algorithm_and_use_alone(pairs: Mapping[Algorithm, KeyPair]) -> None:
    pair = pairs[Algorithm.ES256]
    for members in ({"alg": "ES384"}, {"use": "enc"}):
        with pytest.raises(BadJwt, match="no such key"):
            read_jwt(minted(pair), [{**pair.public_jwk, **members}], ALL)


@pytest.mark.security("KY-07")
def test_an_extension_that_must_be_understood_is_refused(pairs: Mapping[Algorithm, KeyPair], trusted: list[Mapping[str, str]]) -> None:
    demands: list[dict[str, Any]] = [{"crit": ["x"], "x": 1}, {"b64": False, "crit": ["b64"]}, {"b64": True}, {"zip": "DEF"}, {"crit": []}]
    for header in demands:
        with pytest.raises(BadJwt):
            read_jwt(minted(pairs[Algorithm.ES256], **header), trusted, ALL)


def test_a_header_that_nobody_knows_is_ignored(pairs: Mapping[Algorithm, KeyPair], trusted: list[Mapping[str, str]]) -> None:
    assert read_jwt(minted(pairs[Algorithm.ES256], x_own="1"), trusted, ALL).claims == CLAIMS


@pytest.mark.security("KY-07")
def test_a_giant_is_refused_before_it_is_taken_apart(trusted: list[Mapping[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(jws, "extract_compact")
    for text in ("A" * 300_000, f"{'A' * 150_000}.{'A' * 150_000}.A", "." * 300_000, f"a.b.{'c' * MAXIMUM_LENGTH}"):
        with pytest.raises(BadJwt, match="length"):
            read_jwt(text, trusted, ALL)


@pytest.mark.security("JW-04")
def test_a_jwt_of_another_type_is_refused(pairs: Mapping[Algorithm, KeyPair], trusted: list[Mapping[str, str]]) -> None:
    pair = pairs[Algorithm.ES256]
    assert read_jwt(minted(pair, typ="application/AT+JWT"), trusted, ALL, types={"at+jwt"})
    assert read_jwt(signed(pair, {"alg": "ES256"}, CLAIMS), trusted[1:2], ALL, types={"jwt", ""})
    for typ in ("JWT", "logout+jwt", 7, None):
        with pytest.raises(BadJwt):
            read_jwt(minted(pair, typ=typ), trusted, ALL, types={"at+jwt"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "é.é.é",
        "eyJhbGciOiJFUzI1NiJ9..",
        f"{segment([])}.{segment(CLAIMS)}.AA",
        f"{segment({'alg': ['ES256']})}.{segment(CLAIMS)}.AA",
        f"{segment({})}.{segment(CLAIMS)}.AA",
        f"{segment({'alg': 'ES256', 'kid': {}})}.{segment(CLAIMS)}.AA",
        base64.b64encode(b"\xff\xfe").decode().rstrip("=") + ".AA.AA",
        f"{base64url(b'[' * 5000)}.AA.AA",
    ],
)
def test_what_is_no_jwt_is_refused(text: str, trusted: list[Mapping[str, str]]) -> None:
    with pytest.raises(BadJwt):
        read_jwt(text, trusted, ALL)


def test_a_changed_jwt_is_refused(pairs: Mapping[Algorithm, KeyPair], trusted: list[Mapping[str, str]]) -> None:
    for pair in pairs.values():
        header, _, signature = minted(pair).split(".")
        with pytest.raises(BadJwt):
            read_jwt(f"{header}.{segment({**CLAIMS, 'sub': 'eve'})}.{signature}", trusted, ALL)
        with pytest.raises(BadJwt):
            read_jwt(f"{header}.{segment(CLAIMS)}.{signature[:-4]}", trusted, ALL)


@pytest.mark.parametrize("payload", [b"[]", b"1", b"", b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b"[" * 4000])
def test_a_jwt_without_claims_is_refused(payload: bytes, pairs: Mapping[Algorithm, KeyPair], trusted: list[Mapping[str, str]]) -> None:
    pair = pairs[Algorithm.ES256]
    message = f"{segment({'alg': 'ES256', 'kid': pair.public_jwk['kid']})}.{base64url(payload)}"
    with pytest.raises(BadJwt):
        read_jwt(f"{message}.{base64url(pair.sign(message.encode()))}", trusted, ALL)


def test_a_short_rsa_key_is_refused() -> None:
    with pytest.warns(match="2048"):
        short = RSAKey.generate_key(1024)
    text = jws.serialize_compact({"alg": "RS256"}, json.dumps(CLAIMS), short, algorithms=["RS256"])
    with pytest.raises(BadJwt, match="short"):
        read_jwt(text, [short.as_dict(private=False)], ALL)


def test_a_key_of_another_curve_is_refused() -> None:
    other = ECKey.generate_key("P-384")
    text = jws.serialize_compact({"alg": "ES384"}, json.dumps(CLAIMS), other, algorithms=["ES384"])
    with pytest.raises(BadJwt):
        read_jwt(text.replace(text.split(".")[0], segment({"alg": "ES256"})), [other.as_dict(private=False)], ALL)


def test_the_reading_comes_with_the_engine_and_its_library_with_the_first_jwt() -> None:
    script = """
import sys
import app.oauth2, app.proofs
assert "app.oauth2.jose" in sys.modules
assert "joserfc" not in sys.modules
try:
    app.oauth2.jose.read_jwt("a.b.c", [], [])
except app.oauth2.jose.BadJwt:
    assert "joserfc" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
