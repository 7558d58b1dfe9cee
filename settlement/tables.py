"""Tables of the ledger, for queries.

The migration that makes them adds what only a database can hold: checks, the triggers that seal an entry, and the
refusal of every update and delete of entries and postings.
"""

from __future__ import annotations

import sqlalchemy as sa

from config.database import metadata
from config.types import Instant, JsonDocument

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("code", sa.String(160), primary_key=True),
    sa.Column("commodity", sa.String(80), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("may_go_negative", sa.Boolean(), nullable=False),
    sa.Column("balance", sa.BigInteger(), nullable=False),
)

journal_entries = sa.Table(
    "journal_entries",
    metadata,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("reference", sa.String(200), nullable=False),
    sa.Column("member_id", sa.String(64)),
    sa.Column("ends_key", sa.String(200), sa.ForeignKey("journal_entries.key"), unique=True),
    sa.Column("reverses_key", sa.String(200), sa.ForeignKey("journal_entries.key"), index=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("effective_at", Instant(), nullable=False),
    sa.Column("recorded_at", Instant(), nullable=False),
    sa.Column("facts", JsonDocument, nullable=False),
    sa.Index(None, "member_id", "recorded_at", "key"),
)

lots = sa.Table(
    "lots",
    metadata,
    sa.Column("id", sa.String(240), primary_key=True),
    sa.Column("member_id", sa.String(64), nullable=False),
    sa.Column("commodity", sa.String(80), nullable=False),
    sa.Column("entry_key", sa.String(200), nullable=False),
    sa.Column("amount", sa.BigInteger(), nullable=False),
    sa.Column("remaining", sa.BigInteger(), nullable=False),
    sa.Column("expired", sa.BigInteger(), nullable=False),
    sa.Column("opened_at", Instant(), nullable=False),
    sa.Column("expires_at", Instant()),
    sa.ForeignKeyConstraint(["entry_key"], ["journal_entries.key"], deferrable=True, initially="DEFERRED"),
    sa.Index(None, "member_id", "commodity", "expires_at"),
    sa.Index(None, "entry_key"),
)
sa.Index(
    "ix_lots_expiring",
    lots.c.expires_at,
    sqlite_where=lots.c.remaining > 0,
    postgresql_where=lots.c.remaining > 0,
)

postings = sa.Table(
    "postings",
    metadata,
    sa.Column("entry_key", sa.String(200), primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True),
    sa.Column("account", sa.String(160), nullable=False),
    sa.Column("commodity", sa.String(80), nullable=False),
    sa.Column("amount", sa.BigInteger(), nullable=False),
    sa.Column("lot_id", sa.String(240), sa.ForeignKey("lots.id")),
    sa.ForeignKeyConstraint(["entry_key"], ["journal_entries.key"], deferrable=True, initially="DEFERRED"),
    sa.ForeignKeyConstraint(["account", "commodity"], ["accounts.code", "accounts.commodity"]),
)

settlement_lines = sa.Table(
    "settlement_lines",
    metadata,
    sa.Column("line_key", sa.String(200), primary_key=True),
    sa.Column("id", sa.String(40), nullable=False, unique=True),
    sa.Column("partner", sa.String(64), nullable=False),
    sa.Column("business_date", sa.Date(), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("way", sa.String(40), nullable=False),
    sa.Column("terms_id", sa.String(80), nullable=False),
    sa.Column("redemption_id", sa.String(64), index=True),
    sa.Column("reference", sa.String(120)),
    sa.Column("partner_reference", sa.String(120)),
    sa.Column("benefit_id", sa.String(80)),
    sa.Column("member_hash", sa.String(64)),
    sa.Column("service_date", sa.Date(), nullable=False),
    sa.Column("occurred_at", Instant(), nullable=False),
    sa.Column("quantity", sa.BigInteger(), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("gross", sa.BigInteger(), nullable=False),
    sa.Column("tax", sa.BigInteger(), nullable=False),
    sa.Column("net", sa.BigInteger(), nullable=False),
    sa.Column("credits", sa.BigInteger(), nullable=False),
    sa.Column("points", sa.BigInteger(), nullable=False),
    sa.Column("entry_key", sa.String(200), sa.ForeignKey("journal_entries.key"), index=True),
    sa.Column("recorded_at", Instant(), nullable=False),
    sa.Index(None, "partner", "business_date", "line_key"),
)

settlement_line_shares = sa.Table(
    "settlement_line_shares",
    metadata,
    sa.Column("line_key", sa.String(200), sa.ForeignKey("settlement_lines.line_key"), primary_key=True),
    sa.Column("bearer", sa.String(20), primary_key=True),
    sa.Column("commodity", sa.String(80), primary_key=True),
    sa.Column("amount", sa.BigInteger(), nullable=False),
)

frozen_accounts = sa.Table(
    "frozen_accounts",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("code", sa.String(160), nullable=False),
    sa.Column("commodity", sa.String(80), nullable=False),
    sa.Column("rule", sa.String(40), nullable=False),
    sa.Column("found", sa.Text(), nullable=False),
    sa.Column("frozen_at", Instant(), nullable=False),
    sa.Column("proposed_by", sa.String(200)),
    sa.Column("proposed_at", Instant()),
    sa.Column("proposed_evidence", sa.Text()),
    sa.Column("released_by", sa.String(200)),
    sa.Column("released_at", Instant()),
    sa.Column("released_evidence", sa.Text()),
)
sa.Index(
    "ix_frozen_accounts_open",
    frozen_accounts.c.code,
    frozen_accounts.c.commodity,
    unique=True,
    sqlite_where=frozen_accounts.c.released_at.is_(None),
    postgresql_where=frozen_accounts.c.released_at.is_(None),
)
"""Accounts that the audit stopped: until ``released_at`` is set, the database refuses every change of the balance."""
