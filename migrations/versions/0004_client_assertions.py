"""Clients that prove themselves by what they sign: which assertions were used, and the secrets that sign them, sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# Microseconds since 1970 where the database has no moments of its own.
MOMENT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "used_assertion",
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_used_assertion"),
    )
    op.create_index("ix_used_assertion_expires_at", "used_assertion", ["expires_at"])
    op.add_column("client_secret", sa.Column("secret_sealed", sa.LargeBinary()))


def downgrade() -> None:
    op.drop_column("client_secret", "secret_sealed")
    op.drop_index("ix_used_assertion_expires_at", "used_assertion")
    op.drop_table("used_assertion")
