"""Quotes, redemptions, attempts, history, reversals, claims, itineraries, outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant, JsonDocument

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _itineraries()
    _outbox()
    _quotes()
    _redemptions()
    _attempts()
    _claims()
    _redemption_history()
    _reversals()


def _itineraries() -> None:
    op.create_table(
        "itineraries",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("member_id", sa.String(length=40), nullable=False),
        sa.Column("policy", sa.String(length=16), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("policy IN ('all_or_nothing', 'best_effort')", name=op.f("ck_itineraries_policy")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_itineraries")),
    )
    op.create_index("ix_itineraries_member_id", "itineraries", ["member_id", "id"], unique=False)


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("aggregate_id", sa.String(length=80), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("payload", JsonDocument, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("aggregate_id", "seq", name=op.f("uq_outbox_aggregate_id_seq")),
    )


def _quotes() -> None:
    op.create_table(
        "quotes",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("member_id", sa.String(length=40), nullable=False),
        sa.Column("partner", sa.String(length=64), nullable=False),
        sa.Column("benefit_id", sa.String(length=80), nullable=True),
        sa.Column("benefit_version", sa.Integer(), nullable=True),
        sa.Column("contract_id", sa.String(length=80), nullable=True),
        sa.Column("contract_version", sa.Integer(), nullable=True),
        sa.Column("pay_with", sa.String(length=16), nullable=False),
        sa.Column("commodity", sa.String(length=80), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("service", JsonDocument, nullable=False),
        sa.Column("offer_token", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("base_price", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quotes")),
    )
    op.create_index("ix_quotes_member_id", "quotes", ["member_id", "created_at"], unique=False)


def _redemptions() -> None:
    op.create_table(
        "redemptions",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("quote_id", sa.String(length=40), nullable=False),
        sa.Column("member_id", sa.String(length=40), nullable=False),
        sa.Column("partner", sa.String(length=64), nullable=False),
        sa.Column("itinerary_id", sa.String(length=40), nullable=True),
        sa.Column("leg", sa.Integer(), nullable=True),
        sa.Column("partner_key", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("carried", JsonDocument, nullable=False),
        sa.Column("partner_reference", sa.String(length=255), nullable=True),
        sa.Column("reason", sa.String(length=80), nullable=True),
        sa.Column("traveller", JsonDocument, nullable=False),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("window_ends_at", Instant(), nullable=False),
        sa.Column("cancel_deadline_at", Instant(), nullable=False),
        sa.Column("withdrawal_asked_at", Instant(), nullable=True),
        sa.Column("next_action_at", Instant(), nullable=True),
        sa.Column("look_ups", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=40), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "state IN ('held', 'submitting', 'accepted', 'unknown', 'cancelling', 'manual', 'captured', 'voided')",
            name=op.f("ck_redemptions_state"),
        ),
        sa.ForeignKeyConstraint(
            ["itinerary_id"], ["itineraries.id"], name=op.f("fk_redemptions_itinerary_id_itineraries")
        ),
        sa.ForeignKeyConstraint(["quote_id"], ["quotes.id"], name=op.f("fk_redemptions_quote_id_quotes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redemptions")),
        sa.UniqueConstraint("partner", "partner_key", name=op.f("uq_redemptions_partner_partner_key")),
        sa.UniqueConstraint("quote_id", name=op.f("uq_redemptions_quote_id")),
    )
    op.create_index("ix_redemptions_itinerary_id", "redemptions", ["itinerary_id"], unique=False)
    op.create_index("ix_redemptions_member_id", "redemptions", ["member_id", "id"], unique=False)
    op.create_index("ix_redemptions_next_action_at", "redemptions", ["next_action_at"], unique=False)


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("redemption_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("operation", sa.String(length=40), nullable=False),
        sa.Column("is_commit", sa.Boolean(), nullable=False),
        sa.Column("partner_key", sa.String(length=64), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("validity_ends_at", Instant(), nullable=False),
        sa.Column("deadline_at", Instant(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("code", sa.String(length=80), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["redemptions.id"], name=op.f("fk_attempts_redemption_id_redemptions")
        ),
        sa.PrimaryKeyConstraint("redemption_id", "number", name=op.f("pk_attempts")),
    )


def _claims() -> None:
    op.create_table(
        "claims",
        sa.Column("redemption_id", sa.String(length=40), nullable=False),
        sa.Column("partner", sa.String(length=64), nullable=False),
        sa.Column("found_at", Instant(), nullable=False),
        sa.Column("evidence", JsonDocument, nullable=False),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["redemptions.id"], name=op.f("fk_claims_redemption_id_redemptions")
        ),
        sa.PrimaryKeyConstraint("redemption_id", name=op.f("pk_claims")),
    )


def _redemption_history() -> None:
    op.create_table(
        "redemption_history",
        sa.Column("redemption_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.String(length=255), nullable=True),
        sa.Column("happened_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["redemptions.id"], name=op.f("fk_redemption_history_redemption_id_redemptions")
        ),
        sa.PrimaryKeyConstraint("redemption_id", "version", name=op.f("pk_redemption_history")),
    )


def _reversals() -> None:
    op.create_table(
        "reversals",
        sa.Column("redemption_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("deadline_at", Instant(), nullable=False),
        sa.Column("next_action_at", Instant(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=40), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.CheckConstraint(
            "state IN ('requested', 'submitting', 'unknown', 'applied', 'refused', 'manual')",
            name=op.f("ck_reversals_state"),
        ),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["redemptions.id"], name=op.f("fk_reversals_redemption_id_redemptions")
        ),
        sa.PrimaryKeyConstraint("redemption_id", "number", name=op.f("pk_reversals")),
    )
    op.create_index("ix_reversals_next_action_at", "reversals", ["next_action_at"], unique=False)
