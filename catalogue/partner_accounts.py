"""The member's accounts in partner programmes. An account belongs to one member: a second claim is refused.

Idempotency: putting the account that is already there changes nothing.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.member_lock import lock_member
from catalogue.tables import partner_accounts
from config.database import insert_new
from config.errors import ConflictError


def put_account(connection: Connection, member_id: str, partner: str, account_number: str, at: datetime) -> None:
    """Record or change a member's account at a partner.

    Raises:
        NotFoundError: there is no such member.
        ConflictError: another member has this account (``reason`` is ``account_taken``).
    """
    lock_member(connection, member_id)
    table = partner_accounts
    if get_accounts(connection, member_id).get(partner) == account_number:
        return
    mine = sa.and_(table.c.member_id == member_id, table.c.partner == partner)
    connection.execute(sa.delete(table).where(mine))
    row = {"member_id": member_id, "partner": partner, "account_number": account_number, "updated_at": at}
    if not insert_new(connection, table, row, unique=["partner", "account_number"]):
        raise ConflictError("This account is linked to another membership.", reason="account_taken")


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
