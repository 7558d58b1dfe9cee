"""Feeds of rates of exchange: taken whole or refused by line and column; the figures are the tests' own."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from catalogue.rates import DatedRate, RateFinding, Rounding, convert, decimal_text, read_feed, round_fraction
from catalogue.values import Money

TODAY = date(2026, 11, 22)
HEAD = "rate_date,from_currency,to_currency,rate,source\n"
ROW = "2026-11-20,USD,CNY,7.1234,a test's own\n"
TOTAL = "TOTAL,1,,7.1234,\n"


def findings(text: str, *known: DatedRate) -> tuple[RateFinding, ...]:
    last = {(rate.from_currency, rate.to_currency): rate for rate in known}
    return read_feed(text, today=TODAY, known=last).findings


def usd(rate: str, day: date = date(2026, 11, 19)) -> DatedRate:
    exact = Fraction(rate)
    return DatedRate(
        rate_date=day, from_currency="USD", to_currency="CNY",
        numerator=exact.numerator, denominator=exact.denominator, source="a test's own",
    )  # fmt: skip


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_feed_is_read_exactly(line_end: str, mark: str) -> None:
    text = HEAD + ROW + '2026-11-22,JPY,CNY,0.046233,"another, with a comma"\nTOTAL,2,,7.169633,\n'
    feed = read_feed(mark + text.replace("\n", line_end), today=TODAY, known={})
    assert feed.findings == ()
    assert [(rate.from_currency, rate.fraction) for rate in feed.rates] == [
        ("USD", Fraction(71_234, 10_000)),
        ("JPY", Fraction(46_233, 1_000_000)),
    ]
    assert feed.rates[1].source == "another, with a comma"


def test_a_day_without_rates_is_a_feed() -> None:
    assert read_feed(HEAD + "TOTAL,0,,0,\n", today=TODAY, known={}) == ((), ())


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [
        ("2026-11-20,USD,CNY,0,s", "rate", "no rate between two currencies"),
        ("2026-11-20,USD,CNY,0.0000000001,s", "rate", "no rate between two currencies"),
        ("2026-11-20,USD,CNY,1000001,s", "rate", "no rate between two currencies"),
        ("2026-11-20,USD,CNY,1000000000,s", "rate", "no plain decimal"),
        ("2026-11-20,USD,CNY,-7.1,s", "rate", "no plain decimal"),
        ("2026-11-20,USD,CNY,+7.1,s", "rate", "no plain decimal"),
        ("2026-11-20,USD,CNY,7e0,s", "rate", "no plain decimal"),
        ("2026-11-20,USD,CNY,NaN,s", "rate", "no plain decimal"),
        ("2026-11-20,USD,CNY,７.1,s", "rate", "no plain decimal"),
        ("2026-11-20,USD,CNY,7.,s", "rate", "no plain decimal"),
        ("2026-11-20,USD,CNY,07.1,s", "rate", "no plain decimal"),
        ("2026-11-20,USD,CNY,'7,1',s", "", "6 columns"),
        ("2026-11-20,USD,CNY,,s", "rate", "no plain decimal"),
        ("2026-11-20,USD,XAU,7.1,s", "to_currency", "no currency of ISO 4217"),
        ("2026-11-20,usd,CNY,7.1,s", "from_currency", "no currency of ISO 4217"),
        ("2026-11-20,CNY,CNY,1,s", "to_currency", "its own equal"),
        ("20.11.2026,USD,CNY,7.1,s", "rate_date", "no date"),
        ("2026-02-30,USD,CNY,7.1,s", "rate_date", "no date"),
        ("20261120,USD,CNY,7.1,s", "rate_date", "no date"),
        ("2026-11-23,USD,CNY,7.1,s", "rate_date", "is to come"),
        ("2099-01-01,USD,CNY,7.1,s", "rate_date", "is to come"),
        ("2026-11-20,USD,CNY,7.1, ", "source", "does not say where"),
        ("2026-11-20,USD,CNY,7.1", "", "4 columns"),
    ],
)
def test_a_wrong_row_is_named_with_line_and_column(row: str, column: str, said: str) -> None:
    [found] = findings(f"{HEAD}{ROW.replace('USD', 'EUR')}{row}\nTOTAL,2,,14.2,\n")
    assert (found.line, found.column) == (3, column)
    assert said in found.message
    assert found.fix


def test_every_wrong_row_is_named() -> None:
    text = HEAD + "2026-11-20,USD,CNY,0,s\n2026-11-20,EUR,CNY,x,\nTOTAL,2,,0,\n"
    assert [(one.line, one.column) for one in findings(text)] == [(2, "rate"), (3, "rate"), (3, "source")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + ROW, "control line is missing"),
        (HEAD + ROW + "TOTAL,2,,7.1234,\n", "the rows say 'TOTAL,1,,7.1234,'"),
        (HEAD + ROW + "TOTAL,1,,7.1235,\n", "the rows say 'TOTAL,1,,7.1234,'"),
        (HEAD + ROW + "TOTAL,1,,7.1234\n", "the rows say"),
        (HEAD + ROW + ROW + "TOTAL,2,,14.2468,\n", "is there before on this day"),
        (HEAD + TOTAL + ROW, "no date"),
        ("date,from,to,rate,source\n" + ROW + TOTAL, "the header is another"),
        ("", "the header is another"),
        (HEAD + '2026-11-20,"USD,CNY,7.1,s\n', "no CSV"),
    ],
)
def test_a_cut_doubled_or_foreign_file_is_refused(text: str, said: str) -> None:
    assert said in findings(text)[0].message


def test_two_directions_agree() -> None:
    def both(back: str, total: str) -> tuple[RateFinding, ...]:
        return findings(f"{HEAD}{ROW}2026-11-20,CNY,USD,{back},s\nTOTAL,2,,{total},\n")

    assert both("0.1404", "7.2638") == ()
    assert [one.message for one in both("7.1234", "14.2468")] == ["it contradicts the other direction of the pair"]


@pytest.mark.parametrize(
    ("last", "refused"), [("7.1", False), ("5.7", False), ("5.69", True), ("9.5", True), ("71", True)]
)
def test_a_rate_that_moved_too_far_is_refused(last: str, refused: bool) -> None:
    found = findings(HEAD + ROW + TOTAL, usd(last))
    assert bool(found) == refused
    assert all("more than a quarter away" in one.message and "--accept-moves" in one.fix for one in found)


@pytest.mark.parametrize(
    ("money", "currency", "rate", "rounding", "expected"),
    [
        (Money(10_000, "USD"), "CNY", "7.1234", Rounding.HALF_EVEN, 71_234),
        (Money(1, "USD"), "CNY", "7.15", Rounding.DOWN, 7),
        (Money(1, "USD"), "CNY", "7.15", Rounding.UP, 8),
        (Money(10, "USD"), "CNY", "0.25", Rounding.HALF_EVEN, 2),
        (Money(10, "USD"), "CNY", "0.25", Rounding.HALF_UP, 3),
        (Money(30, "USD"), "CNY", "0.25", Rounding.HALF_EVEN, 8),
        (Money(1_000, "JPY"), "CNY", "0.046233", Rounding.HALF_EVEN, 4_623),
        (Money(4_623, "CNY"), "JPY", "21.63", Rounding.DOWN, 999),
        (Money(1_000, "KWD"), "CNY", "23.4", Rounding.UP, 2_340),
        (Money(-1, "USD"), "CNY", "7.15", Rounding.UP, -8),
        (Money(0, "USD"), "CNY", "7.15", Rounding.UP, 0),
    ],
)
def test_conversion_is_exact_up_to_one_named_rounding(
    money: Money, currency: str, rate: str, rounding: Rounding, expected: int
) -> None:
    assert convert(money, currency, Fraction(rate), rounding) == Money(expected, currency)


@pytest.mark.parametrize(
    ("rate", "source", "target"), [("0", "USD", "CNY"), ("-1", "USD", "CNY"), ("1", "XAU", "CNY"), ("1", "USD", "XXX")]
)
def test_conversion_refuses_what_is_no_rate_or_currency(rate: str, source: str, target: str) -> None:
    with pytest.raises(ValueError, match=r"rate of exchange|no currency"):
        convert(Money(1, source), target, Fraction(rate), Rounding.DOWN)


def test_the_inverse_is_exact() -> None:
    rate = usd("7.1234")
    assert rate.fraction * rate.inverse.fraction == 1
    assert (rate.inverse.from_currency, rate.inverse.to_currency) == ("CNY", "USD")
    assert rate.inverse.inverse == rate


def test_texts_of_decimals() -> None:
    assert [decimal_text(Fraction(one)) for one in ("7", "7.10", "0.0000000001", "1/3")] == [
        "7", "7.1", "0.0000000001", "0.3333333333",
    ]  # fmt: skip
    assert round_fraction(Fraction(5, 2), Rounding.HALF_EVEN) == 2


def test_a_file_of_too_many_rows_is_to_be_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalogue.rates._MAX_ROWS", 1)
    [finding] = findings(HEAD + ROW + ROW.replace("USD", "EUR") + "TOTAL,2,,14.2468,\n")
    assert (finding.line, finding.fix) == (3, "split the file")
