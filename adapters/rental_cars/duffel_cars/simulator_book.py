"""What the simulated partner remembers: searches, quotes and bookings, with the documented refusals. In memory.

It reads requests by itself instead of with the adapter's types, so that the two cannot be wrong in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from adapters.sdk.currencies import decimal_text
from adapters.sdk.records import StatementLine
from adapters.sdk.testing.book import Book
from catalogue.values import Money


class Magic(IntEnum):
    """Whole degrees of latitude at which something happens; everywhere else a car is rented out honestly."""

    NOTHING = -81
    """No rates."""
    GONE_AT_QUOTE = -82
    """The quote is refused: 404."""
    DEARER_AT_QUOTE = -83
    """The quote is dearer than the rate."""
    GONE_AT_BOOKING = -84
    """The booking is refused: 404."""
    REFUSED_AT_BOOKING = -85
    """The booking is refused: 422."""
    NOT_CANCELLABLE = -86
    """A cancel is refused: 422."""


CARS = (
    ("Compact saloon", "CDAR", "compact", "four_door", "postpaid", 100),
    ("Sport utility", "IFAR", "intermediate", "suv", "postpaid", 160),
    ("Open two-seater", "LTAR", "luxury", "convertible", "prepaid", 240),
)
"""Model, ACRISS code, category, type, way of payment, and the price in per cent of the first's."""


class RefusedError(Exception):
    """The request is refused with a documented status, type and code."""

    def __init__(self, status: int, kind: str, code: str) -> None:
        """Keep what the answer says."""
        super().__init__(code)
        self.status = status
        title = code.replace("_", " ").capitalize()
        item = {"type": kind, "code": code, "title": title, "message": f"{title}.", "documentation_url": "about:blank"}
        self.body = {"meta": {"status": status, "request_id": "simulated"}, "errors": [item]}


