"""What the checks work with: calls to the partner as they are, callbacks as they come, results as data."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from adapters.direct import calls, wire
from adapters.direct.mapping import to_money
from adapters.sdk import webhooks
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.client import PartnerClient
from adapters.sdk.codec import decode, encode
from adapters.sdk.context import open_context
from adapters.sdk.errors import ProtocolError, WebhookError
from adapters.sdk.manifest import Manifest
from adapters.sdk.records import OfferRequest, ReservationRequest, Service, Traveller
from config.clock import Clock
from config.secrets import Secret

T = TypeVar("T")
Ask = Callable[[str], Awaitable[None]]


class KitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the partner is and what may be reserved there.

    ``trigger``: address at which the partner makes an event happen on demand; without it people are asked to.
    ``account``: a member's account at the partner; without it nothing about members is asked.
    ``tier``: one that the partner grants.
    ``statement_date``: the day whose file is looked at; None: today, by the contract's zone.
    """

    url: str
    client_id: str
    client_secret: str
    service: Service
    currency: str = "CNY"
    partner: str = ""
    webhook_secret: str = ""
    webhook_host: str = "127.0.0.1"
    webhook_port: int | None = None
    trigger: str = ""
    account: str = ""
    tier: str = ""
    wait_seconds: float = 60.0
    statement_date: date | None = None


class FailedError(Exception):
    """The partner does not do what the contract says; the text says what it did."""


class UnprovenError(Exception):
    """The check could not be made; the text says what it needs."""


class Delivery(msgspec.Struct, frozen=True):
    """One callback as it came: the event, or why it was not taken for one."""

    message_id: str
    event: wire.Event | None
    refused: str = ""


class Listener:
    """Takes callbacks. The first copy of each message is answered with 503: it has to come again."""

    def __init__(self, secret: str, clock: Clock) -> None:
        """Take the secret that both sides know."""
        self._secret = secret
        self._clock = clock
        self._answered: set[str] = set()
        self._arrived = asyncio.Condition()
        self.deliveries: list[Delivery] = []

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one callback."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        delivery = self._judge(headers, body)
        status = 401 if delivery.event is None else 204 if delivery.message_id in self._answered else 503
        self._answered.add(delivery.message_id)
        async with self._arrived:
            self.deliveries.append(delivery)
            self._arrived.notify_all()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def wait_for(self, kind: str, key: str, seconds: float) -> list[Delivery]:
        """Wait until an event came twice under one message id, and answer its deliveries.

        Raises:
            FailedError: it did not come, came once, or came without a right signature.
        """

        def of_it() -> list[Delivery]:
            named = [one for one in self.deliveries if one.event and one.event.reservation.key == key]
            return [one for one in named if one.event and one.event.type == kind]

        try:
            async with asyncio.timeout(seconds), self._arrived:
                await self._arrived.wait_for(lambda: len(of_it()) >= 2)
        except TimeoutError as error:
            refused = sorted({one.refused for one in self.deliveries if one.refused})
            told = f"; refused: {'; '.join(refused)}" if refused else ""
            came = "came once and not again after our 503" if of_it() else "did not come"
            raise FailedError(f"{kind} {came} within {seconds:g} s{told}") from error
        return of_it()

    def _judge(self, headers: dict[str, str], body: bytes) -> Delivery:
        message_id = headers.get("webhook-id", "")
        try:
            webhooks.verify(headers, body, (self._secret,), int(self._clock.now().timestamp()))
            return Delivery(message_id, decode(body, wire.Event))
        except (WebhookError, ProtocolError) as error:
            return Delivery(message_id, None, error.message)


