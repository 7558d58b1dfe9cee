"""Uses and stock of benefits, members' cars; vouchers that are taken back and remembered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and their guards."""
    op.add_column("vouchers", sa.Column("undo_minutes", sa.Integer, nullable=False, server_default="0"))
    _voucher_events()
    _member_vehicles()
    _benefit_uses()
    op.create_table(
        "benefit_stock",
        sa.Column("benefit_id", sa.String(80), nullable=False),
        sa.Column("benefit_version", sa.Integer, nullable=False),
        sa.Column("taken", sa.BigInteger, nullable=False),
        sa.CheckConstraint("taken >= 0", name=op.f("ck_benefit_stock_taken")),
        sa.PrimaryKeyConstraint("benefit_id", "benefit_version", name=op.f("pk_benefit_stock")),
    )


def _voucher_events() -> None:
    events = ("issued", "consumed", "unconsumed", "expired", "void")
    listed = ", ".join(f"'{event}'" for event in events)
    op.create_table(
        "voucher_events",
        sa.Column("voucher_id", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("location", sa.String(100)),
        sa.Column("guests", sa.Integer),
        sa.Column("happened_at", Instant, nullable=False),
        sa.CheckConstraint(f"event IN ({listed})", name=op.f("ck_voucher_events_event")),
        sa.ForeignKeyConstraint(["voucher_id"], ["vouchers.id"], name=op.f("fk_voucher_events_voucher_id_vouchers")),
        sa.PrimaryKeyConstraint("voucher_id", "number", name=op.f("pk_voucher_events")),
    )


def _of_member(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f(f"fk_{table}_member_id_members"))


def _member_vehicles() -> None:
    op.create_table(
        "member_vehicles",
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("model", sa.String(80), nullable=False),
        sa.Column("energy", sa.String(16), nullable=False),
        sa.Column("registered_date", sa.Date, nullable=False),
        _of_member("member_vehicles"),
        sa.PrimaryKeyConstraint("member_id", "reference", name=op.f("pk_member_vehicles")),
    )


def _benefit_uses() -> None:
    op.create_table(
        "benefit_uses",
        sa.Column("redemption_id", sa.String(40), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
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
        sa.CheckConstraint("state IN ('pending', 'used', 'released')", name=op.f("ck_benefit_uses_state")),
        sa.CheckConstraint("guests >= 0 AND pieces >= 0", name=op.f("ck_benefit_uses_counts")),
        _of_member("benefit_uses"),
        sa.PrimaryKeyConstraint("redemption_id", name=op.f("pk_benefit_uses")),
    )
    op.create_index(
        op.f("ix_benefit_uses_member_id_benefit_id_service_date"),
        "benefit_uses",
        ["member_id", "benefit_id", "service_date"],
    )
