"""References are found in lower case, for some partners write them otherwise: over indexes, not by looking at all."""

from __future__ import annotations

import sqlalchemy as sa

from config.migration_steps import index

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index what a file's row and a redemption are matched by."""
    index("ix_redemptions_folded_key", "redemptions", [sa.text("lower(partner_key)"), "partner"])
    index("ix_statement_lines_folded_reference", "statement_lines", [sa.text("lower(reference)"), "partner"])
