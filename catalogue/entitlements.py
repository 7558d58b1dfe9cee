"""Rights to a number of uses, per tier and window. The rule is here; uses are counted in the ledger.

A window that a day alone decides (a year, a month) is granted whole and lapses whole. Of any other window (rolling
days, a stay, a trip) a use is granted when it is taken, if what stands leaves room for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from catalogue.benefits import Benefit, EntitlementTerms
from catalogue.entitlements_windows import DATED, Use, Window, WindowKind, counted, window_of
from catalogue.values import whole


class EntitlementGrant(msgspec.Struct, frozen=True):
    """What one tier gives in one window: ``uses`` in all, each with up to ``guests`` guests."""

    benefit_id: str
    tier: str
    uses: int
    guests: int
    window: Window
    kind: WindowKind = WindowKind.CALENDAR_YEAR

    @property
    def commodity(self) -> str:
        """The ledger's commodity in which uses are counted."""
        return f"VISIT:{self.benefit_id}"

    @property
    def granted_whole(self) -> bool:
        """Whether the window's uses are granted together; else one by one, as they are taken."""
        return self.kind in DATED


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


def entitled(benefit: Benefit, tier: str, on_date: date) -> EntitlementGrant | None:
    """Say what a tier gives of a benefit in the window of a day; None when it gives nothing."""
    terms = benefit.payment.entitlement
    uses = terms.uses.get(tier, 0) if terms is not None else 0
    if terms is None or uses == 0:
        return None
    return EntitlementGrant(benefit.id, tier, uses, terms.guests, window_of(terms, on_date), terms.window)


def has_room(terms: EntitlementTerms, tier: str, wanted: Use, standing: Iterable[Use]) -> bool:
    """Say whether a tier's right leaves room for one more use beside those of the right that stand."""
    return counted(terms, wanted, standing) < terms.uses.get(tier, 0)


def uses_to_grant(grant: EntitlementGrant, granted_before: int) -> int:
    """Say how many uses a better tier adds to those already granted in the window; a lower tier takes none away."""
    return max(0, grant.uses - granted_before)
