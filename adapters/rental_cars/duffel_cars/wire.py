"""The partner's messages under the partner's own names; only what is read or written here. Pure.

Source: Duffel Cars v2 OpenAPI file derived from @duffel/api 4.30.0, read 2026-11-28. Amounts are decimal texts, times
are local to the place of pick-up or drop-off and carry no offset.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")


class Wire(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every message."""


class Envelope(msgspec.Struct, Generic[T], frozen=True):
    """Every request and every good answer is wrapped in ``data``."""

    data: T


class Coordinates(Wire, frozen=True):
    """Degrees."""

    latitude: float
    longitude: float


class SearchLocation(Wire, frozen=True):
    """A circle; ``radius`` in kilometres."""

    radius: int
    geographic_coordinates: Coordinates


class SearchDriver(Wire, frozen=True):
    """What rates depend on."""

    age: int
    residence_country_code: str


class Times(Wire, frozen=True):
    """When a car is fetched and brought back: ``YYYY-MM-DD`` and ``HH:MM``."""

    pickup_date: str
    pickup_time: str
    dropoff_date: str
    dropoff_time: str


class SearchParams(Times, frozen=True):
    """``POST /cars/search``."""

    pickup_location: SearchLocation
    dropoff_location: SearchLocation
    driver: SearchDriver


class Supplier(Wire, frozen=True):
    """Whose car it is."""

    name: str


class Car(Wire, frozen=True):
    """``name`` is a model; the car that is handed over is of the same class."""

    name: str


class Price(Wire, frozen=True):
    """What the whole rental costs. ``payment_type`` is open on purpose: rates of a new kind are passed over."""

    total_amount: str
    total_currency: str
    payment_type: str
    supplier: Supplier
    car: Car


class Rate(Price, frozen=True):
    """One rate of a search."""

    id: str


class Search(Times, frozen=True):
    """The answer to a search."""

    rates: tuple[Rate, ...]


class QuoteParams(Wire, frozen=True):
    """``POST /cars/quotes``."""

    rate_id: str


class DatedPrice(Price, frozen=True):
    """A price together with when the car is fetched and brought back."""

    pickup_date: str
    pickup_time: str
    dropoff_date: str
    dropoff_time: str


class Quote(DatedPrice, frozen=True):
    """A rate with its price confirmed."""

    id: str
    rate_id: str


class Driver(Wire, frozen=True):
    """Who drives. ``phone_number`` is E.164, ``date_of_birth`` is ``YYYY-MM-DD``."""

    given_name: str
    family_name: str
    date_of_birth: str
    email: str
    phone_number: str


class BookingParams(Wire, frozen=True):
    """``POST /cars/bookings``. Texts in ``metadata`` come back with the booking and decide nothing."""

    quote_id: str
    driver: Driver
    metadata: dict[str, str]


class Booking(DatedPrice, frozen=True):
    """A booking as it stands."""

    id: str
    reference: str
    status: Literal["confirmed", "cancelled"]
    quote_id: str
    confirmed_at: str | None
    cancelled_at: str | None
    metadata: dict[str, str] | None


class ErrorItem(Wire, frozen=True):
    """One fault."""

    type: str
    code: str


class Errors(Wire, frozen=True):
    """Every refusal."""

    errors: tuple[ErrorItem, ...]


class EventData(Wire, frozen=True):
    """What an event is about, as it was then."""

    object: dict[str, Any] = {}


class Event(Wire, frozen=True):
    """A callback. ``idempotency_key`` names the object that it is about, ``id`` the event."""

    id: str
    type: str
    created_at: str
    idempotency_key: str = ""
    data: EventData | None = None
