"""A reversal that gives back points and leaves the benefit says so; those before undid what they reversed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    undoes = sa.Column("undoes", sa.Boolean, nullable=False, server_default=sa.true())
    op.add_column("reversals", undoes)
