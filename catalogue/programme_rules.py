"""The programme's rules beside tiers and earn rules: validity, campaigns, bonuses, renewals; data of a file. Pure.

All dates are days of the programme's time zone, first and last day included.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from catalogue.calendar import within
from catalogue.texts import Text
from catalogue.values import AtLeastOne, Name, NotNegative, Rate

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Trigger = Literal["joined", "birthday", "referral"]


class Comeback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The way back after a tier ended: so many days, and the share of its threshold (2:1 is half) that restores it."""

    days: AtLeastOne
    share: Rate

    def __post_init__(self) -> None:
        """Refuse a way back that asks for more than the tier itself."""
        if self.share.to_units > self.share.from_units:
            raise ValueError("a way back asks for at most the tier's threshold; share is from_units:to_units <= 1")


class TierRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long qualifying points count and what happens at the end of a tier's validity.

    Attributes:
        qualifying_months: a point counts from its day until the day before the same day so many months later.
        warning_days: how many days before the end a member is told, once each.
        soft_landing: an earned tier that is not kept falls by one tier at most.
        comeback: the way back to a tier that has ended; None offers none.
        expiring_days: how many days before points expire a member is told, once each.
    """

    qualifying_months: AtLeastOne = 24
    warning_days: tuple[AtLeastOne, ...] = (90, 30)
    soft_landing: bool = False
    comeback: Comeback | None = None
    expiring_days: tuple[AtLeastOne, ...] = (60, 14)


class _Dated(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: Name
    effective_from_date: date
    effective_to_date: date | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that ends before it begins."""
        if self.effective_to_date is not None and self.effective_to_date < self.effective_from_date:
            raise ValueError(f"{self.id} ends before it begins")

    def holds_on(self, day: date) -> bool:
        """Say whether the rule is in force on a day."""
        return within(day, self.effective_from_date, self.effective_to_date)


class Campaign(_Dated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Faster earning for a while: double-points days, a weekend, one activity.

    What it gives beside the base points is ``floor(base x multiplier) - base``; a tier's faster rate does not multiply
    it. Of several campaigns on one day the one that gives most counts; they are never added.

    Attributes:
        activities: which earn faster; empty: every activity.
        multiplier: at least 1; 1:2 doubles.
        weekdays: only on these; empty: every day.
        tiers: only for these; empty: for all.
        limit_points: the most that one activity earns extra.
        qualifying: whether qualifying points are multiplied too.
    """

    name: Text
    multiplier: Rate
    activities: tuple[str, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    tiers: tuple[str, ...] = ()
    limit_points: AtLeastOne | None = None
    qualifying: bool = False

    def __post_init__(self) -> None:
        """Refuse a campaign that slows earning down."""
        _Dated.__post_init__(self)
        if self.multiplier.to_units < self.multiplier.from_units:
            raise ValueError(f"the campaign {self.id} takes points away; its multiplier is at least 1:1")

    def serves(self, activity: str, tier: str, day: date) -> bool:
        """Say whether an activity of a member of a tier earns faster on a day."""
        return (
            self.holds_on(day)
            and (not self.activities or activity in self.activities)
            and (not self.weekdays or _WEEKDAYS[day.weekday()] in self.weekdays)
            and (not self.tiers or tier in self.tiers)
        )

    def beside(self, base: int) -> int:
        """Give the points beside the base points."""
        more = self.multiplier.floor(base) - base
        return more if self.limit_points is None else min(more, self.limit_points)


class Bonus(_Dated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Points for an occasion: joining (once), a birthday (once a year), a referral (once per member referred).

    Attributes:
        on: the occasion.
        points: for the member; of a referral, for who referred.
        qualifying: qualifying points beside them.
        referred_points: of a referral, for the member who was referred.
        activity: of a referral, the activity of the member referred that fulfils it; None: joining does.
        yearly_limit: of a referral, how many a member is rewarded for in one calendar year.
        tiers: only for these; empty: for all.
    """

    on: Trigger
    points: AtLeastOne
    lot_months: AtLeastOne
    qualifying: NotNegative = 0
    referred_points: NotNegative = 0
    activity: Name | None = None
    yearly_limit: AtLeastOne | None = None
    tiers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what only a referral has on another occasion."""
        _Dated.__post_init__(self)
        if self.on != "referral" and (self.referred_points or self.activity or self.yearly_limit):
            raise ValueError(f"the bonus {self.id}: referred_points, activity and yearly_limit belong to a referral")


class Renewal(_Dated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A campaign that gives expired points back, once per member.

    Attributes:
        expired_from_date: first day on whose end the points expired, ``expired_to_date`` the last.
        share: of what expired, rounded down.
        lot_months: how long the renewed points live.
        activity: what brings them back; None: every member gets them from the first day on.
        limit_points: the most that one member gets back.
    """

    expired_from_date: date
    expired_to_date: date
    share: Rate
    lot_months: AtLeastOne
    activity: Name | None = None
    limit_points: AtLeastOne | None = None

    def __post_init__(self) -> None:
        """Refuse a renewal that gives more than expired, or of points that expire while it runs."""
        _Dated.__post_init__(self)
        if self.share.to_units > self.share.from_units:
            raise ValueError(f"the renewal {self.id} gives back more than expired")
        if not self.expired_from_date <= self.expired_to_date < self.effective_from_date:
            raise ValueError(f"the renewal {self.id} is of points that expired before it begins")

    def renewed(self, expired: int) -> int:
        """Give the points that come back."""
        back = self.share.floor(expired)
        return back if self.limit_points is None else min(back, self.limit_points)


def is_birthday(birthday: str, day: date) -> bool:
    """Say whether a birthday (``MM-DD``) is kept on a day; 29 February is kept on the 28th where there is no 29th."""
    return birthday in birthdays_on(day)


def birthdays_on(day: date) -> tuple[str, ...]:
    """List the birthdays (``MM-DD``) that are kept on a day."""
    leap = day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
    kept = f"{day:%m-%d}"
    return (kept, "02-29") if kept == "02-28" and not leap else (kept,)
