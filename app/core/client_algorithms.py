"""With which algorithms clients may sign what they send (RFC 7518 §3.1, RFC 8037 §3.1)."""

from typing import Final

PRIVATE_KEY_JWT: Final = "private_key_jwt"
CLIENT_SECRET_JWT: Final = "client_secret_jwt"
ALGORITHMS: Final[dict[str, tuple[str, ...]]] = {
    PRIVATE_KEY_JWT: ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"),
    CLIENT_SECRET_JWT: ("HS256", "HS384", "HS512"),
}
"""By the method of authentication, so that no public key is ever taken for a secret."""
ASSERTION_METHODS: Final = tuple(ALGORITHMS)


def algorithms_of(method: str, registered: str | None) -> frozenset[str]:
    """Return the algorithms that an assertion may be signed with: the one registered, or else all of the method; none of another one."""
    fitting = ALGORITHMS.get(method, ())
    return frozenset(one for one in fitting if registered in {None, one})
