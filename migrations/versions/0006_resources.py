"""Resources: the APIs that access tokens are for, and which of them a token is for."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

# Microseconds since 1970 where the database has no moments of its own.
MOMENT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "resource",
        sa.Column("uri", sa.String(400), nullable=False),
        sa.Column("name", sa.String(200)),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("introspection_client", sa.String(200)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT),
        sa.PrimaryKeyConstraint("uri", name="pk_resource"),
        sa.ForeignKeyConstraint(
            ["introspection_client"], ["client.client_id"], name="fk_resource_introspection_client", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_resource_introspection_client", "resource", ["introspection_client"])
    op.add_column("token", sa.Column("resource", sa.Text()))


def downgrade() -> None:
    op.drop_column("token", "resource")
    op.drop_table("resource")
