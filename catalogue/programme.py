"""The host programme: its tiers, what activities earn, and what a point is worth; all data, in ``programme.toml``.

Arithmetic is exact: redeemable points are ``floor(amount in CNY x rate x points per CNY)``, then
``floor(that x tier multiplier)``; qualifying points are ``floor(amount in CNY x qualifying per CNY)``. Two floors, in
this order, because the programme publishes the base points of a purchase and the tier's faster rate separately. A
campaign adds to the base points; see `catalogue.programme_rules.Campaign`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from catalogue.calendar import add_months, end_of, local_date, within
from catalogue.programme_rules import Bonus, Campaign, Renewal, TierRules
from catalogue.texts import Text
from catalogue.values import AtLeastOne, Money, Name, NotNegative, Points, QualifyingPoints, Rate
from config.errors import RuleError

HOME_CURRENCY = "CNY"
MINOR_UNITS = 100
"""Minor units of the home currency (ISO 4217: two decimals)."""


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tier; ``multiplier`` is the exact ratio of faster earning (10:12 is a fifth faster)."""

    id: Name
    name: Text
    qualifying_from: NotNegative
    multiplier: Rate


class EarnRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one activity earns between two dates, both included.

    Attributes:
        rate: share of the amount that comes back, as an exact ratio (500:1 is 0.2 %).
        qualifying_per_cny: qualifying points per whole yuan.
        step_minor_units: only whole steps of the amount earn; 1 means every fen counts.
        lot_months: how long the points live.
    """

    id: Name
    activity: Name
    effective_from_date: date
    rate: Rate
    lot_months: AtLeastOne
    effective_to_date: date | None = None
    qualifying_per_cny: Rate = Rate(1, 1)
    step_minor_units: AtLeastOne = 1
    tier_multiplied: bool = True


class Programme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of ``programme.toml``. Tiers are listed from the entry tier upwards."""

    id: Name
    name: Text
    time_zone: str
    points_per_cny: AtLeastOne
    tier_validity_months: AtLeastOne
    tiers: tuple[Tier, ...]
    earn_rules: tuple[EarnRule, ...]
    tier_rules: TierRules = TierRules()
    campaigns: tuple[Campaign, ...] = ()
    bonuses: tuple[Bonus, ...] = ()
    renewals: tuple[Renewal, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a programme without tiers, unknown tiers or equal ids in its rules, an unknown time zone."""
        if not self.tiers:
            raise ValueError("a programme has at least its entry tier")
        for fault in self._faults():
            raise ValueError(fault)
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"time_zone {self.time_zone!r} is not in the tz database") from error

    def _faults(self) -> Iterator[str]:
        tiers_of: dict[str, tuple[str, ...]] = {}
        for campaign in self.campaigns:
            tiers_of[f"the campaign {campaign.id}"] = campaign.tiers
        for bonus in self.bonuses:
            tiers_of[f"the bonus {bonus.id}"] = bonus.tiers
        for rule, tiers in tiers_of.items():
            yield from (
                f"{rule} names the tier {tier!r}, which the programme has not"
                for tier in set(tiers) - set(self.tier_ids)
            )
        named = Counter(
            [*(f"campaign {one.id}" for one in self.campaigns), *(f"bonus {one.id}" for one in self.bonuses)]
        )
        named.update(f"renewal {one.id}" for one in self.renewals)
        yield from (f"there are two rules called {name}" for name, count in named.items() if count > 1)

    @property
    def entry_tier(self) -> str:
        """The tier of every member who has earned none."""
        return self.tiers[0].id

    @property
    def tier_ids(self) -> tuple[str, ...]:
        """Tiers from the entry tier upwards."""
        return tuple(tier.id for tier in self.tiers)

    def tier(self, tier_id: str) -> Tier:
        """Find a tier.

        Raises:
            RuleError: the programme has no such tier.
        """
        for tier in self.tiers:
            if tier.id == tier_id:
                return tier
        raise RuleError(f"The programme has no tier {tier_id!r}.", reason="unknown_tier")

    def rank(self, tier_id: str) -> int:
        """Give a tier's place, 0 for the entry tier; see `tier` for the error."""
        return self.tiers.index(self.tier(tier_id))

    def today(self, instant: datetime) -> date:
        """Give the programme's calendar day of an instant."""
        return local_date(instant, self.time_zone)


class Earned(msgspec.Struct, frozen=True):
    """What an activity earned; ``expires_at`` is the first instant at which the points are gone.

    ``points`` contains ``campaign_points``, what the campaign ``campaign_id`` gave beside them.
    """

    points: Points
    qualifying: QualifyingPoints
    expires_at: datetime
    rule_id: str
    campaign_id: str | None = None
    campaign_points: int = 0


def earn(programme: Programme, activity: str, amount: Money, tier: str, occurred_at: datetime) -> Earned:
    """Work out what an activity earns by the rule in force on its day in the programme's time zone.

    Raises:
        RuleError: no rule for the activity on that day, another currency, a negative amount, an unknown tier.
    """
    day = programme.today(occurred_at)
    rule = _rule(programme, activity, day)
    fen = _home(amount)
    if fen < 0:
        raise RuleError("An activity cannot earn on a negative amount; reverse the accrual instead.", reason="negative")
    stepped = fen - fen % rule.step_minor_units
    base = stepped * rule.rate.to_units * programme.points_per_cny // (rule.rate.from_units * MINOR_UNITS)
    points = programme.tier(tier).multiplier.floor(base) if rule.tier_multiplied else base
    per_cny = rule.qualifying_per_cny
    qualifying = stepped * per_cny.to_units // (per_cny.from_units * MINOR_UNITS)
    campaign = _campaign(programme, activity, tier, day, base)
    extra = campaign.beside(base) if campaign else 0
    if campaign is not None and campaign.qualifying:
        qualifying = campaign.multiplier.floor(qualifying)
    return Earned(
        points=Points(points + extra),
        qualifying=QualifyingPoints(qualifying),
        expires_at=end_of(add_months(day, rule.lot_months), programme.time_zone),
        rule_id=rule.id,
        campaign_id=campaign.id if campaign else None,
        campaign_points=extra,
    )


def tier_for(programme: Programme, qualifying: int) -> str:
    """Give the highest tier that a number of qualifying points reaches."""
    reached = [tier.id for tier in programme.tiers if tier.qualifying_from <= qualifying]
    return reached[-1] if reached else programme.entry_tier


def points_for(programme: Programme, money: Money) -> Points:
    """Price an amount of yuan in points, rounded up to a whole point.

    Raises:
        RuleError: the amount is negative or in another currency.
    """
    fen = _home(money)
    if fen < 0:
        raise RuleError("A price is never negative.", reason="negative")
    return Points(-(-fen * programme.points_per_cny // MINOR_UNITS))


def value_of(programme: Programme, points: int) -> Money:
    """Value points in fen, rounded down: the inverse of `points_for`, never worth more than was paid."""
    return Money(points * MINOR_UNITS // programme.points_per_cny, HOME_CURRENCY)


def _home(money: Money) -> int:
    if money.currency != HOME_CURRENCY:
        raise RuleError(
            f"An amount in {money.currency} cannot be valued; the programme counts in {HOME_CURRENCY}.",
            reason="currency",
        )
    return money.amount


def _campaign(programme: Programme, activity: str, tier: str, day: date, base: int) -> Campaign | None:
    """Choose the campaign that gives most; of equals the first in the file."""
    served = [campaign for campaign in programme.campaigns if campaign.serves(activity, tier, day)]
    return max(served, key=lambda campaign: campaign.beside(base), default=None)


def _rule(programme: Programme, activity: str, day: date) -> EarnRule:
    for rule in programme.earn_rules:
        if rule.activity == activity and within(day, rule.effective_from_date, rule.effective_to_date):
            return rule
    raise RuleError(f"No rule says what {activity!r} earns on {day}.", reason="no_earn_rule")
