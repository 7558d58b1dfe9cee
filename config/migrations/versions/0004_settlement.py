"""Tables of the night: statements, what they were matched to, breaks, runs and leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant, JsonDocument

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and their guards."""
    _create_statements()
    _create_statement_lines()
    _create_runs()
    _create_matches()
    _create_breaks()
    op.create_table(
        "leases",
        sa.Column("name", sa.String(160), primary_key=True),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
    )


def _create_statements() -> None:
    op.create_table(
        "statements",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("business_date", sa.Date),
        sa.Column("sequence", sa.Integer),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("line_count", sa.Integer, nullable=False),
        sa.Column("fault_count", sa.Integer, nullable=False),
        sa.Column("declared_totals", JsonDocument, nullable=False),
        sa.Column("handback", sa.LargeBinary),
        sa.Column("superseded_by", sa.String(40)),
        sa.Column("received_at", Instant, nullable=False),
        sa.CheckConstraint("state IN ('accepted', 'superseded', 'quarantined')", name="state"),
        sa.CheckConstraint("state <> 'accepted' OR business_date IS NOT NULL", name="accepted_has_date"),
        sa.UniqueConstraint("partner", "sha256"),
    )
    op.create_index(
        "ix_statements_one_accepted",
        "statements",
        ["partner", "business_date"],
        unique=True,
        sqlite_where=sa.text("state = 'accepted'"),
        postgresql_where=sa.text("state = 'accepted'"),
    )


def _create_statement_lines() -> None:
    op.create_table(
        "statement_lines",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("statement_id", sa.String(40), sa.ForeignKey("statements.id"), nullable=False),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("reference", sa.Text),
        sa.Column("partner_reference", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("service_date", sa.Date, nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger),
        sa.Column("currency", sa.String(3)),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("member_hash", sa.Text),
        sa.UniqueConstraint("statement_id", "row"),
    )
    op.create_index("ix_statement_lines_partner_business_date", "statement_lines", ["partner", "business_date"])


def _create_runs() -> None:
    op.create_table(
        "settlement_runs",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("summary", JsonDocument, nullable=False),
        sa.Column("failure", sa.Text),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("finished_at", Instant),
        sa.CheckConstraint("state IN ('running', 'finished', 'failed')", name="state"),
        sa.UniqueConstraint("partner", "business_date"),
    )


def _create_matches() -> None:
    op.create_table(
        "settlement_matches",
        sa.Column("record", sa.String(48), primary_key=True),
        sa.Column("run_id", sa.String(40), sa.ForeignKey("settlement_runs.id"), nullable=False),
        sa.Column("ours_id", sa.String(48)),
        sa.Column("theirs_id", sa.String(48), unique=True),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("pass_name", sa.String(16), nullable=False),
        sa.Column("group_reference", sa.Text),
        sa.CheckConstraint("record = coalesce(ours_id, theirs_id)", name="record"),
    )
    op.create_index("ix_settlement_matches_run_id", "settlement_matches", ["run_id"])


def _create_breaks() -> None:
    op.create_table(
        "breaks",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("run_id", sa.String(40), sa.ForeignKey("settlement_runs.id"), nullable=False),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ours_id", sa.String(48)),
        sa.Column("theirs_id", sa.String(48)),
        sa.Column("reference", sa.Text),
        sa.Column("ours_amount", sa.BigInteger),
        sa.Column("ours_currency", sa.String(3)),
        sa.Column("theirs_amount", sa.BigInteger),
        sa.Column("theirs_currency", sa.String(3)),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("evidence", JsonDocument, nullable=False),
        sa.Column("opened_at", Instant, nullable=False),
        sa.Column("closed_at", Instant),
        sa.Column("closed_by_run", sa.String(40)),
        sa.Column("close_reason", sa.String(64)),
        sa.CheckConstraint("state IN ('open', 'closed')", name="state"),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_at"),
    )
    op.create_index("ix_breaks_partner_business_date", "breaks", ["partner", "business_date"])
    op.create_index("ix_breaks_ours_id", "breaks", ["ours_id"])
    op.create_index("ix_breaks_theirs_id", "breaks", ["theirs_id"])
