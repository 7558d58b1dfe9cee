"""Members, their personal fields, statuses, consents and partner accounts; vouchers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant, JsonDocument

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and their guards."""
    _members()
    _personal()
    _statuses()
    _consents()
    _partner_accounts()
    _vouchers()


def _of_member(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=f"fk_{table}_member_id_members")


def _members() -> None:
    op.create_table(
        "members",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("external_id", sa.String(64), nullable=False),
        sa.Column("city", sa.String(80)),
        sa.Column("locale", sa.String(35), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.CheckConstraint("state IN ('active', 'closed')", name="ck_members_state"),
        sa.PrimaryKeyConstraint("id", name="pk_members"),
        sa.UniqueConstraint("external_id", name="uq_members_external_id"),
    )


def _personal() -> None:
    op.create_table(
        "member_personal",
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("given_name", sa.Text),
        sa.Column("family_name", sa.Text),
        sa.Column("email", sa.Text),
        sa.Column("phone", sa.Text),
        sa.Column("updated_at", Instant, nullable=False),
        _of_member("member_personal"),
        sa.PrimaryKeyConstraint("member_id", name="pk_member_personal"),
    )


def _statuses() -> None:
    op.create_table(
        "statuses",
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("programme", sa.String(64), nullable=False),
        sa.Column("tier", sa.String(64), nullable=False),
        sa.Column("provenance", sa.String(16), nullable=False),
        sa.Column("valid_from_date", sa.Date, nullable=False),
        sa.Column("valid_to_date", sa.Date),
        sa.Column("edge_id", sa.String(80)),
        sa.Column("evidence", JsonDocument, nullable=False),
        sa.Column("granted_at", Instant, nullable=False),
        sa.CheckConstraint("provenance IN ('earned', 'matched', 'gifted', 'challenge')", name="ck_statuses_provenance"),
        sa.CheckConstraint("valid_to_date IS NULL OR valid_to_date >= valid_from_date", name="ck_statuses_dates"),
        sa.CheckConstraint("provenance <> 'matched' OR edge_id IS NOT NULL", name="ck_statuses_edge"),
        _of_member("statuses"),
        sa.PrimaryKeyConstraint("member_id", "programme", "tier", "provenance", "valid_from_date", name="pk_statuses"),
    )


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("granted_at", Instant, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("withdrawn_at", Instant),
        sa.CheckConstraint("withdrawn_at IS NULL OR withdrawn_at >= granted_at", name="ck_consents_instants"),
        sa.CheckConstraint("version >= 1", name="ck_consents_version"),
        _of_member("consents"),
        sa.PrimaryKeyConstraint("member_id", "partner", "purpose", "granted_at", name="pk_consents"),
    )
    live = sa.text("withdrawn_at IS NULL")
    op.create_index(
        "uq_consents_live",
        "consents",
        ["member_id", "partner", "purpose"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )


def _partner_accounts() -> None:
    op.create_table(
        "partner_accounts",
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("account_number", sa.String(64), nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        _of_member("partner_accounts"),
        sa.PrimaryKeyConstraint("member_id", "partner", name="pk_partner_accounts"),
        sa.UniqueConstraint("partner", "account_number", name="uq_partner_accounts_partner_account_number"),
    )


def _vouchers() -> None:
    op.create_table(
        "vouchers",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("code", sa.String(12), nullable=False),
        sa.Column("redemption_id", sa.String(40), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
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
        sa.CheckConstraint("state IN ('issued', 'consumed', 'expired', 'void')", name="ck_vouchers_state"),
        sa.CheckConstraint("(state = 'consumed') = (consumed_at IS NOT NULL)", name="ck_vouchers_consumed"),
        sa.CheckConstraint(
            "consumed_guests IS NULL OR consumed_guests BETWEEN 0 AND guests_allowed", name="ck_vouchers_guests"
        ),
        sa.CheckConstraint("valid_from_at < valid_to_at", name="ck_vouchers_validity"),
        _of_member("vouchers"),
        sa.PrimaryKeyConstraint("id", name="pk_vouchers"),
        sa.UniqueConstraint("code_hash", name="uq_vouchers_code_hash"),
        sa.UniqueConstraint("redemption_id", name="uq_vouchers_redemption_id"),
    )
    op.create_index("ix_vouchers_member_id", "vouchers", ["member_id"])
    op.create_index("ix_vouchers_state_valid_to_at", "vouchers", ["state", "valid_to_at"])
