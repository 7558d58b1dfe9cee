"""Functions of PostgreSQL that the ledger calls: each does in one way over the socket what took four to eight.

They look and write and decide nothing: what is taken from which lot is decided by the callers, and refused by the
guards of the tables. SQLite has no need of them.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the functions, on PostgreSQL only."""
    if op.get_context().dialect.name == "sqlite":
        return
    op.execute(_LOCK)
    op.execute(_SEE_WALLET)
    op.execute(_SEE_HOLD)
    op.execute(_WRITE)


_LOCK = """
    CREATE FUNCTION ledger_lock_wallet(of_member text, of_commodity text) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE available text := 'member/' || of_member || '/available';
    BEGIN
        PERFORM 1 FROM accounts WHERE code = available AND commodity = of_commodity FOR UPDATE;
        IF NOT FOUND THEN
            INSERT INTO accounts (code, commodity, kind, may_go_negative, balance)
                VALUES (available, of_commodity, 'member', false, 0) ON CONFLICT (code, commodity) DO NOTHING;
            PERFORM 1 FROM accounts WHERE code = available AND commodity = of_commodity FOR UPDATE;
        END IF;
    END $$
"""
_SEE_WALLET = """
    CREATE FUNCTION ledger_see_wallet(of_member text, of_commodity text, of_key text, of_instant timestamptz)
    RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM ledger_lock_wallet(of_member, of_commodity);
        RETURN jsonb_build_object(
            'known', (SELECT fingerprint FROM journal_entries WHERE key = of_key),
            'lots', (
                SELECT coalesce(jsonb_agg(jsonb_build_array(id, remaining, expires_at)
                                          ORDER BY expires_at IS NULL, expires_at, id), '[]')
                FROM lots
                WHERE member_id = of_member AND commodity = of_commodity AND remaining > 0
                  AND (expires_at IS NULL OR expires_at > of_instant)
            ));
    END $$
"""
_SEE_HOLD = """
    CREATE FUNCTION ledger_see_hold(of_hold text, of_key text) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
        held journal_entries;
        ending journal_entries;
        of_commodity text;
        parts jsonb;
    BEGIN
        SELECT * INTO held FROM journal_entries WHERE key = of_hold AND kind = 'hold' AND member_id IS NOT NULL;
        IF NOT FOUND THEN RETURN NULL; END IF;
        SELECT min(commodity), jsonb_agg(jsonb_build_array(lot_id, amount) ORDER BY number) INTO of_commodity, parts
            FROM postings WHERE entry_key = of_hold AND amount > 0;
        PERFORM ledger_lock_wallet(held.member_id, of_commodity);
        SELECT * INTO ending FROM journal_entries WHERE ends_key = of_hold;
        RETURN jsonb_build_object(
            'member_id', held.member_id, 'reference', held.reference, 'commodity', of_commodity, 'parts', parts,
            'known', (SELECT fingerprint FROM journal_entries WHERE key = of_key),
            'end_key', ending.key, 'end_kind', ending.kind);
    END $$
"""
_WRITE = """
    CREATE FUNCTION ledger_write(change jsonb) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE move record;
    BEGIN
        FOR move IN
            SELECT lot_id, quantity FROM jsonb_to_recordset(change->'taken') AS (lot_id text, quantity bigint)
        LOOP
            UPDATE lots SET remaining = remaining - move.quantity
                WHERE id = move.lot_id AND remaining >= move.quantity;
            IF NOT FOUND THEN RETURN 'raced'; END IF;
        END LOOP;
        FOR move IN
            SELECT * FROM jsonb_to_recordset(change->'moves')
                AS (code text, commodity text, kind text, may_go_negative boolean, amount bigint)
        LOOP
            IF move.amount >= 0 OR move.may_go_negative THEN
                INSERT INTO accounts (code, commodity, kind, may_go_negative, balance)
                    VALUES (move.code, move.commodity, move.kind, move.may_go_negative, move.amount)
                    ON CONFLICT (code, commodity) DO UPDATE SET balance = accounts.balance + excluded.balance;
            ELSE
                UPDATE accounts SET balance = balance + move.amount
                    WHERE code = move.code AND commodity = move.commodity AND balance >= -move.amount;
                IF NOT FOUND THEN RETURN move.code; END IF;
            END IF;
        END LOOP;
        INSERT INTO postings (entry_key, number, account, commodity, amount, lot_id)
            SELECT entry_key, number, account, commodity, amount, lot_id
            FROM jsonb_to_recordset(change->'postings')
                AS (entry_key text, number integer, account text, commodity text, amount bigint, lot_id text)
            ORDER BY number;
        INSERT INTO journal_entries (key, kind, reference, member_id, ends_key, reverses_key, fingerprint,
                                     effective_at, recorded_at, facts)
            SELECT key, kind, reference, member_id, ends_key, reverses_key, fingerprint,
                   effective_at, recorded_at, facts
            FROM jsonb_to_record(change->'header')
                AS (key text, kind text, reference text, member_id text, ends_key text, reverses_key text,
                    fingerprint text, effective_at timestamptz, recorded_at timestamptz, facts jsonb);
        RETURN NULL;
    END $$
"""
