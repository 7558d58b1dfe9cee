"""The ledger's functions and triggers of PostgreSQL work on all rows that come together instead of row by row.

Movements that wait together are seen and written by one call for all of them; inside it, too, every step is now one
statement. So are two of the guards: that nothing is posted to a sealed entry, and that a header's postings balance, is
checked for all rows of an INSERT at its end. What is refused is the same.

The functions look some dozen rows up by their keys. A plan that was made while a table was small must not read all of
it when it has grown, therefore the settings of the planner; the triggers look up row by row and need none.
"""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create and replace functions and triggers, on PostgreSQL only; a process that started before finds its own."""
    if op.get_context().dialect.name == "sqlite":
        return
    for statement in (_LOCK, _SEE_WALLETS, _SEE_HOLDS, _WRITE, _SEAL, _RECHECK, _SEALED):
        op.execute(statement)
    op.execute(
        "CREATE OR REPLACE TRIGGER postings_sealed AFTER INSERT ON postings "
        "REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_sealed()"
    )
    op.execute(
        "CREATE OR REPLACE TRIGGER journal_entries_seal AFTER INSERT ON journal_entries "
        "REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_seal()"
    )


_BY_KEY = "SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off"
_MOVES = (
    "ROWS FROM (jsonb_to_recordset(change->'moves') "
    "AS (code text, commodity text, kind text, may_go_negative boolean, amount bigint)) WITH ORDINALITY "
    "AS move (code, commodity, kind, may_go_negative, amount, number)"
)
_LOCK = f"""
    CREATE OR REPLACE FUNCTION ledger_lock_wallets(members text[], commodities text[]) RETURNS void
    LANGUAGE plpgsql {_BY_KEY} AS $$
    DECLARE locked integer;
    BEGIN
        PERFORM 1 FROM unnest(members, commodities) WITH ORDINALITY AS wallet (member, commodity, number)
            JOIN accounts ON code = 'member/' || member || '/available' AND accounts.commodity = wallet.commodity
            ORDER BY number FOR UPDATE OF accounts;
        GET DIAGNOSTICS locked = ROW_COUNT;
        IF locked < cardinality(members) THEN
            FOR number IN 1..cardinality(members) LOOP
                PERFORM ledger_lock_wallet(members[number], commodities[number]);
            END LOOP;
        END IF;
    END $$
"""
_SEE_WALLETS = f"""
    CREATE OR REPLACE FUNCTION ledger_see_wallets(members text[], commodities text[], keys text[],
                                                  instants timestamptz[])
    RETURNS SETOF text LANGUAGE plpgsql {_BY_KEY} AS $$
    BEGIN
        PERFORM ledger_lock_wallets(members, commodities);
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
_WRITE = f"""
    CREATE OR REPLACE FUNCTION ledger_write(change jsonb) RETURNS text LANGUAGE plpgsql {_BY_KEY} AS $$
    DECLARE
        headers jsonb := coalesce(change->'headers', jsonb_build_array(change->'header'));
        done integer;
        short text;
    BEGIN
        UPDATE lots SET remaining = remaining - quantity
            FROM jsonb_to_recordset(change->'taken') AS taken (lot_id text, quantity bigint)
            WHERE id = lot_id AND remaining >= quantity;
        GET DIAGNOSTICS done = ROW_COUNT;
        IF done < jsonb_array_length(change->'taken') THEN RETURN 'raced'; END IF;

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
            FROM {_MOVES} WHERE accounts.code = move.code AND accounts.commodity = move.commodity;

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
_UNBALANCED = """
    RAISE EXCEPTION 'a journal entry must balance per commodity before its header seals it' USING ERRCODE = '23514'
"""
_SEAL = f"""
    CREATE OR REPLACE FUNCTION ledger_seal() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT 1 FROM added
            WHERE (SELECT count(*) FROM postings WHERE entry_key = key) < 2
               OR EXISTS (SELECT 1 FROM postings WHERE entry_key = key GROUP BY commodity HAVING sum(amount) <> 0))
        THEN {_UNBALANCED}; END IF;
        RETURN NULL;
    END $$
"""
_RECHECK = f"""
    CREATE OR REPLACE FUNCTION ledger_recheck() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM postings WHERE entry_key = NEW.entry_key GROUP BY commodity HAVING sum(amount) <> 0)
        THEN {_UNBALANCED}; END IF;
        RETURN NULL;
    END $$
"""
_SEALED = """
    CREATE OR REPLACE FUNCTION ledger_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM added WHERE (SELECT true FROM journal_entries WHERE key = entry_key)) THEN
            RAISE EXCEPTION 'the journal entry is sealed' USING ERRCODE = '23514';
        END IF;
        RETURN NULL;
    END $$
"""
