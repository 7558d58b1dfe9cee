"""One writer at a time per member, for rules that read several rows before they write one."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.tables import members
from config.errors import NotFoundError


def lock_member(connection: Connection, member_id: str) -> None:
    """Hold the member's row until the transaction ends (on SQLite the whole transaction already is the only writer).

    It keeps out only others that call this, not rows that merely refer to the member: a capture holds the ledger's
    accounts when it issues the voucher, and would wait for an intake that waits for those accounts.

    Raises:
        NotFoundError: there is no such member.
    """
    query = sa.select(members.c.id).where(members.c.id == member_id).with_for_update(key_share=True)
    if connection.execute(query).one_or_none() is None:
        raise NotFoundError("There is no such member.")
