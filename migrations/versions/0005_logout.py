"""What logging out needs: which clients a session was used for, and what they are still to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# Microseconds since 1970 where the database has no moments of its own.
MOMENT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "session_client",
        sa.Column("name", sa.String(22), nullable=False),
        sa.Column("sid", sa.String(22), nullable=False),
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("user_id", sa.String(22), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_session_client"),
    )
    op.create_index("ix_session_client_expires_at", "session_client", ["expires_at"])
    op.create_index("ix_session_client_sid", "session_client", ["sid"])
    op.create_table(
        "logout_notice",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("user_id", sa.String(22), nullable=False),
        sa.Column("name", sa.String(22), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_logout_notice"),
    )
    op.create_index("ix_logout_notice_client_id_due_at", "logout_notice", ["client_id", "due_at"])
    op.create_index("ix_logout_notice_due_at", "logout_notice", ["due_at"])


def downgrade() -> None:
    op.drop_table("logout_notice")
    op.drop_table("session_client")
