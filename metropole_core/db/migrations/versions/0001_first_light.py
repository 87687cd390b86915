"""People, channels, keys, follows, chat, live status, settings.

Revision: 0001
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from metropole_core.db.types import Id, Utc, key

revision = "0001"
down_revision = None

MYSQL: dict[str, Any] = {"mysql_charset": "utf8mb4", "mysql_engine": "InnoDB"}
EMPTY, ZERO, ONE = sa.text("''"), sa.text("0"), sa.text("1")


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(25), nullable=False),
        sa.Column("name_key", key(25), nullable=False),
        sa.Column("display_name", sa.String(40), nullable=False),
        sa.Column("email", sa.String(254)),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False, server_default=ZERO),
        sa.Column("avatar", sa.String(200)),
        sa.Column("created_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name_key", name="uq_users_name_key"),
        **MYSQL,
    )
    op.create_table(
        "sessions",
        sa.Column("id", Id, nullable=False),
        sa.Column("token_hash", key(64), nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("seen_at", Utc(), nullable=False),
        sa.Column("expires_at", Utc(), nullable=False),
        sa.Column("address", sa.String(45), nullable=False, server_default=EMPTY),
        sa.Column("user_agent", sa.String(200), nullable=False, server_default=EMPTY),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("token_hash", name="uq_sessions_token_hash"),
        _to("sessions", "user_id", "users"),
        **MYSQL,
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "channels",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(25), nullable=False),
        sa.Column("name_key", key(25), nullable=False),
        sa.Column("display_name", sa.String(40), nullable=False),
        sa.Column("owner_id", Id, nullable=False),
        sa.Column("title", sa.String(140), nullable=False, server_default=EMPTY),
        sa.Column("description", sa.String(2000), nullable=False, server_default=EMPTY),
        sa.Column("category", sa.String(40), nullable=False, server_default=EMPTY),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("thumbnail", sa.String(200)),
        sa.Column("avatar", sa.String(200)),
        sa.Column("provider", sa.String(50)),
        sa.Column("chat_enabled", sa.Boolean(), nullable=False, server_default=ONE),
        sa.Column("refused_until", Utc()),
        sa.Column("search_text", key(1000), nullable=False, server_default=EMPTY),
        sa.Column("created_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_channels"),
        sa.UniqueConstraint("name_key", name="uq_channels_name_key"),
        _to("channels", "owner_id", "users"),
        **MYSQL,
    )
    op.create_index("ix_channels_owner_id", "channels", ["owner_id"])
    op.create_table(
        "stream_keys",
        sa.Column("channel_id", Id, nullable=False, autoincrement=False),
        sa.Column("key_hash", key(64), nullable=False),
        sa.Column("key_encrypted", key(400), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name="pk_stream_keys"),
        sa.UniqueConstraint("key_hash", name="uq_stream_keys_key_hash"),
        _to("stream_keys", "channel_id", "channels"),
        **MYSQL,
    )
    op.create_table(
        "follows",
        sa.Column("user_id", Id, nullable=False, autoincrement=False),
        sa.Column("channel_id", Id, nullable=False, autoincrement=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "channel_id", name="pk_follows"),
        _to("follows", "user_id", "users"),
        _to("follows", "channel_id", "channels"),
        **MYSQL,
    )
    op.create_index("ix_follows_channel_id_created_at", "follows", ["channel_id", "created_at"])
    op.create_table(
        "broadcasts",
        sa.Column("id", Id, nullable=False),
        sa.Column("channel_id", Id, nullable=False),
        sa.Column("provider", sa.String(50), nullable=False),
        sa.Column("title", sa.String(140), nullable=False, server_default=EMPTY),
        sa.Column("started_at", Utc(), nullable=False),
        sa.Column("ended_at", Utc()),
        sa.Column("peak_viewers", sa.Integer(), nullable=False, server_default=ZERO),
        sa.PrimaryKeyConstraint("id", name="pk_broadcasts"),
        _to("broadcasts", "channel_id", "channels"),
        **MYSQL,
    )
    op.create_index(
        "ix_broadcasts_channel_id_started_at", "broadcasts", ["channel_id", "started_at"]
    )
    op.create_table(
        "live_status",
        sa.Column("channel_id", Id, nullable=False, autoincrement=False),
        sa.Column("state", key(20), nullable=False),
        sa.Column("broadcast_id", Id),
        sa.Column("session", sa.String(200)),
        sa.Column("changed_at", Utc(), nullable=False),
        sa.Column("started_at", Utc()),
        sa.PrimaryKeyConstraint("channel_id", name="pk_live_status"),
        _to("live_status", "channel_id", "channels"),
        _to("live_status", "broadcast_id", "broadcasts", on_delete="SET NULL"),
        **MYSQL,
    )
    op.create_index("ix_live_status_state", "live_status", ["state"])
    op.create_index("ix_live_status_broadcast_id", "live_status", ["broadcast_id"])
    op.create_table(
        "chat_messages",
        sa.Column("id", Id, nullable=False),
        sa.Column("public_id", key(32), nullable=False),
        sa.Column("channel_id", Id, nullable=False),
        sa.Column("user_id", Id),
        sa.Column("guest_key", key(64)),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("hue", sa.Integer(), nullable=False, server_default=ZERO),
        sa.Column("text", sa.String(2000), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("deleted_at", Utc()),
        sa.PrimaryKeyConstraint("id", name="pk_chat_messages"),
        sa.UniqueConstraint("public_id", name="uq_chat_messages_public_id"),
        _to("chat_messages", "channel_id", "channels"),
        _to("chat_messages", "user_id", "users", on_delete="SET NULL"),
        **MYSQL,
    )
    op.create_index("ix_chat_messages_user_id", "chat_messages", ["user_id"])
    op.create_index("ix_chat_messages_channel_id_id", "chat_messages", ["channel_id", "id"])
    op.create_table(
        "chat_modes",
        sa.Column("channel_id", Id, nullable=False, autoincrement=False),
        sa.Column("mode", key(60), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=ZERO),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "mode", name="pk_chat_modes"),
        _to("chat_modes", "channel_id", "channels"),
        **MYSQL,
    )
    op.create_table(
        "settings",
        sa.Column("owner", key(100), nullable=False),
        sa.Column("name", key(100), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", name="pk_settings"),
        **MYSQL,
    )


def downgrade() -> None:
    for table in (
        "settings",
        "chat_modes",
        "chat_messages",
        "live_status",
        "broadcasts",
        "follows",
        "stream_keys",
        "channels",
        "sessions",
        "users",
    ):
        op.drop_table(table)


def _to(
    table: str, column: str, target: str, *, on_delete: str = "CASCADE"
) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=f"fk_{table}_{column}", ondelete=on_delete
    )
