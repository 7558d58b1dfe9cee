"""Tables of members and what they hold, of the applied catalogue, of budgets and of rates of exchange, for queries."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import metadata
from config.types import Instant, JsonDocument

members = sa.Table(
    "members",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("external_id", sa.String(64), nullable=False, unique=True),
    sa.Column("city", sa.String(80)),
    sa.Column("locale", sa.String(35), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("referred_by", sa.String(40)),
    sa.Column("merged_into", sa.String(40), index=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.CheckConstraint("state IN ('active', 'closed')", name="state"),
)
"""Whoever may hold points. Nothing here names a person; the tier is derived from `statuses`."""

member_personal = sa.Table(
    "member_personal",
    metadata,
    sa.Column("member_id", sa.String(40), sa.ForeignKey("members.id"), primary_key=True),
    sa.Column("given_name", sa.Text),
    sa.Column("family_name", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("phone", sa.Text),
    sa.Column("birthday", sa.String(5), index=True),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("email_changed_at", Instant),
)
"""Personal fields, apart from everything else, so that they can be encrypted, traced and erased by themselves.

They are plain text in this version of the schema; a database that holds them must be encrypted at rest by its operator.
"""

statuses = sa.Table(
    "statuses",
    metadata,
    sa.Column("member_id", sa.String(40), sa.ForeignKey("members.id"), primary_key=True),
    sa.Column("programme", sa.String(64), primary_key=True),
    sa.Column("tier", sa.String(64), primary_key=True),
    sa.Column("provenance", sa.String(16), primary_key=True),
    sa.Column("valid_from_date", sa.Date, primary_key=True),
    sa.Column("valid_to_date", sa.Date),
    sa.Column("edge_id", sa.String(80)),
    sa.Column("evidence", JsonDocument, nullable=False),
    sa.Column("granted_at", Instant, nullable=False),
    sa.CheckConstraint("provenance IN ('earned', 'matched', 'gifted', 'challenge')", name="provenance"),
    sa.CheckConstraint("valid_to_date IS NULL OR valid_to_date >= valid_from_date", name="dates"),
    sa.CheckConstraint("provenance <> 'matched' OR edge_id IS NOT NULL", name="edge"),
    sa.Index(None, "programme", "valid_to_date"),
)
"""Every status a member holds or held, here and in partner programmes, with where it came from."""

tier_matches = sa.Table(
    "tier_matches",
    metadata,
    sa.Column("id", sa.String(48), primary_key=True),
    sa.Column("member_id", sa.String(40), sa.ForeignKey("members.id"), nullable=False, index=True),
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
    sa.Column("prolongs_id", sa.String(48), sa.ForeignKey("tier_matches.id")),
    sa.CheckConstraint("state IN ('granted', 'review', 'refused')", name="state"),
    sa.CheckConstraint("(state = 'granted') = (granted_date IS NOT NULL)", name="granted"),
    sa.CheckConstraint(
        "(state = 'review') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)", name="decided"
    ),
    sa.Index(None, "to_programme", "granted_date"),
    sa.Index(
        "uq_tier_matches_review",
        "member_id",
        "edge_id",
        unique=True,
        sqlite_where=sa.text("state = 'review'"),
        postgresql_where=sa.text("state = 'review'"),
    ),
)
"""Every match asked for: granted by rule or by a person, waiting for a person, or refused by one; never removed."""

challenges = sa.Table(
    "challenges",
    metadata,
    sa.Column("match_id", sa.String(48), sa.ForeignKey("tier_matches.id"), primary_key=True),
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
    sa.CheckConstraint("outcome IN ('open', 'met', 'missed')", name="outcome"),
    sa.CheckConstraint("started_date <= deadline_date", name="dates"),
    sa.CheckConstraint("progress >= 0 AND target >= 1 AND months >= 1", name="counts"),
    sa.CheckConstraint("(outcome = 'met') = (progress >= target)", name="met"),
    sa.Index(None, "outcome", "deadline_date"),
)
"""Timed challenges with the terms they were begun with; later changes of the edge leave them alone."""

consents = sa.Table(
    "consents",
    metadata,
    sa.Column("member_id", sa.String(40), sa.ForeignKey("members.id"), primary_key=True),
    sa.Column("partner", sa.String(64), primary_key=True),
    sa.Column("purpose", sa.String(64), primary_key=True),
    sa.Column("granted_at", Instant, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("withdrawn_at", Instant),
    sa.CheckConstraint("withdrawn_at IS NULL OR withdrawn_at >= granted_at", name="instants"),
    sa.CheckConstraint("version >= 1", name="version"),
    sa.Index(
        "uq_consents_live",
        "member_id",
        "partner",
        "purpose",
        unique=True,
        sqlite_where=sa.text("withdrawn_at IS NULL"),
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    ),
)
"""Consents as given and withdrawn: rows are closed, never removed; at most one is live per partner and purpose."""

status_grants = sa.Table(
    "status_grants",
    metadata,
    sa.Column("match_id", sa.String(48), sa.ForeignKey("tier_matches.id"), primary_key=True),
    sa.Column("partner", sa.String(64), nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("code", sa.String(80)),
    sa.Column("partner_reference", sa.String(128)),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("asked_at", Instant, nullable=False),
    sa.CheckConstraint("outcome IN ('ok', 'no', 'open')", name="outcome"),
    sa.CheckConstraint("tries >= 1", name="tries"),
)
"""What became of telling a partner of a granted tier by its interface: taken, refused, or to be asked again."""

partner_accounts = sa.Table(
    "partner_accounts",
    metadata,
    sa.Column("member_id", sa.String(40), sa.ForeignKey("members.id"), primary_key=True),
    sa.Column("partner", sa.String(64), primary_key=True),
    sa.Column("account_number", sa.String(64), nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("verified_at", Instant),
    sa.UniqueConstraint("partner", "account_number"),
)
"""The member's account in a partner's programme; one account belongs to one member. ``verified_at``: when the partner
last said that it is his; null: it was not asked, or gave no answer."""

vouchers = sa.Table(
    "vouchers",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("code_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("code", sa.String(12), nullable=False),
    sa.Column("redemption_id", sa.String(40), nullable=False, unique=True),
    sa.Column("member_id", sa.String(40), sa.ForeignKey("members.id"), nullable=False, index=True),
    sa.Column("partner", sa.String(64), nullable=False),
    sa.Column("benefit_id", sa.String(80), nullable=False),
    sa.Column("benefit_version", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("valid_from_at", Instant, nullable=False),
    sa.Column("valid_to_at", Instant, nullable=False),
    sa.Column("guests_allowed", sa.Integer, nullable=False),
    sa.Column("issued_at", Instant, nullable=False),
    sa.Column("consumed_at", Instant),
    sa.Column("consumed_location", sa.String(80)),
    sa.Column("consumed_guests", sa.Integer),
    sa.Column("ended_at", Instant),
    sa.Column("undo_minutes", sa.Integer, nullable=False, server_default="0"),
    sa.CheckConstraint("state IN ('issued', 'consumed', 'expired', 'void')", name="state"),
    sa.CheckConstraint("(state = 'consumed') = (consumed_at IS NOT NULL)", name="consumed"),
    sa.CheckConstraint("consumed_guests IS NULL OR consumed_guests BETWEEN 0 AND guests_allowed", name="guests"),
    sa.CheckConstraint("valid_from_at < valid_to_at", name="validity"),
    sa.Index(None, "state", "valid_to_at"),
)
"""Bearer instruments. A desk's code is found by its hash; ``code`` is what the member's app shows again."""

catalogue_versions = sa.Table(
    "catalogue_versions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("content_hash", sa.String(32), nullable=False),
    sa.Column("applied_at", Instant, nullable=False),
    sa.Column("applied_by", sa.String(128), nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("overridden", JsonDocument, nullable=False),
    sa.CheckConstraint("number >= 1", name="number"),
)
"""Every version of the catalogue that was applied; the highest number holds. Rows are never changed."""

catalogue_files = sa.Table(
    "catalogue_files",
    metadata,
    sa.Column("version_number", sa.Integer, sa.ForeignKey("catalogue_versions.number"), primary_key=True),
    sa.Column("path", sa.String(200), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
)
"""The files of each version as they were. Rows are never changed."""

budget_counters = sa.Table(
    "budget_counters",
    metadata,
    sa.Column("budget_id", sa.String(80), primary_key=True),
    sa.Column("period_start_date", sa.Date, primary_key=True),
    sa.Column("used", sa.BigInteger, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.CheckConstraint("used >= 0", name="used"),
)
"""What is taken of each budget in each period: the sum of its claims, kept so that one row can be guarded."""

budget_claims = sa.Table(
    "budget_claims",
    metadata,
    sa.Column("reference", sa.String(80), primary_key=True),
    sa.Column("budget_id", sa.String(80), primary_key=True),
    sa.Column("period_start_date", sa.Date, nullable=False),
    sa.Column("measure", sa.String(16), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("released", sa.BigInteger, nullable=False),
    sa.Column("claimed_at", Instant, nullable=False),
    sa.Column("released_at", Instant),
    sa.CheckConstraint("measure IN ('money', 'points', 'uses')", name="measure"),
    sa.CheckConstraint("amount > 0", name="amount"),
    sa.CheckConstraint("released BETWEEN 0 AND amount", name="released"),
    sa.CheckConstraint("(released_at IS NULL) = (released = 0)", name="released_at"),
    sa.Index("ix_budget_claims_budget_id", "budget_id", "period_start_date"),
)
"""What each redemption takes of a budget, and what of it was given back."""

rate_feeds = sa.Table(
    "rate_feeds",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("content_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("row_count", sa.Integer, nullable=False),
    sa.Column("loaded_at", Instant, nullable=False),
    sa.Column("loaded_by", sa.String(128), nullable=False),
)
"""Files of rates of exchange that were taken in. Rows are never changed."""

currency_rates = sa.Table(
    "currency_rates",
    metadata,
    sa.Column("from_currency", sa.String(3), primary_key=True),
    sa.Column("to_currency", sa.String(3), primary_key=True),
    sa.Column("rate_date", sa.Date, primary_key=True),
    sa.Column("feed_number", sa.Integer, sa.ForeignKey("rate_feeds.number"), primary_key=True),
    sa.Column("numerator", sa.BigInteger, nullable=False),
    sa.Column("denominator", sa.BigInteger, nullable=False),
    sa.Column("source", sa.String(200), nullable=False),
    sa.CheckConstraint("numerator > 0 AND denominator > 0", name="positive"),
    sa.CheckConstraint("from_currency <> to_currency", name="pair"),
)
"""Dated rates as exact fractions of whole units; a later feed corrects an earlier one. Rows are never changed."""
voucher_events = sa.Table(
    "voucher_events",
    metadata,
    sa.Column("voucher_id", sa.String(40), sa.ForeignKey("vouchers.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("event", sa.String(16), nullable=False),
    sa.Column("location", sa.String(100)),
    sa.Column("guests", sa.Integer),
    sa.Column("happened_at", Instant, nullable=False),
    sa.CheckConstraint("event IN ('issued', 'consumed', 'unconsumed', 'expired', 'void')", name="event"),
)
"""Everything that happened to a voucher, also what was taken back; ``number`` is the voucher's version after it."""

