"""Tables of the programme: judged validities, what members were told, bulk files, nightly jobs; for queries."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import metadata
from config.types import Instant, JsonDocument

tier_reviews = sa.Table(
    "tier_reviews",
    metadata,
    sa.Column("member_id", sa.String(40), sa.ForeignKey("members.id"), primary_key=True),
    sa.Column("programme", sa.String(64), primary_key=True),
    sa.Column("tier", sa.String(64), primary_key=True),
    sa.Column("provenance", sa.String(16), primary_key=True),
    sa.Column("valid_from_date", sa.Date, primary_key=True),
    sa.Column("valid_to_date", sa.Date, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("qualifying", sa.BigInteger, nullable=False),
    sa.Column("needed", sa.BigInteger, nullable=False),
    sa.Column("tier_after", sa.String(64), nullable=False),
    sa.Column("reviewed_at", Instant, nullable=False),
    sa.CheckConstraint("outcome IN ('kept', 'landed', 'lapsed', 'covered')", name="outcome"),
)
"""How the end of each host status was judged; once, so that what comes in later never judges it anew."""

care_notices = sa.Table(
    "care_notices",
    metadata,
    sa.Column("member_id", sa.String(40), sa.ForeignKey("members.id"), primary_key=True),
    sa.Column("notice", sa.String(120), primary_key=True),
    sa.Column("told_at", Instant, nullable=False),
)
"""What a member was told, so that it is told once however often a job runs."""

bulk_files = sa.Table(
    "bulk_files",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
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
    sa.UniqueConstraint("kind", "client_id", "reference"),
    sa.CheckConstraint("state IN ('working', 'done', 'refused')", name="state"),
)
"""Files of accruals and opening balances; ``answers`` is the file with one answer per row. Totals are the sender's
control totals, kept to be shown: what counts is in the ledger."""

programme_jobs = sa.Table(
    "programme_jobs",
    metadata,
    sa.Column("job", sa.String(40), primary_key=True),
    sa.Column("business_date", sa.Date, primary_key=True),
    sa.Column("handled", sa.Integer, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
)
"""One run per job and business date; one without ``finished_at`` was interrupted and is begun again."""