class Bench:
    """The partner on the bench."""

    def __init__(
        self,
        settings: KitSettings,
        clients: tuple[PartnerClient, PartnerClient],
        clock: Clock,
        listener: Listener | None,
        ask: Ask,
    ) -> None:
        """Take clients with and without credentials, the listener, and how people are asked for something."""
        self.settings = settings
        self.clock = clock
        self.listener = listener
        self.ask = ask
        self._client, self._bare = clients
        self._run = secrets.token_hex(6)
        self._count = 0

    def key(self, name: str) -> str:
        """Make a key that was never used."""
        self._count += 1
        return f"kit-{self._run}-{self._count}-{name}"

    def proof(self) -> dict[str, str]:
        """Give the header by which we prove ourselves at the token endpoint."""
        pair = f"{quote(self.settings.client_id, safe='')}:{quote(self.settings.client_secret, safe='')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    async def call(self, call: PartnerCall, *, authenticated: bool = True) -> PartnerAnswer:
        """Make a call.

        Raises:
            FailedError: no whole answer came.
        """
        client = self._client if authenticated else self._bare
        answer = await client.call(call)
        if isinstance(answer, CallFailure):
            raise FailedError(f"{call.method} {call.path} got no answer: {answer.reason}")
        return answer

    async def offer(self, service: Service | None = None) -> wire.OfferItem:
        """Take the partner's best offer, of what is reserved everywhere unless another service is given."""
        query = OfferRequest(service=service or self.settings.service, currency=self.settings.currency)
        answer = await self.call(calls.offers(query))
        require(answer.status == 200, f"the offers were answered with {answer.status}")
        offers = read(answer, wire.OffersAnswer).offers
        require(bool(offers), "there is no offer of the service; name another with --service")
        return offers[0]

    async def request(self, name: str, service: Service | None = None) -> ReservationRequest:
        """Make a request that the partner should grant, under a key of its own."""
        offer = await self.offer(service)
        return ReservationRequest(
            key=self.key(name),
            service=service or self.settings.service,
            offer_token=offer.id,
            price=readable(lambda: to_money(offer.price)),
            traveller=Traveller(),
            requested_at=self.clock.now().replace(microsecond=0),
        )

    async def reserved(self, name: str, service: Service | None = None) -> tuple[ReservationRequest, wire.Reservation]:
        """Reserve, which has to succeed."""
        request = await self.request(name, service)
        answer = await self.call(calls.reserve(request))
        require(answer.status == 201, f"a new reservation was answered with {answer.status}")
        reservation = read(answer, wire.Reservation)
        require_echo(request, reservation)
        return request, reservation

    async def looked_up(self, key: str) -> wire.Reservation | None:
        """Look a key up; None when the partner says in the documented way that it knows nothing of it."""
        answer = await self.call(calls.look_up(key))
        if answer.status == 404:
            require_refusal(answer, 404, "not_found", key)
            return None
        require(answer.status == 200, f"the look-up was answered with {answer.status}")
        found = read(answer, wire.Reservation)
        require(found.key == key, f"the look-up of {key} tells of {found.key}")
        return found

    async def trigger(self, kind: str, key: str, reference: str) -> None:
        """Make an event happen: by the partner's own hook, or by asking people."""
        if not self.settings.trigger:
            await self.ask(f"Now let {kind} happen to the reservation {reference} (our key {key}).")
            return
        path = self.settings.trigger.removeprefix(self.settings.url.rstrip("/"))
        body = encode({"type": kind, "key": key})
        answer = await self.call(PartnerCall(operation="trigger", method="POST", path=path, body=body))
        require(answer.status < 300, f"the trigger was answered with {answer.status}")


def require(holds: bool, otherwise: str) -> None:
    """Raise unless it holds.

    Raises:
        FailedError: it does not.
    """
    if not holds:
        raise FailedError(otherwise)


def readable(read_it: Callable[[], T]) -> T:
    """Read something of an answer.

    Raises:
        FailedError: it is not what the contract says.
    """
    try:
        return read_it()
    except ProtocolError as error:
        raise FailedError(error.message) from error


def read(answer: PartnerAnswer, type_: type[T]) -> T:
    """Read an answer's body as a message of the contract.

    Raises:
        FailedError: it is none.
    """
    return readable(lambda: decode(answer.body, type_))


def require_refusal(answer: PartnerAnswer, status: int, code: str, key: str | None) -> None:
    """Require a documented refusal that repeats the key."""
    require(answer.status == status, f"answered with {answer.status}, not {status} {code}")
    refusal = read(answer, wire.Refusal)
    require(refusal.error.code == code, f"refused with the code {refusal.error.code!r}, not {code!r}")
    require(key is None or refusal.key == key, f"the refusal repeats the key {refusal.key!r}, not {key!r}")


def require_echo(request: ReservationRequest, reservation: wire.Reservation) -> None:
    """Require that a reservation repeats what was asked for."""
    price = readable(lambda: to_money(reservation.price) if reservation.price else None)
    parts = {
        "key": reservation.key == request.key,
        "offer": reservation.offer == request.offer_token,
        "service": reservation.service == request.service,
        "price": price == request.price,
        "reference": bool(reservation.reference),
    }
    wrong = [name for name, right in parts.items() if not right]
    require(not wrong, f"the reservation does not repeat {', '.join(wrong)}")


@asynccontextmanager
async def open_bench(
    settings: KitSettings, manifest: Manifest, clock: Clock, listener: Listener | None, ask: Ask
) -> AsyncIterator[Bench]:
    """Open connections to the partner; they are closed with the block."""
    secret = {"client_id": Secret(settings.client_id), "client_secret": Secret(settings.client_secret)}
    context = open_context(
        partner=settings.partner, manifest=manifest, base_url=settings.url, credentials=secret, options={}, clock=clock
    )
    bare = PartnerClient(base_url=settings.url, limits=manifest.limits, clock=clock)
    try:
        yield Bench(settings, (context.client, bare), clock, listener, ask)
    finally:
        await context.client.aclose()
        await bare.aclose()


async def _lifespan(receive: Any, send: Any) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})
