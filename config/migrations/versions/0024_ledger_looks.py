"""PostgreSQL looks at wallets and holds without a lock, and refuses a statement that does not write what it must.

What is decided by such a look is guarded by what is written then: a lot must still hold what is taken from it, a key
and the end of a hold are unique. Accounts are therefore locked by the write itself, before it touches lots: in that
order all do who lock a wallet first. A move of nothing only locks. What holds points undecided at a partner is a
function, because only that sees what the very statement it is part of has written.
"""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create and replace functions, on PostgreSQL only; a process that started before finds its own."""
    if op.get_context().dialect.name == "sqlite":
        return
    for statement in (
        _LOOK_AT_WALLETS, _SEE_WALLETS, _LOOK_AT_HOLDS, _SEE_HOLDS, _WRITE, _POINTS_AT_RISK, _REFUSE
    ):  # fmt: skip
        op.execute(statement)


_BY_KEY = "SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off"
_LOOK_AT_WALLETS = f"""
    CREATE OR REPLACE FUNCTION ledger_look_at_wallets(members text[], commodities text[], keys text[],
                                                      instants timestamptz[])
    RETURNS SETOF text LANGUAGE plpgsql STABLE {_BY_KEY} AS $$
    BEGIN
        RETURN QUERY
            SELECT CAST(jsonb_build_object(
                'known', (SELECT fingerprint FROM journal_entries WHERE key = asked.key),
                'lots', (
                    SELECT coalesce(jsonb_agg(jsonb_build_array(id, remaining, expires_at)
                                              ORDER BY expires_at IS NULL, expires_at, id), '[]')
                    FROM lots
                    WHERE member_id = asked.member AND lots.commodity = asked.commodity AND remaining > 0
                      AND (expires_at IS NULL OR expires_at > asked.instant)
                )) AS text)
            FROM unnest(members, commodities, keys, instants) WITH ORDINALITY
                AS asked (member, commodity, key, instant, number)
            ORDER BY number;
    END $$
"""
_SEE_WALLETS = f"""
    CREATE OR REPLACE FUNCTION ledger_see_wallets(members text[], commodities text[], keys text[],
                                                  instants timestamptz[])
    RETURNS SETOF text LANGUAGE plpgsql {_BY_KEY} AS $$
    BEGIN
        PERFORM ledger_lock_wallets(members, commodities);
        RETURN QUERY SELECT * FROM ledger_look_at_wallets(members, commodities, keys, instants);
    END $$
"""
_LOOK_AT_HOLDS = f"""
    CREATE OR REPLACE FUNCTION ledger_look_at_holds(holds text[], keys text[])
    RETURNS SETOF text LANGUAGE plpgsql STABLE {_BY_KEY} AS $$
    BEGIN
        RETURN QUERY
            SELECT (
                SELECT CAST(jsonb_build_object(
                    'member_id', held.member_id, 'reference', held.reference,
                    'commodity', (SELECT min(commodity) FROM postings WHERE entry_key = held.key AND amount > 0),
                    'parts', (SELECT jsonb_agg(jsonb_build_array(lot_id, amount) ORDER BY postings.number)
                              FROM postings WHERE entry_key = held.key AND amount > 0),
                    'known', (SELECT fingerprint FROM journal_entries WHERE key = asked.key),
                    'end_key', ending.key, 'end_kind', ending.kind) AS text)
                FROM journal_entries held LEFT JOIN journal_entries ending ON ending.ends_key = held.key
                WHERE held.key = asked.hold AND held.kind = 'hold' AND held.member_id IS NOT NULL)
            FROM unnest(holds, keys) WITH ORDINALITY AS asked (hold, key, number)
            ORDER BY asked.number;
    END $$
"""
_SEE_HOLDS = f"""
    CREATE OR REPLACE FUNCTION ledger_see_holds(holds text[], keys text[])
    RETURNS SETOF text LANGUAGE plpgsql {_BY_KEY} AS $$
    DECLARE
        members text[];
        commodities text[];
    BEGIN
        SELECT array_agg(member_id ORDER BY number),
               array_agg((SELECT min(commodity) FROM postings WHERE entry_key = asked.hold AND amount > 0)
                         ORDER BY number)
            INTO members, commodities
            FROM unnest(holds) WITH ORDINALITY AS asked (hold, number)
            JOIN journal_entries ON key = asked.hold AND kind = 'hold' AND member_id IS NOT NULL;
        PERFORM ledger_lock_wallets(members, commodities);
        RETURN QUERY SELECT * FROM ledger_look_at_holds(holds, keys);
    END $$
"""
_MOVES = (
    "ROWS FROM (jsonb_to_recordset(change->'moves') "
    "AS (code text, commodity text, kind text, may_go_negative boolean, amount bigint)) WITH ORDINALITY "
    "AS move (code, commodity, kind, may_go_negative, amount, number)"
)
_WRITE = f"""
    CREATE OR REPLACE FUNCTION ledger_write(change jsonb) RETURNS text LANGUAGE plpgsql {_BY_KEY} AS $$
    DECLARE
        headers jsonb := coalesce(change->'headers', jsonb_build_array(change->'header'));
        done integer;
        short text;
    BEGIN
        LOOP
            SELECT count(*), (array_agg(code ORDER BY number) FILTER (WHERE has_less))[1] INTO done, short
                FROM (SELECT code, number, amount < 0 AND NOT move.may_go_negative AND balance < -amount AS has_less
                      FROM {_MOVES} JOIN accounts USING (code, commodity)
                      ORDER BY number FOR NO KEY UPDATE OF accounts) AS locked;
            EXIT WHEN done = jsonb_array_length(change->'moves');
            INSERT INTO accounts (code, commodity, kind, may_go_negative, balance)
                SELECT code, commodity, kind, may_go_negative, 0 FROM {_MOVES} ORDER BY number
                ON CONFLICT (code, commodity) DO NOTHING;
        END LOOP;
        IF short IS NOT NULL THEN RETURN short; END IF;
        UPDATE accounts SET balance = balance + amount
            FROM {_MOVES} WHERE accounts.code = move.code AND accounts.commodity = move.commodity AND amount <> 0;

        IF jsonb_array_length(change->'taken') > 0 THEN
            UPDATE lots SET remaining = remaining - quantity
                FROM jsonb_to_recordset(change->'taken') AS taken (lot_id text, quantity bigint)
                WHERE id = lot_id AND remaining >= quantity;
            GET DIAGNOSTICS done = ROW_COUNT;
            IF done < jsonb_array_length(change->'taken') THEN RETURN 'raced'; END IF;
        END IF;

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
_POINTS_AT_RISK = f"""
    CREATE OR REPLACE FUNCTION points_at_risk(of_partner text, of_commodity text)
    RETURNS bigint LANGUAGE plpgsql VOLATILE {_BY_KEY} AS $$
    BEGIN
        RETURN (SELECT coalesce(sum(quotes.quantity), 0)
                FROM redemptions JOIN quotes ON quotes.id = redemptions.quote_id
                WHERE redemptions.partner = of_partner AND quotes.commodity = of_commodity
                  AND state NOT IN ('captured', 'voided'));
    END $$
"""
_REFUSE = """
    CREATE OR REPLACE FUNCTION refuse_unwritten() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        RAISE EXCEPTION 'something that had to be written was not' USING ERRCODE = '23514';
    END $$
"""
