"""The simulated partner over real HTTP: Amadeus' tokens, offers and orders.

Credentials: ``client_id`` and ``client_secret`` (published throw-away values in `CREDENTIALS`). Own options
(``--option``): ``zone`` of the statement's business day, ``token_seconds`` that a token lives (1799). The minutes that
make a condition happen are in `simulator_book.Magic`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request, Response, get, post
from litestar.params import FromPath

from adapters.sdk.currencies import decimal_text
from adapters.sdk.testing.control import answer
from adapters.sdk.testing.simulator import Operation, Simulator, SimulatorOptions
from adapters.transfers.amadeus_transfers.simulator_book import (
    VEHICLES,
    Magic,
    Offer,
    Order,
    RefusedError,
    TransferBook,
)

CREDENTIALS = {"client_id": "transfers-simulator", "client_secret": "transfers-simulator-secret"}
"""Published throw-away credentials."""

AnyRequest = Request[Any, Any, Any]

OPERATIONS = (
    Operation("token", "POST", "/v1/security/oauth2/token"),
    Operation("search", "POST", "/v1/shopping/transfer-offers"),
    Operation("book", "POST", "/v1/ordering/transfer-orders"),
    Operation("cancel", "POST", "/v1/ordering/transfer-orders/{order}/transfers/cancellation"),
    Operation("statement", "GET", "/contract/statements/{date}"),
)


def create_simulator(options: SimulatorOptions) -> Simulator:
    """Make the simulator of one partner."""
    partner = _Partner(options)
    return Simulator(options, book=partner.book, handlers=_handlers(partner), operations=OPERATIONS)


class _Partner:
    """One running partner: who may call, and the answers in its wire format."""

    def __init__(self, options: SimulatorOptions) -> None:
        self.clock = options.clock
        zone = options.values.get("zone", "Asia/Shanghai")
        self.book = TransferBook(seed=options.seed, zone=zone, currency=options.currency)
        self._client = {name: options.credentials.get(name, CREDENTIALS[name]) for name in CREDENTIALS}
        self._token_seconds = int(options.values.get("token_seconds", "1799"))
        self._tokens: dict[str, datetime] = {}

    def token(self, form: dict[str, str]) -> Response[bytes]:
        """Give a token, or refuse as the authorisation API does."""
        given = {name: form.get(name) for name in CREDENTIALS}
        if given != self._client or form.get("grant_type") != "client_credentials":
            told = {"error": "invalid_client", "error_description": "Client credentials are invalid"}
            return answer(told | {"code": 38187, "title": "Invalid parameters"}, 401)
        token = f"simulated-token-{len(self._tokens) + 1}"
        self._tokens[token] = self.clock.now() + timedelta(seconds=self._token_seconds)
        fields = {"type": "amadeusOAuth2Token", "client_id": form["client_id"], "token_type": "Bearer"}
        return answer(fields | {"access_token": token, "expires_in": self._token_seconds, "state": "approved"})

    async def answer(self, request: AnyRequest, status: int, act: Callable[[Any], dict[str, Any]]) -> Response[bytes]:
        """Check the caller and the form, act on the body, and answer the resource or the error."""
        try:
            self.authorise(request)
            body = await request.body()
            return answer(act(json.loads(body) if body else None), status)
        except RefusedError as refusal:
            return answer(refusal.body, refusal.status)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return answer(RefusedError(400, 32171).body, 400)

    def authorise(self, request: AnyRequest) -> None:
        """Check the token.

        Raises:
            RefusedError: 401.
        """
        ends_at = self._tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if ends_at is None or ends_at <= self.clock.now():
            raise RefusedError(401, 20)

    def searched(self, body: Any) -> dict[str, Any]:
        offers = self.book.search(body)
        found: dict[str, Any] = {"data": [self.offer(offer) for offer in offers]}
        if offers and offers[0].minute == Magic.MOVED:
            found["warnings"] = [{"code": 101, "title": "PICK-UP DATE TIME CHANGED"}]
        return found

    def offer(self, offer: Offer) -> dict[str, Any]:
        head = {"type": "transfer-offer", "id": offer.id, "methodsOfPaymentAccepted": ["TRAVEL_ACCOUNT", "INVOICE"]}
        return head | self.transfer(offer)

    def order(self, order: Order) -> dict[str, Any]:
        ride = self.transfer(order.offer) | {
            "status": "CONFIRMED",
            "confirmNbr": order.confirmation,
            "note": order.data.get("note", ""),
            "methodOfPayment": "TRAVEL_ACCOUNT",
            "methodsOfPaymentAccepted": ["TRAVEL_ACCOUNT"],
            "offerId": order.offer.id,
        }
        head = {"type": "transfer-order", "id": order.id, "reference": order.id[-6:]}
        return {"data": head | {"transfers": [ride], "passengers": order.data["passengers"]}}

    def transfer(self, offer: Offer) -> dict[str, Any]:
        """Write what offer and order have in common."""
        code, category, description, _ = VEHICLES[offer.vehicle]
        currency = self.book.currency
        quotation = {
            "monetaryAmount": decimal_text(offer.amount, currency),
            "currencyCode": currency,
            "isEstimated": offer.minute == Magic.ESTIMATED,
        }
        provider = {"code": "SIM", "name": "Simulated Shuttle", "logoUrl": "https://simulated.test/logo.png"}
        needs = ["FLIGHT_NUMBER_REQUIRED", "CVV_NUMBER_REQUIRED"] if offer.minute == Magic.NEEDS_MORE else []
        rules = [
            {"feeType": "PERCENTAGE", "feeValue": "100", "metricType": "DAYS", "metricMin": "0", "metricMax": "1"},
            {"feeType": "PERCENTAGE", "feeValue": "0", "metricType": "DAYS", "metricMin": "1", "metricMax": "100"},
        ]
        return {
            "transferType": offer.asked["transferType"],
            "start": {"dateTime": offer.start, "locationCode": offer.asked["startLocationCode"]},
            "end": _end(offer.asked),
            "vehicle": {"code": code, "category": category, "description": description, "seats": [{"count": 4}]},
            "serviceProvider": provider | {"settings": needs},
            "quotation": quotation,
            "cancellationRules": rules,
        }

    def cancelled(self, order_id: str, confirmation: str | None) -> dict[str, Any]:
        order = self.book.cancel(order_id, confirmation, self.clock.now())
        status = "CANCELLED" if order.offer.minute != Magic.NOT_CANCELLABLE else "CONFIRMED"
        return {"data": {"confirmNbr": order.confirmation, "reservationStatus": status}}


def _handlers(partner: _Partner) -> list[Any]:
    book, clock = partner.book, partner.clock

    @post("/v1/security/oauth2/token", status_code=200)
    async def token(request: AnyRequest) -> Response[bytes]:
        return partner.token(dict(parse_qsl((await request.body()).decode("utf-8", "replace"))))

    @post("/v1/shopping/transfer-offers", status_code=200)
    async def search(request: AnyRequest) -> Response[bytes]:
        return await partner.answer(request, 200, partner.searched)

    @post("/v1/ordering/transfer-orders")
    async def create(request: AnyRequest) -> Response[bytes]:
        offer_id = request.query_params.get("offerId")
        return await partner.answer(request, 201, lambda body: partner.order(book.book(offer_id, body, clock.now())))

    @post("/v1/ordering/transfer-orders/{order_id:str}/transfers/cancellation", status_code=200)
    async def cancel(request: AnyRequest, order_id: FromPath[str]) -> Response[bytes]:
        confirmation = request.query_params.get("confirmNbr")
        return await partner.answer(request, 200, lambda _: partner.cancelled(order_id, confirmation))

    @get("/contract/statements/{business_date:date}")
    async def statement(request: AnyRequest, business_date: FromPath[date]) -> Response[bytes]:
        frame: Simulator = request.app.state.simulator
        try:
            partner.authorise(request)
        except RefusedError as refusal:
            return answer(refusal.body, refusal.status)
        return Response(frame.statement(business_date)[1], media_type="text/csv")

    return [token, search, create, cancel, statement]


def _end(asked: dict[str, Any]) -> dict[str, Any]:
    """Repeat where a ride ends."""
    if asked.get("endLocationCode"):
        return {"locationCode": asked["endLocationCode"]}
    names = {"line": "endAddressLine", "zip": "endZipCode", "countryCode": "endCountryCode", "cityName": "endCityName"}
    address = {ours: asked[theirs] for ours, theirs in names.items() if asked.get(theirs)}
    return {"address": address, "name": asked.get("endName", "")}
