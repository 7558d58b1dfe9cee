"""The contract's own words on the wire; see ``docs/direct-contract.md``. Pure."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Literal

import msgspec

from adapters.sdk.codec import AwareInstant
from adapters.sdk.records import Service


class Status(StrEnum):
    """What became of a key."""

    RESERVED = "reserved"
    USED = "used"
    CANCELLED = "cancelled"
    FENCED = "fenced"


class Amount(msgspec.Struct, frozen=True):
    """Money: a decimal text with the currency's digits."""

    amount: str
    currency: str


class OffersQuery(msgspec.Struct, frozen=True, omit_defaults=True):
    """``POST /v1/offers``."""

    service: Service
    currency: str
    tier: str | None = None


class OfferItem(msgspec.Struct, frozen=True):
    """One offer."""

    id: str
    title: str
    price: Amount
    expires_at: AwareInstant
    refundable_until_at: AwareInstant | None = None


class OffersAnswer(msgspec.Struct, frozen=True):
    """Offers, best first."""

    offers: tuple[OfferItem, ...]


class SearchQuery(msgspec.Struct, frozen=True, omit_defaults=True):
    """``POST /v1/offers/search``: a service without what names one thing in it."""

    service: Service
    currency: str
    limit: int
    tier: str | None = None


class FoundOffer(OfferItem, frozen=True, kw_only=True):
    """One thing at the place, with its offer; ``service`` names it, and is what is reserved."""

    service: Service


class SearchAnswer(msgspec.Struct, frozen=True):
    """What was found, best first."""

    offers: tuple[FoundOffer, ...]


class ReserveBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """``PUT /v1/reservations/{key}``."""

    offer: str
    service: Service
    requested_at: datetime
    price: Amount | None = None


class Reservation(msgspec.Struct, frozen=True):
    """A reservation, or the tombstone of a fenced key (which has nothing but key and status)."""

    key: str
    status: Status
    reference: str | None = None
    offer: str | None = None
    service: Service | None = None
    price: Amount | None = None
    refund: Amount | None = None
    guests: int | None = None
    used_at: AwareInstant | None = None


class CancelBody(msgspec.Struct, frozen=True):
    """``POST /v1/reservations/{key}/cancel``."""

    reference: str


class Voucher(msgspec.Struct, frozen=True):
    """``GET /v1/reservations/{key}/voucher``: what your desk reads."""

    key: str
    reference: str
    code: str
    symbology: Literal["qr", "code_128", "pdf417", "aztec", "text"]
    valid_from_at: AwareInstant | None = None
    valid_to_at: AwareInstant | None = None


class ReversalBody(msgspec.Struct, frozen=True):
    """``PUT /v1/reservations/{key}/reversals/{reversal}``: take back so much of a mileage."""

    reference: str
    quantity: int


class Reversal(msgspec.Struct, frozen=True):
    """A reversal that stands; ``reversed`` is the sum of all of the reservation's."""

    key: str
    reversal: str
    quantity: int
    reversed: int


class MemberQuery(msgspec.Struct, frozen=True, omit_defaults=True):
    """``POST /v1/members/validate``: an account, and what its owner proves himself with, by the partner's names."""

    account: str
    factors: dict[str, str] = {}


class MemberAnswer(msgspec.Struct, frozen=True):
    """Whether the account is the member's; ``masked`` shows the factors that were looked at, masked."""

    account: str
    valid: bool
    reason: str | None = None
    masked: dict[str, str] = {}


class MemberStatus(msgspec.Struct, frozen=True):
    """``GET /v1/members/{account}/status``: the tier as it is now; of an unknown account only that it is not known."""

    account: str
    known: bool
    tier: str | None = None
    valid_until_date: date | None = None
    provenance: Literal["earned", "granted"] | None = None
    reference: str | None = None


class GrantBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """``PUT /v1/status-grants/{key}``."""

    account: str
    tier: str
    provenance: Literal["matched", "challenge"]
    valid_from_date: date
    valid_until_date: date | None = None


class Grant(msgspec.Struct, frozen=True):
    """A tier that was granted: it repeats what was asked for."""

    key: str
    account: str
    tier: str
    reference: str
    valid_until_date: date | None = None


class ErrorDetail(msgspec.Struct, frozen=True):
    """Why not."""

    code: str
    message: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """Every answer that is not 2xx; ``key`` repeats the key that the request named."""

    error: ErrorDetail
    key: str | None = None


class EventReservation(msgspec.Struct, frozen=True):
    """The reservation that an event is about, as it is now."""

    key: str
    status: Status
    reference: str | None = None
    guests: int | None = None
    used_at: AwareInstant | None = None


class Event(msgspec.Struct, frozen=True):
    """A webhook's body. ``type`` is open: kinds may be added."""

    type: str
    occurred_at: AwareInstant
    sequence: int
    reservation: EventReservation


class LinkedMember(msgspec.Struct, frozen=True, omit_defaults=True):
    """``GET /v1/members/me``: whose token it is."""

    account: str
    tier: str | None = None
