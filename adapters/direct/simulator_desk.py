"""The desk of a simulated partner: the contract's rules over its book, without HTTP."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from adapters.direct import wire
from adapters.direct.mapping import to_amount, to_money
from adapters.direct.simulator_book import DirectBook, Held
from adapters.direct.simulator_members import MemberDesk
from adapters.sdk.codec import minor_units
from adapters.sdk.records import Mileage, Service, Visit
from adapters.sdk.testing.simulator import SimulatorOptions
from adapters.sdk.testing.webhook_sender import WebhookSender
from catalogue.values import Money

TOKEN_SECONDS = 600
OFFER_LIFE = timedelta(minutes=15)
VOUCHER_LIFE = timedelta(days=180)


class ReportVisit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the desk reports: by our key or by the partner's reference, with guests beside the member."""

    key: str | None = None
    reference: str | None = None
    guests: int = 0


class ReportEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the partner itself does to a reservation, and tells by webhook."""

    type: Literal["visit.reported", "reservation.cancelled", "reservation.changed", "reservation.no_show"]
    key: str


class Desk(MemberDesk):
    """The partner behind the paths: the contract's rules over the book."""

    def __init__(self, options: SimulatorOptions, book: DirectBook, webhooks: WebhookSender) -> None:
        """Take book, clock and queue."""
        self.options = options
        self.book = book
        self.webhooks = webhooks
        self.capacity = int(options.values.get("capacity", "40"))
        self.unit_price = options.values.get("unit_price", "120.00")

    def now(self) -> datetime:
        """Answer the partner's time in whole seconds."""
        return self.options.clock.now().replace(microsecond=0)

    def offer(self, query: wire.OffersQuery) -> wire.OfferItem:
        """Price a service; the id carries price and end, so that nothing needs to be remembered."""
        visitors = 1 + query.service.guests if isinstance(query.service, Visit) else 1
        price = Money(minor_units(self.unit_price, query.currency) * visitors, query.currency)
        expires_at = self.now() + OFFER_LIFE
        stamp = int(expires_at.timestamp())
        return wire.OfferItem(
            id=f"ofr.{stamp}.{price.amount}.{self._proof(stamp, price, query.service)}",
            title=_title(query.service),
            price=to_amount(price),
            expires_at=expires_at,
            refundable_until_at=expires_at + timedelta(hours=1),
        )

    def search(self, query: wire.SearchQuery) -> tuple[int, object]:
        """Find what there is at the place: two lounges at each airport, else the one thing that the service names."""
        services: tuple[Service, ...] = (query.service,)
        if isinstance(query.service, Visit) and not query.service.lounge_id:
            place = f"{self.options.partner}-{query.service.airport.lower()}"
            names = (f"{place}-t1", f"{place}-t2")
            services = tuple(msgspec.structs.replace(query.service, lounge_id=name) for name in names)
        found = [
            wire.FoundOffer(
                **msgspec.structs.asdict(self.offer(wire.OffersQuery(service=one, currency=query.currency))),
                service=one,
            )
            for one in services
        ]
        return 200, wire.SearchAnswer(offers=tuple(found[: query.limit]))

    def reserve(self, key: str, body: wire.ReserveBody) -> tuple[int, object]:
        """Reserve; the key is judged before anything else."""
        held = self.book.held(key)
        if held is not None:
            return _repeat(held, key, body)
        refusal = self._refusal(body)
        if refusal is not None:
            return refusal[0], refuse(refusal[1], key)
        reservation = wire.Reservation(
            key=key,
            status=wire.Status.RESERVED,
            reference=self.reference(key),
            offer=body.offer,
            service=body.service,
            price=body.price,
        )
        self.book.keep(Held(reservation=reservation, body=body, reserved_at=self.now()))
        return 201, reservation

    def shown(self, key: str) -> Held | None:
        """Answer what a look-up shows: what holds at this moment."""
        return self.book.held(key)

    def fence(self, key: str) -> tuple[int, object]:
        """Kill a key; what it held is cancelled."""
        held = self.book.held(key)
        if held is not None and held.reservation.status is wire.Status.USED:
            return 409, refuse("already_used", key)
        tombstone = wire.Reservation(key=key, status=wire.Status.FENCED)
        self.book.keep(Held(reservation=tombstone))
        return 200, tombstone

    def cancel(self, key: str, reference: str) -> tuple[int, object]:
        """Cancel by our reference; a repeat gets the first answer."""
        held = self.book.held(key)
        if held is None or held.reservation.reference not in (None, reference):
            return 404, refuse("not_found", key)
        if held.reservation.status is wire.Status.USED:
            return 409, refuse("already_used", key)
        if held.reservation.status is wire.Status.RESERVED:
            gone = msgspec.structs.replace(
                held.reservation, status=wire.Status.CANCELLED, refund=held.reservation.price
            )
            held = msgspec.structs.replace(held, reservation=gone, cancelled_at=self.now())
            self.book.keep(held)
        return 200, held.reservation

    def voucher(self, key: str) -> tuple[int, object]:
        """Show the voucher of a reservation that stands and is not used yet."""
        held = self.book.held(key)
        if held is None or held.reserved_at is None or held.reservation.status is not wire.Status.RESERVED:
            return 404, refuse("not_found", key)
        code = f"V{self._digest('voucher', key)[:15].upper()}"
        return 200, wire.Voucher(
            key=key,
            reference=held.reservation.reference or "",
            code=code,
            symbology="qr",
            valid_from_at=held.reserved_at,
            valid_to_at=held.reserved_at + VOUCHER_LIFE,
        )

    def reverse(self, key: str, reversal: str, body: wire.ReversalBody) -> tuple[int, object]:
        """Take back points of a mileage: each reversal once, and never more than were moved."""
        held = self.book.held(key)
        if held is None or held.reservation.reference != body.reference:
            return 404, refuse("not_found", key)
        service = held.reservation.service
        known = [one for one in self.book.reversals() if one.key == key]
        same = next((one for one in known if one.reversal == reversal), None)
        if same is not None:
            return (200, same) if same.quantity == body.quantity else (409, refuse("key_reused", key))
        total = body.quantity + sum(one.quantity for one in known)
        if not isinstance(service, Mileage) or body.quantity <= 0 or total > service.quantity:
            return 409, refuse("more_than_original", key)
        made = wire.Reversal(key=key, reversal=reversal, quantity=body.quantity, reversed=total)
        self.book.put("reversals", f"{key}/{reversal}", made)
        return 201, made

    def report_visit(self, report: ReportVisit) -> tuple[int, object]:
        """Mark a visit as used and tell it by webhook; a second report changes nothing."""
        held = next((item for item in self.book.all_held() if _named(item, report)), None)
        if held is None or held.reservation.status not in (wire.Status.RESERVED, wire.Status.USED):
            return 409, refuse("not_reserved", report.key)
        if held.reservation.status is wire.Status.RESERVED:
            used = msgspec.structs.replace(
                held.reservation, status=wire.Status.USED, guests=report.guests, used_at=self.now()
            )
            held = msgspec.structs.replace(held, reservation=used)
            self.book.keep(held)
            self.tell("visit.reported", used)
        return 200, held.reservation

    def report_event(self, report: ReportEvent) -> tuple[int, object]:
        """Do what an event tells of, and tell it."""
        if report.type == "visit.reported":
            return self.report_visit(ReportVisit(key=report.key))
        held = self.book.held(report.key)
        if held is None or held.reservation.status is not wire.Status.RESERVED:
            return 409, refuse("not_reserved", report.key)
        if report.type == "reservation.cancelled":
            self.cancel(report.key, held.reservation.reference or "")
        if report.type == "reservation.no_show":
            self.book.keep(msgspec.structs.replace(held, no_show=True))
        now = self.book.held(report.key) or held
        self.tell(report.type, now.reservation)
        return 200, now.reservation

    def tell(self, kind: str, reservation: wire.Reservation) -> None:
        """Queue a webhook."""
        self.book.sequence += 1
        event = wire.Event(
            type=kind,
            occurred_at=self.now(),
            sequence=self.book.sequence,
            reservation=wire.EventReservation(
                key=reservation.key,
                status=reservation.status,
                reference=reservation.reference,
                guests=reservation.guests,
                used_at=reservation.used_at,
            ),
        )
        message_id = f"msg_{self._digest('message', str(self.book.sequence))[:24]}"
        self.webhooks.send(message_id, msgspec.json.encode(event))

    def reference(self, key: str) -> str:
        """Make the partner's own number for a key; the same for the same seed."""
        return f"R-{self._digest('reference', key)[:12].upper()}"

    def token(self) -> str:
        """Make a bearer token."""
        token = self._digest("token", str(len(self.book.tokens)))
        self.book.tokens[token] = self.now() + timedelta(seconds=TOKEN_SECONDS)
        return token

    def authorised(self, authorization: str) -> bool:
        """Check the value of an ``Authorization`` header."""
        scheme, _, token = authorization.partition(" ")
        ends = self.book.tokens.get(token)
        return scheme == "Bearer" and ends is not None and self.now() < ends

    def _refusal(self, body: wire.ReserveBody) -> tuple[int, str] | None:
        parts = body.offer.split(".")
        if len(parts) != 4 or body.price is None or not (parts[1].isdecimal() and parts[2].isdecimal()):
            return 404, "unknown_offer"
        price = to_money(body.price)
        if parts[3] != self._proof(int(parts[1]), Money(int(parts[2]), price.currency), body.service):
            return 404, "unknown_offer"
        if price.amount != int(parts[2]):
            return 409, "price_changed"
        if self.now() >= datetime.fromtimestamp(int(parts[1]), UTC):
            return 409, "offer_expired"
        full = isinstance(body.service, Visit) and body.service.lounge_id.startswith("full")
        return (409, "sold_out") if full or self.book.taken(body.service) >= self.capacity else None

    def _proof(self, stamp: int, price: Money, service: Service) -> str:
        return self._digest(
            "offer", f"{stamp}|{price.amount}|{price.currency}|{msgspec.json.encode(service).decode()}"
        )[:16]

    def _digest(self, purpose: str, text: str) -> str:
        return hashlib.sha256(f"{self.options.seed}|{self.options.partner}|{purpose}|{text}".encode()).hexdigest()


def _repeat(held: Held, key: str, body: wire.ReserveBody) -> tuple[int, object]:
    if held.reservation.status is wire.Status.FENCED:
        return 409, refuse("fenced", key)
    if held.body != body:
        return 409, refuse("key_reused", key)
    return 200, held.reservation


def refuse(code: str, key: str | None, message: str = "") -> wire.Refusal:
    """Make a refusal that repeats the key."""
    return wire.Refusal(error=wire.ErrorDetail(code=code, message=message), key=key)


def _named(held: Held, report: ReportVisit) -> bool:
    reservation = held.reservation
    return reservation.key == report.key or (report.reference is not None and reservation.reference == report.reference)


def _title(service: Service) -> str:
    return f"Lounge {service.lounge_id} at {service.airport}" if isinstance(service, Visit) else type(service).__name__
