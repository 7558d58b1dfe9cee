"""Tables of what partners told of uses, and of when which account is asked for again."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import metadata
from config.types import Instant

usage_polls = sa.Table(
    "usage_polls",
    metadata,
    sa.Column("partner", sa.String(64), primary_key=True),
    sa.Column("member_id", sa.String(40), primary_key=True),
    sa.Column("account_hash", sa.String(64), nullable=False),
    sa.Column("told_to_date", sa.Date),
    sa.Column("next_poll_at", Instant, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.CheckConstraint("failures >= 0", name="failures"),
)
"""Up to which day the uses of a member's account are known; ``failures`` in a row of telling them."""

reported_uses = sa.Table(
    "reported_uses",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
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
    sa.Column("redemption_id", sa.String(40), sa.ForeignKey("redemptions.id"), unique=True),
    sa.Column("found_at", Instant, nullable=False),
    sa.Column("closed_by", sa.String(200)),
    sa.Column("closed_at", Instant),
    sa.Column("note", sa.Text),
    sa.CheckConstraint("state IN ('matched', 'differs', 'unmatched', 'explained')", name="state"),
    sa.CheckConstraint("(state = 'explained') = (closed_by IS NOT NULL)", name="closed_by"),
    sa.CheckConstraint("state NOT IN ('matched', 'differs') OR redemption_id IS NOT NULL", name="redemption"),
    sa.UniqueConstraint("partner", "account_hash", "place", "service_date", "ordinal", name="uq_reported_uses_one"),
    sa.Index("ix_reported_uses_state", "state", "service_date"),
)
"""One use each. ``ordinal`` tells equal ones of a day apart; ``charge`` is what the member paid himself (minor units).

No account is kept, only its hash, the one that statements name it by; see `gateway.usage.store.forget`.
"""
