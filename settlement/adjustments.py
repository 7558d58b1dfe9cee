"""What closing a break changes in what is owed: a settlement line of its own, booked in an entry of its own.

An adjustment belongs to the business day on which it is decided, so that no day and no period before it changes, and
says what it corrects: its entry refers to the break, the line bears the reference of what is corrected. No run looks
for it in a partner's file; it is agreed from the start, and counts with the line it corrects as what the two sides
came to. Those two records therefore take no part in later runs: whatever comes for them afterwards (a late row, a
corrected file, a line of ours) finds no counterpart and is a break of its own, for people who see the adjustment.
Opening the break again books the opposite. A break of several rows of one side is not adjusted: row by row it is.

Amounts in minor units of the break's currency with a statement's sign: positive is owed to the partner, negative to us.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Any, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from settlement import ledger, lines
from settlement.accounts import Account, Bearer, bearer_expense, partner_payable, partner_receivable
from settlement.amounts import round_half_even, split
from settlement.breaks import Break
from settlement.calendar import business_date_of
from settlement.contracts import PartnerContract
from settlement.journal import JournalEntry, Posting
from settlement.night_tables import breaks
from settlement.obligations import Obligation, SettlementLine, Share
from settlement.tables import postings, settlement_line_shares, settlement_lines

KIND = "adjustment"
"""Of the line and of its entry."""

ADJUSTED = "adjusted"
"""Why a break is closed that was resolved so."""


def taken_out(record: sa.ColumnElement[str], of: sa.ColumnElement[str | None]) -> sa.ColumnElement[bool]:
    """Say in SQL of a record of either side that its break was adjusted; ``of`` is the break's id of that side."""
    return sa.exists().where(of == record, breaks.c.state == "closed", breaks.c.close_reason == ADJUSTED)


class Adjustment(msgspec.Struct, frozen=True):
    """By how much what is owed changes, and in which currency.

    ``bearer``: who bears it; None: who bears our line of the break, likewise.
    """

    amount: int
    bearer: Bearer | None = None
    currency: str = ""


def adjusted_before(connection: Connection, item: Break) -> str | None:
    """Name another break of the same reference that was adjusted; None when there is none."""
    if item.reference is None:
        return None
    other = sa.select(breaks.c.id).where(
        breaks.c.partner == item.partner,
        breaks.c.reference == item.reference,
        breaks.c.close_reason == ADJUSTED,
        breaks.c.id != item.id,
    )
    return connection.execute(other.limit(1)).scalar_one_or_none()


def needs_bearer(connection: Connection, item: Break, currency: str) -> bool:
    """Say whether our side of a break does not tell who bears what it is about."""
    return not _borne(connection, _ours(connection, item), currency)


def book(
    connection: Connection, item: Break, adjustment: Adjustment, number: int, *, contract: PartnerContract, at: datetime
) -> None:
    """Write the line of an adjustment and the entry that books it.

    Args:
        connection: of a writing transaction.
        item: whose difference it is, of one record of either side at most.
        adjustment: in the currency of the difference; with a bearer where `needs_bearer` says so.
        number: of the word of a person by which the break was closed; tells one adjustment of it from the next.
        contract: says which business day it is.
        at: when it was decided.
    """
    ours, currency = _ours(connection, item), adjustment.currency
    weights = {adjustment.bearer: 1} if adjustment.bearer is not None else _borne(connection, ours, currency)
    parts = split(adjustment.amount, cast("dict[str, int]", weights))
    shares = tuple(Share(cast("Bearer", bearer), currency, part) for bearer, part in parts.items() if part)
    line = _line(item, adjustment, number, ours, business_date_of(contract.day, at), at)
    _write(connection, line, shares, _owed_on(connection, ours, line), item.id, at)


