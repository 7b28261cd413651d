"""The metadata of a client that few of them have: OpenID Connect Registration §2, RFC 7591, and what builds on them.

It is checked where clients are declared (:mod:`app.admin.registration`), kept in ``extra``, and read here.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit


class ClientMetadata:
    """Reads what a client's ``extra`` holds; what is not there has the default of its specification."""

    __slots__ = ()
    extra: Mapping[str, Any]
    redirect_uris: list[str]

    # OpenID Connect Registration §2

    @property
    def id_token_signed_response_alg(self) -> str:
        """Return the algorithm that signs the client's ID tokens."""
        return self.extra.get("id_token_signed_response_alg") or "RS256"

    @property
    def userinfo_signed_response_alg(self) -> str | None:
        """Return the algorithm that signs the client's answers from the userinfo endpoint; ``None`` for plain JSON."""
        return self.extra.get("userinfo_signed_response_alg")

    @property
    def is_pairwise(self) -> bool:
        """Whether the client knows people under names that no other client knows (OpenID Connect Core §8)."""
        return self.extra.get("subject_type") == "pairwise"

    @property
    def sector(self) -> str:
        """Return the host that stands for all clients which know people under the same names (OpenID Connect Core §8.1)."""
        uri = self.extra.get("sector_identifier_uri") or (self.redirect_uris[0] if self.redirect_uris else "")
        return urlsplit(uri).hostname or ""

    @property
    def default_max_age(self) -> int | None:
        """Return how many seconds ago people may have logged in where a request does not say."""
        return self.extra.get("default_max_age")

    @property
    def require_auth_time(self) -> bool:
        """Whether ID tokens must say when the person logged in; they do anyway."""
        return bool(self.extra.get("require_auth_time"))

    # Authentication by a signed assertion: RFC 7523, OpenID Connect Core §9

    @property
    def jwks(self) -> Mapping[str, Any] | None:
        """Return the client's own public keys."""
        return self.extra.get("jwks")

    @property
    def jwks_uri(self) -> str | None:
        """Return where the client publishes its keys."""
        return self.extra.get("jwks_uri")

    @property
    def token_endpoint_auth_signing_alg(self) -> str | None:
        """Return the algorithm that the client signs its assertions with."""
        return self.extra.get("token_endpoint_auth_signing_alg")

    # Access tokens

    @property
    def access_token_format(self) -> str:
        """Return the form of the client's access tokens: ``opaque``, or ``jwt`` (RFC 9068)."""
        return self.extra.get("access_token_format") or "opaque"

    @property
    def access_token_signed_response_alg(self) -> str:
        """Return the algorithm that signs the client's access tokens where they are JWTs."""
        return self.extra.get("access_token_signed_response_alg") or "ES256"

    @property
    def default_resources(self) -> Sequence[str]:
        """Return whom the client's access tokens are for where its requests name nobody (RFC 9068 §3)."""
        return self.extra.get("default_resources") or ()

    # Introspection

    @property
    def introspection_signed_response_alg(self) -> str:
        """Return the algorithm that signs what the client is told of tokens, where it asks for signed answers (RFC 9701 §6)."""
        return self.extra.get("introspection_signed_response_alg") or "RS256"

    # Logout

    @property
    def hears_of_logout(self) -> bool:
        """Whether the client is told that a session has ended, by one way or the other."""
        return self.backchannel_logout_uri is not None or self.frontchannel_logout_uri is not None

    @property
    def backchannel_logout_uri(self) -> str | None:
        """Return where the client is told that a session has ended (OpenID Connect Back-Channel Logout §2.2)."""
        return self.extra.get("backchannel_logout_uri")

    @property
    def backchannel_logout_session_required(self) -> bool:
        """Whether the client must be told which session."""
        return bool(self.extra.get("backchannel_logout_session_required"))

    @property
    def frontchannel_logout_uri(self) -> str | None:
        """Return what a page of ours loads when a session has ended (OpenID Connect Front-Channel Logout §2)."""
        return self.extra.get("frontchannel_logout_uri")

    @property
    def frontchannel_logout_session_required(self) -> bool:
        """Whether the client must be told which session."""
        return bool(self.extra.get("frontchannel_logout_session_required"))
