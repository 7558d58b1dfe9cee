"""Rates of exchange: dated, sourced, exact; read from a feed file, and used with a rounding that is named.

A feed is a CSV file in UTF-8 with the header ``rate_date,from_currency,to_currency,rate,source``: one whole unit of the
first currency is worth ``rate`` whole units of the second on that date. Its last line is its control:
``TOTAL,<number of rows>,,<exact sum of the rates>,``. A feed is taken whole or refused whole.

What is refused: a malformed line or control total; a rate that is zero, negative, no plain decimal or beyond what any
currency was ever worth; one that moved further from the last known rate of the pair than markets do in a few days; a
date to come; a pair twice on a day; two directions of a pair that contradict each other.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

import msgspec

from catalogue.currencies import EXPONENTS
from catalogue.values import Money

HEADER = ("rate_date", "from_currency", "to_currency", "rate", "source")
TOTAL = "TOTAL"

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,6})(?:\.([0-9]{1,10}))?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_HIGHEST = Fraction(1_000_000)
_WIDEST_MOVE = Fraction(1, 4)
_WIDEST_SPREAD = Fraction(1, 20)
_MAX_ROWS = 10_000
_MAX_SOURCE = 200

Pair = tuple[str, str]


class Rounding(StrEnum):
    """What becomes of a part of a minor unit; names as IEEE 754 and the decimal module have them, towards the value."""

    DOWN = "down"
    UP = "up"
    HALF_EVEN = "half_even"
    HALF_UP = "half_up"


class DatedRate(msgspec.Struct, frozen=True, kw_only=True):
    """One rate: ``fraction`` whole units of ``to_currency`` for one of ``from_currency`` on a day."""

    rate_date: date
    from_currency: str
    to_currency: str
    numerator: int
    denominator: int
    source: str

    @property
    def fraction(self) -> Fraction:
        """The exact rate."""
        return Fraction(self.numerator, self.denominator)

    @property
    def inverse(self) -> DatedRate:
        """The same rate the other way round, exactly."""
        return DatedRate(
            rate_date=self.rate_date,
            from_currency=self.to_currency,
            to_currency=self.from_currency,
            numerator=self.denominator,
            denominator=self.numerator,
            source=self.source,
        )


class RateFinding(NamedTuple):
    """What is wrong with a feed, and what to do; ``line`` counts from 1, the header."""

    line: int
    column: str
    message: str
    fix: str


class RateFeed(NamedTuple):
    """A feed as it was read; it may be taken only when there are no findings."""

    rates: tuple[DatedRate, ...]
    findings: tuple[RateFinding, ...]


class _Row(NamedTuple):
    line: int
    cells: list[str]


def read_feed(text: str, *, today: date, known: Mapping[Pair, DatedRate]) -> RateFeed:
    """Read and judge a feed.

    Args:
        text: the file; a byte order mark is allowed.
        today: no rate may be of a later day.
        known: the latest rate of each pair that was taken in before.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        rows = [_Row(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        return _refused(reader.line_num, f"the line is no CSV ({error})", "write the file again")
    if not rows or tuple(rows[0].cells) != HEADER:
        return _refused(1, "the header is another", f"begin with {','.join(HEADER)}")
    body, control = rows[1:], None
    if body and body[-1].cells[0] == TOTAL:
        body, control = body[:-1], body[-1]
    if len(body) > _MAX_ROWS:
        return _refused(_MAX_ROWS + 2, f"more than {_MAX_ROWS} rows", "split the file")
    rates: list[DatedRate] = []
    findings: list[RateFinding] = []
    for row in body:
        rate, wrong = _rate(row)
        findings += wrong
        if rate is not None:
            findings += _judged(rate, row.line, today, known, rates)
            rates.append(rate)
    if not findings:
        findings += _control(rates, control, rows[-1].line)
    return RateFeed(tuple(rates), tuple(findings))


def convert(money: Money, currency: str, rate: Fraction, rounding: Rounding) -> Money:
    """Convert an amount, exactly up to the one rounding to a minor unit of the target currency.

    Args:
        money: minor units; a negative amount is converted as its positive and turned back.
        currency: the target.
        rate: whole units of it for one whole unit of the source.
        rounding: what becomes of a part of a minor unit.

    Raises:
        ValueError: the rate is not positive, or one of the two is no currency with a minor unit.
    """
    if rate <= 0:
        raise ValueError("a rate of exchange is positive")
    for code in (money.currency, currency):
        if code not in EXPONENTS:
            raise ValueError(f"{code!r} is no currency with a minor unit")
    shift = EXPONENTS[currency] - EXPONENTS[money.currency]
    exact = abs(money.amount) * rate * Fraction(10) ** shift
    amount = round_fraction(exact, rounding)
    return Money(-amount if money.amount < 0 else amount, currency)


def round_fraction(exact: Fraction, rounding: Rounding) -> int:
    """Round a value that is not negative to a whole number."""
    whole, part = divmod(exact, 1)
    if rounding is Rounding.DOWN or part == 0:
        return int(whole)
    if rounding is Rounding.UP:
        return int(whole) + 1
    if rounding is Rounding.HALF_UP:
        return int(whole) + (part >= Fraction(1, 2))
    return round(exact)


def _refused(line: int, message: str, fix: str) -> RateFeed:
    return RateFeed((), (RateFinding(line, "", message, fix),))


def _rate(row: _Row) -> tuple[DatedRate | None, list[RateFinding]]:
    if len(row.cells) != len(HEADER):
        message = f"{len(row.cells)} columns, {len(HEADER)} are needed"
        return None, [RateFinding(row.line, "", message, "give every column, quoted where it holds a comma")]
    day_text, source, target, rate_text, origin = row.cells
    wrong: list[RateFinding] = []
    day = _day(day_text)
    if day is None:
        wrong.append(RateFinding(row.line, "rate_date", f"{day_text[:20]!r} is no date", "write it as YYYY-MM-DD"))
    wrong += [
        RateFinding(row.line, column, f"{code[:8]!r} is no currency of ISO 4217", "use its three-letter code")
        for column, code in (("from_currency", source), ("to_currency", target))
        if code not in EXPONENTS
    ]
    if source == target:
        wrong.append(RateFinding(row.line, "to_currency", "a currency is its own equal", "take the line out"))
    value = _decimal(rate_text)
    if value is None:
        wrong.append(
            RateFinding(row.line, "rate", f"{rate_text[:40]!r} is no plain decimal", "write digits, one point, no sign")
        )
    elif not Fraction(1, _HIGHEST) <= value <= _HIGHEST:
        message = f"{rate_text} is no rate between two currencies"
        wrong.append(RateFinding(row.line, "rate", message, "check the unit: the price of one whole unit"))
    if not origin.strip() or len(origin) > _MAX_SOURCE or not origin.isprintable():
        wrong.append(RateFinding(row.line, "source", "it does not say where the rate is from", "name who published it"))
    if wrong or day is None or value is None:
        return None, wrong
    return (
        DatedRate(
            rate_date=day, from_currency=source, to_currency=target,
            numerator=value.numerator, denominator=value.denominator, source=origin.strip(),
        ),
        [],
    )  # fmt: skip


def _judged(
    rate: DatedRate, line: int, today: date, known: Mapping[Pair, DatedRate], before: list[DatedRate]
) -> Iterator[RateFinding]:
    pair = (rate.from_currency, rate.to_currency)
    if rate.rate_date > today:
        yield RateFinding(line, "rate_date", f"{rate.rate_date} is to come", "give rates of days that have begun")
    for other in before:
        same_day = other.rate_date == rate.rate_date
        if same_day and (other.from_currency, other.to_currency) == pair:
            yield RateFinding(line, "rate", "the pair is there before on this day", "leave one of them")
        if same_day and (other.to_currency, other.from_currency) == pair:
            product = rate.fraction * other.fraction
            if abs(product - 1) > _WIDEST_SPREAD:
                yield RateFinding(line, "rate", "it contradicts the other direction of the pair", "check both")
    last = known.get(pair)
    if last is not None and abs(rate.fraction - last.fraction) > last.fraction * _WIDEST_MOVE:
        told = f"it is more than a quarter away from {decimal_text(last.fraction)} of {last.rate_date}"
        yield RateFinding(line, "rate", told, "check it; if it is true, load it with --accept-moves")


def _control(rates: list[DatedRate], control: _Row | None, last_line: int) -> Iterator[RateFinding]:
    count, total = len(rates), sum((rate.fraction for rate in rates), Fraction(0))
    wanted = f"{TOTAL},{count},,{decimal_text(total)},"
    if control is None:
        yield RateFinding(last_line, "", "the control line is missing; the file may be cut off", f"end with {wanted}")
        return
    cells = control.cells
    given = _total(cells[3]) if len(cells) == len(HEADER) else None
    if len(cells) != len(HEADER) or cells[1] != str(count) or given != total:
        message = f"the control line says {','.join(cells)[:60]!r}, the rows say {wanted!r}"
        yield RateFinding(control.line, "", message, "get the file again; mend neither to fit the other")


def decimal_text(value: Fraction) -> str:
    """Write a fraction whose denominator divides a power of ten as a plain decimal; others cut at ten decimals."""
    scaled = int(value * 10**10)
    whole, part = divmod(scaled, 10**10)
    return f"{whole}.{part:010d}".rstrip("0").rstrip(".")


def _decimal(text: str) -> Fraction | None:
    return Fraction(text) if _DECIMAL.fullmatch(text) else None


def _total(text: str) -> Fraction | None:
    return Fraction(text) if re.fullmatch(r"[0-9]{1,12}(?:\.[0-9]{1,10})?", text, re.ASCII) else None


def _day(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