def take_back(connection: Connection, item: Break, number: int, *, contract: PartnerContract, at: datetime) -> None:
    """Book the opposite of an adjustment, on the day it is decided. Arguments as `book`."""
    booked = connection.execute(
        sa.select(settlement_lines).where(settlement_lines.c.line_key == _key(item, number))
    ).one()
    line = SettlementLine(**{name: booked._mapping[name] for name in SettlementLine.__struct_fields__})
    opposite = msgspec.structs.replace(
        line,
        line_key=f"{line.line_key}:back",
        business_date=business_date_of(contract.day, at),
        occurred_at=at,
        gross=-line.gross,
        tax=-line.tax,
        net=-line.net,
    )
    part = settlement_line_shares.c
    rows = connection.execute(sa.select(part.bearer, part.commodity, part.amount).where(part.line_key == line.line_key))
    shares = tuple(Share(row.bearer, row.commodity, -row.amount) for row in rows)
    _write(connection, opposite, shares, _owed_on(connection, [booked], line), item.id, at)


def _key(item: Break, number: int) -> str:
    return f"{item.id}:{KIND}:{number}"


def _ours(connection: Connection, item: Break) -> Sequence[sa.Row[Any]]:
    """Read our line of a break."""
    names = [record["id"] for record in item.evidence["ours"]]
    query = sa.select(settlement_lines).where(settlement_lines.c.id.in_(names))
    return connection.execute(query.order_by(settlement_lines.c.id)).all()


def _borne(connection: Connection, ours: Sequence[sa.Row[Any]], currency: str) -> dict[str, int]:
    """Say by what weights bearers bear our lines; none where they bear nothing in this currency."""
    part = settlement_line_shares.c
    keys = [row.line_key for row in ours]
    rows = connection.execute(
        sa.select(part.bearer, part.amount)
        .where(part.line_key.in_(keys), part.commodity == currency)
        .order_by(part.line_key, part.bearer)
    )
    weights: Counter[str] = Counter()
    for row in rows:
        weights[row.bearer] += abs(row.amount)
    return dict(weights)


def _line(
    item: Break, adjustment: Adjustment, number: int, ours: Sequence[sa.Row[Any]], business_date: date, at: datetime
) -> SettlementLine:
    amount = adjustment.amount
    first = ours[0] if ours else None
    record = (item.evidence["ours"] or item.evidence["theirs"])[0]
    partner_references = [each["partner_reference"] for each in item.evidence["theirs"] if each["partner_reference"]]
    tax = _tax(amount, ours)
    return SettlementLine(
        line_key=_key(item, number),
        partner=item.partner,
        business_date=business_date,
        kind=KIND,
        way=KIND if first is None else first.way,
        terms_id=KIND if first is None else first.terms_id,
        redemption_id=None if first is None else first.redemption_id,
        reference=item.reference or record["reference"],
        partner_reference=next(iter(partner_references), record["partner_reference"]),
        benefit_id=None if first is None else first.benefit_id,
        member_hash=None if first is None else first.member_hash,
        service_date=date.fromisoformat(record["service_date"]),
        occurred_at=at,
        quantity=0,
        currency=adjustment.currency,
        gross=amount,
        tax=tax,
        net=amount - tax,
        credits=0,
        points=0,
    )


def _tax(amount: int, ours: Sequence[sa.Row[Any]]) -> int:
    """Contain as much tax as our line does, rounded once, half to even."""
    return round_half_even(Fraction(amount * ours[0].tax, ours[0].gross)) if ours and ours[0].gross else 0


def _owed_on(connection: Connection, ours: Sequence[sa.Row[Any]], line: SettlementLine) -> Account:
    """Book it where our line is booked: a commission or a prepaid pack is the partner's debt to us."""
    receivable = partner_receivable(line.partner, line.currency)
    entries = [row.entry_key for row in ours if row.entry_key is not None]
    on_it = sa.select(postings.c.number).where(
        postings.c.entry_key.in_(entries),
        postings.c.account == receivable.code,
        postings.c.commodity == receivable.commodity,
    )
    is_there = connection.execute(on_it.limit(1)).first() is not None
    return receivable if is_there else partner_payable(line.partner, line.currency)


def _write(
    connection: Connection, line: SettlementLine, shares: tuple[Share, ...], owed_on: Account, of: str, at: datetime
) -> None:
    legs = (*(Posting(bearer_expense(s.bearer, s.commodity), s.amount) for s in shares), Posting(owed_on, -line.gross))
    entry = JournalEntry(key=line.line_key, kind=KIND, reference=of, postings=legs, effective_at=at)
    ledger.post(connection, entry, at)
    lines.record(connection, Obligation(line, shares, legs), at, entry_key=entry.key)
