"""The ledger's writing function of PostgreSQL takes the entries of several movements at once.

What was written for one entry at a time is written for all that come in one call: the programme's own accounts, which
everybody moves, are then moved once for all of them. It still decides nothing.
"""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the function, on PostgreSQL only; one ``header`` is still taken, of a process that started before."""
    if op.get_context().dialect.name != "sqlite":
        op.execute(_WRITE)


_WRITE = """
    CREATE OR REPLACE FUNCTION ledger_write(change jsonb) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
        move record;
        headers jsonb := coalesce(change->'headers', jsonb_build_array(change->'header'));
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
                AS (entry_key text, number integer, account text, commodity text, amount bigint, lot_id text);
        INSERT INTO journal_entries (key, kind, reference, member_id, ends_key, reverses_key, fingerprint,
                                     effective_at, recorded_at, facts)
            SELECT key, kind, reference, member_id, ends_key, reverses_key, fingerprint,
                   effective_at, recorded_at, facts
            FROM jsonb_to_recordset(headers)
                AS (key text, kind text, reference text, member_id text, ends_key text, reverses_key text,
                    fingerprint text, effective_at timestamptz, recorded_at timestamptz, facts jsonb);
        RETURN NULL;
    END $$
"""
