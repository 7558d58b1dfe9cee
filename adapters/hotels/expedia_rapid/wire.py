"""What goes over the wire, in the partner's own field names; only what is read or sent, everything else is passed over.

Enumerations are plain text here: a value that is not known decides nothing and must not crash a decoder.
Source: Rapid v3 OpenAPI file, schemas named in each docstring, read 2026-11-22.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what the partner sends; unknown fields are passed over."""


class Link(Answer, frozen=True):
    """Link: absolute or relative ``href``; ``expires`` like ``2019-03-05 07:23:14+00:00`` where it ends."""

    href: str
    method: str | None = None
    expires: str | None = None


class Amount(Answer, frozen=True):
    """Amount: decimal text in the currency's own scale."""

    value: str
    currency: str


class Charge(Answer, frozen=True):
    """Charge: what is billed, and the same in the currency that was asked for."""

    billable_currency: Amount | None = None
    request_currency: Amount | None = None


class Totals(Answer, frozen=True):
    """Totals: ``inclusive`` holds taxes and fees, not what the property collects itself."""

    inclusive: Charge | None = None


class Pricing(Answer, frozen=True):
    """PricingInformation of one occupancy."""

    totals: Totals | None = None


class BedGroupLinks(Answer, frozen=True):
    """BedGroupAvailabilityLinks."""

    price_check: Link | None = None


class BedGroup(Answer, frozen=True):
    """BedGroupAvailability: each bed configuration has its own link."""

    links: BedGroupLinks | None = None
    description: str = ""


class CancelPenalty(Answer, frozen=True):
    """CancelPenalty: from ``start`` on, cancelling costs something."""

    start: str | None = None


class Rate(Answer, frozen=True):
    """Rate of a room."""

    id: str
    status: str | None = None
    refundable: bool = False
    merchant_of_record: str | None = None
    bed_groups: dict[str, BedGroup] = {}
    cancel_penalties: tuple[CancelPenalty, ...] = ()
    occupancy_pricing: dict[str, Pricing] = {}


class Room(Answer, frozen=True):
    """RoomAvailability."""

    id: str
    room_name: str = ""
    rates: tuple[Rate, ...] = ()


class Property(Answer, frozen=True):
    """Property, available or partially unavailable: the latter has no rooms."""

    property_id: str
    status: str | None = None
    rooms: tuple[Room, ...] = ()


class PriceCheckLinks(Answer, frozen=True):
    """RoomPriceCheckLinks: ``book`` is there while the rate can be booked."""

    book: Link | None = None


class PriceCheck(Answer, frozen=True):
    """RoomPriceCheck: ``available``, ``price_changed`` or ``sold_out``, all with status 200."""

    status: str
    occupancy_pricing: dict[str, Pricing] = {}
    links: PriceCheckLinks | None = None


class ItineraryCreationLinks(Answer, frozen=True):
    """ItineraryCreationLinks: ``resume`` says held, ``complete_payment_session`` says not paid: neither is booked."""

    retrieve: Link | None = None
    resume: Link | None = None
    complete_payment_session: Link | None = None


class ItineraryCreation(Answer, frozen=True):
    """ItineraryCreation: our key is not echoed here."""

    itinerary_id: str
    links: ItineraryCreationLinks


class CancelRefund(Answer, frozen=True):
    """CancelRefund: declared as text, shown in the partner's own example as a negative number."""

    amount: Decimal | None = None
    currency: str | None = None


class ItineraryRate(Answer, frozen=True):
    """RateItinerary."""

    cancel_refund: CancelRefund | None = None
    pricing: Pricing | None = None


class ItineraryRoomLinks(Answer, frozen=True):
    """RoomItineraryLinks: no ``cancel`` link means that the room cannot be cancelled here."""

    cancel: Link | None = None


class ItineraryRoom(Answer, frozen=True):
    """RoomItinerary: ``pending``, ``booked`` or ``canceled``."""

    id: str | None = None
    status: str | None = None
    checkin: str | None = None
    checkout: str | None = None
    rate: ItineraryRate | None = None
    links: ItineraryRoomLinks | None = None


class Itinerary(Answer, frozen=True):
    """Itinerary: one that is not readable yet has only its id and its creation time."""

    itinerary_id: str
    property_id: str | None = None
    affiliate_reference_id: str | None = None
    rooms: tuple[ItineraryRoom, ...] = ()


class ErrorItem(Answer, frozen=True):
    """ErrorIndividual."""

    type: str | None = None


class ErrorBody(Answer, frozen=True):
    """Error: ``type`` is the code; ``invalid_input`` names the real ones in ``errors``."""

    type: str
    message: str | None = None
    errors: tuple[ErrorItem, ...] = ()


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what we send."""


class Phone(Request, frozen=True):
    """PhoneRequest: the whole number spread over the fields, no leading plus."""

    country_code: str
    number: str


class Guest(Request, frozen=True):
    """CreateItineraryRequestRoom."""

    given_name: str
    family_name: str


class BillingAddress(Request, frozen=True):
    """BillingContactRequestAddress."""

    country_code: str


class BillingContact(Request, frozen=True):
    """BillingContactRequest: the holder of the affiliate account, never the member."""

    given_name: str
    family_name: str
    address: BillingAddress


class Payment(Request, frozen=True):
    """PaymentRequest on the affiliate's account: there is no field for a card here, on purpose."""

    type: str
    billing_contact: BillingContact


class CreateItinerary(Request, frozen=True):
    """CreateItineraryRequest of one room; ``affiliate_reference_id`` is our key."""

    affiliate_reference_id: str
    email: str
    phone: Phone
    rooms: tuple[Guest, ...]
    payments: tuple[Payment, ...]
