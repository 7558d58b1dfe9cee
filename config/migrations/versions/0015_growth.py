"""An index of lots by their entry, and the list of access tokens that are refused before they end by themselves.

While postings wait for their header, SQLite looks through every table that names it by a deferred foreign key for each
header that comes: without the index that were all lots there are.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.migration_steps import index
from config.types import Instant

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both."""
    index("ix_lots_entry_key", "lots", ["entry_key"])
    op.create_table(
        "denied_tokens",
        sa.Column("jti", sa.String(255), nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("denied_by", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("denied_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_denied_tokens")),
    )
    op.create_index(op.f("ix_denied_tokens_expires_at"), "denied_tokens", ["expires_at"])
