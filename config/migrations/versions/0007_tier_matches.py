"""Tier matches asked for, granted and looked at by people; timed challenges; when an e-mail address was changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant, JsonDocument

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and their guards."""
    op.add_column("member_personal", sa.Column("email_changed_at", Instant))
    _tier_matches()
    _challenges()


def _tier_matches() -> None:
    op.create_table(
        "tier_matches",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("edge_id", sa.String(80), nullable=False),
        sa.Column("from_programme", sa.String(64), nullable=False),
        sa.Column("from_tier", sa.String(64), nullable=False),
        sa.Column("to_programme", sa.String(64), nullable=False),
        sa.Column("to_tier", sa.String(64)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("signals", JsonDocument, nullable=False),
        sa.Column("requested_at", Instant, nullable=False),
        sa.Column("granted_date", sa.Date),
        sa.Column("valid_from_date", sa.Date),
        sa.Column("valid_to_date", sa.Date),
        sa.Column("decided_at", Instant),
        sa.Column("decided_by", sa.String(80)),
        sa.Column("prolongs_id", sa.String(48)),
        sa.CheckConstraint("state IN ('granted', 'review', 'refused')", name="ck_tier_matches_state"),
        sa.CheckConstraint("(state = 'granted') = (granted_date IS NOT NULL)", name="ck_tier_matches_granted"),
        sa.CheckConstraint(
            "(state = 'review') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)",
            name="ck_tier_matches_decided",
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_tier_matches_member_id_members"),
        sa.ForeignKeyConstraint(["prolongs_id"], ["tier_matches.id"], name="fk_tier_matches_prolongs_id_tier_matches"),
        sa.PrimaryKeyConstraint("id", name="pk_tier_matches"),
    )
    op.create_index("ix_tier_matches_member_id", "tier_matches", ["member_id"])
    op.create_index("ix_tier_matches_to_programme_granted_date", "tier_matches", ["to_programme", "granted_date"])
    in_review = sa.text("state = 'review'")
    op.create_index(
        "uq_tier_matches_review",
        "tier_matches",
        ["member_id", "edge_id"],
        unique=True,
        sqlite_where=in_review,
        postgresql_where=in_review,
    )


def _challenges() -> None:
    op.create_table(
        "challenges",
        sa.Column("match_id", sa.String(48), nullable=False),
        sa.Column("edge_id", sa.String(80), nullable=False),
        sa.Column("programme", sa.String(64), nullable=False),
        sa.Column("tier", sa.String(64), nullable=False),
        sa.Column("started_date", sa.Date, nullable=False),
        sa.Column("deadline_date", sa.Date, nullable=False),
        sa.Column("target", sa.Integer, nullable=False),
        sa.Column("months", sa.Integer, nullable=False),
        sa.Column("progress", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.CheckConstraint("outcome IN ('open', 'met', 'missed')", name="ck_challenges_outcome"),
        sa.CheckConstraint("started_date <= deadline_date", name="ck_challenges_dates"),
        sa.CheckConstraint("progress >= 0 AND target >= 1 AND months >= 1", name="ck_challenges_counts"),
        sa.CheckConstraint("(outcome = 'met') = (progress >= target)", name="ck_challenges_met"),
        sa.ForeignKeyConstraint(["match_id"], ["tier_matches.id"], name="fk_challenges_match_id_tier_matches"),
        sa.PrimaryKeyConstraint("match_id", name="pk_challenges"),
    )
    op.create_index("ix_challenges_outcome_deadline_date", "challenges", ["outcome", "deadline_date"])
