"""What a simulated partner on our own contract knows: reservations by key, in the contract's rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from adapters.direct import wire
from adapters.direct.mapping import to_money
from adapters.sdk.records import Mileage, Rental, Ride, Service, StatementLine, Stay, Visit
from adapters.sdk.testing.book import Book
from catalogue.values import Money

RESERVATIONS = "reservations"
KINDS: dict[type, str] = {Visit: "visit", Stay: "stay", Rental: "rental", Ride: "ride", Mileage: "mileage"}


class Held(msgspec.Struct, frozen=True):
    """One key: the reservation as the contract shows it, and when what happened to it."""

    reservation: wire.Reservation
    body: wire.ReserveBody | None = None
    reserved_at: datetime | None = None
    cancelled_at: datetime | None = None
    no_show: bool = False


class DirectBook(Book):
    """Accounts by event: a reservation on the day it was made, guests on the day of the visit, a refund on its own."""

    def __init__(self, time_zone: str) -> None:
        """Take the zone of the partner's business day (it ends at midnight); ``links`` are the members' grants."""
        super().__init__()
        self._zone = ZoneInfo(time_zone)
        self.tokens: dict[str, datetime] = {}
        self.sequence = 0
        self.links: Any = None

    def held(self, key: str) -> Held | None:
        """Answer what a key holds."""
        found: Held | None = self.get(RESERVATIONS, key)
        return found

    def keep(self, held: Held) -> None:
        """Write a key down."""
        self.put(RESERVATIONS, held.reservation.key, held)

    def all_held(self) -> tuple[Held, ...]:
        """Answer every key, oldest first."""
        return self.rows(RESERVATIONS)

    def reversals(self) -> tuple[wire.Reversal, ...]:
        """Answer every reversal of points, oldest first."""
        return self.rows("reversals")

    def taken(self, service: Service) -> int:
        """Count the live reservations of exactly this place and day."""
        return sum(_same_place(held.reservation.service, service) for held in self.all_held() if _live(held))

    def statement_lines(self, business_date: date) -> Sequence[StatementLine]:
        """Answer the true rows of a day."""
        return [line for held in self.all_held() for line in self._lines(held, business_date)]

    def _lines(self, held: Held, day: date) -> Iterator[StatementLine]:
        reservation = held.reservation
        if held.body is None or reservation.price is None:
            return
        price = to_money(reservation.price)
        planned = _visitors(held.body.service)
        kind = KINDS[type(held.body.service)]
        if self._is(held.reserved_at, day):
            yield _line(held, kind, planned, price, _line_status(held))
        extra = 1 + (reservation.guests or 0) - planned
        if self._is(reservation.used_at, day) and extra > 0:
            unit = price.amount // planned
            yield _line(held, "guest_visit", extra, Money(unit * extra, price.currency), "used")
        if self._is(held.cancelled_at, day):
            yield _line(held, "refund", planned, -price, "refunded")

    def _is(self, instant: datetime | None, day: date) -> bool:
        return instant is not None and instant.astimezone(self._zone).date() == day


def service_date(service: Service) -> date:
    """Answer the local day a service is for."""
    match service:
        case Visit():
            return service.visit_date
        case Stay():
            return service.check_in_date
        case Rental() | Ride():
            return service.pick_up_at.date()
        case _:
            return date.min


def _visitors(service: Service) -> int:
    return 1 + service.guests if isinstance(service, Visit) else 1


def _live(held: Held) -> bool:
    return held.reservation.status in (wire.Status.RESERVED, wire.Status.USED)


def _same_place(mine: Service | None, other: Service) -> bool:
    if isinstance(mine, Visit) and isinstance(other, Visit):
        return (mine.airport, mine.lounge_id, mine.visit_date) == (other.airport, other.lounge_id, other.visit_date)
    return mine == other


def _line_status(held: Held) -> str:
    """A cancelled one was booked all the same: what is given back is a row of its own."""
    if held.reservation.status is wire.Status.USED:
        return "used"
    return "no_show" if held.no_show else "booked"


def _line(held: Held, kind: str, quantity: int, amount: Money, status: str) -> StatementLine:
    assert held.body is not None
    assert held.reserved_at is not None
    day = service_date(held.body.service)
    return StatementLine(
        row=0,
        reference=held.reservation.key,
        partner_reference=held.reservation.reference,
        kind=kind,
        service_date=held.reserved_at.date() if day == date.min else day,
        quantity=quantity,
        amount=amount,
        status=status,
    )
