"""What a partner's closed file proves of redemptions whose outcome nobody knows."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from settlement.night_store import stands
from settlement.night_tables import statement_lines, statements
from settlement.statements import accepted_statement


class Undecided(msgspec.Struct, frozen=True):
    """A redemption that waits for the file. ``reference`` is our key at the partner.

    ``closes_after_days``: so many days after it was last sent an absence from the files of all days since its business
    date proves that nothing was issued; None when this partner's file never proves an absence.
    ``last_sent_date``: the business date on which it was sent for the last time, when that is not ``business_date``:
    a refusal of an earlier day does not speak of it.
    """

    redemption_id: str
    reference: str
    business_date: date
    closes_after_days: int | None = None
    last_sent_date: date | None = None


class SettledByFile(msgspec.Struct, frozen=True):
    """What the file says: issued or not. ``statement_line_id`` is the evidence; None: absent from the closed file."""

    redemption_id: str
    reference: str
    issued: bool
    statement_line_id: str | None
    partner_reference: str | None


def settled_by_file(
    connection: Connection, partner: str, business_date: date, undecided: tuple[Undecided, ...]
) -> tuple[SettledByFile, ...]:
    """Answer those undecided redemptions that the files up to a business date decide, in the order given.

    The newest row of a reference counts; one that the partner gave back whole was not issued. A status that nobody has
    told us of decides nothing.
    """
    found = (_settle(connection, partner, business_date, item) for item in undecided)
    return tuple(item for item in found if item is not None)


def _settle(connection: Connection, partner: str, business_date: date, item: Undecided) -> SettledByFile | None:
    line = statement_lines.c
    query = (
        sa.select(line.id, line.kind, line.status, line.partner_reference, line.business_date, line.amount)
        .join(statements)
        .where(line.partner == partner, statements.c.state == "accepted", line.business_date <= business_date)
        .where(sa.func.lower(line.reference) == item.reference.lower())
        .where(line.kind.not_in(["fee", "adjustment"]))
        .order_by(line.business_date.desc(), line.row.desc())
    )
    rows = connection.execute(query).all()
    row = next((one for one in rows if one.kind != "refund"), None)
    if row is None:
        absent = _proves_absence(connection, partner, business_date, item)
        return SettledByFile(item.redemption_id, item.reference, False, None, None) if absent else None
    issued = stands(row.kind, row.status)
    back = [one for one in rows if one.kind == "refund"]
    if issued and back and row.amount is not None and sum(one.amount or 0 for one in back) == -row.amount:
        issued, row = False, back[0]
    if issued is None or (not issued and row.business_date < (item.last_sent_date or item.business_date)):
        return None
    return SettledByFile(item.redemption_id, item.reference, issued, row.id, row.partner_reference)


def _proves_absence(connection: Connection, partner: str, business_date: date, item: Undecided) -> bool:
    if item.closes_after_days is None:
        return False
    closing = (item.last_sent_date or item.business_date) + timedelta(days=item.closes_after_days)
    if business_date < closing:
        return False
    days = (item.business_date + timedelta(days=day) for day in range((closing - item.business_date).days + 1))
    return all(accepted_statement(connection, partner, day) is not None for day in days)
