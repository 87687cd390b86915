"""Who may join and who may stream, limits of channels, addresses that outlive a restart.

Revision: 0002
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from metropole_core.db.types import Id, Utc, key

revision = "0002"
down_revision = "0001"

MYSQL: dict[str, Any] = {"mysql_charset": "utf8mb4", "mysql_engine": "InnoDB"}
EMPTY, ZERO, ONE = sa.text("''"), sa.text("0"), sa.text("1")


def upgrade() -> None:
    op.add_column(
        "users",
        sa.Column("state", key(20), nullable=False, server_default=sa.text("'active'")),
    )
    op.add_column("users", sa.Column("may_stream", sa.Boolean()))
    op.create_index("ix_users_state", "users", ["state"])
    op.add_column("broadcasts", sa.Column("playback_id", key(64)))
    op.create_table(
        "invitations",
        sa.Column("id", Id, nullable=False),
        sa.Column("code_hash", key(64), nullable=False),
        sa.Column("note", sa.String(100), nullable=False, server_default=EMPTY),
        sa.Column("created_by", Id),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("expires_at", Utc()),
        sa.Column("max_uses", sa.Integer(), nullable=False, server_default=ONE),
        sa.Column("uses", sa.Integer(), nullable=False, server_default=ZERO),
        sa.Column("may_stream", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("code_hash", name="uq_invitations_code_hash"),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_invitations_created_by", ondelete="SET NULL"
        ),
        **MYSQL,
    )
    op.create_index("ix_invitations_created_by", "invitations", ["created_by"])
    op.create_table(
        "password_resets",
        sa.Column("token_hash", key(64), nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("expires_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_password_resets"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_password_resets_user_id", ondelete="CASCADE"
        ),
        **MYSQL,
    )
    op.create_index("ix_password_resets_user_id", "password_resets", ["user_id"])
    op.create_table(
        "channel_limits",
        sa.Column("channel_id", Id, nullable=False, autoincrement=False),
        sa.Column("bitrate", sa.BigInteger()),
        sa.Column("height", sa.Integer()),
        sa.Column("seconds", sa.Integer()),
        sa.Column("storage", sa.BigInteger()),
        sa.PrimaryKeyConstraint("channel_id", name="pk_channel_limits"),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channels.id"],
            name="fk_channel_limits_channel_id",
            ondelete="CASCADE",
        ),
        **MYSQL,
    )


def downgrade() -> None:
    for table in ("channel_limits", "password_resets", "invitations"):
        op.drop_table(table)
    op.drop_column("broadcasts", "playback_id")
    op.drop_index("ix_users_state", "users")
    op.drop_column("users", "may_stream")
    op.drop_column("users", "state")
