"""The simulated partner over real HTTP: Duffel Cars' wire format and its signed callbacks.

Credentials: ``api_key`` (published throw-away value in `CREDENTIALS`). Own options (``--option``): ``zone`` of the
statement's business day. The latitudes that make a condition happen are in `simulator_book.Magic`. Below
``/_simulator``, ``POST /cancellations`` ``{"booking_id": "..."}`` lets the supplier cancel a booking by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from adapters.rental_cars.duffel_cars.simulator_book import CARS, REFUSED, Booking, CarsBook, Quote, Rate, RefusedError
from adapters.sdk.codec import encode
from adapters.sdk.testing.control import answer, read
from adapters.sdk.testing.simulator import Operation, Simulator, SimulatorOptions
from adapters.sdk.testing.webhook_sender import Signer, WebhookSender
from adapters.sdk.webhook_schemes import sign_timestamped

CREDENTIALS = {"api_key": "duffel_test_simulator-token"}
"""Published throw-away credentials."""

AnyRequest = Request[Any, Any, Any]

OPERATIONS = (
    Operation("search", "POST", "/cars/search"),
    Operation("quote", "POST", "/cars/quotes"),
    Operation("book", "POST", "/cars/bookings"),
    Operation("get", "GET", "/cars/bookings/{id}"),
    Operation("cancel", "POST", "/cars/bookings/{id}/actions/cancel"),
    Operation("statement", "GET", "/contract/statements/{date}"),
)


class Cancellation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which booking the supplier takes back."""

    booking_id: str


def create_simulator(options: SimulatorOptions) -> Simulator:
    """Make the simulator of one partner."""
    partner = _Partner(options)
    return Simulator(
        options,
        book=partner.book,
        handlers=[*_shop_handlers(partner), *_booking_handlers(partner)],
        operations=OPERATIONS,
        control_handlers=_control_handlers(partner),
        webhooks=partner.webhooks,
    )


def timestamped_signer(secret: str) -> Signer:
    """Sign as the partner does."""
    return lambda _, timestamp, body: {"X-Duffel-Signature": sign_timestamped(secret, timestamp, body)}


class _Partner:
    """One running partner: who may call, and the answers in its wire format."""

    def __init__(self, options: SimulatorOptions) -> None:
        self.clock = options.clock
        zone = options.values.get("zone", "Asia/Shanghai")
        self.book = CarsBook(seed=options.seed, zone=zone, currency=options.currency)
        signer = timestamped_signer(options.webhook_secret) if options.webhook_secret else None
        self.webhooks = WebhookSender(options.webhook_url, signer, options.clock)
        self._bearer = "Bearer " + options.credentials.get("api_key", CREDENTIALS["api_key"])
        self._events = 0

    async def answer(self, request: AnyRequest, act: Callable[[Any], dict[str, Any]]) -> Response[bytes]:
        """Check the caller and the form, act on ``data``, and answer the resource or the error."""
        try:
            self.authorise(request)
            resource = act(_data(await request.body()))
        except RefusedError as refusal:
            return answer(refusal.body, refusal.status)
        except (KeyError, TypeError, ValueError):
            return answer(RefusedError(*REFUSED).body, REFUSED[0])
        return answer({"data": resource})

    def authorise(self, request: AnyRequest) -> None:
        """Check token and version.

        Raises:
            RefusedError: 401, or 422 without the version.
        """
        if request.headers.get("authorization") != self._bearer:
            raise RefusedError(401, "authentication_error", "access_token_not_found")
        if request.headers.get("duffel-version") != "v2" and not request.url.path.startswith("/contract/"):
            raise RefusedError(*REFUSED)

    def booked(self, data: Any) -> dict[str, Any]:
        made = self.book.book(data, self.clock.now())
        self.tell("cars.booking.created", made)
        return self.booking(made)

    def cancelled(self, booking_id: str) -> dict[str, Any]:
        made = self.book.cancel(booking_id, self.clock.now())
        self.tell("cars.booking.cancelled", made)
        return self.booking(made)

    def tell(self, kind: str, booking: Booking) -> None:
        """Send an event, once the book knows what it tells of."""
        if self.book.get("bookings", booking.id) is None:
            return
        self._events += 1
        event_id = f"wev_0000Sim{self._events:08d}"
        event = {
            "id": event_id,
            "api_version": "v2",
            "type": kind,
            "data": {"object": self.booking(booking)},
            "live_mode": False,
            "idempotency_key": booking.id,
            "created_at": _instant(self.clock.now()),
        }
        self.webhooks.send(event_id, encode(event))

    def searched(self, data: Any) -> dict[str, Any]:
        search_id, rates = self.book.search(data)
        given = {name: data[name] for name in ("pickup_location", "dropoff_location", "driver")}
        when = {name: data[name] for name in ("pickup_date", "pickup_time", "dropoff_date", "dropoff_time")}
        head = {"id": search_id, "live_mode": False, "created_at": _instant(self.clock.now())}
        return head | when | given | {"rates": [{"id": rate.id} | self.priced(rate, rate.amount) for rate in rates]}

    def quoted(self, quote: Quote) -> dict[str, Any]:
        ids = {"id": quote.id, "live_mode": False, "rate_id": quote.rate.id, "search_id": quote.rate.search_id}
        return ids | self.priced(quote.rate, quote.amount) | _conditions() | quote.rate.when

    def booking(self, booking: Booking) -> dict[str, Any]:
        quote = booking.quote
        own = {
            "id": booking.id,
            "live_mode": False,
            "reference": f"SIM-{booking.id[-6:]}",
            "confirmed_at": _instant(booking.booked_at),
            "cancelled_at": _instant(booking.cancelled_at) if booking.cancelled_at else None,
            "status": "cancelled" if booking.cancelled_at else "confirmed",
            "driver": {"user_id": None} | booking.driver,
            "quote_id": quote.id,
            "metadata": booking.metadata,
            "users": [],
        }
        return own | self.priced(quote.rate, quote.amount) | _conditions() | quote.rate.when

    def priced(self, rate: Rate, amount: int) -> dict[str, Any]:
        """Write what rate, quote and booking have in common."""
        name, code, category, kind, payment, _ = CARS[rate.car]
        text, currency = self.book.amount_text(amount), self.book.currency
        car = {
            "name": name,
            "code": code,
            "category": category,
            "type": kind,
            "transmission": "automatic",
            "fuel": "petrol",
            "air_conditioning": True,
            "max_passengers": 5,
            "baggage": {"large": 2, "small": 1},
            "images": None,
        }
        return {
            "base_amount": text,
            "base_currency": currency,
            "total_amount": text,
            "total_currency": currency,
            "payment_type": payment,
            "mileage": {"type": "unlimited"},
            "supplier": {"name": "Simulated Drive", "logo_url": None},
            "car": car,
            "pickup_location": _location(rate.place),
            "dropoff_location": _location(rate.drop_off_place),
        }


