"""How an entry reaches the database: balances by guarded updates, then postings, then the header that seals them.

Statements are prepared once and few per entry. Accounts are touched in the order of their code, so that two entries
cannot wait for each other; every movement of one member's lots first takes the row of the member's available account.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import insert_new
from settlement.accounts import Account, AccountKind, member_available
from settlement.errors import InsufficientFundsError, LedgerConflictError, LedgerStateError
from settlement.journal import JournalEntry, Posting, by_account
from settlement.tables import accounts, journal_entries, postings


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


_HEADER_COLUMNS = [journal_entries.c[name] for name in Header.__struct_fields__]
_FIND = sa.select(*_HEADER_COLUMNS).where(journal_entries.c.key == sa.bindparam("wanted"))
_FIND_END = sa.select(*_HEADER_COLUMNS).where(journal_entries.c.ends_key == sa.bindparam("wanted"))
_LOCK = (
    sa.select(accounts.c.balance)
    .where(accounts.c.code == sa.bindparam("of_code"), accounts.c.commodity == sa.bindparam("of_commodity"))
    .with_for_update()
)
_TAKE = (
    accounts.update()
    .where(
        accounts.c.code == sa.bindparam("of_code"),
        accounts.c.commodity == sa.bindparam("of_commodity"),
        accounts.c.balance >= sa.bindparam("quantity"),
    )
    .values(balance=accounts.c.balance - sa.bindparam("quantity"))
)
_ADD = sa.text(
    "INSERT INTO accounts (code, commodity, kind, may_go_negative, balance) "
    "VALUES (:code, :commodity, :kind, :may_go_negative, :balance) "
    "ON CONFLICT (code, commodity) DO UPDATE SET balance = accounts.balance + excluded.balance"
).bindparams(sa.bindparam("may_go_negative", type_=sa.Boolean()), sa.bindparam("balance", type_=sa.BigInteger()))
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
    if header is not None and header.fingerprint != fingerprint:
        raise LedgerConflictError(f"The ledger knows {key} with another content.", key=key)
    return header is not None


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


def returned_by_lot(connection: Connection, capture_key: str, available: Account) -> dict[str, int]:
    """Sum what the reversals of a capture have given back so far, by lot."""
    rows = connection.execute(
        sa.select(postings.c.lot_id, sa.func.sum(postings.c.amount))
        .join(journal_entries, journal_entries.c.key == postings.c.entry_key)
        .where(journal_entries.c.reverses_key == capture_key)
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
        insert_new(connection, accounts, {**_row(account), "balance": 0}, unique=["code", "commodity"])
        connection.execute(_LOCK, where)


def lock_key(connection: Connection, key: str) -> None:
    """Let two transactions that would post one key follow each other; on SQLite they do anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def write(
    connection: Connection, entry: JournalEntry, fingerprint: str, at: datetime, links: Links | None = None
) -> None:
    """Write an entry whose key is known to be new, in this transaction.

    Raises:
        InsufficientFundsError: an account that may not go negative has too little.
    """
    links = links or Links()
    for account, amount in by_account(entry.postings):
        _move(connection, account, amount)
    connection.execute(postings.insert(), _posting_rows(entry))
    connection.execute(
        journal_entries.insert(),
        {
            "key": entry.key,
            "kind": entry.kind,
            "reference": entry.reference,
            "member_id": links.member_id,
            "ends_key": links.ends_key,
            "reverses_key": links.reverses_key,
            "fingerprint": fingerprint,
            "effective_at": entry.effective_at,
            "recorded_at": at,
            "facts": entry.facts,
        },
    )


def refuse_ended(end: Header | None, key: str) -> None:
    """Refuse to end a thing twice.

    Raises:
        LedgerStateError: it was ended; the fact ``state`` is the kind of entry that did it.
    """
    if end is not None:
        raise LedgerStateError(f"{key} was already ended by {end.key}.", state=end.kind, key=key)


def _move(connection: Connection, account: Account, amount: int) -> None:
    if amount >= 0 or account.may_go_negative:
        connection.execute(_ADD, {**_row(account), "balance": amount})
        return
    taken = connection.execute(
        _TAKE, {"of_code": account.code, "of_commodity": account.commodity, "quantity": -amount}
    ).rowcount
    if taken == 0:
        raise InsufficientFundsError(
            f"{account.code} has less than {-amount} {account.commodity}.", asked=-amount, commodity=account.commodity
        )


def _row(account: Account) -> dict[str, str | bool]:
    return {
        "code": account.code,
        "commodity": account.commodity,
        "kind": account.kind.value,
        "may_go_negative": account.may_go_negative,
    }


def _posting_rows(entry: JournalEntry) -> list[dict[str, str | int | None]]:
    return [
        {
            "entry_key": entry.key,
            "number": number,
            "account": posting.account.code,
            "commodity": posting.account.commodity,
            "amount": posting.amount,
            "lot_id": posting.lot_id,
        }
        for number, posting in enumerate(entry.postings, start=1)
    ]
