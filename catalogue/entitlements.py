"""Rights to a number of uses, per tier and calendar year. The rule is here; uses are counted in the ledger."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from catalogue.benefits import Benefit
from catalogue.calendar import end_of, start_of
from catalogue.values import whole


class Window(msgspec.Struct, frozen=True):
    """The days a right is counted over, both included; ``key`` names it in derived ledger keys."""

    key: str
    start_date: date
    last_date: date

    def starts_at(self, time_zone: str) -> datetime:
        """Give the first instant of the window at a place."""
        return start_of(self.start_date, time_zone)

    def ends_at(self, time_zone: str) -> datetime:
        """Give the first instant after the window at a place: when what remains of the right is gone."""
        return end_of(self.last_date, time_zone)


class EntitlementGrant(msgspec.Struct, frozen=True):
    """What one tier gives in one window: ``uses`` in all, each with up to ``guests`` guests."""

    benefit_id: str
    tier: str
    uses: int
    guests: int
    window: Window

    @property
    def commodity(self) -> str:
        """The ledger's commodity in which uses are counted."""
        return f"VISIT:{self.benefit_id}"


class Standing(msgspec.Struct, frozen=True):
    """How a right stands: the tier gives ``total``; ``pending`` uses are held for redemptions still under way."""

    total: int
    used: int
    pending: int

    def __post_init__(self) -> None:
        """Refuse what cannot have been counted."""
        if min(whole(self.total), whole(self.used), whole(self.pending)) < 0:
            raise ValueError("uses are never negative")

    @property
    def remaining(self) -> int:
        """Uses left; none, not fewer, when a lower tier now gives less than was used before."""
        return max(0, self.total - self.used - self.pending)


def calendar_year(on_date: date) -> Window:
    """Give the calendar year of a day as a window."""
    return Window(f"{on_date.year:04d}", date(on_date.year, 1, 1), date(on_date.year, 12, 31))


def entitled(benefit: Benefit, tier: str, on_date: date) -> EntitlementGrant | None:
    """Say what a tier gives of a benefit in the window of a day; None when it gives nothing."""
    terms = benefit.payment.entitlement
    uses = terms.uses.get(tier, 0) if terms is not None else 0
    if terms is None or uses == 0:
        return None
    return EntitlementGrant(benefit.id, tier, uses, terms.guests, calendar_year(on_date))


def uses_to_grant(grant: EntitlementGrant, granted_before: int) -> int:
    """Say how many uses a better tier adds to those already granted in the window; a lower tier takes none away."""
    return max(0, grant.uses - granted_before)
