"""What people proposed and decided about redemptions and reversals that only they can end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of proposals; one per case may be open."""
    op.create_table(
        "manual_proposals",
        sa.Column("redemption_id", sa.String(40), nullable=False),
        sa.Column("reversal", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("partner_reference", sa.String(255)),
        sa.Column("proposed_by", sa.String(200), nullable=False),
        sa.Column("proposed_at", Instant, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(200)),
        sa.Column("decided_at", Instant),
        sa.Column("decided_evidence", sa.Text),
        sa.PrimaryKeyConstraint("redemption_id", "reversal", "number", name=op.f("pk_manual_proposals")),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["redemptions.id"], name=op.f("fk_manual_proposals_redemption_id_redemptions")
        ),
        sa.CheckConstraint("state IN ('open', 'confirmed', 'replaced')", name=op.f("ck_manual_proposals_state")),
        sa.CheckConstraint("decided_by <> proposed_by", name=op.f("ck_manual_proposals_two_people")),
    )
    op.create_index(
        "ix_manual_proposals_open",
        "manual_proposals",
        ["redemption_id", "reversal"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
