"""A claim has an end: when two people said so, and what they said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("claims", sa.Column("closed_at", Instant))
    op.add_column("claims", sa.Column("outcome", sa.String(16)))
