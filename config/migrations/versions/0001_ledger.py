"""Tables of the ledger room.

The header of an entry is its seal: postings go in first, the header last. The header is refused unless its postings
balance per commodity; once it is there, no posting is added; postings without a header are refused at commit. Nothing
of an entry is ever changed or removed. On PostgreSQL the balance is checked once more at commit, because two open
transactions that write one key do not see each other's postings before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant, JsonDocument

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LIMIT = 1 << 62
IMMUTABLE = ("journal_entries", "postings")
FROZEN_OF_A_LOT = ("id", "member_id", "commodity", "entry_key", "amount", "opened_at", "expires_at")
ENTRY_KEY = "journal_entries.key"


def upgrade() -> None:
    """Create the tables and their guards."""
    _create_accounts()
    _create_entries()
    _create_lots_and_postings()
    _create_lines()
    if op.get_context().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _whole(*columns: str) -> list[sa.CheckConstraint]:
    """SQLite keeps what it is given: only there must a column be told to hold integers."""
    if op.get_context().dialect.name != "sqlite":
        return []
    return [sa.CheckConstraint(f"typeof({name}) = 'integer'", name=f"{name}_integer") for name in columns]


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("code", sa.String(160), nullable=False),
        sa.Column("commodity", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("may_go_negative", sa.Boolean(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code", "commodity"),
        sa.CheckConstraint("balance >= 0 OR may_go_negative", name="not_overdrawn"),
        sa.CheckConstraint("kind <> 'member' OR NOT may_go_negative", name="member_not_marked"),
        sa.CheckConstraint("(kind = 'member') = (code LIKE 'member/%')", name="kind_of_code"),
        sa.CheckConstraint(f"balance > -{LIMIT} AND balance < {LIMIT}", name="balance_range"),
        *_whole("balance"),
    )


def _create_entries() -> None:
    op.create_table(
        "journal_entries",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("reference", sa.String(200), nullable=False),
        sa.Column("member_id", sa.String(64)),
        sa.Column("ends_key", sa.String(200)),
        sa.Column("reverses_key", sa.String(200)),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("effective_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("facts", JsonDocument, nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("ends_key"),
        sa.ForeignKeyConstraint(["ends_key"], [ENTRY_KEY]),
        sa.ForeignKeyConstraint(["reverses_key"], [ENTRY_KEY]),
        sa.CheckConstraint("key <> ''", name="key_given"),
    )
    op.create_index("ix_journal_entries_reverses_key", "journal_entries", ["reverses_key"])
    op.create_index(
        "ix_journal_entries_member_id_recorded_at_key", "journal_entries", ["member_id", "recorded_at", "key"]
    )


def _create_lots_and_postings() -> None:
    op.create_table(
        "lots",
        sa.Column("id", sa.String(240), nullable=False),
        sa.Column("member_id", sa.String(64), nullable=False),
        sa.Column("commodity", sa.String(80), nullable=False),
        sa.Column("entry_key", sa.String(200), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant()),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["entry_key"], [ENTRY_KEY], deferrable=True, initially="DEFERRED"),
        sa.CheckConstraint(f"amount > 0 AND amount < {LIMIT}", name="amount_range"),
        sa.CheckConstraint("remaining >= 0 AND expired >= 0 AND remaining + expired <= amount", name="remaining_range"),
        *_whole("amount", "remaining", "expired"),
    )
    op.create_index("ix_lots_member_id_commodity_expires_at", "lots", ["member_id", "commodity", "expires_at"])
    live = sa.text("remaining > 0")
    op.create_index("ix_lots_expiring", "lots", ["expires_at"], sqlite_where=live, postgresql_where=live)
    op.create_table(
        "postings",
        sa.Column("entry_key", sa.String(200), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(160), nullable=False),
        sa.Column("commodity", sa.String(80), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("lot_id", sa.String(240)),
        sa.PrimaryKeyConstraint("entry_key", "number"),
        sa.ForeignKeyConstraint(["entry_key"], [ENTRY_KEY], deferrable=True, initially="DEFERRED"),
        sa.ForeignKeyConstraint(["account", "commodity"], ["accounts.code", "accounts.commodity"]),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.id"]),
        sa.CheckConstraint("amount <> 0", name="amount_not_zero"),
        sa.CheckConstraint(f"amount > -{LIMIT} AND amount < {LIMIT}", name="amount_range"),
        *_whole("number", "amount"),
    )


def _create_lines() -> None:
    op.create_table(
        "settlement_lines",
        sa.Column("line_key", sa.String(200), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("way", sa.String(40), nullable=False),
        sa.Column("terms_id", sa.String(80), nullable=False),
        sa.Column("redemption_id", sa.String(64)),
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
        sa.Column("entry_key", sa.String(200)),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("line_key"),
        sa.UniqueConstraint("id"),
        sa.ForeignKeyConstraint(["entry_key"], [ENTRY_KEY]),
        sa.CheckConstraint("net + tax = gross", name="net_and_tax_make_gross"),
        *_whole("quantity", "gross", "tax", "net", "credits", "points"),
    )
    op.create_index("ix_settlement_lines_redemption_id", "settlement_lines", ["redemption_id"])
    op.create_index("ix_settlement_lines_entry_key", "settlement_lines", ["entry_key"])
    op.create_index(
        "ix_settlement_lines_partner_business_date_line_key",
        "settlement_lines",
        ["partner", "business_date", "line_key"],
    )
    op.create_table(
        "settlement_line_shares",
        sa.Column("line_key", sa.String(200), nullable=False),
        sa.Column("bearer", sa.String(20), nullable=False),
        sa.Column("commodity", sa.String(80), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("line_key", "bearer", "commodity"),
        sa.ForeignKeyConstraint(["line_key"], ["settlement_lines.line_key"]),
        *_whole("amount"),
    )


def _guard_sqlite() -> None:
    op.execute("""
        CREATE TRIGGER journal_entries_seal BEFORE INSERT ON journal_entries
        WHEN (SELECT count(*) FROM postings WHERE entry_key = NEW.key) < 2
          OR EXISTS (SELECT 1 FROM postings WHERE entry_key = NEW.key GROUP BY commodity HAVING sum(amount) <> 0)
        BEGIN SELECT RAISE(ABORT, 'a journal entry must balance per commodity before its header seals it'); END
    """)
    op.execute("""
        CREATE TRIGGER postings_sealed BEFORE INSERT ON postings
        WHEN EXISTS (SELECT 1 FROM journal_entries WHERE key = NEW.entry_key)
        BEGIN SELECT RAISE(ABORT, 'the journal entry is sealed'); END
    """)
    for table in IMMUTABLE:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are never changed: post a new entry'); END"
            )
    op.execute(
        f"CREATE TRIGGER lots_frozen BEFORE UPDATE OF {', '.join(FROZEN_OF_A_LOT)} ON lots "
        "BEGIN SELECT RAISE(ABORT, 'only what remains of a lot changes'); END"
    )


def _guard_postgresql() -> None:
    op.execute("""
        CREATE FUNCTION ledger_require_balance(entry text) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            IF (SELECT count(*) FROM postings WHERE entry_key = entry) < 2
               OR EXISTS (SELECT 1 FROM postings WHERE entry_key = entry GROUP BY commodity HAVING sum(amount) <> 0)
            THEN
                RAISE EXCEPTION 'a journal entry must balance per commodity before its header seals it'
                    USING ERRCODE = '23514';
            END IF;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION ledger_seal() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM ledger_require_balance(NEW.key); RETURN NEW; END $$
    """)
    op.execute("""
        CREATE FUNCTION ledger_recheck() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM ledger_require_balance(NEW.entry_key); RETURN NULL; END $$
    """)
    op.execute("""
        CREATE FUNCTION ledger_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT 1 FROM journal_entries WHERE key = NEW.entry_key) THEN
                RAISE EXCEPTION 'the journal entry is sealed' USING ERRCODE = '23514';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION ledger_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% are never changed: post a new entry', TG_TABLE_NAME USING ERRCODE = '23514';
        END $$
    """)
    op.execute(
        "CREATE TRIGGER journal_entries_seal BEFORE INSERT ON journal_entries "
        "FOR EACH ROW EXECUTE FUNCTION ledger_seal()"
    )
    op.execute("CREATE TRIGGER postings_sealed BEFORE INSERT ON postings FOR EACH ROW EXECUTE FUNCTION ledger_sealed()")
    op.execute(
        "CREATE CONSTRAINT TRIGGER postings_recheck AFTER INSERT ON postings DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION ledger_recheck()"
    )
    for table in IMMUTABLE:
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION ledger_immutable()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_immutable()"
        )
    op.execute(
        f"CREATE TRIGGER lots_frozen BEFORE UPDATE OF {', '.join(FROZEN_OF_A_LOT)} ON lots "
        "FOR EACH ROW EXECUTE FUNCTION ledger_immutable()"
    )
