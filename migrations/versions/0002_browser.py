"""What browsers need: sessions, consents, the shops of people, reset links, second factors and passkeys."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# Microseconds since 1970 where the database has no moments of its own.
MOMENT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("user", sa.Column("second_factor_at", MOMENT))
    op.create_table(
        "session",
        sa.Column("id_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("user_id", sa.String(22), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("amr", sa.JSON, nullable=False),
        sa.Column("user_agent", sa.String(400)),
        sa.Column("address", sa.String(64)),
        sa.PrimaryKeyConstraint("id_hash", name="pk_session"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_session_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_session_expires_at", "session", ["expires_at"])
    op.create_index("ix_session_user_id", "session", ["user_id"])
    op.create_table(
        "consent",
        sa.Column("user_id", sa.String(22), nullable=False),
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("granted_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "client_id", name="pk_consent"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_consent_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["client_id"], ["client.client_id"], name="fk_consent_client_id", ondelete="CASCADE"),
    )
    op.create_index("ix_consent_client_id", "consent", ["client_id"])
    op.create_table(
        "user_shop",
        sa.Column("user_id", sa.String(22), nullable=False),
        sa.Column("shop_id", sa.String(22), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "shop_id", name="pk_user_shop"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_user_shop_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name="fk_user_shop_shop_id", ondelete="CASCADE"),
    )
    op.create_index("ix_user_shop_shop_id", "user_shop", ["shop_id"])
    op.create_table(
        "password_reset",
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("user_id", sa.String(22), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_password_reset"),
        sa.UniqueConstraint("user_id", name="uq_password_reset_user_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_password_reset_user_id", ondelete="CASCADE"),
    )
    op.create_table(
        "totp",
        sa.Column("user_id", sa.String(22), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary, nullable=False),
        sa.Column("confirmed_at", MOMENT),
        sa.Column("last_step", sa.Integer),
        sa.PrimaryKeyConstraint("user_id", name="pk_totp"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_totp_user_id", ondelete="CASCADE"),
    )
    op.create_table(
        "passkey",
        sa.Column("credential_id", sa.LargeBinary(1023), nullable=False),
        sa.Column("user_id", sa.String(22), nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(200)),
        sa.Column("transports", sa.JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT),
        sa.PrimaryKeyConstraint("credential_id", name="pk_passkey"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_passkey_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_passkey_user_id", "passkey", ["user_id"])
    op.create_table(
        "recovery_code",
        sa.Column("user_id", sa.String(22), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("used_at", MOMENT),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name="pk_recovery_code"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_recovery_code_user_id", ondelete="CASCADE"),
    )


def downgrade() -> None:
    for table in ("recovery_code", "passkey", "totp", "password_reset", "user_shop", "consent", "session"):
        op.drop_table(table)
    op.drop_column("user", "second_factor_at")
