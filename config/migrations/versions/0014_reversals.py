"""A reversal that gives back points and leaves the benefit says so; a claim has an end.

The reversals before undid what they reversed.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    undoes = sa.Column("undoes", sa.Boolean, nullable=False, server_default=sa.true())
    op.add_column("reversals", undoes)
    op.add_column("claims", sa.Column("closed_at", Instant))
    op.add_column("claims", sa.Column("outcome", sa.String(16)))
