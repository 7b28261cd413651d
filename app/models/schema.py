"""The schema on one page, as SQLAlchemy's tables. Their columns are the fields of the records, in their order.

Servers on their own drivers need no more of a table than its record tells; so this is imported by migrations, by the portable engine, and
where the statements are written that make an empty database.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

from app.models.record import Record, from_microseconds, to_microseconds

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime: ``timestamptz`` on PostgreSQL, microseconds since 1970 as an integer elsewhere.

    The integer keeps order, precision and zone on databases whose own type drops one of them.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of the database at hand."""
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ANN401 (the driver's own type)
        """Turn a datetime into what the driver takes."""
        return value if value is None or dialect.name == "postgresql" else to_microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401 (the driver's own type)
        """Turn what the driver gave into a datetime."""
        return value if value is None or dialect.name == "postgresql" else from_microseconds(value)


def table_of(model: type[Record]) -> Table:
    """Return the table of a record."""
    return metadata.tables[model.table]


Table(
    "attempt",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("window_started_at", UtcDateTime, nullable=False),
)
Table(
    "audit_event",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Index("ix_audit_event_at", "at"),
)
Table(
    "authorization_code",
    metadata,
    Column("code_hash", LargeBinary(32), primary_key=True),
    Column("grant_id", String(22), nullable=False, index=True),
    Column("redirect_uri", Text),
    Column("redirect_uri_sent", Boolean, nullable=False),
    Column("code_challenge", String(128)),
    Column("code_challenge_method", String(16)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("nonce", Text),
)
Table(
    "client",
    metadata,
    Column("client_id", String(200), primary_key=True),
    Column("client_name", String(200)),
    Column("dialect", String(64), nullable=False, index=True),
    Column("token_endpoint_auth_method", String(64)),
    Column("grant_types", JSON(none_as_null=True)),
    Column("response_types", JSON(none_as_null=True)),
    Column("redirect_uris", JSON, nullable=False),
    Column("post_logout_redirect_uris", JSON, nullable=False),
    Column("allowed_origins", JSON, nullable=False),
    Column("scope", Text, nullable=False),
    Column("options", JSON, nullable=False),
    Column("extra", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)
Table(
    "client_secret",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("client_id", String(200), ForeignKey("client.client_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("secret_sealed", LargeBinary),
)
Table(
    "client_shop",
    metadata,
    Column("client_id", String(200), ForeignKey("client.client_id", ondelete="CASCADE"), primary_key=True),
    Column("shop_id", String(22), ForeignKey("shop.id", ondelete="CASCADE"), primary_key=True, index=True),
)
Table(
    "consent",
    metadata,
    Column("user_id", String(22), ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
    Column("client_id", String(200), ForeignKey("client.client_id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("scope", Text, nullable=False),
    Column("granted_at", UtcDateTime, nullable=False),
)
Table(
    "grant",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("dialect", String(64), nullable=False),
    Column("grant_type", String(64), nullable=False),
    Column("client_id", String(200), nullable=False),
    Column("user_id", String(22)),
    Column("shop_id", String(22)),
    Column("scope", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("auth_time", UtcDateTime),
    Column("acr", String(200)),
    Column("amr", String(200)),
    Column("sid", String(22)),
    Column("claims", Text),
    Column("resource", Text),
    Index("ix_grant_expires_at", "expires_at"),
    Index("ix_grant_user_id", "user_id"),
)
Table(
    "logout_notice",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("client_id", String(200), nullable=False),
    Column("user_id", String(22), nullable=False),
    Column("name", String(22), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Index("ix_logout_notice_due_at", "due_at"),
    Index("ix_logout_notice_client_id_due_at", "client_id", "due_at"),
)
Table(
    "passkey",
    metadata,
    Column("credential_id", LargeBinary(1023), primary_key=True),
    Column("user_id", String(22), ForeignKey("user.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("name", String(200)),
    Column("transports", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
)
Table(
    "password_reset",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("user_id", String(22), ForeignKey("user.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
Table(
    "property",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
Table(
    "recovery_code",
    metadata,
    Column("user_id", String(22), ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
    Column("code_hash", LargeBinary(32), primary_key=True),
    Column("used_at", UtcDateTime),
)
Table(
    "resource",
    metadata,
    Column("uri", String(400), primary_key=True),
    Column("name", String(200)),
    Column("scope", Text, nullable=False),
    Column("introspection_client", String(200), ForeignKey("client.client_id", ondelete="SET NULL"), index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)
Table(
    "scope",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("title", JSON, nullable=False),
)
Table(
    "session",
    metadata,
    Column("id_hash", LargeBinary(32), primary_key=True),
    Column("user_id", String(22), ForeignKey("user.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("amr", JSON, nullable=False),
    Column("user_agent", String(400)),
    Column("address", String(64)),
    Column("sid", String(22)),
    Index("ix_session_user_id", "user_id"),
    Index("ix_session_expires_at", "expires_at"),
)
Table(
    "session_client",
    metadata,
    Column("name", String(22), primary_key=True),
    Column("sid", String(22), nullable=False),
    Column("client_id", String(200), nullable=False),
    Column("user_id", String(22), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_session_client_sid", "sid"),
    Index("ix_session_client_expires_at", "expires_at"),
)
Table(
    "shop",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("dialect", String(64), nullable=False),
    Column("code", String(200), nullable=False),
    Column("name", String(200)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    UniqueConstraint("dialect", "code"),
)
Table(
    "signing_key",
    metadata,
    Column("kid", String(43), primary_key=True),
    Column("algorithm", String(16), nullable=False),
    Column("private_sealed", LargeBinary, nullable=False),
    Column("public_jwk", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("active_from", UtcDateTime, nullable=False),
    Column("retired_at", UtcDateTime),
)
Table(
    "token",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("grant_id", String(22), nullable=False, index=True),
    Column("scope", Text, nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("successor_hash", LargeBinary(32)),
    Column("successor_sealed", LargeBinary),
    Column("resource", Text),
)
Table(
    "totp",
    metadata,
    Column("user_id", String(22), ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("confirmed_at", UtcDateTime),
    Column("last_step", Integer),
)
Table(
    "used_assertion",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_used_assertion_expires_at", "expires_at"),
)
Table(
    "user",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("username", String(200), nullable=False),
    Column("username_key", String(400), nullable=False, unique=True),
    Column("email", String(320)),
    Column("email_key", String(640), unique=True),
    Column("name", String(200)),
    Column("password_hash", String(400)),
    Column("password_changed_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    Column("second_factor_at", UtcDateTime),
    Column("claims", Text),
)
Table(
    "user_shop",
    metadata,
    Column("user_id", String(22), ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
    Column("shop_id", String(22), ForeignKey("shop.id", ondelete="CASCADE"), primary_key=True, index=True),
)
