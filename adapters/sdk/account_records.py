"""Requests and results about a member's account at a partner: whose it is, its tier, its points. Frozen."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import CancelResult, Mileage, Record, ReservationRequest, Traveller
from config.secrets import Secret


class AccountRequest(Record, frozen=True):
    """Names an account at the partner, and the member who says that it is his.

    ``traveller`` has the declared personal fields that he consented to, as everywhere. ``factors`` are what he proves
    himself with there (a password, a PIN), by the partner's names: used for the one call, and kept nowhere.
    """

    account: str
    traveller: Traveller = Traveller()
    factors: dict[str, Secret] = msgspec.field(default_factory=dict)


class AccountCheck(Record, frozen=True):
    """What a validation proved.

    OK: the account is this member's. NO: a documented refusal, it is not, or he may not use it. Everything else: not
    known. ``masked``: what the partner shows of the factors, masked by itself; a value that it gives back open is left
    out.
    """

    outcome: Outcome
    code: str | None = None
    message: str | None = None
    masked: dict[str, str] = msgspec.field(default_factory=dict)
    retry_after_seconds: int | None = None


class StatusReport(Record, frozen=True):
    """The tier of an account as the partner has it now.

    ``known``: whether the partner has such an account at all. ``tier``: in the words of our tier graph where the
    partner file translates them, else as the partner writes it; None: the account has none. ``provenance``: how the
    member came by it, where the partner says so. ``reference``: the partner's own name for this answer.
    """

    account: str
    known: bool = True
    tier: str | None = None
    valid_until_date: date | None = None
    provenance: Literal["earned", "granted"] | None = None
    reference: str | None = None


class StatusGrant(Record, frozen=True):
    """Gives an account a tier for a while. ``key``: the grant's own, the same for every attempt.

    The same key is the same grant: asked again, it is answered as at first, and changes nothing. It cannot be fenced,
    and need not be: what was matched stays matched, so that a late copy only grants what is granted. A tier ends on its
    last day (None: open) or by what the partner does; a later grant has a key of its own.
    """

    key: str
    account: str
    programme: str
    tier: str
    provenance: Literal["matched", "challenge"]
    valid_from_date: date
    valid_until_date: date | None = None


class PointsReversal(Record, frozen=True):
    """Takes back what a credit or a debit of a `Mileage` moved, whole or in part.

    ``key``: the reversal's own, the same for every attempt. ``original``: as it was reserved, with everything carried;
    ``partner_reference``: what the partner called it. ``reversed_before``: the sum of the earlier reversals that stand.
    ``repeated``: an attempt before this one may have reached the partner.
    """

    key: str
    original: ReservationRequest
    partner_reference: str
    quantity: int
    reversed_before: int = 0
    repeated: bool = False


def refused_reversal(request: PointsReversal, direction: str) -> CancelResult | None:
    """Refuse, before any call, what can only be a mistake; None when the partner may be asked.

    Args:
        request: the reversal.
        direction: that the original must have had.

    A sum above the original is never asked for, whatever the partner would say to it.
    """
    service = request.original.service
    if not isinstance(service, Mileage) or service.direction != direction:
        return CancelResult(outcome=Outcome.NO, code=f"no_{direction}")
    if request.quantity <= 0 or request.quantity + request.reversed_before > service.quantity:
        return CancelResult(outcome=Outcome.NO, code="more_than_original")
    return None
