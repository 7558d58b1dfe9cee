"""Campaigns, bonuses, renewals and birthdays as data."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest

from catalogue.programme import Programme, earn
from catalogue.programme_rules import Bonus, Campaign, Comeback, Renewal, birthdays_on, is_birthday
from catalogue.texts import Text
from catalogue.values import Money, Rate
from tests.unit.catalogue.samples import PROGRAMME

NAME = Text("双倍", "Double")
SATURDAY = datetime(2027, 5, 1, 4, tzinfo=UTC)


def campaign(**changes: object) -> Campaign:
    plain = Campaign(id="double", name=NAME, effective_from_date=date(2027, 5, 1), multiplier=Rate(1, 2))
    return msgspec.structs.replace(plain, **changes)


def with_campaigns(*campaigns: Campaign) -> Programme:
    return msgspec.structs.replace(PROGRAMME, campaigns=campaigns)


def test_a_double_points_day_doubles_the_base_points_beside_the_tier() -> None:
    earned = earn(with_campaigns(campaign()), "parts", Money(100_000, "CNY"), "gold", SATURDAY)
    assert (earned.points, earned.campaign_points, earned.campaign_id) == (120 + 100, 100, "double")
    assert earned.qualifying == 1_000


@pytest.mark.parametrize(
    ("changes", "points"),
    [
        ({}, 200),
        ({"activities": ("parts",)}, 200),
        ({"activities": ("service",)}, 100),
        ({"weekdays": ("saturday",)}, 200),
        ({"weekdays": ("sunday",)}, 100),
        ({"tiers": ("gold",)}, 100),
        ({"limit_points": 30}, 130),
        ({"effective_from_date": date(2027, 5, 2)}, 100),
        ({"effective_to_date": date(2027, 5, 1)}, 200),
    ],
)
def test_a_campaign_serves_whom_it_names(changes: dict[str, object], points: int) -> None:
    programme = with_campaigns(campaign(**changes))
    assert earn(programme, "parts", Money(100_000, "CNY"), "silver", SATURDAY).points == points


def test_the_best_campaign_counts_and_campaigns_are_not_added() -> None:
    triple = campaign(id="triple", multiplier=Rate(1, 3), qualifying=True)
    earned = earn(with_campaigns(campaign(), triple), "parts", Money(100_000, "CNY"), "silver", SATURDAY)
    assert (earned.points, earned.qualifying, earned.campaign_id) == (300, 3_000, "triple")


def test_a_campaign_lasts_through_its_last_day_at_the_programmes_place() -> None:
    programme = with_campaigns(campaign(effective_to_date=date(2027, 5, 1)))
    inside, outside = datetime(2027, 5, 1, 15, 59, tzinfo=UTC), datetime(2027, 5, 1, 16, tzinfo=UTC)
    points = [earn(programme, "parts", Money(100_000, "CNY"), "silver", at).points for at in (inside, outside)]
    assert points == [200, 100]


@pytest.mark.parametrize(
    ("day", "kept"),
    [
        (date(2027, 2, 28), ("02-28", "02-29")),
        (date(2028, 2, 28), ("02-28",)),
        (date(2028, 2, 29), ("02-29",)),
        (date(2100, 2, 28), ("02-28", "02-29")),
        (date(2027, 12, 1), ("12-01",)),
    ],
)
def test_a_leap_birthday_is_kept_every_year_once(day: date, kept: tuple[str, ...]) -> None:
    assert birthdays_on(day) == kept
    assert is_birthday(kept[-1], day)


def test_rules_that_cannot_be_meant_are_refused() -> None:
    from_date = date(2027, 1, 1)
    with pytest.raises(ValueError, match="takes points away"):
        campaign(multiplier=Rate(2, 1))
    with pytest.raises(ValueError, match="ends before"):
        campaign(effective_to_date=date(2027, 4, 30))
    with pytest.raises(ValueError, match="belong to a referral"):
        Bonus(id="b", on="birthday", points=1, lot_months=1, effective_from_date=from_date, activity="parts")
    with pytest.raises(ValueError, match="at most the tier's threshold"):
        Comeback(90, Rate(1, 2))
    renewal = {"id": "r", "effective_from_date": from_date, "lot_months": 1, "expired_from_date": date(2026, 1, 1)}
    with pytest.raises(ValueError, match="more than expired"):
        Renewal(**renewal, expired_to_date=date(2026, 12, 31), share=Rate(1, 2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="before it begins"):
        Renewal(**renewal, expired_to_date=from_date, share=Rate(2, 1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ((campaign(tiers=("titanium",)),), "titanium"),
        ((campaign(), campaign()), "two rules called campaign double"),
    ],
)
def test_a_programme_refuses_rules_of_unknown_tiers_and_equal_names(rules: tuple[Campaign, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        msgspec.structs.replace(PROGRAMME, campaigns=rules)


def test_a_renewal_gives_back_a_share_rounded_down_up_to_its_limit() -> None:
    renewal = PROGRAMME.renewals[0]
    assert [renewal.renewed(expired) for expired in (0, 1, 2, 999, 39_999, 40_000, 90_000)] == [
        0, 0, 1, 499, 19_999, 20_000, 20_000,
    ]  # fmt: skip
