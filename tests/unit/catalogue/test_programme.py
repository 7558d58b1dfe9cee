"""Earning, tiers and the value of a point, with the packaged rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from catalogue.calendar import add_months, end_of, local_date, start_of
from catalogue.programme import earn, points_for, tier_for, value_of
from catalogue.values import Money, Rate
from config.errors import RuleError
from tests.unit.catalogue.samples import AT, PROGRAMME

SHANGHAI_OFFSET = timedelta(hours=8)


def test_a_car_of_250_000_yuan_earns_2_500() -> None:
    earned = earn(PROGRAMME, "new_car", Money(250_000_00, "CNY"), "silver", AT)
    assert (earned.points, earned.qualifying, earned.rule_id) == (2_500, 250_000, "new-car-2026")


@pytest.mark.parametrize(
    ("tier", "points"), [("silver", 2_500), ("gold", 3_000), ("platinum", 3_750), ("diamond", 5_000)]
)
def test_a_higher_tier_earns_faster_and_qualifies_the_same(tier: str, points: int) -> None:
    earned = earn(PROGRAMME, "new_car", Money(250_000_00, "CNY"), tier, AT)
    assert (earned.points, earned.qualifying) == (points, 250_000)


@pytest.mark.parametrize(
    ("fen", "silver", "gold", "qualifying"),
    [(0, 0, 0, 0), (999, 0, 0, 9), (1_000, 1, 1, 10), (5_999, 5, 6, 59), (99_999, 99, 118, 999)],
)
def test_parts_are_floored_twice(fen: int, silver: int, gold: int, qualifying: int) -> None:
    """2 % x 5 is a point for every 10 yuan; the tier's fifth is taken of whole base points: floor(99 x 1.2) = 118."""
    for tier, points in (("silver", silver), ("gold", gold)):
        earned = earn(PROGRAMME, "parts", Money(fen, "CNY"), tier, AT)
        assert (earned.points, earned.qualifying) == (points, qualifying)


def test_points_expire_at_the_end_of_the_local_day() -> None:
    earned = earn(PROGRAMME, "new_car", Money(100_00, "CNY"), "silver", datetime(2026, 11, 22, 15, 59, tzinfo=UTC))
    assert earned.expires_at == datetime(2029, 11, 22, 16, 0, tzinfo=UTC)
    later = earn(PROGRAMME, "new_car", Money(100_00, "CNY"), "silver", datetime(2026, 11, 22, 16, 0, tzinfo=UTC))
    assert later.expires_at == datetime(2029, 11, 23, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("activity", "amount", "tier", "reason"),
    [
        ("new_car", Money(100, "USD"), "silver", "currency"),
        ("new_car", Money(-1, "CNY"), "silver", "negative"),
        ("gambling", Money(100, "CNY"), "silver", "no_earn_rule"),
        ("new_car", Money(100, "CNY"), "titanium", "unknown_tier"),
    ],
)
def test_what_earns_nothing_says_why(activity: str, amount: Money, tier: str, reason: str) -> None:
    with pytest.raises(RuleError) as refused:
        earn(PROGRAMME, activity, amount, tier, AT)
    assert refused.value.facts["reason"] == reason


def test_a_rule_holds_between_its_dates() -> None:
    rule = msgspec.structs.replace(PROGRAMME.earn_rules[0], effective_to_date=date(2026, 11, 21))
    following = msgspec.structs.replace(
        rule, id="doubled", effective_from_date=date(2026, 11, 22), effective_to_date=None, rate=Rate(250, 1)
    )
    programme = msgspec.structs.replace(PROGRAMME, earn_rules=(rule, following))
    car = Money(250_000_00, "CNY")
    before = earn(programme, "new_car", car, "silver", datetime(2026, 11, 21, 15, 59, tzinfo=UTC))
    after = earn(programme, "new_car", car, "silver", datetime(2026, 11, 21, 16, 0, tzinfo=UTC))
    assert (before.rule_id, before.points, after.rule_id, after.points) == ("new-car-2026", 2_500, "doubled", 5_000)
    with pytest.raises(RuleError):
        earn(programme, "new_car", car, "silver", datetime(2025, 12, 31, 15, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("qualifying", "tier"),
    [
        (-5, "silver"),
        (0, "silver"),
        (149_999, "silver"),
        (150_000, "gold"),
        (299_999, "gold"),
        (300_000, "platinum"),
        (599_999, "platinum"),
        (600_000, "diamond"),
    ],
)
def test_tiers_begin_where_the_programme_says(qualifying: int, tier: str) -> None:
    assert tier_for(PROGRAMME, qualifying) == tier


@pytest.mark.parametrize(("fen", "points"), [(0, 0), (1, 1), (20, 1), (21, 2), (100, 5), (12_000, 600)])
def test_a_price_in_points_is_rounded_up(fen: int, points: int) -> None:
    assert points_for(PROGRAMME, Money(fen, "CNY")) == points


def test_the_value_of_points() -> None:
    assert value_of(PROGRAMME, 600) == Money(12_000, "CNY")
    with pytest.raises(RuleError):
        points_for(PROGRAMME, Money(100, "EUR"))
    with pytest.raises(RuleError):
        points_for(PROGRAMME, Money(-100, "CNY"))


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2026, 11, 22), 14, date(2028, 1, 22)),
        (date(2026, 12, 1), 0, date(2026, 12, 1)),
    ],
)
def test_months_end_on_the_same_day_or_the_last(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


def test_local_days_follow_the_place() -> None:
    assert local_date(datetime(2026, 11, 22, 16, tzinfo=UTC), "Asia/Shanghai") == date(2026, 11, 23)
    assert end_of(date(2026, 11, 1), "America/New_York") - start_of(date(2026, 11, 1), "America/New_York") == timedelta(
        hours=25
    )
    with pytest.raises(ValueError, match="aware"):
        local_date(datetime(2026, 11, 22), "Asia/Shanghai")  # noqa: DTZ001 the naive instant is the point


@pytest.mark.parametrize("amount", [1.0, True, "1"])
def test_money_and_rates_refuse_what_is_not_whole(amount: object) -> None:
    with pytest.raises(TypeError):
        Money(amount, "CNY")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Rate(amount, 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Rate(5, 4).floor(amount)  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["cny", "RMBY", "¥¥¥", ""])
def test_money_refuses_what_is_no_currency(currency: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, currency)


def test_money_adds_within_its_currency() -> None:
    yuan = Money(125, "CNY")
    assert yuan + Money(75, "CNY") == Money(200, "CNY")
    assert yuan - Money(200, "CNY") == -Money(75, "CNY")
    with pytest.raises(ValueError, match="do not add"):
        yuan + Money(1, "EUR")
    with pytest.raises(ValueError, match="do not add"):
        yuan - Money(1, "EUR")


def test_a_programme_has_tiers() -> None:
    with pytest.raises(ValueError, match="entry tier"):
        msgspec.structs.replace(PROGRAMME, tiers=())
