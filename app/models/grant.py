"""A grant: one act of authorization, and the family of codes and tokens that came of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class Grant:
    """The family: who may act, for whom and for which shop.

    Revoking the family is one column here, so no token that is being inserted at that moment survives it. ``grant_type`` is the
    dialect's own word. ``expires_at`` is the ceiling over every refresh token of the family. There are no foreign keys: the lock
    they take on a busy client's row would queue all of its token requests.

    What follows is there for OpenID Connect alone, and is last so that every other grant is inserted without it. ``auth_time`` is when
    the person had logged in: a family that has none yields no ID tokens. ``acr`` and ``amr`` (with spaces) say how, ``sid`` in which
    session. ``claims`` is what the ``claims`` parameter asked for, as JSON text; ``resource`` holds the resource indicators of the
    request (RFC 8707 §2), with spaces.
    """

    table: ClassVar[str] = "grant"

    id: str
    dialect: str
    grant_type: str
    client_id: str
    user_id: str | None = None
    shop_id: str | None = None
    scope: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    auth_time: datetime | None = None
    acr: str | None = None
    amr: str | None = None
    sid: str | None = None
    claims: str | None = None
    resource: str | None = None
