"""What all accepted files of a partner together say of one of our keys: granted, taken back whole, or in part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.values import Money
from settlement.night_store import stands
from settlement.night_tables import statement_lines, statements

Verdict = Literal["stands", "in_part", "unclear", "gone", "never"]
"""In this order what is true of one thing decides for all. ``in_part``: something of its price came back; ``unclear``:
its newest row has a status that nobody has told us of; ``never``: it failed, and another try may have had more luck."""

_ORDER: tuple[Verdict, ...] = ("stands", "in_part", "unclear", "gone", "never")
BESIDE = ("fee", "adjustment", "guest_visit")
"""Kinds of rows that ask for money beside the thing itself and say nothing of it."""
_NEVER_GRANTED = frozenset({"failed", "refused"})


class Said(msgspec.Struct, frozen=True):
    """What the files say, and the newest row that says so.

    ``partner_reference``: what the partner calls the thing; None when no row that asks for it gives it a name.
    ``references``: all of the partner's own, folded. ``told_until``: the day of the newest row that tells anything.
    ``listed``: a row asks for it; otherwise only refunds name it.
    """

    verdict: Verdict
    line_id: str
    business_date: date
    partner_reference: str | None
    references: frozenset[str]
    told_until: date
    listed: bool


class _Thing(msgspec.Struct):
    """What the rows of one reference of the partner's add up to since it last fell or was given back."""

    row: Any = None
    name: str | None = None
    standing: bool | None = None
    fallen: Verdict = "gone"
    charged: bool = False
    refunded: bool = False
    money: Counter[str] = msgspec.field(default_factory=Counter)
    quantity: int = 0

    def add(self, row: Any) -> None:
        """Take in the next row."""
        said = stands(row.kind, row.status)
        if row.kind == "refund":
            if said is not True:
                return
            self.refunded = True
        else:
            if said is not True or (self.charged and (self.standing is False or self._is_given_back())):
                self.refunded, self.quantity = False, 0
                self.money.clear()
            self.charged, self.standing = True, said
            self.fallen = "never" if row.status in _NEVER_GRANTED else "gone"
            self.name = row.partner_reference or self.name
        self.row = row
        if said is True:
            self.money[row.currency or ""] += row.amount or 0
            self.quantity += -abs(row.quantity) if row.kind == "refund" else abs(row.quantity)

    def verdict(self, whole: Money | None) -> Verdict:
        """Say what became of it; of a thing that only refunds name, ``whole`` is the price."""
        if not self.charged:
            own = whole is not None and self.money == Counter({whole.currency: -whole.amount})
            return "gone" if own else "in_part"
        if self.standing is not True:
            return "unclear" if self.standing is None else self.fallen
        if not self.refunded:
            return "stands"
        return "gone" if self._is_given_back() else "in_part"

    def _is_given_back(self) -> bool:
        """Say whether nothing is left of what was asked for; of what costs nothing, by its quantity."""
        return self.refunded and not any(self.money.values()) and self.quantity <= 0


def fold(reference: str) -> str:
    """Write a reference as it is compared: letters and digits, in small letters."""
    return "".join(sign for sign in reference.lower() if sign.isalnum())


def said_by_files(connection: Connection, partner: str, reference: str, whole: Money | None) -> Said | None:
    """Judge all rows of accepted files that name a key of ours, of whatever day and however late they came.

    One thing at the partner's is one reference of its own. Its newest row counts; a refund takes it back when all that
    was asked for it, since it last fell or was given back, came back. A thing that stands decides for all of them.

    Args:
        connection: of any transaction.
        partner: whose files.
        reference: our key there.
        whole: the price that we know of, for a refund of what no file lists.

    Returns:
        None when no row tells anything of it.
    """
    return judge(rows_of(connection, partner, reference), whole)


def rows_of(connection: Connection, partner: str, reference: str) -> Sequence[Any]:
    """Read the rows of accepted files that name a key of ours and tell anything of the thing itself, oldest first."""
    line = statement_lines.c
    query = (
        sa.select(line.id, line.business_date, line.partner_reference, line.kind, line.status)
        .add_columns(line.quantity, line.amount, line.currency)
        .join_from(statement_lines, statements, statements.c.id == line.statement_id)
        .where(line.partner == partner, statements.c.state == "accepted")
        .where(sa.func.lower(line.reference) == reference.lower(), line.kind.not_in(BESIDE))
        .order_by(line.business_date, line.row)
    )
    return connection.execute(query).all()


def judge(rows: Sequence[Any], whole: Money | None) -> Said | None:
    """Judge rows, oldest first; see `said_by_files`."""
    things: dict[str | None, _Thing] = {}
    charged = {fold(row.partner_reference) for row in rows if row.kind != "refund" and row.partner_reference}
    for row in rows:
        things.setdefault(_thing_of(row, charged), _Thing()).add(row)
    told = [(thing.verdict(whole), thing) for thing in things.values() if thing.row is not None]
    if not told:
        return None
    verdict = min((each for each, _ in told), key=_ORDER.index)
    found = max((thing for each, thing in told if each == verdict), key=lambda thing: thing.row.business_date)
    return Said(
        verdict=verdict,
        line_id=found.row.id,
        business_date=found.row.business_date,
        partner_reference=found.name,
        references=frozenset(fold(one.partner_reference) for one in rows if one.partner_reference),
        told_until=max(thing.row.business_date for _, thing in told),
        listed=found.charged,
    )


def _thing_of(row: Any, charged: set[str]) -> str | None:
    """Name the thing that a row is about: without a name of its own, or a refund with one, it is the only one.

    A failed try without a name is none of those that have one.
    """
    name = fold(row.partner_reference) if row.partner_reference else None
    if row.status in _NEVER_GRANTED or name in charged:
        return name
    if len(charged) <= 1:
        return next(iter(charged), None)
    return name
