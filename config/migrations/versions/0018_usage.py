"""What members used at partners that tell it only when they are asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of uses and of when which account is asked for again."""
    op.create_table(
        "usage_polls",
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("account_hash", sa.String(64), nullable=False),
        sa.Column("told_to_date", sa.Date),
        sa.Column("next_poll_at", Instant, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("partner", "member_id", name=op.f("pk_usage_polls")),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_usage_polls_failures")),
    )
    op.create_table(
        "reported_uses",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("account_hash", sa.String(64), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("place", sa.String(80), nullable=False),
        sa.Column("service_date", sa.Date, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("visitors", sa.Integer, nullable=False),
        sa.Column("guests", sa.Integer, nullable=False),
        sa.Column("charge", sa.BigInteger),
        sa.Column("currency", sa.String(3)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("redemption_id", sa.String(40)),
        sa.Column("found_at", Instant, nullable=False),
        sa.Column("closed_by", sa.String(200)),
        sa.Column("closed_at", Instant),
        sa.Column("note", sa.Text),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reported_uses")),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["redemptions.id"], name=op.f("fk_reported_uses_redemption_id_redemptions")
        ),
        sa.CheckConstraint(
            "state IN ('matched', 'differs', 'unmatched', 'explained')", name=op.f("ck_reported_uses_state")
        ),
        sa.CheckConstraint("(state = 'explained') = (closed_by IS NOT NULL)", name=op.f("ck_reported_uses_closed_by")),
        sa.CheckConstraint(
            "state NOT IN ('matched', 'differs') OR redemption_id IS NOT NULL",
            name=op.f("ck_reported_uses_redemption"),
        ),
        sa.UniqueConstraint("redemption_id", name=op.f("uq_reported_uses_redemption_id")),
        sa.UniqueConstraint(
            "partner", "account_hash", "place", "service_date", "ordinal", name=op.f("uq_reported_uses_one")
        ),
    )
    op.create_index("ix_reported_uses_state", "reported_uses", ["state", "service_date"])
