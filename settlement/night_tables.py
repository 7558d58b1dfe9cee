"""Tables of the night: statements as received, what they were matched to, what stayed open, who is running.

Our side of the reconciliation, ``settlement_lines``, is declared in `settlement.tables`.
"""

from __future__ import annotations

import sqlalchemy as sa

from config.database import metadata
from config.types import Instant, JsonDocument

STATEMENT_STATES = ("accepted", "superseded", "quarantined")
RUN_STATES = ("running", "finished", "failed")
BREAK_STATES = ("open", "closed")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


statements = sa.Table(
    "statements",
    metadata,
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
    sa.CheckConstraint(_one_of("state", STATEMENT_STATES), name="state"),
    sa.CheckConstraint("state <> 'accepted' OR business_date IS NOT NULL", name="accepted_has_date"),
    sa.UniqueConstraint("partner", "sha256"),
    sa.Index(
        "ix_statements_one_accepted",
        "partner",
        "business_date",
        unique=True,
        sqlite_where=sa.text("state = 'accepted'"),
        postgresql_where=sa.text("state = 'accepted'"),
    ),
)

statement_lines = sa.Table(
    "statement_lines",
    metadata,
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
    sa.Index("ix_statement_lines_partner_business_date", "partner", "business_date"),
    sa.Index("ix_statement_lines_folded_reference", sa.text("lower(reference)"), "partner"),
)

settlement_runs = sa.Table(
    "settlement_runs",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("partner", sa.String(64), nullable=False),
    sa.Column("business_date", sa.Date, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("summary", JsonDocument, nullable=False),
    sa.Column("failure", sa.Text),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.CheckConstraint(_one_of("state", RUN_STATES), name="state"),
    sa.UniqueConstraint("partner", "business_date"),
)

settlement_matches = sa.Table(
    "settlement_matches",
    metadata,
    sa.Column("record", sa.String(48), primary_key=True),
    sa.Column("run_id", sa.String(40), sa.ForeignKey("settlement_runs.id"), nullable=False),
    sa.Column("ours_id", sa.String(48)),
    sa.Column("theirs_id", sa.String(48), unique=True),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("pass_name", sa.String(16), nullable=False),
    sa.Column("group_reference", sa.Text),
    sa.CheckConstraint("record = coalesce(ours_id, theirs_id)", name="record"),
    sa.Index("ix_settlement_matches_run_id", "run_id"),
)
"""Pairs (and members of groups) of a run; a record of either side is in at most one row, the database sees to it.

Lines of superseded statements lose their rows when the day is run again.
"""

breaks = sa.Table(
    "breaks",
    metadata,
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
    sa.CheckConstraint(_one_of("state", BREAK_STATES), name="state"),
    sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_at"),
    sa.Index("ix_breaks_partner_business_date", "partner", "business_date"),
    sa.Index("ix_breaks_ours_id", "ours_id"),
    sa.Index("ix_breaks_theirs_id", "theirs_id"),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(160), primary_key=True),
    sa.Column("holder", sa.String(64), nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
)
