"""The three steps of a hold and of its end in as few statements as the database lets them have.

Look at a member's lots under the member's lock; look at a hold under the same lock; write an entry. What is decided is
decided by the callers, the same on both databases: here are only the ways there. SQLite runs small statements in
process; PostgreSQL has a function for each step (migration 0022), because there every statement is a way over a
socket.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec
from msgspec.structs import astuple, replace
from sqlalchemy import Connection

from config.hot_statements import (
    foresee_on_postgresql,
    look_on_postgresql,
    many_on_sqlite,
    merged_on_postgresql,
    on_sqlite,
)
from config.put_off import Merged
from config.types import instant_text
from settlement.tables import accounts, journal_entries, lots, postings

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


class Move(msgspec.Struct, frozen=True):
    """What an entry adds to the balance of an account, which is made when it is not there; nothing only locks it.

    Fields here and below are in the order in which SQLite's statements take them.
    """

    code: str
    commodity: str
    kind: str
    may_go_negative: bool
    amount: int


class Taken(msgspec.Struct, frozen=True):
    """What an entry takes from a lot."""

    lot_id: str
    quantity: int


class PostingRow(msgspec.Struct, frozen=True):
    """A row of the table of the same name; so is the following."""

    entry_key: str
    number: int
    account: str
    commodity: str
    amount: int
    lot_id: str | None


class HeaderRow(msgspec.Struct, frozen=True):
    """A header."""

    key: str
    kind: str
    reference: str
    member_id: str | None
    ends_key: str | None
    reverses_key: str | None
    fingerprint: str
    effective_at: datetime
    recorded_at: datetime
    facts: dict[str, str]


class Change(msgspec.Struct, frozen=True):
    """All that an entry writes: balances in the order of their locks, lots taken from, postings, the header."""

    moves: list[Move]
    taken: list[Taken]
    postings: list[PostingRow]
    header: HeaderRow


_wallet = msgspec.json.Decoder(Wallet)
_hold = msgspec.json.Decoder(HoldSeen)
_encoder = msgspec.json.Encoder()

_SEE = (
    "SELECT known.fingerprint, lots.id, remaining, expires_at "
    "FROM (SELECT (SELECT fingerprint FROM journal_entries WHERE key = ?1) AS fingerprint) AS known "
    "LEFT JOIN lots ON member_id = ?2 AND commodity = ?3 AND remaining > 0 AND (expires_at IS NULL OR expires_at > ?4) "
    "ORDER BY expires_at IS NULL, expires_at, lots.id"
)
_HOLD = (
    "SELECT e.member_id, e.reference, p.commodity, p.lot_id, p.amount, ending.key, ending.kind, "
    "(SELECT fingerprint FROM journal_entries WHERE key = ?2) "
    "FROM journal_entries e JOIN postings p ON p.entry_key = e.key "
    "LEFT JOIN journal_entries ending ON ending.ends_key = e.key "
    "WHERE e.key = ?1 AND e.kind = 'hold' AND e.member_id IS NOT NULL AND p.amount > 0 ORDER BY p.number"
)
_LESS = "UPDATE accounts SET balance = balance + ?5 WHERE code = ?1 AND commodity = ?2 AND balance >= -?5"
_MORE = (
    "INSERT INTO accounts (code, commodity, kind, may_go_negative, balance) VALUES (?1, ?2, ?3, ?4, ?5) "
    "ON CONFLICT (code, commodity) DO UPDATE SET balance = accounts.balance + excluded.balance"
)
_TAKE = "UPDATE lots SET remaining = remaining - ?2 WHERE id = ?1 AND remaining >= ?2"
_POSTING = (
    "INSERT INTO postings (entry_key, number, account, commodity, amount, lot_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
)
_HEADER = (
    "INSERT INTO journal_entries (key, kind, reference, member_id, ends_key, reverses_key, fingerprint, "
    "effective_at, recorded_at, facts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
)
_LOOK_AT_WALLETS = "SELECT ledger_look_at_wallets($1, $2, $3, $4)"
_SEE_WALLETS = "SELECT ledger_see_wallets($1, $2, $3, $4)"
_LOOK_AT_HOLDS = "SELECT ledger_look_at_holds($1, $2)"
_SEE_HOLDS = "SELECT ledger_see_holds($1, $2)"
_WRITE = "ledger_write($1::text::jsonb)"
_WALLET = "/available"
"""How the code ends of the account whose row is a member's lock (`settlement.accounts.member_available`)."""

