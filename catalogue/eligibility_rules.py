"""Who may have a benefit, as data: tiers, statuses, places, days, hours, consent, vehicle, lounge rules.

An empty tuple or None sets no limit. Days and hours are the place's own, so a rule means the same in every zone.
"""

from __future__ import annotations

from datetime import date, time
from enum import StrEnum

import msgspec

from catalogue.calendar import add_months, within
from catalogue.tier_match import HeldStatus, Provenance
from catalogue.values import AtLeastOne, Name, NotNegative


class Weekday(StrEnum):
    """Days of the week in ISO 8601's order."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WEEKDAYS = tuple(Weekday)
"""By `date.weekday()`."""


class Energy(StrEnum):
    """What drives a vehicle."""

    PETROL = "petrol"
    DIESEL = "diesel"
    HYBRID = "hybrid"
    PLUG_IN_HYBRID = "plug_in_hybrid"
    ELECTRIC = "electric"


class Period(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days from the first to the last, both included."""

    from_date: date
    to_date: date

    def __post_init__(self) -> None:
        """Refuse a period that ends before it begins."""
        if self.to_date < self.from_date:
            raise ValueError("a period ends before it begins")

    def __contains__(self, day: date) -> bool:
        """Say whether a day lies in it."""
        return self.from_date <= day <= self.to_date


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Local hours: from the first minute on and before the last; 22:00 to 05:00 goes over midnight."""

    from_time: time
    to_time: time

    def __post_init__(self) -> None:
        """Refuse hours without length, and those with an offset: they are the place's own."""
        if self.from_time == self.to_time:
            raise ValueError("hours begin and end at the same time")
        if self.from_time.tzinfo is not None or self.to_time.tzinfo is not None:
            raise ValueError("hours are local and have no offset")

    def __contains__(self, moment: time) -> bool:
        """Say whether a local time lies in them."""
        if self.from_time < self.to_time:
            return self.from_time <= moment < self.to_time
        return moment >= self.from_time or moment < self.to_time

    def __str__(self) -> str:
        """Show them as a timetable does."""
        return f"{self.from_time:%H:%M}-{self.to_time:%H:%M}"


class StatusRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A status that is held, here or in a partner's programme; with ``provenances`` only one that came about so."""

    programme: str
    tiers: tuple[str, ...]
    provenances: tuple[Provenance, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a rule that nobody can meet."""
        if not self.tiers:
            raise ValueError("a status rule names tiers")

    def met_by(self, status: HeldStatus, on_date: date) -> bool:
        """Say whether a status meets the rule on a day."""
        return (
            status.programme == self.programme
            and status.tier in self.tiers
            and (not self.provenances or status.provenance in self.provenances)
            and status.holds_on(on_date)
        )

    def __str__(self) -> str:
        """Show programme and tiers."""
        return f"{self.programme} {'/'.join(self.tiers)}"


class Vehicle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member's car, without anything that identifies it; ``registered_date`` is of its first registration."""

    model: str
    energy: Energy
    registered_date: date


class VehicleRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A car the member must own; its age counts from its first registration to the day of the service.

    Attributes:
        from_months: it is at least so many whole months old.
        to_months: it is not older than so many months; the last day is the one on which it turns so old.
    """

    models: tuple[str, ...] = ()
    energies: tuple[Energy, ...] = ()
    from_months: NotNegative = 0
    to_months: AtLeastOne | None = None

    def __post_init__(self) -> None:
        """Refuse an age that no car can have."""
        if self.to_months is not None and self.to_months < self.from_months:
            raise ValueError("to_months is less than from_months")

    def met_by(self, vehicle: Vehicle, on_date: date) -> bool:
        """Say whether a car meets the rule on a day."""
        oldest = None if self.to_months is None else add_months(vehicle.registered_date, self.to_months)
        return (
            (not self.models or vehicle.model in self.models)
            and (not self.energies or vehicle.energy in self.energies)
            and within(on_date, add_months(vehicle.registered_date, self.from_months), oldest)
        )


class Eligibility(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may have it, where and when; all of it must be met.

    Attributes:
        tiers: of the host programme.
        statuses: one of these must be held on the day of the service.
        cities: of the service, names as the app sends them; `home_cities` are the member's own.
        airports: IATA codes.
        weekdays: of the service.
        periods: the service lies in one of them; `closed_periods` are days on which it is not given.
        hours: local hours of the service.
        consent_purpose: must be consented to for the partner before any personal field leaves.
        linked_account: the member has linked his account at the partner.
        vehicle: a car the member must own.
        lounge_rules: ids of published lounge rules, one of which must admit the member and his guests.
    """

    tiers: tuple[str, ...] = ()
    statuses: tuple[StatusRule, ...] = ()
    cities: tuple[str, ...] = ()
    home_cities: tuple[str, ...] = ()
    airports: tuple[str, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    periods: tuple[Period, ...] = ()
    closed_periods: tuple[Period, ...] = ()
    hours: tuple[Hours, ...] = ()
    consent_purpose: Name | None = None
    linked_account: bool = False
    vehicle: VehicleRule | None = None
    lounge_rules: tuple[str, ...] = ()
