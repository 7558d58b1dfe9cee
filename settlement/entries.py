"""How an entry reaches the database: balances by guarded updates, then postings, then the header that seals them.

The statements are in `settlement.entries_hot`. Members' available accounts are touched first, all others in the order
of their code, so that two entries cannot wait for each other: every movement of one member's lots first takes the row
of the member's available account, and lots after it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from config.database import insert_new
from settlement import entries_hot
from settlement.accounts import Account, AccountKind, member_available
from settlement.entries_hot import Change, HeaderRow, Move, PostingRow, Taken
from settlement.errors import AccountFrozenError, InsufficientFundsError, LedgerConflictError, LedgerStateError
from settlement.journal import JournalEntry, Posting, by_account
from settlement.lots import Part
from settlement.tables import accounts, frozen_accounts, journal_entries, postings


class Header(msgspec.Struct, frozen=True):
    """What is known of an entry without its postings."""

    key: str
    kind: str
    reference: str
    member_id: str | None
    ends_key: str | None
    fingerprint: str


class Links(msgspec.Struct, frozen=True):
    """Whom an entry belongs to, which hold or pending accrual it ends, which capture it takes back from."""

    member_id: str | None = None
    ends_key: str | None = None
    reverses_key: str | None = None


FROZEN = "account_frozen"
"""What the database says of a change of a frozen account's balance (migration 0012)."""

STOPPED = "An account of this movement is stopped; `gateway ledger frozen` tells why."

_HEADER_COLUMNS = [journal_entries.c[name] for name in Header.__struct_fields__]
_FIND = sa.select(*_HEADER_COLUMNS).where(journal_entries.c.key == sa.bindparam("wanted"))
_FIND_END = sa.select(*_HEADER_COLUMNS).where(journal_entries.c.ends_key == sa.bindparam("wanted"))
_LOCK = (
    sa.select(accounts.c.balance)
    .where(accounts.c.code == sa.bindparam("of_code"), accounts.c.commodity == sa.bindparam("of_commodity"))
    .with_for_update()
)
_POSTINGS = (
    sa.select(postings, accounts.c.kind, accounts.c.may_go_negative)
    .join(accounts, sa.and_(accounts.c.code == postings.c.account, accounts.c.commodity == postings.c.commodity))
    .where(postings.c.entry_key == sa.bindparam("wanted"))
    .order_by(postings.c.number)
)


def find(connection: Connection, key: str) -> Header | None:
    """Read the header of a key."""
    row = connection.execute(_FIND, {"wanted": key}).one_or_none()
    return Header(*row) if row else None


def find_end(connection: Connection, key: str) -> Header | None:
    """Read the header of the entry that ended a hold or a pending accrual."""
    row = connection.execute(_FIND_END, {"wanted": key}).one_or_none()
    return Header(*row) if row else None


def is_known(connection: Connection, key: str, fingerprint: str) -> bool:
    """Say whether exactly this movement was made before.

    Raises:
        LedgerConflictError: the key stands for another movement.
    """
    header = find(connection, key)
    return is_same(key, header.fingerprint if header else None, fingerprint)


def is_same(key: str, known: str | None, fingerprint: str) -> bool:
    """Say whether what is known of a key, if anything, is exactly this movement.

    Raises:
        LedgerConflictError: the key stands for another movement.
    """
    if known is not None and known != fingerprint:
        raise LedgerConflictError(f"The ledger knows {key} with another content.", key=key)
    return known is not None


def read_postings(connection: Connection, key: str) -> tuple[Posting, ...]:
    """Read the postings of an entry, in their order."""
    return tuple(
        Posting(
            Account(row.account, row.commodity, AccountKind(row.kind), row.may_go_negative),
            row.amount,
            row.lot_id,
        )
        for row in connection.execute(_POSTINGS, {"wanted": key})
    )


def reversals_of(connection: Connection, capture_key: str) -> list[str]:
    """List the keys of the entries that have given back something of a capture.

    Whoever wants their postings asks for them by these keys: of a join PostgreSQL reads all postings of an account
    first, or all there are, while it has no statistics.
    """
    query = sa.select(journal_entries.c.key).where(journal_entries.c.reverses_key == capture_key)
    return list(connection.execute(query).scalars())


def returned_by_lot(connection: Connection, capture_key: str, available: Account) -> dict[str, int]:
    """Sum what the reversals of a capture have given back so far, by lot."""
    rows = connection.execute(
        sa.select(postings.c.lot_id, sa.func.sum(postings.c.amount))
        .where(postings.c.entry_key.in_(reversals_of(connection, capture_key)))
        .where(postings.c.account == available.code, postings.c.commodity == available.commodity)
        .group_by(postings.c.lot_id)
    )
    return {lot_id: int(quantity) for lot_id, quantity in rows}


