"""What OpenID Connect needs: signing keys, how and when people had logged in, what is known of them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# Microseconds since 1970 where the database has no moments of its own.
MOMENT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
ADDED = {
    "grant": ("auth_time", "acr", "amr", "sid", "claims", "resource"),
    "authorization_code": ("nonce",),
    "session": ("sid",),
    "user": ("claims",),
}
TYPES: dict[str, sa.types.TypeEngine[Any]] = {"auth_time": MOMENT, "acr": sa.String(200), "amr": sa.String(200), "sid": sa.String(22)}


def upgrade() -> None:
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.String(43), nullable=False),
        sa.Column("algorithm", sa.String(16), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary, nullable=False),
        sa.Column("public_jwk", sa.JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("active_from", MOMENT, nullable=False),
        sa.Column("retired_at", MOMENT),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_key"),
    )
    for table, names in ADDED.items():
        for name in names:
            op.add_column(table, sa.Column(name, TYPES.get(name, sa.Text())))


def downgrade() -> None:
    for table, names in ADDED.items():
        for name in reversed(names):
            op.drop_column(table, name)
    op.drop_table("signing_key")
