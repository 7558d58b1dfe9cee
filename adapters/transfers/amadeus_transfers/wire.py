"""The partner's messages under the partner's own names; only what is read or written here. Pure.

Source: amadeus4dev/amadeus-open-api-specification, Transfer Search, Book and Management, read 2026-11-28. Amounts are
decimal texts; times are local to the place and carry no offset, although some versions declare them as date-time.
"""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of every message; the partner's names are in camel case."""


class Envelope(msgspec.Struct, Generic[T], frozen=True):
    """Every order and every good answer is wrapped in ``data``."""

    data: T


class Search(Wire, frozen=True, kw_only=True):
    """``POST /shopping/transfer-offers``: from an airport to an airport or an address."""

    start_date_time: str
    start_location_code: str
    end_location_code: str = ""
    end_address_line: str = ""
    end_zip_code: str = ""
    end_country_code: str = ""
    end_city_name: str = ""
    end_geo_code: str = ""
    end_name: str = ""
    transfer_type: str
    passengers: int
    language: str
    currency: str


class Location(Wire, frozen=True, kw_only=True):
    """Where and, at the start, when: local, ``YYYY-MM-DDThh:mm:ss``."""

    date_time: str = ""
    location_code: str = ""


class Quotation(Wire, frozen=True, kw_only=True):
    """A price. ``is_estimated``: only the ride will tell the true one."""

    monetary_amount: str
    currency_code: str
    is_estimated: bool = False


class Vehicle(Wire, frozen=True, kw_only=True):
    """What comes to fetch them."""

    description: str


class Provider(Wire, frozen=True, kw_only=True):
    """The transfer company. ``settings``: what it needs of a booking besides."""

    name: str
    settings: tuple[str, ...] = ()


class CancellationRule(Wire, frozen=True, kw_only=True):
    """A fee for cancelling between two distances in time before the ride. Numbers are texts."""

    fee_type: str = ""
    fee_value: str = ""
    metric_type: str = ""
    metric_min: str = ""
    metric_max: str = ""


class Priced(Wire, frozen=True, kw_only=True):
    """What offer and reservation have in common. ``converted`` is in the currency that was asked for."""

    start: Location
    end: Location = Location()
    quotation: Quotation
    converted: Quotation | None = None


class Offer(Priced, frozen=True, kw_only=True):
    """One offer of a search."""

    id: str
    vehicle: Vehicle
    service_provider: Provider
    cancellation_rules: tuple[CancellationRule, ...] = ()
    methods_of_payment_accepted: tuple[str, ...] = ()


class Contact(Wire, frozen=True, kw_only=True):
    """How a passenger is reached; ``phone_number`` is E.164."""

    phone_number: str
    email: str


class Passenger(Wire, frozen=True, kw_only=True):
    """Who travels."""

    first_name: str
    last_name: str
    contacts: Contact


class Payment(Wire, frozen=True, kw_only=True):
    """On the club's travel account; no card data exists here."""

    method_of_payment: str
    payment_reference: str = ""


class OrderParams(Wire, frozen=True, kw_only=True):
    """``POST /ordering/transfer-orders``. The note comes back with the order and decides nothing."""

    note: str
    passengers: tuple[Passenger, ...]
    payment: Payment


class Reservation(Priced, frozen=True, kw_only=True):
    """One ride of an order."""

    status: Literal["CONFIRMED", "CANCELLED"]
    confirm_nbr: str
    offer_id: str
    note: str = ""


class Order(Wire, frozen=True, kw_only=True):
    """The answer to a booking."""

    id: str
    transfers: tuple[Reservation, ...]


class Cancellation(Wire, frozen=True, kw_only=True):
    """The answer to a cancel."""

    confirm_nbr: str
    reservation_status: Literal["CANCELLED", "CONFIRMED"]


class Issue(Wire, frozen=True, kw_only=True):
    """One fault."""

    code: int


class Errors(Wire, frozen=True, kw_only=True):
    """Every refusal."""

    errors: tuple[Issue, ...]
