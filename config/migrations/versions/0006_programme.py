"""Tables of the programme: judged validities, notices, bulk files, jobs; referrals, merges and birthdays of members."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant, JsonDocument

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and create the tables and their guards."""
    _members()
    _tier_reviews()
    _care_notices()
    _bulk_files()
    op.create_table(
        "programme_jobs",
        sa.Column("job", sa.String(40), nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("handled", sa.Integer, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("finished_at", Instant),
        sa.PrimaryKeyConstraint("job", "business_date", name="pk_programme_jobs"),
    )


def _members() -> None:
    op.add_column("members", sa.Column("referred_by", sa.String(40)))
    op.add_column("members", sa.Column("merged_into", sa.String(40)))
    op.create_index("ix_members_merged_into", "members", ["merged_into"])
    op.add_column("member_personal", sa.Column("birthday", sa.String(5)))
    op.create_index("ix_member_personal_birthday", "member_personal", ["birthday"])
    op.create_index("ix_statuses_programme_valid_to_date", "statuses", ["programme", "valid_to_date"])


def _of_member(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=f"fk_{table}_member_id_members")


def _tier_reviews() -> None:
    op.create_table(
        "tier_reviews",
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("programme", sa.String(64), nullable=False),
        sa.Column("tier", sa.String(64), nullable=False),
        sa.Column("provenance", sa.String(16), nullable=False),
        sa.Column("valid_from_date", sa.Date, nullable=False),
        sa.Column("valid_to_date", sa.Date, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("qualifying", sa.BigInteger, nullable=False),
        sa.Column("needed", sa.BigInteger, nullable=False),
        sa.Column("tier_after", sa.String(64), nullable=False),
        sa.Column("reviewed_at", Instant, nullable=False),
        sa.CheckConstraint("outcome IN ('kept', 'landed', 'lapsed', 'covered')", name="ck_tier_reviews_outcome"),
        _of_member("tier_reviews"),
        sa.PrimaryKeyConstraint(
            "member_id", "programme", "tier", "provenance", "valid_from_date", name="pk_tier_reviews"
        ),
    )


def _care_notices() -> None:
    op.create_table(
        "care_notices",
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("notice", sa.String(120), nullable=False),
        sa.Column("told_at", Instant, nullable=False),
        _of_member("care_notices"),
        sa.PrimaryKeyConstraint("member_id", "notice", name="pk_care_notices"),
    )


def _bulk_files() -> None:
    op.create_table(
        "bulk_files",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("client_id", sa.String(256), nullable=False),
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("refused", sa.Integer, nullable=False),
        sa.Column("totals", JsonDocument, nullable=False),
        sa.Column("answers", sa.LargeBinary),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("finished_at", Instant),
        sa.CheckConstraint("state IN ('working', 'done', 'refused')", name="ck_bulk_files_state"),
        sa.PrimaryKeyConstraint("id", name="pk_bulk_files"),
        sa.UniqueConstraint("kind", "client_id", "reference", name="uq_bulk_files_kind_client_id_reference"),
    )
