"""Tables of quotes, redemptions, their attempts and history, reversals, claims, itineraries and the outbox."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import metadata
from config.types import Instant, JsonDocument

quotes = sa.Table(
    "quotes",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("member_id", sa.String(40), nullable=False),
    sa.Column("partner", sa.String(64), nullable=False),
    sa.Column("benefit_id", sa.String(80)),
    sa.Column("benefit_version", sa.Integer),
    sa.Column("contract_id", sa.String(80)),
    sa.Column("contract_version", sa.Integer),
    sa.Column("pay_with", sa.String(16), nullable=False),
    sa.Column("commodity", sa.String(80), nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("service", JsonDocument, nullable=False),
    sa.Column("offer_token", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("price", sa.BigInteger),
    sa.Column("base_price", sa.BigInteger),
    sa.Column("currency", sa.String(3)),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Index("ix_quotes_member_id", "member_id", "created_at"),
)
"""A locked price. ``commodity`` and ``quantity`` are what will be held (0: nothing)."""

itineraries = sa.Table(
    "itineraries",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("member_id", sa.String(40), nullable=False),
    sa.Column("policy", sa.String(16), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.CheckConstraint("policy IN ('all_or_nothing', 'best_effort')", name="policy"),
    sa.Index("ix_itineraries_member_id", "member_id", "id"),
)
"""A set of redemptions and a policy; its state is derived from its legs."""

UNDECIDED = sa.text("state NOT IN ('captured', 'voided')")
"""What has not ended, in the very words of the index of it: neither database sees that others mean the same."""

redemptions = sa.Table(
    "redemptions",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("quote_id", sa.String(40), sa.ForeignKey("quotes.id"), nullable=False),
    sa.Column("member_id", sa.String(40), nullable=False),
    sa.Column("partner", sa.String(64), nullable=False),
    sa.Column("itinerary_id", sa.String(40), sa.ForeignKey("itineraries.id")),
    sa.Column("leg", sa.Integer),
    sa.Column("partner_key", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("carried", JsonDocument, nullable=False),
    sa.Column("partner_reference", sa.String(255)),
    sa.Column("reason", sa.String(80)),
    sa.Column("traveller", JsonDocument, nullable=False),
    sa.Column("requested_at", Instant, nullable=False),
    sa.Column("window_ends_at", Instant, nullable=False),
    sa.Column("cancel_deadline_at", Instant, nullable=False),
    sa.Column("withdrawal_asked_at", Instant),
    sa.Column("next_action_at", Instant),
    sa.Column("look_ups", sa.Integer, nullable=False),
    sa.Column("lease_owner", sa.String(40)),
    sa.Column("lease_until", Instant),
    sa.Column("updated_at", Instant, nullable=False),
    sa.UniqueConstraint("quote_id"),
    sa.UniqueConstraint("partner", "partner_key"),
    sa.CheckConstraint(
        "state IN ('held', 'submitting', 'accepted', 'unknown', 'cancelling', 'manual', 'captured', 'voided')",
        name="state",
    ),
    sa.Index("ix_redemptions_member_id", "member_id", "id"),
    sa.Index("ix_redemptions_itinerary_id", "itinerary_id"),
    sa.Index("ix_redemptions_next_action_at", "next_action_at"),
    sa.Index("ix_redemptions_folded_key", sa.text("lower(partner_key)"), "partner"),
    sa.Index("ix_redemptions_undecided", "partner", sqlite_where=UNDECIDED, postgresql_where=UNDECIDED),
)
"""One redemption; its money and points are in the ledger under keys derived from its id."""

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("redemption_id", sa.String(40), sa.ForeignKey("redemptions.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("operation", sa.String(40), nullable=False),
    sa.Column("is_commit", sa.Boolean, nullable=False),
    sa.Column("partner_key", sa.String(64), nullable=False),
    sa.Column("request_hash", sa.String(64), nullable=False),
    sa.Column("validity_ends_at", Instant, nullable=False),
    sa.Column("deadline_at", Instant, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.Column("outcome", sa.String(16)),
    sa.Column("code", sa.String(80)),
    sa.Column("message", sa.Text),
)
"""One partner call, written down before the socket opens (rule R2); no outcome: nobody knows."""

redemption_history = sa.Table(
    "redemption_history",
    metadata,
    sa.Column("redemption_id", sa.String(40), sa.ForeignKey("redemptions.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("event", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("detail", sa.String(255)),
    sa.Column("happened_at", Instant, nullable=False),
)
"""Every transition of every redemption."""

reversals = sa.Table(
    "reversals",
    metadata,
    sa.Column("redemption_id", sa.String(40), sa.ForeignKey("redemptions.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("undoes", sa.Boolean, nullable=False),
    sa.Column("reason", sa.String(80), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("requested_at", Instant, nullable=False),
    sa.Column("deadline_at", Instant, nullable=False),
    sa.Column("next_action_at", Instant),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("lease_owner", sa.String(40)),
    sa.Column("lease_until", Instant),
    sa.CheckConstraint("state IN ('requested', 'submitting', 'unknown', 'applied', 'refused', 'manual')", name="state"),
    sa.Index("ix_reversals_next_action_at", "next_action_at"),
)
"""The undoing of a captured redemption, or points given back while it stands: operations of their own (rule R10)."""

claims = sa.Table(
    "claims",
    metadata,
    sa.Column("redemption_id", sa.String(40), sa.ForeignKey("redemptions.id"), primary_key=True),
    sa.Column("partner", sa.String(64), nullable=False),
    sa.Column("found_at", Instant, nullable=False),
    sa.Column("evidence", JsonDocument, nullable=False),
    sa.Column("closed_at", Instant),
    sa.Column("outcome", sa.String(16)),
)
"""A voided redemption that the partner later says it issued: posted to suspense, never to the member (rule R11)."""

manual_proposals = sa.Table(
    "manual_proposals",
    metadata,
    sa.Column("redemption_id", sa.String(40), sa.ForeignKey("redemptions.id"), primary_key=True),
    sa.Column("reversal", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("partner_reference", sa.String(255)),
    sa.Column("proposed_by", sa.String(200), nullable=False),
    sa.Column("proposed_at", Instant, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("decided_by", sa.String(200)),
    sa.Column("decided_at", Instant),
    sa.Column("decided_evidence", sa.Text),
    sa.CheckConstraint("state IN ('open', 'confirmed', 'replaced')", name="state"),
    sa.CheckConstraint("decided_by <> proposed_by", name="two_people"),
)
sa.Index(
    "ix_manual_proposals_open",
    manual_proposals.c.redemption_id,
    manual_proposals.c.reversal,
    unique=True,
    sqlite_where=manual_proposals.c.state == "open",
    postgresql_where=manual_proposals.c.state == "open",
)
"""What one person found out about a case with people, and who confirmed it; ``reversal`` 0 is the redemption itself."""

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("aggregate_id", sa.String(80), nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("type", sa.String(64), nullable=False),
    sa.Column("payload", JsonDocument, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("aggregate_id", "seq"),
)
"""Events, written in the transaction of the change they tell of; ids and states only, no personal field."""
