"""How long what a client signs may live is an operator's word."""

from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from app.ledger import Facts
from app.messages import CLIENT_ASSERTION, Credentials, Proofs
from app.oauth2 import Assertions, AuthorizationServer
from tests.oauth2.exchange import NOW, Asked, client

ISSUER = "https://id.example.com"
KEY = OctKey.import_key("a-secret-that-signs-and-is-long-enough-for-it")


@pytest.mark.security("CA-10")
@pytest.mark.parametrize(
    ("lasts", "ahead", "is_right"), [(300, 331, False), (3600, 3600, True), (3600, 3631, False), (60, 90, True), (60, 91, False)]
)
def test_life_of_an_assertion_is_bounded_by_a_setting(lasts: int, ahead: int, *, is_right: bool) -> None:
    now = int(NOW.timestamp())
    claims = {"iss": "demo", "sub": "demo", "aud": ISSUER, "jti": "1", "exp": now + ahead}
    text = jwt.encode({"alg": "HS256"}, claims, KEY)
    asked = Asked("client_credentials", message={"credentials": Credentials("demo", None, CLIENT_ASSERTION, text, ("/token",))})
    owner = client(secret=None, token_endpoint_auth_method="client_secret_jwt")
    server = AuthorizationServer(ISSUER, assertions=Assertions(ISSUER, timedelta(seconds=lasts)))
    proofs = Proofs(client_keys=[KEY.as_dict()])
    outcome, writes = server.respond(asked.request(), Facts(client=owner), proofs, NOW)
    assert (outcome.refusal is None) is is_right
    assert (writes.once is not None) is is_right
    if writes.once is not None:
        assert writes.once.expires_at == NOW + timedelta(seconds=ahead + 30)
