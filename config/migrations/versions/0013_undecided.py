"""What is undecided at a partner is summed by an index of its own, however many redemptions have ended there."""

from __future__ import annotations

import sqlalchemy as sa

from config.migration_steps import index

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_UNDECIDED = sa.text("state NOT IN ('captured', 'voided')")


def upgrade() -> None:
    """Index what has not ended."""
    index("ix_redemptions_undecided", "redemptions", ["partner"], where=_UNDECIDED)
