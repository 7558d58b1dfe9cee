"""Conversion between currencies: within one minor unit of the exact value, on the side that the rounding names."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from catalogue.currencies import EXPONENTS
from catalogue.rates import Rounding, convert, decimal_text, read_feed
from catalogue.values import Money

CURRENCIES = st.sampled_from(["CNY", "USD", "JPY", "KWD", "CLF"])
RATES = st.fractions(Fraction(1, 10_000), Fraction(10_000), max_denominator=10_000)
AMOUNTS = st.integers(-(10**12), 10**12)


@given(AMOUNTS, CURRENCIES, CURRENCIES, RATES, st.sampled_from(Rounding))
def test_the_result_is_next_to_the_exact_value(
    amount: int, source: str, target: str, rate: Fraction, rounding: Rounding
) -> None:
    exact = abs(amount) * rate * Fraction(10) ** (EXPONENTS[target] - EXPONENTS[source])
    result = convert(Money(amount, source), target, rate, rounding).amount
    assert result == 0 or (result < 0) == (amount < 0)
    away = abs(result) - exact
    assert {
        Rounding.DOWN: -1 < away <= 0,
        Rounding.UP: 0 <= away < 1,
        Rounding.HALF_EVEN: abs(away) < Fraction(1, 2) or (abs(away) == Fraction(1, 2) and result % 2 == 0),
        Rounding.HALF_UP: -Fraction(1, 2) < away <= Fraction(1, 2),
    }[rounding]


@given(AMOUNTS, CURRENCIES, CURRENCIES, RATES)
def test_there_and_back_rounded_down_never_makes_money(amount: int, source: str, target: str, rate: Fraction) -> None:
    there = convert(Money(amount, source), target, rate, Rounding.DOWN)
    back = convert(there, source, 1 / rate, Rounding.DOWN)
    assert abs(back.amount) <= abs(amount)


PLAIN = st.integers(1, 9_999_999_999).map(lambda number: Fraction(number, 10**4))


@given(st.dictionaries(CURRENCIES.filter(lambda code: code != "CNY"), PLAIN, min_size=1))
def test_a_feed_is_read_as_it_was_written_and_a_changed_digit_is_seen(rates: dict[str, Fraction]) -> None:
    rows = [f"2026-11-20,{code},CNY,{decimal_text(rate)},s\n" for code, rate in rates.items()]
    total = decimal_text(sum(rates.values(), Fraction(0)))
    head = "rate_date,from_currency,to_currency,rate,source\n"
    text = head + "".join(rows) + f"TOTAL,{len(rows)},,{total},\n"
    feed = read_feed(text, today=date(2026, 11, 22), known={})
    assert feed.findings == ()
    assert {rate.from_currency: rate.fraction for rate in feed.rates} == rates
    cut = head + "".join(rows[:-1]) + f"TOTAL,{len(rows)},,{total},\n"
    assert read_feed(cut, today=date(2026, 11, 22), known={}).findings
