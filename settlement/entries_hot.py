"""The three steps of a hold and of its end in as few statements as the database lets them have.

Look at a member's lots under the member's lock; look at a hold under the same lock; write an entry. What is decided is
decided by the callers, the same on both databases: here are only the ways there. SQLite runs small statements in
process; PostgreSQL has a function for each step (migrations 0011, 0017), because there every statement is a way over a
socket.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Connection

from config.hot_statements import many_on_sqlite, on_postgresql, on_postgresql_for_all, on_sqlite
from config.types import instant_text

RACED = "raced"
"""What a write answers when a lot has less than is taken from it."""


class LotSeen(msgspec.Struct, frozen=True, array_like=True):
    """A lot with a remainder, of which something may be taken."""

    id: str
    remaining: int
    expires_at: datetime | None


class Wallet(msgspec.Struct, frozen=True):
    """A member's spendable lots, first expiring first, and the fingerprint of the key's entry if it is there."""

    lots: list[LotSeen]
    known: str | None = None


class HoldSeen(msgspec.Struct, frozen=True):
    """A hold, the fingerprint of the key that would end it if it is there, and what did end it."""

    member_id: str
    reference: str
    commodity: str
    parts: list[tuple[str, int]]
    known: str | None = None
    end_key: str | None = None
    end_kind: str | None = None


class Change(msgspec.Struct, frozen=True):
    """All that an entry writes: balances in the order of their locks, lots taken from, postings, the header."""

    moves: list[dict[str, Any]]
    taken: list[dict[str, Any]]
    postings: list[dict[str, Any]]
    header: dict[str, Any]


_wallet = msgspec.json.Decoder(Wallet)
_hold = msgspec.json.Decoder(HoldSeen)
_encoder = msgspec.json.Encoder()

_KNOWN = "SELECT fingerprint FROM journal_entries WHERE key = :key"
_LOTS = (
    "SELECT id, remaining, expires_at FROM lots WHERE member_id = :member_id AND commodity = :commodity "
    "AND remaining > 0 AND (expires_at IS NULL OR expires_at > :at) ORDER BY expires_at IS NULL, expires_at, id"
)
_HOLD = (
    "SELECT e.member_id, e.reference, p.commodity, p.lot_id, p.amount, ending.key, ending.kind, "
    "(SELECT fingerprint FROM journal_entries WHERE key = :key) "
    "FROM journal_entries e JOIN postings p ON p.entry_key = e.key "
    "LEFT JOIN journal_entries ending ON ending.ends_key = e.key "
    "WHERE e.key = :hold_key AND e.kind = 'hold' AND e.member_id IS NOT NULL AND p.amount > 0 ORDER BY p.number"
)
_LESS = (
    "UPDATE accounts SET balance = balance + :amount "
    "WHERE code = :code AND commodity = :commodity AND balance >= -:amount"
)
_MORE = (
    "INSERT INTO accounts (code, commodity, kind, may_go_negative, balance) "
    "VALUES (:code, :commodity, :kind, :may_go_negative, :amount) "
    "ON CONFLICT (code, commodity) DO UPDATE SET balance = accounts.balance + excluded.balance"
)
_TAKE = "UPDATE lots SET remaining = remaining - :quantity WHERE id = :lot_id AND remaining >= :quantity"
_POSTING = (
    "INSERT INTO postings (entry_key, number, account, commodity, amount, lot_id) "
    "VALUES (:entry_key, :number, :account, :commodity, :amount, :lot_id)"
)
_WRITE = "SELECT ledger_write($1::text::jsonb)"
_HEADER = (
    "INSERT INTO journal_entries (key, kind, reference, member_id, ends_key, reverses_key, fingerprint, "
    "effective_at, recorded_at, facts) VALUES (:key, :kind, :reference, :member_id, :ends_key, :reverses_key, "
    ":fingerprint, :effective_at, :recorded_at, :facts)"
)


def see_wallet(connection: Connection, member_id: str, commodity: str, key: str, at: datetime) -> Wallet:
    """Take the member's lock and list what may be spent at an instant; see also whether the key is known."""
    if connection.dialect.name != "sqlite":
        sql = "SELECT ledger_see_wallet($1, $2, $3, $4)"
        return _wallet.decode(on_postgresql(connection, sql, member_id, commodity, key, at))
    known = on_sqlite(connection, _KNOWN, {"key": key}).fetchone()
    of = {"member_id": member_id, "commodity": commodity, "at": instant_text(at)}
    rows = on_sqlite(connection, _LOTS, of).fetchall()
    lots = [LotSeen(lot, remaining, _instant(expires_at)) for lot, remaining, expires_at in rows]
    return Wallet(lots, known[0] if known else None)


def see_hold(connection: Connection, hold_key: str, key: str) -> HoldSeen | None:
    """Take the lock of the hold's member and look at the hold; None when there is none under this key."""
    if connection.dialect.name != "sqlite":
        found = on_postgresql(connection, "SELECT ledger_see_hold($1, $2)", hold_key, key)
        return None if found is None else _hold.decode(found)
    rows = on_sqlite(connection, _HOLD, {"hold_key": hold_key, "key": key}).fetchall()
    if not rows:
        return None
    member_id, reference, commodity, _, _, end_key, end_kind, known = rows[0]
    parts = [(row[3], row[4]) for row in rows]
    return HoldSeen(member_id, reference, commodity, parts, known, end_key, end_kind)


def write(connection: Connection, change: Change) -> str | None:
    """Write all of an entry; answer the code of the account that has too little, `RACED`, or None when it is done.

    Unless it is done, the caller ends its transaction (or savepoint) by raising.
    """
    if connection.dialect.name != "sqlite":
        short: str | None = on_postgresql_for_all(connection, _WRITE, change, _as_sent)
        return short
    for part in change.taken:
        if on_sqlite(connection, _TAKE, part).rowcount != 1:
            return RACED
    for move in change.moves:
        grows = move["amount"] >= 0 or move["may_go_negative"]
        if on_sqlite(connection, _MORE if grows else _LESS, move).rowcount == 0:
            return str(move["code"])
    many_on_sqlite(connection, _POSTING, change.postings)
    on_sqlite(connection, _HEADER, _as_kept(change.header))
    return None


def _as_sent(changes: Sequence[Change]) -> str:
    """Put changes into the one that `ledger_write` takes: what they move of one account is one move.

    Accounts are in the order of their codes, which is that of their locks. That an account has enough is judged for
    all of them together, as it would be if those that add to it came first.
    """
    moves: dict[tuple[str, str], dict[str, Any]] = {}
    for move in chain.from_iterable(change.moves for change in changes):
        of = (move["code"], move["commodity"])
        moves[of] = move if of not in moves else {**move, "amount": moves[of]["amount"] + move["amount"]}
    sent = {
        "moves": [moves[of] for of in sorted(moves)],
        "taken": [part for change in changes for part in change.taken],
        "postings": [posting for change in changes for posting in change.postings],
        "headers": [change.header for change in changes],
    }
    return _encoder.encode(sent).decode()


def _as_kept(header: dict[str, Any]) -> dict[str, Any]:
    """Write instants and facts as SQLite keeps them."""
    instants = {name: instant_text(header[name]) for name in ("effective_at", "recorded_at")}
    return {**header, **instants, "facts": json.dumps(header["facts"])}


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
