"""Caps per member and period: what earlier conversions leave, and when more is possible again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import msgspec

from catalogue.calendar import add_months, within
from catalogue.conversion import Cap, ConversionContract


class Used(msgspec.Struct, frozen=True):
    """An earlier conversion of the member that was not undone; what is under way counts."""

    on_date: date
    from_commodity: str
    to_commodity: str
    from_quantity: int
    to_quantity: int


class Reached(msgspec.Struct, frozen=True):
    """A cap that refuses a quantity: what is left of it, and the first day on which more is (None: never)."""

    cap: Cap
    left: int
    again_date: date | None


def reached(
    contract: ConversionContract, used: Iterable[Used], on_date: date, from_quantity: int, to_quantity: int
) -> Reached | None:
    """Find the cap that a conversion would exceed, the tightest first; None when it fits under all.

    Args:
        used: of this member; other pairs of commodities are left out here.
        from_quantity: source units asked for; `to_quantity` is what they become, bonuses included.
    """
    earlier = [one for one in used if (one.from_commodity, one.to_commodity) == contract.pair]
    found: list[Reached] = []
    for cap in contract.caps:
        first, last = window(cap, on_date)
        inside = [one for one in earlier if within(one.on_date, first, last)]
        left = cap.most - sum(_measure(cap, one.from_quantity, one.to_quantity) for one in inside)
        if _measure(cap, from_quantity, to_quantity) > left:
            found.append(Reached(cap, max(left, 0), _again(cap, last, inside)))
    return min(found, key=lambda one: one.left, default=None)


def window(cap: Cap, on_date: date) -> tuple[date | None, date | None]:
    """Give the first and last day of the period that a day lies in; None is an open end."""
    match cap.period:
        case "day":
            return on_date, on_date
        case "month":
            first = on_date.replace(day=1)
            return first, add_months(first, 1) - timedelta(days=1)
        case "year":
            return date(on_date.year, 1, 1), date(on_date.year, 12, 31)
        case "rolling":
            assert cap.days is not None
            return on_date - timedelta(days=cap.days - 1), on_date
        case _:
            return None, None


def _measure(cap: Cap, from_quantity: int, to_quantity: int) -> int:
    return {"from": from_quantity, "to": to_quantity, "conversions": 1}[cap.counted_in]


def _again(cap: Cap, last: date | None, inside: list[Used]) -> date | None:
    """Give the next period's first day; a rolling one leaves more as soon as enough of its conversions are past."""
    if cap.period != "rolling":
        return None if last is None else last + timedelta(days=1)
    assert cap.days is not None
    counted = sum(_measure(cap, one.from_quantity, one.to_quantity) for one in inside)
    left = max(cap.most - counted, 0)
    for one in sorted(inside, key=lambda one: one.on_date):
        counted -= _measure(cap, one.from_quantity, one.to_quantity)
        if cap.most - counted > left:
            return one.on_date + timedelta(days=cap.days)
    return None
