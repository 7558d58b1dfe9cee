"""What a partner's closed file proves of redemptions whose outcome nobody knows."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
from sqlalchemy import Connection

from catalogue.values import Money
from settlement.said import Said, judge, rows_of
from settlement.statements import accepted_statement


class Undecided(msgspec.Struct, frozen=True):
    """A redemption that waits for the file. ``reference`` is our key at the partner.

    ``closes_after_days``: so many days after it was last sent an absence from the files of all days since its business
    date proves that nothing was issued; None when this partner's file never proves an absence.
    ``last_sent_date``: the business date on which it was sent for the last time, when that is not ``business_date``:
    a refusal of an earlier day does not speak of it.
    ``price``: what was agreed, for a refund of what no file lists.
    """

    redemption_id: str
    reference: str
    business_date: date
    closes_after_days: int | None = None
    last_sent_date: date | None = None
    price: Money | None = None


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

    All rows of a reference count together (`settlement.said`). What stands was issued, also when a part of its price
    came back; what is gone whole, or failed, was not, unless a later file, which is there already, says otherwise: then
    that file's night decides. A status that nobody has told us of, and a part given back of what no file lists, decide
    nothing.
    """
    found = (_settle(connection, partner, business_date, item) for item in undecided)
    return tuple(item for item in found if item is not None)


def _settle(connection: Connection, partner: str, business_date: date, item: Undecided) -> SettledByFile | None:
    rows = rows_of(connection, partner, item.reference)
    said = judge([row for row in rows if row.business_date <= business_date], item.price)
    if said is not None:
        issued = _issued(said, item)
    else:
        issued = False if _proves_absence(connection, partner, business_date, item) else None
    if issued is None or (not issued and _is_denied_later(judge(rows, item.price), item)):
        return None
    line_id, name = (None, None) if said is None else (said.line_id, said.partner_reference)
    return SettledByFile(item.redemption_id, item.reference, issued, line_id, name)


def _issued(said: Said, item: Undecided) -> bool | None:
    """Say whether the partner granted something that stands, at least in part; None: the rows prove neither."""
    if said.verdict == "unclear" or (said.verdict == "in_part" and not said.listed):
        return None
    if said.verdict in {"stands", "in_part"}:
        return True
    return False if said.told_until >= (item.last_sent_date or item.business_date) else None


def _is_denied_later(with_later: Said | None, item: Undecided) -> bool:
    """Say whether a file of a later day, which is there already, does not let a refusal stand."""
    return with_later is not None and _issued(with_later, item) is not False


def _proves_absence(connection: Connection, partner: str, business_date: date, item: Undecided) -> bool:
    if item.closes_after_days is None:
        return False
    closing = (item.last_sent_date or item.business_date) + timedelta(days=item.closes_after_days)
    if business_date < closing:
        return False
    days = (item.business_date + timedelta(days=day) for day in range((closing - item.business_date).days + 1))
    return all(accepted_statement(connection, partner, day) is not None for day in days)