_WRITTEN = frozenset({accounts.name, lots.name, postings.name, journal_entries.name})


def see_wallet(connection: Connection, member_id: str, commodity: str, key: str, at: datetime) -> Wallet:
    """Take the member's lock and list what may be spent at an instant; see also whether the key is known.

    Beside others it only looks, and the lock is taken by the write, which refuses what is not there any more.
    """
    if connection.dialect.name != "sqlite":
        asked = (member_id, commodity, key, at)
        return _wallet.decode(look_on_postgresql(connection, _LOOK_AT_WALLETS, _SEE_WALLETS, asked, _WRITTEN))
    rows = on_sqlite(connection, _SEE, (key, member_id, commodity, instant_text(at))).fetchall()
    lots = [LotSeen(lot, remaining, _instant(expires_at)) for _, lot, remaining, expires_at in rows if lot is not None]
    return Wallet(lots, rows[0][0])


def foresee_wallet(member_id: str, commodity: str, key: str, at: datetime) -> None:
    """Say that `see_wallet` will as good as certainly be asked for this; beside others it may then be seen earlier."""
    foresee_on_postgresql(_LOOK_AT_WALLETS, (member_id, commodity, key, at), _WRITTEN)


def see_hold(connection: Connection, hold_key: str, key: str) -> HoldSeen | None:
    """Take the lock of the hold's member and look at the hold; None when there is none under this key.

    Beside others it only looks: what is looked at never changes, and a second end of one hold is refused.
    """
    if connection.dialect.name != "sqlite":
        found = look_on_postgresql(connection, _LOOK_AT_HOLDS, _SEE_HOLDS, (hold_key, key), _WRITTEN)
        return None if found is None else _hold.decode(found)
    rows = on_sqlite(connection, _HOLD, (hold_key, key)).fetchall()
    if not rows:
        return None
    member_id, reference, commodity, _, _, end_key, end_kind, known = rows[0]
    parts = [(row[3], row[4]) for row in rows]
    return HoldSeen(member_id, reference, commodity, parts, known, end_key, end_kind)


def write(connection: Connection, change: Change) -> str | None:
    """Write all of an entry; answer the code of the account that has too little, `RACED`, or None when it is done.

    Unless it is done, the caller ends its transaction (or savepoint) by raising. Beside others it is put off and taken
    for done (`config.hot_statements.merged_on_postgresql`).
    """
    if connection.dialect.name != "sqlite":
        short: str | None = merged_on_postgresql(connection, Merged(_WRITE, change, _as_sent, _WRITTEN))
        return short
    for part in change.taken:
        if on_sqlite(connection, _TAKE, astuple(part)).rowcount != 1:
            return RACED
    for move in change.moves:
        grows = move.amount >= 0 or move.may_go_negative
        if on_sqlite(connection, _MORE if grows else _LESS, astuple(move)).rowcount == 0:
            return move.code
    many_on_sqlite(connection, _POSTING, [astuple(posting) for posting in change.postings])
    on_sqlite(connection, _HEADER, _as_kept(change.header))
    return None


def _as_sent(changes: Sequence[Change]) -> str:
    """Put changes into the one that `ledger_write` takes: what they move of one account is one move.

    Accounts are in the order of their locks (`_by_lock`). That one has enough is judged for all of them together, as it
    would be if those that add to it came first.
    """
    moves: dict[tuple[str, str], Move] = {}
    for move in chain.from_iterable(change.moves for change in changes):
        of = (move.code, move.commodity)
        moves[of] = move if of not in moves else replace(move, amount=moves[of].amount + move.amount)
    sent = {
        "moves": [moves[of] for of in sorted(moves, key=_by_lock)],
        "taken": [part for change in changes for part in change.taken],
        "postings": [posting for change in changes for posting in change.postings],
        "headers": [change.header for change in changes],
    }
    return _encoder.encode(sent).decode()


def _by_lock(of: tuple[str, str]) -> tuple[bool, tuple[str, str]]:
    """Put members' available accounts before all others: whoever looks under a lock has taken that one first."""
    return not of[0].endswith(_WALLET), of


def _as_kept(header: HeaderRow) -> tuple[Any, ...]:
    """Write instants and facts as SQLite keeps them."""
    *others, effective_at, recorded_at, facts = astuple(header)
    return (*others, instant_text(effective_at), instant_text(recorded_at), json.dumps(facts) if facts else "{}")


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
