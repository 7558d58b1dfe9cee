"""The applied catalogue, budgets and rates of exchange."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant, JsonDocument

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

IMMUTABLE = ("catalogue_versions", "catalogue_files", "rate_feeds", "currency_rates")


def upgrade() -> None:
    """Create the tables and their guards."""
    _versions()
    _budgets()
    _rates()
    if op.get_context().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _versions() -> None:
    op.create_table(
        "catalogue_versions",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("content_hash", sa.String(32), nullable=False),
        sa.Column("applied_at", Instant, nullable=False),
        sa.Column("applied_by", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("overridden", JsonDocument, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_catalogue_versions")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_catalogue_versions_number")),
    )
    op.create_table(
        "catalogue_files",
        sa.Column("version_number", sa.Integer, nullable=False),
        sa.Column("path", sa.String(200), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("version_number", "path", name=op.f("pk_catalogue_files")),
        sa.ForeignKeyConstraint(
            ["version_number"],
            ["catalogue_versions.number"],
            name=op.f("fk_catalogue_files_version_number_catalogue_versions"),
        ),
    )


def _budgets() -> None:
    op.create_table(
        "budget_counters",
        sa.Column("budget_id", sa.String(80), nullable=False),
        sa.Column("period_start_date", sa.Date, nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("budget_id", "period_start_date", name=op.f("pk_budget_counters")),
        sa.CheckConstraint("used >= 0", name=op.f("ck_budget_counters_used")),
    )
    op.create_table(
        "budget_claims",
        sa.Column("reference", sa.String(80), nullable=False),
        sa.Column("budget_id", sa.String(80), nullable=False),
        sa.Column("period_start_date", sa.Date, nullable=False),
        sa.Column("measure", sa.String(16), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("released", sa.BigInteger, nullable=False),
        sa.Column("claimed_at", Instant, nullable=False),
        sa.Column("released_at", Instant),
        sa.PrimaryKeyConstraint("reference", "budget_id", name=op.f("pk_budget_claims")),
        sa.CheckConstraint("measure IN ('money', 'points', 'uses')", name=op.f("ck_budget_claims_measure")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_budget_claims_amount")),
        sa.CheckConstraint("released BETWEEN 0 AND amount", name=op.f("ck_budget_claims_released")),
        sa.CheckConstraint("(released_at IS NULL) = (released = 0)", name=op.f("ck_budget_claims_released_at")),
    )
    op.create_index("ix_budget_claims_budget_id", "budget_claims", ["budget_id", "period_start_date"])


def _rates() -> None:
    op.create_table(
        "rate_feeds",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("row_count", sa.Integer, nullable=False),
        sa.Column("loaded_at", Instant, nullable=False),
        sa.Column("loaded_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_rate_feeds")),
        sa.UniqueConstraint("content_hash", name=op.f("uq_rate_feeds_content_hash")),
    )
    op.create_table(
        "currency_rates",
        sa.Column("from_currency", sa.String(3), nullable=False),
        sa.Column("to_currency", sa.String(3), nullable=False),
        sa.Column("rate_date", sa.Date, nullable=False),
        sa.Column("feed_number", sa.Integer, nullable=False),
        sa.Column("numerator", sa.BigInteger, nullable=False),
        sa.Column("denominator", sa.BigInteger, nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint(
            "from_currency", "to_currency", "rate_date", "feed_number", name=op.f("pk_currency_rates")
        ),
        sa.ForeignKeyConstraint(
            ["feed_number"], ["rate_feeds.number"], name=op.f("fk_currency_rates_feed_number_rate_feeds")
        ),
        sa.CheckConstraint("numerator > 0 AND denominator > 0", name=op.f("ck_currency_rates_positive")),
        sa.CheckConstraint("from_currency <> to_currency", name=op.f("ck_currency_rates_pair")),
    )


def _guard_sqlite() -> None:
    for table in IMMUTABLE:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are never changed: apply or load another'); END"
            )


def _guard_postgresql() -> None:
    op.execute("""
        CREATE FUNCTION catalogue_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '% are never changed: apply or load another', TG_TABLE_NAME; END $$
    """)
    for table in IMMUTABLE:
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION catalogue_immutable()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION catalogue_immutable()"
        )
