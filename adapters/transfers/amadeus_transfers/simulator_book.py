"""What the simulated partner remembers: offers and orders, with the documented refusals. In memory.

It reads requests by itself instead of with the adapter's types, so that the two cannot be wrong in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import IntEnum
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from adapters.sdk.records import StatementLine
from adapters.sdk.testing.book import Book
from catalogue.values import Money


class Magic(IntEnum):
    """Minutes of the hour of a start at which something happens; at every other minute a ride is sold honestly."""

    NOTHING = 41
    """No offers."""
    MOVED = 42
    """Every offer starts half an hour later, with warning 101."""
    NEEDS_MORE = 43
    """Every company needs a flight number or a card."""
    ESTIMATED = 44
    """Every price is an estimate."""
    REFUSED_AT_BOOKING = 45
    """The booking is refused: 400, 37576."""
    UNPROCESSED_AT_BOOKING = 46
    """The booking is answered 400, 11, and nothing is booked."""
    PROCESSED_IN_SPITE = 47
    """The booking is answered 400, 11, and the ride is booked all the same."""
    NOT_CANCELLABLE = 48
    """A cancel is answered 200, and the ride is still confirmed."""


VEHICLES = (("CAR", "ST", "Saloon or similar", 100), ("VAN", "BU", "Van or similar", 170))
"""Code, category, description, and the price in per cent of the first's."""

TITLES = {
    11: "UNABLE TO PROCESS",
    20: "RESTRICTED",
    141: "SYSTEM ERROR HAS OCCURRED",
    1797: "NOT FOUND",
    4926: "INVALID DATA RECEIVED",
    11041: "NEED PASSENGER NAME",
    23883: "EMAIL ADDRESS REQUIRED",
    32171: "MANDATORY DATA MISSING",
    32804: "INVALID PHONE NUMBER",
    37576: "INVALID PAYMENT METHOD",
}
"""Documented titles of the codes that are answered here."""


class RefusedError(Exception):
    """The request is refused with a documented status and code."""

    def __init__(self, status: int, code: int) -> None:
        """Keep what the answer says."""
        super().__init__(str(code))
        self.status = status
        self.body = {"errors": [{"status": status, "code": code, "title": TITLES[code]}]}


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One offer, as it was made; ``amount`` in minor units."""

    id: str
    asked: dict[str, Any]
    start: str
    vehicle: int
    amount: int

    @property
    def minute(self) -> int:
        """The minute of the hour that was asked for: what `Magic` goes by."""
        return int(str(self.asked["startDateTime"])[14:16])


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order of one ride."""

    id: str
    confirmation: str
    offer: Offer
    data: dict[str, Any]
    booked_at: datetime
    cancelled_at: datetime | None = None

    @property
    def key(self) -> str | None:
        """Our key, as we wrote it into the note."""
        note = str(self.data.get("note", ""))
        return note.removeprefix("Ref ") if note.startswith("Ref ") else None


class TransferBook(Book):
    """Everything the simulated partner knows; lives as long as its process."""

    def __init__(self, *, seed: int, zone: str, currency: str) -> None:
        """Open an empty book: the seed decides prices, the zone the business day; it is billed in the currency."""
        super().__init__()
        self.seed = seed
        self.zone = ZoneInfo(zone)
        self.currency = currency

    def search(self, asked: Any) -> list[Offer]:
        """Make offers for a search.

        Raises:
            RefusedError: malformed.
        """
        if not asked.get("startLocationCode") or not (asked.get("endLocationCode") or asked.get("endAddressLine")):
            raise RefusedError(400, 32171)
        begins = datetime.fromisoformat(asked["startDateTime"])
        if begins.tzinfo is not None or asked.get("transferType") not in {"PRIVATE", "SHARED"}:
            raise RefusedError(400, 4926)
        if begins.minute == Magic.NOTHING:
            return []
        moved = begins.replace(minute=(begins.minute + 30) % 60) if begins.minute == Magic.MOVED else begins
        offers = []
        for number, vehicle in enumerate(VEHICLES):
            made = Offer(
                id=f"offer-{len(self.rows('offers')) + 1:08d}",
                asked=asked,
                start=f"{moved:%Y-%m-%dT%H:%M:%S}",
                vehicle=number,
                amount=self._base() * vehicle[3] // 100,
            )
            self.put("offers", made.id, made)
            offers.append(made)
        return offers

    def book(self, offer_id: str | None, body: Any, at: datetime) -> Order:
        """Book an offer: every time anew, for nothing in a request makes a repeat known.

        Raises:
            RefusedError: the offer is unknown, a field is missing, or the minute is magic.
        """
        offer: Offer | None = self.get("offers", offer_id or "")
        if offer is None:
            raise RefusedError(400, 4926)
        data = body["data"]
        _check_passenger(data["passengers"][0])
        if data["payment"]["methodOfPayment"] != "TRAVEL_ACCOUNT" or offer.minute == Magic.REFUSED_AT_BOOKING:
            raise RefusedError(400, 37576)
        if offer.minute == Magic.UNPROCESSED_AT_BOOKING:
            raise RefusedError(400, 11)
        number = len(self.rows("orders")) + 1
        made = Order(id=f"ORD{number:08d}", confirmation=f"29{number:06d}", offer=offer, data=data, booked_at=at)
        self.put("orders", made.id, made)
        if offer.minute == Magic.PROCESSED_IN_SPITE:
            raise RefusedError(400, 11)
        return made

    def cancel(self, order_id: str, confirmation: str | None, at: datetime) -> Order:
        """Cancel a ride; one that is cancelled already is not found any more.

        Raises:
            RefusedError: there is no such ride, or no number was given.
        """
        if not confirmation:
            raise RefusedError(400, 32171)
        found: Order | None = self.get("orders", order_id)
        if found is None or found.confirmation != confirmation or found.cancelled_at is not None:
            raise RefusedError(404, 1797)
        if found.offer.minute != Magic.NOT_CANCELLABLE:
            found = msgspec.structs.replace(found, cancelled_at=at)
            self.put("orders", found.id, found)
        return found

    def orders(self) -> tuple[Order, ...]:
        """Answer every order, the first first."""
        return self.rows("orders")

    def statement_lines(self, business_date: date) -> Sequence[StatementLine]:
        """Answer what was booked and what was cancelled on a day, in the order of the bookings."""
        lines = []
        for one in self.orders():
            if self._day(one.booked_at) == business_date:
                lines.append(self._line(one, "ride", "booked", 1))
            if one.cancelled_at is not None and self._day(one.cancelled_at) == business_date:
                lines.append(self._line(one, "refund", "refunded", -1))
        return lines

    def _line(self, order: Order, kind: str, status: str, sign: int) -> StatementLine:
        return StatementLine(
            row=0,
            reference=order.key,
            partner_reference=order.id,
            kind=kind,
            service_date=date.fromisoformat(order.offer.start[:10]),
            quantity=sign,
            amount=Money(sign * order.offer.amount, self.currency),
            status=status,
        )

    def _day(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def _base(self) -> int:
        return 15_000 + sha256(f"{self.seed}:rides".encode()).digest()[0] % 60 * 100


def _check_passenger(passenger: Any) -> None:
    if not passenger.get("firstName") or not passenger.get("lastName"):
        raise RefusedError(400, 11041)
    if not passenger["contacts"].get("email"):
        raise RefusedError(400, 23883)
    if not str(passenger["contacts"].get("phoneNumber", "")).startswith("+"):
        raise RefusedError(400, 32804)
