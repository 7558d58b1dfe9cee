"""When a partner last said that an account is the member's; what became of telling it of a granted tier."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the instant (accounts that were taken before were never asked about), and the table of what was told."""
    op.add_column("partner_accounts", sa.Column("verified_at", Instant))
    op.create_table(
        "status_grants",
        sa.Column("match_id", sa.String(48), nullable=False),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("code", sa.String(80)),
        sa.Column("partner_reference", sa.String(128)),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("asked_at", Instant, nullable=False),
        sa.CheckConstraint("outcome IN ('ok', 'no', 'open')", name="ck_status_grants_outcome"),
        sa.CheckConstraint("tries >= 1", name="ck_status_grants_tries"),
        sa.ForeignKeyConstraint(["match_id"], ["tier_matches.id"], name="fk_status_grants_match_id_tier_matches"),
        sa.PrimaryKeyConstraint("match_id", name="pk_status_grants"),
    )