member_vehicles = sa.Table(
    "member_vehicles",
    metadata,
    sa.Column("member_id", sa.String(40), sa.ForeignKey("members.id"), primary_key=True),
    sa.Column("reference", sa.String(64), primary_key=True),
    sa.Column("model", sa.String(80), nullable=False),
    sa.Column("energy", sa.String(16), nullable=False),
    sa.Column("registered_date", sa.Date, nullable=False),
)
"""A member's cars; ``reference`` is the club system's own, never a plate or chassis number."""

benefit_uses = sa.Table(
    "benefit_uses",
    metadata,
    sa.Column("redemption_id", sa.String(40), primary_key=True),
    sa.Column("member_id", sa.String(40), sa.ForeignKey("members.id"), nullable=False),
    sa.Column("benefit_id", sa.String(80), nullable=False),
    sa.Column("benefit_version", sa.Integer, nullable=False),
    sa.Column("pay_with", sa.String(16), nullable=False),
    sa.Column("service_date", sa.Date, nullable=False),
    sa.Column("stay", sa.String(160), nullable=False),
    sa.Column("trip", sa.String(40), nullable=False),
    sa.Column("guests", sa.Integer, nullable=False),
    sa.Column("pieces", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("taken_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.CheckConstraint("state IN ('pending', 'used', 'released')", name="state"),
    sa.CheckConstraint("guests >= 0 AND pieces >= 0", name="counts"),
    sa.Index(None, "member_id", "benefit_id", "service_date"),
)
"""What redemptions take of benefits: judged by quotas, counted in `benefit_stock`; a released one counts no more."""

benefit_stock = sa.Table(
    "benefit_stock",
    metadata,
    sa.Column("benefit_id", sa.String(80), primary_key=True),
    sa.Column("benefit_version", sa.Integer, primary_key=True),
    sa.Column("taken", sa.BigInteger, nullable=False),
    sa.CheckConstraint("taken >= 0", name="taken"),
)
"""Pieces of a version that are taken; the stock itself is the catalogue's."""
