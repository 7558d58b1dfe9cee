"""What operators must know and do: accounts that are stopped, alarms, partners that are switched off or distrusted.

A frozen account's balance is refused every change by the database itself, until two people have released it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant, JsonDocument

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and the guard of frozen accounts."""
    _create_frozen_accounts()
    _create_alarms()
    _create_partner_switches()
    if op.get_context().dialect.name == "sqlite":
        op.execute("""
            CREATE TRIGGER accounts_not_frozen BEFORE UPDATE OF balance ON accounts
            WHEN OLD.balance <> NEW.balance AND EXISTS (
                SELECT 1 FROM frozen_accounts
                WHERE code = NEW.code AND commodity = NEW.commodity AND released_at IS NULL)
            BEGIN SELECT RAISE(ABORT, 'account_frozen'); END
        """)
        return
    op.execute("""
        CREATE FUNCTION ledger_not_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT 1 FROM frozen_accounts
                       WHERE code = NEW.code AND commodity = NEW.commodity AND released_at IS NULL)
            THEN
                RAISE EXCEPTION 'account_frozen' USING ERRCODE = '23514';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER accounts_not_frozen BEFORE UPDATE OF balance ON accounts FOR EACH ROW "
        "WHEN (OLD.balance <> NEW.balance) EXECUTE FUNCTION ledger_not_frozen()"
    )


def _create_frozen_accounts() -> None:
    op.create_table(
        "frozen_accounts",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("code", sa.String(160), nullable=False),
        sa.Column("commodity", sa.String(80), nullable=False),
        sa.Column("rule", sa.String(40), nullable=False),
        sa.Column("found", sa.Text, nullable=False),
        sa.Column("frozen_at", Instant, nullable=False),
        sa.Column("proposed_by", sa.String(200)),
        sa.Column("proposed_at", Instant),
        sa.Column("proposed_evidence", sa.Text),
        sa.Column("released_by", sa.String(200)),
        sa.Column("released_at", Instant),
        sa.Column("released_evidence", sa.Text),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frozen_accounts")),
        sa.CheckConstraint("released_by <> proposed_by", name=op.f("ck_frozen_accounts_two_people")),
        sa.CheckConstraint(
            "released_at IS NULL OR (released_by IS NOT NULL AND proposed_by IS NOT NULL "
            "AND released_evidence IS NOT NULL AND proposed_evidence IS NOT NULL)",
            name=op.f("ck_frozen_accounts_released_by_two"),
        ),
    )
    op.create_index(
        "ix_frozen_accounts_open",
        "frozen_accounts",
        ["code", "commodity"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )


def _create_alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(48), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("partner", sa.String(64)),
        sa.Column("facts", JsonDocument, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("first_at", Instant, nullable=False),
        sa.Column("last_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_alarms_kind_subject")),
    )


def _create_partner_switches() -> None:
    op.create_table(
        "partner_switches",
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("distrusted", sa.Boolean, nullable=False),
        sa.Column("changes", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("partner", name=op.f("pk_partner_switches")),
    )
    op.create_table(
        "partner_changes",
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("change", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("changed_by", sa.String(200), nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("partner", "number", name=op.f("pk_partner_changes")),
        sa.ForeignKeyConstraint(
            ["partner"], ["partner_switches.partner"], name=op.f("fk_partner_changes_partner_partner_switches")
        ),
        sa.CheckConstraint(
            "change IN ('disabled', 'enabled', 'distrusted', 'trusted')", name=op.f("ck_partner_changes_change")
        ),
    )
