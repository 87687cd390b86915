"""Every table of the core. Migrations make them; `tests/core/db` compares the two."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import SchemaItem

from metropole_core.db.types import Id, Utc, key

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


def _table(name: str, *items: SchemaItem) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        *items,
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
        sqlite_autoincrement=False,
    )


def _to(target: str, *, on_delete: str = "CASCADE") -> sa.ForeignKey:
    return sa.ForeignKey(target, ondelete=on_delete)


def _text(name: str, length: int) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=False, server_default=sa.text("''"))


def _flag(name: str, *, default: bool) -> sa.Column[Any]:
    value = sa.text("1" if default else "0")
    return sa.Column(
        name, sa.Boolean(create_constraint=False), nullable=False, server_default=value
    )


users = _table(
    "users",
    sa.Column("id", Id, primary_key=True),
    sa.Column("name", sa.String(25), nullable=False),
    sa.Column("name_key", key(25), nullable=False, unique=True),
    sa.Column("display_name", sa.String(40), nullable=False),
    sa.Column("email", sa.String(254)),
    sa.Column("password_hash", sa.String(255), nullable=False),
    _flag("is_admin", default=False),
    sa.Column("avatar", sa.String(200)),
    # "active", "pending" (waits for approval) or "blocked".
    sa.Column("state", key(20), nullable=False, index=True, server_default=sa.text("'active'")),
    # Whether they may go live; NULL: as the site's setting says.
    sa.Column("may_stream", sa.Boolean(create_constraint=False)),
    sa.Column("created_at", Utc, nullable=False),
)

sessions = _table(
    "sessions",
    sa.Column("id", Id, primary_key=True),
    # Keyed hash of the cookie's token: who reads the table cannot sign in with it.
    sa.Column("token_hash", key(64), nullable=False, unique=True),
    sa.Column("user_id", Id, _to("users.id"), nullable=False, index=True),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),
    sa.Column("expires_at", Utc, nullable=False, index=True),
    _text("address", 45),
    _text("user_agent", 200),
)

invitations = _table(
    "invitations",
    sa.Column("id", Id, primary_key=True),
    # Keyed hash: the code itself is shown once, to who makes it.
    sa.Column("code_hash", key(64), nullable=False, unique=True),
    _text("note", 100),
    sa.Column("created_by", Id, _to("users.id", on_delete="SET NULL"), index=True),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("expires_at", Utc),
    sa.Column("max_uses", sa.Integer, nullable=False, server_default=sa.text("1")),
    sa.Column("uses", sa.Integer, nullable=False, server_default=sa.text("0")),
    # Becomes `users.may_stream` of who comes by it.
    sa.Column("may_stream", sa.Boolean(create_constraint=False)),
)

password_resets = _table(
    "password_resets",
    sa.Column("token_hash", key(64), primary_key=True),
    sa.Column("user_id", Id, _to("users.id"), nullable=False, index=True),
    sa.Column("expires_at", Utc, nullable=False),
)

channels = _table(
    "channels",
    sa.Column("id", Id, primary_key=True),
    sa.Column("name", sa.String(25), nullable=False),
    sa.Column("name_key", key(25), nullable=False, unique=True),
    sa.Column("display_name", sa.String(40), nullable=False),
    sa.Column("owner_id", Id, _to("users.id"), nullable=False, index=True),
    _text("title", 140),
    _text("description", 2000),
    _text("category", 40),
    sa.Column("tags", sa.JSON(none_as_null=True), nullable=False),
    sa.Column("thumbnail", sa.String(200)),
    sa.Column("avatar", sa.String(200)),
    sa.Column("provider", sa.String(50)),
    # "normal", "low" or "ultra_low"; NULL: as the site's setting says.
    sa.Column("latency", key(20)),
    # The newest picture out of a stream, and when it was taken.
    sa.Column("preview", sa.String(200)),
    sa.Column("preview_at", Utc),
    _flag("chat_enabled", default=True),
    # Until then the key is refused: the creator ended the broadcast and OBS would come back.
    sa.Column("refused_until", Utc),
    # What `search` looks through: names, title, category and tags, case-folded.
    sa.Column("search_text", key(1000), nullable=False, server_default=sa.text("''")),
    sa.Column("created_at", Utc, nullable=False),
)

# NULL: the site's limit holds. 0: none.
channel_limits = _table(
    "channel_limits",
    sa.Column("channel_id", Id, _to("channels.id"), primary_key=True, autoincrement=False),
    sa.Column("bitrate", sa.BigInteger),  # bit/s
    sa.Column("height", sa.Integer),  # pixels of the shorter side
    sa.Column("seconds", sa.Integer),  # of one broadcast
    sa.Column("storage", sa.BigInteger),  # octets
)

stream_keys = _table(
    "stream_keys",
    sa.Column("channel_id", Id, _to("channels.id"), primary_key=True, autoincrement=False),
    sa.Column("key_hash", key(64), nullable=False, unique=True),
    sa.Column("key_encrypted", key(400), nullable=False),
    sa.Column("created_at", Utc, nullable=False),
)

follows = _table(
    "follows",
    sa.Column("user_id", Id, _to("users.id"), primary_key=True, autoincrement=False),
    sa.Column("channel_id", Id, _to("channels.id"), primary_key=True, autoincrement=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Index("ix_follows_channel_id_created_at", "channel_id", "created_at"),
)

broadcasts = _table(
    "broadcasts",
    sa.Column("id", Id, primary_key=True),
    sa.Column("channel_id", Id, _to("channels.id"), nullable=False),
    sa.Column("provider", sa.String(50), nullable=False),
    _text("title", 140),
    sa.Column("started_at", Utc, nullable=False),
    sa.Column("ended_at", Utc),
    sa.Column("peak_viewers", sa.Integer, nullable=False, server_default=sa.text("0")),
    # Unguessable part of its playback addresses, the same after a restart of the server.
    sa.Column("playback_id", key(64)),
    sa.Index("ix_broadcasts_channel_id_started_at", "channel_id", "started_at"),
)

live_status = _table(
    "live_status",
    sa.Column("channel_id", Id, _to("channels.id"), primary_key=True, autoincrement=False),
    sa.Column("state", key(20), nullable=False, index=True),
    sa.Column("broadcast_id", Id, _to("broadcasts.id", on_delete="SET NULL"), index=True),
    sa.Column("session", sa.String(200)),
    sa.Column("changed_at", Utc, nullable=False),
    sa.Column("started_at", Utc),
)

chat_messages = _table(
    "chat_messages",
    sa.Column("id", Id, primary_key=True),
    sa.Column("public_id", key(32), nullable=False, unique=True),
    sa.Column("channel_id", Id, _to("channels.id"), nullable=False),
    sa.Column("user_id", Id, _to("users.id", on_delete="SET NULL"), index=True),
    sa.Column("guest_key", key(64)),
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("hue", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("text", sa.String(2000), nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("deleted_at", Utc),
    sa.Index("ix_chat_messages_channel_id_id", "channel_id", "id"),
)

chat_modes = _table(
    "chat_modes",
    sa.Column("channel_id", Id, _to("channels.id"), primary_key=True, autoincrement=False),
    sa.Column("mode", key(60), primary_key=True),
    _flag("enabled", default=False),
    sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
)

settings = _table(
    "settings",
    sa.Column("owner", key(100), primary_key=True),
    sa.Column("name", key(100), primary_key=True),
    sa.Column("value", sa.JSON(none_as_null=True), nullable=False),
)
