"""What comes back when a benefit is cancelled: all of it for a while, then less by steps, then nothing.

Hours count back from the start of the service. Shares are exact and rounded down; they never rise as the start nears.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import msgspec

from catalogue.values import NotNegative, Rate


class RefundStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Until so many hours before the start, this share comes back."""

    until_hours: NotNegative
    refund: Rate


class Cancellation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What comes back on a cancellation; with no field set nothing does.

    Attributes:
        free_until_hours: everything comes back until so many hours before the service starts.
        refund_after: later than that and than every step (or always, without them) this share comes back.
        steps: shares between the two, each later and not larger than the one before.
        no_show: the share that comes back once the service's time is over; nothing without it.
    """

    free_until_hours: NotNegative | None = None
    refund_after: Rate | None = None
    steps: tuple[RefundStep, ...] = ()
    no_show: Rate | None = None

    def __post_init__(self) -> None:
        """Refuse a refund of more than was paid, and one that rises as the start nears."""
        hours = [step.until_hours for step in self.steps]
        if self.free_until_hours is not None:
            hours.insert(0, self.free_until_hours)
        if any(later >= earlier for earlier, later in pairwise(hours)):
            raise ValueError("steps come nearer to the start one after the other, after free_until_hours")
        shares = [step.refund.fraction for step in self.steps]
        shares += [Fraction(0) if rate is None else rate.fraction for rate in (self.refund_after, self.no_show)]
        if max(shares) > 1:
            raise ValueError("a step, refund_after or no_show gives back more than was paid")
        if any(later > earlier for earlier, later in pairwise(shares)):
            raise ValueError("from the steps over refund_after to no_show a refund never rises")


def refund_of(
    rule: Cancellation,
    paid: int,
    service_starts_at: datetime,
    now: datetime,
    service_ends_at: datetime | None = None,
) -> int:
    """Work out what comes back of what was paid (points, fen or uses), rounded down; never more than was paid.

    Args:
        rule: the terms that the benefit was sold under.
        paid: what was given.
        service_starts_at: aware.
        now: aware.
        service_ends_at: when it is too late to use it, from which on `Cancellation.no_show` counts; None: never.
    """
    if service_ends_at is not None and now >= service_ends_at:
        return rule.no_show.floor(paid) if rule.no_show is not None else 0
    if rule.free_until_hours is not None and now <= service_starts_at - timedelta(hours=rule.free_until_hours):
        return paid
    for step in rule.steps:
        if now <= service_starts_at - timedelta(hours=step.until_hours):
            return step.refund.floor(paid)
    return rule.refund_after.floor(paid) if rule.refund_after is not None else 0
