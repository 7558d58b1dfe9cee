"""The partner's messages under the partner's own names; only what is read here. Pure.

Source: the client generated in Mastercard/loyalty-airport-reference-app, read 2026-11-28. No field is declared to be
required there; those without which nothing can be decided are required here.
"""

from __future__ import annotations

import msgspec


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of most messages; the partner's names are in camel case."""


class Lounge(Wire, frozen=True):
    """One lounge of a search."""

    lounge_code: str


class Airport(Wire, frozen=True):
    """One airport of a search; ``code`` is IATA's."""

    code: str
    lounges: tuple[Lounge, ...] = ()


class LoungeDetail(Wire, frozen=True):
    """One lounge. ``dmc_accepted``: the digital card opens it."""

    lounge_code: str
    lounge_name: str
    is_guest_allowed: bool
    dmc_accepted: bool
    active: bool


class Card(Wire, frozen=True, kw_only=True):
    """The member's digital card: what he shows at the desk. ``expiration`` is ``YYYY-MM-DD``, ``code`` is for a QR."""

    is_available: bool = msgspec.field(name="isDMCAvailable")
    lounge_access_number: str = ""
    expiration: str = ""
    code: str = ""


class Allowance(Wire, frozen=True):
    """Visits that are left; None where the partner does not say."""

    remaining: int | None = None


class Entitlement(Wire, frozen=True, kw_only=True):
    """What an account may use. ``shared_member_guest_allowance``: guests are counted among the member's visits."""

    category: str
    free_guests_per_experience: int = 0
    shared_member_guest_allowance: bool = False
    member_entitlements: Allowance | None = None
    guest_entitlements: Allowance | None = None


class Visit(Wire, frozen=True, kw_only=True):
    """A visit: it has no id. The fee is an integer with its currency beside it."""

    visit_date: str
    lounge_code: str
    total_visitors: int
    total_guests: int = 0
    member_charge_fee: int = 0
    member_charge_currency: str = ""
    member_charge_declined: bool = False


class ErrorItem(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """One fault. ``recoverable``: asking again may help."""

    reason_code: str = ""
    recoverable: bool


class ErrorList(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The faults of an answer."""

    error: tuple[ErrorItem, ...]


class Errors(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Every refusal."""

    errors: ErrorList
