"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Microseconds since 1970 where the database has no moments of its own.
MOMENT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "client",
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("client_name", sa.String(200)),
        sa.Column("dialect", sa.String(64), nullable=False),
        sa.Column("token_endpoint_auth_method", sa.String(64)),
        sa.Column("grant_types", sa.JSON),
        sa.Column("response_types", sa.JSON),
        sa.Column("redirect_uris", sa.JSON, nullable=False),
        sa.Column("post_logout_redirect_uris", sa.JSON, nullable=False),
        sa.Column("allowed_origins", sa.JSON, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("extra", sa.JSON, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT),
        sa.PrimaryKeyConstraint("client_id", name="pk_client"),
    )
    op.create_index("ix_client_dialect", "client", ["dialect"])
    op.create_table(
        "client_secret",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_client_secret"),
        sa.ForeignKeyConstraint(["client_id"], ["client.client_id"], name="fk_client_secret_client_id", ondelete="CASCADE"),
    )
    op.create_index("ix_client_secret_client_id", "client_secret", ["client_id"])
    op.create_table(
        "shop",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("dialect", sa.String(64), nullable=False),
        sa.Column("code", sa.String(200), nullable=False),
        sa.Column("name", sa.String(200)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_shop"),
        sa.UniqueConstraint("dialect", "code", name="uq_shop_dialect_code"),
    )
    op.create_table(
        "client_shop",
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("shop_id", sa.String(22), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "shop_id", name="pk_client_shop"),
        sa.ForeignKeyConstraint(["client_id"], ["client.client_id"], name="fk_client_shop_client_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name="fk_client_shop_shop_id", ondelete="CASCADE"),
    )
    op.create_index("ix_client_shop_shop_id", "client_shop", ["shop_id"])
    op.create_table(
        "user",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("username", sa.String(200), nullable=False),
        sa.Column("username_key", sa.String(400), nullable=False),
        sa.Column("email", sa.String(320)),
        sa.Column("email_key", sa.String(640)),
        sa.Column("name", sa.String(200)),
        sa.Column("password_hash", sa.String(400)),
        sa.Column("password_changed_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_user"),
        sa.UniqueConstraint("username_key", name="uq_user_username_key"),
        sa.UniqueConstraint("email_key", name="uq_user_email_key"),
    )
    op.create_table(
        "grant",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("dialect", sa.String(64), nullable=False),
        sa.Column("grant_type", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("user_id", sa.String(22)),
        sa.Column("shop_id", sa.String(22)),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_grant"),
    )
    op.create_index("ix_grant_expires_at", "grant", ["expires_at"])
    op.create_index("ix_grant_user_id", "grant", ["user_id"])
    op.create_table(
        "authorization_code",
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("grant_id", sa.String(22), nullable=False),
        sa.Column("redirect_uri", sa.Text),
        sa.Column("redirect_uri_sent", sa.Boolean, nullable=False),
        sa.Column("code_challenge", sa.String(128)),
        sa.Column("code_challenge_method", sa.String(16)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
        sa.PrimaryKeyConstraint("code_hash", name="pk_authorization_code"),
    )
    op.create_index("ix_authorization_code_grant_id", "authorization_code", ["grant_id"])
    op.create_table(
        "token",
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("grant_id", sa.String(22), nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("used_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.Column("last_used_at", MOMENT),
        sa.Column("successor_hash", sa.LargeBinary(32)),
        sa.Column("successor_sealed", sa.LargeBinary),
        sa.PrimaryKeyConstraint("token_hash", name="pk_token"),
    )
    op.create_index("ix_token_grant_id", "token", ["grant_id"])
    op.create_table(
        "attempt",
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("window_started_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_attempt"),
    )
    op.create_table(
        "scope",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("title", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_scope"),
    )
    op.create_table(
        "property",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_property"),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
        sa.PrimaryKeyConstraint("id", name="pk_audit_event"),
    )
    op.create_index("ix_audit_event_at", "audit_event", ["at"])


def downgrade() -> None:
    for table in (
        "audit_event",
        "property",
        "scope",
        "attempt",
        "token",
        "authorization_code",
        "grant",
        "user",
        "client_shop",
        "shop",
        "client_secret",
        "client",
    ):
        op.drop_table(table)