def lock_member(connection: Connection, member_id: str, commodity: str) -> None:
    """Take the row of the member's available account until the transaction ends, making it when it is not there.

    On SQLite the writing transaction already excludes every other writer.
    """
    if connection.dialect.name == "sqlite":
        return
    account = member_available(member_id, commodity)
    where = {"of_code": account.code, "of_commodity": account.commodity}
    if connection.execute(_LOCK, where).one_or_none() is None:
        insert_new(connection, accounts, _empty_row(account), unique=["code", "commodity"])
        connection.execute(_LOCK, where)


def lock_key(connection: Connection, key: str) -> None:
    """Let two transactions that would post one key follow each other; on SQLite they do anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def write(
    connection: Connection,
    entry: JournalEntry,
    fingerprint: str,
    at: datetime,
    links: Links | None = None,
    taken: tuple[Part, ...] = (),
    locked: Account | None = None,
) -> None:
    """Write an entry whose key is known to be new, and what it takes from lots, in this transaction.

    ``locked``: the account by which others are kept out, where it need not be among those that are moved.

    Raises:
        InsufficientFundsError: an account that may not go negative has too little.
        AccountFrozenError: an account is stopped.
        LedgerStateError: a lot has less than is taken from it.
    """
    links = links or Links()
    change = Change(
        moves=_moves(connection, entry, locked),
        taken=[Taken(part.lot_id, part.quantity) for part in taken],
        postings=_posting_rows(entry),
        header=_header_row(entry, fingerprint, at, links),
    )
    try:
        short = entries_hot.write(connection, change)
    except IntegrityError as error:
        if FROZEN not in str(error.orig):
            raise
        raise AccountFrozenError(STOPPED) from None
    if short == entries_hot.RACED:
        raise LedgerStateError(f"A lot changed while {entry.key} was made.", state="raced")
    if short is not None:
        _refuse_frozen(connection, short)
        _refuse_short(short, entry)


def refuse_ended(end: Header | None, key: str) -> None:
    """Refuse to end a thing twice.

    Raises:
        LedgerStateError: it was ended; the fact ``state`` is the kind of entry that did it.
    """
    if end is not None:
        raise LedgerStateError(f"{key} was already ended by {end.key}.", state=end.kind, key=key)


def _refuse_frozen(connection: Connection, code: str) -> None:
    """Tell of an account that drifted too low what it is: stopped, and not merely short."""
    stopped = sa.select(frozen_accounts.c.id).where(
        frozen_accounts.c.code == code, frozen_accounts.c.released_at.is_(None)
    )
    if connection.execute(stopped).first() is not None:
        raise AccountFrozenError(STOPPED)


def _refuse_short(code: str, entry: JournalEntry) -> NoReturn:
    account, amount = next(move for move in by_account(entry.postings) if move[0].code == code and move[1] < 0)
    raise InsufficientFundsError(
        f"{code} has less than {-amount} {account.commodity}.", asked=-amount, commodity=account.commodity
    )


def _header_row(entry: JournalEntry, fingerprint: str, at: datetime, links: Links) -> HeaderRow:
    return HeaderRow(
        key=entry.key,
        kind=entry.kind,
        reference=entry.reference,
        member_id=links.member_id,
        ends_key=links.ends_key,
        reverses_key=links.reverses_key,
        fingerprint=fingerprint,
        effective_at=entry.effective_at,
        recorded_at=at,
        facts=entry.facts,
    )


def _moves(connection: Connection, entry: JournalEntry, locked: Account | None) -> list[Move]:
    """List what an entry moves; what is only locked is a move of nothing, and SQLite has no need of it."""
    sums = by_account(entry.postings)
    if locked is not None and connection.dialect.name != "sqlite" and all(account != locked for account, _ in sums):
        sums = sorted([*sums, (locked, 0)])
    return [_move(account, amount) for account, amount in sums]


def _move(account: Account, amount: int) -> Move:
    return Move(account.code, account.commodity, account.kind.value, account.may_go_negative, amount)


def _empty_row(account: Account) -> dict[str, Any]:
    return {
        "code": account.code,
        "commodity": account.commodity,
        "kind": account.kind.value,
        "may_go_negative": account.may_go_negative,
        "balance": 0,
    }


def _posting_rows(entry: JournalEntry) -> list[PostingRow]:
    return [
        PostingRow(entry.key, number, leg.account.code, leg.account.commodity, leg.amount, leg.lot_id)
        for number, leg in enumerate(entry.postings, start=1)
    ]