def _shop_handlers(partner: _Partner) -> list[Any]:
    book = partner.book

    @post("/cars/search", status_code=200)
    async def search(request: AnyRequest) -> Response[bytes]:
        return await partner.answer(request, partner.searched)

    @post("/cars/quotes", status_code=200)
    async def quote(request: AnyRequest) -> Response[bytes]:
        return await partner.answer(request, lambda data: partner.quoted(book.quote(data)))

    @get("/contract/statements/{business_date:date}")
    async def statement(request: AnyRequest, business_date: FromPath[date]) -> Response[bytes]:
        frame: Simulator = request.app.state.simulator
        try:
            partner.authorise(request)
        except RefusedError as refusal:
            return answer(refusal.body, refusal.status)
        return Response(frame.statement(business_date)[1], media_type="text/csv")

    return [search, quote, statement]


def _booking_handlers(partner: _Partner) -> list[Any]:
    book = partner.book

    @post("/cars/bookings", status_code=200)
    async def create(request: AnyRequest) -> Response[bytes]:
        return await partner.answer(request, partner.booked)

    @get("/cars/bookings/{booking_id:str}")
    async def one(request: AnyRequest, booking_id: FromPath[str]) -> Response[bytes]:
        return await partner.answer(request, lambda _: partner.booking(book.booking(booking_id)))

    @post("/cars/bookings/{booking_id:str}/actions/cancel", status_code=200)
    async def cancel(request: AnyRequest, booking_id: FromPath[str]) -> Response[bytes]:
        return await partner.answer(request, lambda _: partner.cancelled(booking_id))

    return [create, one, cancel]


def _control_handlers(partner: _Partner) -> list[Any]:
    @post("/cancellations")
    async def cancel(request: AnyRequest) -> Response[bytes]:
        wanted: Cancellation = await read(request, Cancellation)
        try:
            return answer(partner.cancelled(wanted.booking_id))
        except RefusedError as refusal:
            return answer(refusal.body, refusal.status)

    return [cancel]


def _data(body: bytes) -> Any:
    return json.loads(body)["data"] if body else None


def _instant(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _conditions() -> dict[str, Any]:
    text = [{"title": "Cancellation", "text": "Free until the car is fetched."}]
    return {"charges": [], "conditions": text, "privacy_policies": []}


def _location(latitude: float) -> dict[str, Any]:
    return {
        "name": "Simulated Drive counter",
        "geographic_coordinates": {"latitude": latitude, "longitude": 0.0},
        "address": {
            "line_one": "1 Ring Road",
            "city_name": None,
            "postal_code": None,
            "region": None,
            "country_code": "CN",
        },
        "phone_number": None,
        "access": "in_terminal",
        "additional_information": [],
        "opening_hours": [],
    }