NOT_FOUND = (404, "invalid_request_error", "not_found")
REFUSED = (422, "validation_error", "validation_required")


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """One rate, as the partner writes it."""

    id: str
    search_id: str
    when: dict[str, str]
    place: float
    drop_off_place: float
    car: int
    amount: int


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A quoted rate; ``amount`` in minor units."""

    id: str
    rate: Rate
    amount: int


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """A booking. One that is cancelled keeps the day it was."""

    id: str
    quote: Quote
    driver: dict[str, Any]
    metadata: dict[str, str] | None
    booked_at: datetime
    cancelled_at: datetime | None = None

    @property
    def key(self) -> str | None:
        """Our key, as we sent it in the metadata."""
        return (self.metadata or {}).get("redemption")


class CarsBook(Book):
    """Everything the simulated partner knows; lives as long as its process."""

    def __init__(self, *, seed: int, zone: str, currency: str) -> None:
        """Open an empty book: the seed decides prices, the zone the business day; every price is in the currency."""
        super().__init__()
        self.seed = seed
        self.zone = ZoneInfo(zone)
        self.currency = currency
        self._searches = 0

    def search(self, data: Any) -> tuple[str, list[Rate]]:
        """Search: id and rates.

        Raises:
            RefusedError: malformed.
        """
        when = {name: data[name] for name in ("pickup_date", "pickup_time", "dropoff_date", "dropoff_time")}
        place, other = (_latitude(data[name]) for name in ("pickup_location", "dropoff_location"))
        if not 18 <= int(data["driver"]["age"]) <= 99 or len(data["driver"]["residence_country_code"]) != 2:
            raise RefusedError(*REFUSED)
        days = (date.fromisoformat(when["dropoff_date"]) - date.fromisoformat(when["pickup_date"])).days + 1
        self._searches += 1
        search_id = f"seh_0000Sim{self._searches:08d}"
        rates = [
            Rate(
                id=f"rae_{search_id[4:]}{number}",
                search_id=search_id,
                when=when,
                place=place,
                drop_off_place=other,
                car=number,
                amount=self._daily() * car[5] // 100 * days,
            )
            for number, car in enumerate(CARS)
            if int(place) != Magic.NOTHING
        ]
        for rate in rates:
            self.put("rates", rate.id, rate)
        return search_id, rates

    def quote(self, data: Any) -> Quote:
        """Quote a rate.

        Raises:
            RefusedError: there is no such rate, or it is gone.
        """
        rate: Rate | None = self.get("rates", data["rate_id"])
        if rate is None or int(rate.place) == Magic.GONE_AT_QUOTE:
            raise RefusedError(*NOT_FOUND)
        dearer = 1_000 if int(rate.place) == Magic.DEARER_AT_QUOTE else 0
        made = Quote(id=self._next("qut", "quotes"), rate=rate, amount=rate.amount + dearer)
        self.put("quotes", made.id, made)
        return made

    def book(self, data: Any, at: datetime) -> Booking:
        """Book a quote: every time anew, for nothing in a request makes a repeat known.

        Raises:
            RefusedError: the quote is unknown or gone, or the driver is incomplete.
        """
        quote: Quote | None = self.get("quotes", data["quote_id"])
        if quote is None or int(quote.rate.place) == Magic.GONE_AT_BOOKING:
            raise RefusedError(*NOT_FOUND)
        driver: Mapping[str, Any] = data["driver"]
        complete = all(
            isinstance(driver.get(name), str) and driver[name]
            for name in ("given_name", "family_name", "date_of_birth", "email", "phone_number")
        )
        if not complete or int(quote.rate.place) == Magic.REFUSED_AT_BOOKING:
            raise RefusedError(*REFUSED)
        date.fromisoformat(driver["date_of_birth"])
        made = Booking(
            id=self._next("boo", "bookings"),
            quote=quote,
            driver=dict(driver),
            metadata=data.get("metadata"),
            booked_at=at,
        )
        self.put("bookings", made.id, made)
        return made

    def booking(self, booking_id: str) -> Booking:
        """Find a booking.

        Raises:
            RefusedError: there is none.
        """
        found: Booking | None = self.get("bookings", booking_id)
        if found is None:
            raise RefusedError(*NOT_FOUND)
        return found

    def cancel(self, booking_id: str, at: datetime) -> Booking:
        """Cancel a booking; one that is cancelled stays so.

        Raises:
            RefusedError: there is none, or it cannot be cancelled.
        """
        found = self.booking(booking_id)
        if int(found.quote.rate.place) == Magic.NOT_CANCELLABLE:
            raise RefusedError(*REFUSED)
        if found.cancelled_at is None:
            found = msgspec.structs.replace(found, cancelled_at=at)
            self.put("bookings", found.id, found)
        return found

    def bookings(self) -> tuple[Booking, ...]:
        """Answer every booking, the first first."""
        return self.rows("bookings")

    def statement_lines(self, business_date: date) -> Sequence[StatementLine]:
        """Answer what was booked and what was cancelled on a day, in the order of the bookings."""
        lines = []
        for one in self.bookings():
            if self._day(one.booked_at) == business_date:
                lines.append(self._line(one, "rental", "booked", 1))
            if one.cancelled_at is not None and self._day(one.cancelled_at) == business_date:
                lines.append(self._line(one, "refund", "refunded", -1))
        return lines

    def amount_text(self, amount: int) -> str:
        """Write minor units as the partner does."""
        return decimal_text(amount, self.currency)

    def _line(self, booking: Booking, kind: str, status: str, sign: int) -> StatementLine:
        return StatementLine(
            row=0,
            reference=booking.key,
            partner_reference=booking.id,
            kind=kind,
            service_date=date.fromisoformat(booking.quote.rate.when["pickup_date"]),
            quantity=sign,
            amount=Money(sign * booking.quote.amount, self.currency),
            status=status,
        )

    def _day(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def _daily(self) -> int:
        digest = sha256(f"{self.seed}:cars".encode()).digest()
        return 18_000 + digest[0] % 80 * 100

    def _next(self, prefix: str, table: str) -> str:
        return f"{prefix}_0000Sim{len(self.rows(table)) + 1:08d}"


def _latitude(location: Any) -> float:
    found = location["geographic_coordinates"]["latitude"]
    if not isinstance(found, int | float | Decimal) or not -90 <= found <= 90:
        raise RefusedError(*REFUSED)
    return float(found)
