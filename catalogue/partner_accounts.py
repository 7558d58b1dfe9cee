"""The member's accounts in partner programmes. An account belongs to one member: a second claim is refused.

Idempotency: putting the account that is already there changes nothing.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.member_lock import lock_member
from catalogue.tables import partner_accounts
from config.database import insert_new
from config.errors import ConflictError


class LinkedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A member's account at a partner, and when the partner last said that it is his (None: never)."""

    partner: str
    account_number: str
    verified_at: datetime | None = None


def put_account(
    connection: Connection,
    member_id: str,
    partner: str,
    account_number: str,
    at: datetime,
    *,
    verified: bool = False,
) -> LinkedAccount:
    """Record or change a member's account at a partner, and answer it as it stands.

    The account that is there already stays as it was taken; that it is ``verified`` now is added to it.

    Raises:
        NotFoundError: there is no such member.
        ConflictError: another member has this account (``reason`` is ``account_taken``).
    """
    lock_member(connection, member_id)
    table = partner_accounts
    mine = sa.and_(table.c.member_id == member_id, table.c.partner == partner)
    standing = next((one for one in linked_accounts(connection, member_id) if one.partner == partner), None)
    if standing is not None and standing.account_number == account_number:
        if not verified:
            return standing
        connection.execute(sa.update(table).where(mine).values(verified_at=at))
        return msgspec.structs.replace(standing, verified_at=at)
    connection.execute(sa.delete(table).where(mine))
    put = LinkedAccount(partner=partner, account_number=account_number, verified_at=at if verified else None)
    row = {"member_id": member_id, "updated_at": at, **msgspec.structs.asdict(put)}
    if not insert_new(connection, table, row, unique=["partner", "account_number"]):
        raise ConflictError("This account is linked to another membership.", reason="account_taken")
    return put


def require_free(connection: Connection, member_id: str, partner: str, account_number: str) -> None:
    """Refuse an account that another member has, before anybody is asked about it.

    Raises:
        ConflictError: one has (``reason`` is ``account_taken``).
    """
    table = partner_accounts
    query = sa.select(table.c.member_id).where(table.c.partner == partner, table.c.account_number == account_number)
    if connection.execute(query).scalar_one_or_none() not in (None, member_id):
        raise ConflictError("This account is linked to another membership.", reason="account_taken")


def linked_accounts(connection: Connection, member_id: str) -> tuple[LinkedAccount, ...]:
    """List a member's accounts by partner."""
    columns = [partner_accounts.c[name] for name in LinkedAccount.__struct_fields__]
    query = sa.select(*columns).where(partner_accounts.c.member_id == member_id).order_by(partner_accounts.c.partner)
    return tuple(LinkedAccount(**row._mapping) for row in connection.execute(query))


def remove_account(connection: Connection, member_id: str, partner: str, account_number: str) -> None:
    """Forget a member's account at a partner, if it is this one."""
    table = partner_accounts
    mine = sa.and_(table.c.member_id == member_id, table.c.partner == partner, table.c.account_number == account_number)
    connection.execute(sa.delete(table).where(mine))


def get_accounts(connection: Connection, member_id: str) -> dict[str, str]:
    """Give a member's account numbers by partner."""
    table = partner_accounts
    query = sa.select(table.c.partner, table.c.account_number).where(table.c.member_id == member_id)
    return {row.partner: row.account_number for row in connection.execute(query)}


def move_accounts(connection: Connection, member_id: str, to_member_id: str, at: datetime) -> None:
    """Hand a member's accounts to another at the partners where that one has none; the caller holds both locks."""
    taken = get_accounts(connection, to_member_id)
    mine = sa.and_(partner_accounts.c.member_id == member_id, partner_accounts.c.partner.not_in(taken))
    changes = {"member_id": to_member_id, "updated_at": at}
    connection.execute(sa.update(partner_accounts).where(mine).values(changes))


def linked_since(connection: Connection, member_id: str) -> dict[str, datetime]:
    """Say by partner since when a member's present account has been linked."""
    table = partner_accounts
    query = sa.select(table.c.partner, table.c.updated_at).where(table.c.member_id == member_id)
    return {row.partner: row.updated_at for row in connection.execute(query)}
