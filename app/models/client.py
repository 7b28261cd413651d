"""A registered client (RFC 7591 §2), whichever dialect it speaks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from authlib.oauth2.rfc6749 import ClientMixin

from app.core.scopes import allowed_scope
from app.models.client_metadata import ClientMetadata
from app.models.client_secret import ClientSecret
from app.models.resource import Resource


@dataclass(slots=True, kw_only=True)
class Client(ClientMetadata, ClientMixin):
    """An application that asks for tokens.

    ``grant_types`` holds the dialect's own words; ``None`` means every grant of the dialect. ``token_endpoint_auth_method`` of
    ``None`` means HTTP Basic or the body. ``options`` are the dialect's named variations (``envelope`` and the like), ``extra`` the
    further metadata, of which :class:`ClientMetadata` reads what counts here. ``version`` grows with every change of the row, its
    secrets, its shops or its resources.
    """

    table: ClassVar[str] = "client"

    client_id: str
    client_name: str | None = None
    dialect: str
    token_endpoint_auth_method: str | None = None
    grant_types: list[str] | None = None
    response_types: list[str] | None = None
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    allowed_origins: list[str]
    scope: str
    options: Mapping[str, str | bool]
    extra: Mapping[str, object]
    version: int
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None = None
    secrets: tuple[ClientSecret, ...] = ()
    """The client's secrets, from their own table; not a column."""
    resources: tuple[Resource, ...] = ()
    """The enabled resources about whose tokens the client may ask, from their own table, where the doors of machines load it."""

    @property
    def is_public(self) -> bool:
        """Whether the client has no means to authenticate (RFC 6749 §2.1)."""
        return self.token_endpoint_auth_method == "none"

    def get_client_id(self) -> str:
        """Answer Authlib's question."""
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """Return the registered redirect URI if there is exactly one (RFC 6749 §3.1.2.3)."""
        return self.redirect_uris[0] if len(self.redirect_uris) == 1 else None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Return the scope to grant: all registered where none is asked for, ``None`` where more is asked for than registered."""
        return allowed_scope(scope, self.scope)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether the URI is registered, compared as a plain string (RFC 9700 §2.1)."""
        return redirect_uri in self.redirect_uris

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Whether the client may authenticate so; the registered method counts at every endpoint."""
        registered = self.token_endpoint_auth_method
        return method == registered if registered else method in {"client_secret_basic", "client_secret_post"}

    def check_response_type(self, response_type: str) -> bool:
        """Whether the response type is among the registered ones; ``None`` means all of the dialect's."""
        return self.response_types is None or response_type in self.response_types

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether the grant, named in the dialect's word, is among the registered ones."""
        return self.grant_types is None or grant_type in self.grant_types
