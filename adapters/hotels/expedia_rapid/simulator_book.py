"""What the simulated hotel partner knows: properties, rates, itineraries; all of it follows from seed and calls.

Every property sells a standard and an upgraded room. Some property ids are magic, as in the partner's own test system:
they make a condition happen that would otherwise be rare (see `Magic`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from hashlib import sha256

import msgspec

from adapters.sdk.records import StatementLine
from adapters.sdk.testing.book import Book
from catalogue.values import Money


class Magic(StrEnum):
    """Property ids that behave in one odd, documented way."""

    LAST_ROOM = "90000001"
    PRICE_CHANGED_AT_CHECK = "90000200"
    SOLD_OUT_AT_CHECK = "90000201"
    CANCEL_ACCEPTED_AND_DONE = "90000202"
    CANCEL_ACCEPTED_AND_LOST = "90000203"
    PARTIAL_RETRIEVE = "90000206"
    NOT_READABLE_YET = "90000301"
    NOT_LISTED_YET = "90000404"
    PRICE_MISMATCH_AT_BOOK = "90000409"
    GONE_AT_BOOK = "90000410"


ROOMS = (("200100", "Standard Queen Room", 100), ("200200", "Executive King Room", 145))
"""Room id, name, and price in per cent of the property's own."""

CURRENCIES = {"CNY": Fraction(1), "USD": Fraction(5, 36), "EUR": Fraction(1, 8), "JPY": Fraction(1, 5)}
"""Minor units of the currency asked for, per minor unit of yuan; yen have no decimals."""

BILLED_IN = "CNY"
ROOMS_PER_PROPERTY = 12
EARLY_READS = 2
"""How many reads of a new itinerary come too early, at the magic properties for that."""
CHINA = timedelta(hours=8)
"""The statement's business day ends at midnight in China, which has no summer time."""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """A rate chosen for a stay: what a link's token stands for. Amounts in minor units."""

    property_id: str
    room_id: str
    check_in_date: date
    check_out_date: date
    adults: int
    currency: str
    amount: int
    billed: int

    @property
    def rate_id(self) -> str:
        """The rate's id, made of the room's."""
        return f"3{self.room_id}"

    @property
    def nights(self) -> int:
        """How many nights."""
        return (self.check_out_date - self.check_in_date).days


class Itinerary(msgspec.Struct, frozen=True, kw_only=True):
    """One booking of one room. ``reads``: how often it was asked for."""

    itinerary_id: str
    key: str
    email: str
    phone: dict[str, str]
    given_name: str
    family_name: str
    selection: Selection
    created_at: datetime
    cancelled_at: datetime | None = None
    reads: int = 0

    @property
    def room_reference(self) -> str:
        """The id of its room."""
        return sha256(f"room:{self.itinerary_id}".encode()).hexdigest()[:24]


class RapidBook(Book):
    """All that is booked, by our key: a key is booked once and for ever. One table, ``itineraries``."""

    def __init__(self, seed: int) -> None:
        """Start empty; the seed decides prices and numbers."""
        super().__init__()
        self.seed = seed

    def select(self, property_id: str, room_id: str, stay: tuple[date, date], adults: int, currency: str) -> Selection:
        """Price a room for a stay: the same answer for the same question, always."""
        per_cent = next(share for known, _, share in ROOMS if known == room_id)
        digest = sha256(f"{self.seed}:{property_id}".encode()).digest()
        nightly = 40_000 + int.from_bytes(digest[:2], "big") % 400 * 100
        billed = nightly * per_cent // 100 * (stay[1] - stay[0]).days
        return Selection(
            property_id=property_id,
            room_id=room_id,
            check_in_date=stay[0],
            check_out_date=stay[1],
            adults=adults,
            currency=currency,
            amount=int(billed * CURRENCIES[currency]),
            billed=billed,
        )

    def free_rooms(self, selection: Selection) -> int:
        """Count the rooms of a kind that are left for every night of a stay."""
        stock = 1 if selection.property_id == Magic.LAST_ROOM else ROOMS_PER_PROPERTY
        nights = (selection.check_in_date + timedelta(days=night) for night in range(selection.nights))
        return stock - max(self._taken(selection, night) for night in nights)

    def _taken(self, selection: Selection, night: date) -> int:
        kind = (selection.property_id, selection.room_id)
        return sum(
            (other.selection.property_id, other.selection.room_id) == kind
            and other.selection.check_in_date <= night < other.selection.check_out_date
            for other in self.itineraries()
            if other.cancelled_at is None
        )

    def itineraries(self) -> tuple[Itinerary, ...]:
        """Answer every booking, the first first."""
        return self.rows("itineraries")

    def keep(self, itinerary: Itinerary) -> None:
        """Keep a booking, new or changed."""
        self.put("itineraries", itinerary.key, itinerary)

    def by_key(self, key: str) -> Itinerary | None:
        """Find a booking by our key."""
        found: Itinerary | None = self.get("itineraries", key)
        return found

    def by_id(self, itinerary_id: str) -> Itinerary | None:
        """Find a booking by the partner's number."""
        return next((one for one in self.itineraries() if one.itinerary_id == itinerary_id), None)

    def next_id(self, key: str) -> str:
        """Make the partner's own number for a booking."""
        number = int.from_bytes(sha256(f"{self.seed}:{key}".encode()).digest()[:6], "big") % 10**10
        return f"899{number:010d}"

    def statement_lines(self, business_date: date) -> Sequence[StatementLine]:
        """Answer what was booked and what was cancelled on a day, in the order of the bookings."""
        lines: list[StatementLine] = []
        for one in self.itineraries():
            if local_date(one.created_at) == business_date:
                lines.append(_line(one, "stay", "booked", 1))
            if one.cancelled_at is not None and local_date(one.cancelled_at) == business_date:
                lines.append(_line(one, "refund", "refunded", -1))
        return lines


def local_date(instant: datetime) -> date:
    """Say on which business day of the statement an instant falls."""
    return (instant.astimezone(UTC) + CHINA).date()


def _line(itinerary: Itinerary, kind: str, status: str, sign: int) -> StatementLine:
    return StatementLine(
        row=0,
        reference=itinerary.key,
        partner_reference=itinerary.itinerary_id,
        kind=kind,
        service_date=itinerary.selection.check_in_date,
        quantity=sign * itinerary.selection.nights,
        amount=Money(sign * itinerary.selection.billed, BILLED_IN),
        status=status,
    )
