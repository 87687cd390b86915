"""How close to live a channel is played, and its newest picture.

Revision: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from metropole_core.db.types import Utc, key

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("channels", sa.Column("latency", key(20)))
    op.add_column("channels", sa.Column("preview", sa.String(200)))
    op.add_column("channels", sa.Column("preview_at", Utc()))


def downgrade() -> None:
    for column in ("preview_at", "preview", "latency"):
        op.drop_column("channels", column)
