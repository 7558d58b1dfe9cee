"""The simulated platform over real HTTP: its wire format, its request signatures and its unsigned callbacks.

Own options (``--option``): ``batch=true`` queues every ordinary credit until ``POST /_simulator/night``;
``zone=Asia/Shanghai`` for business dates; ``miles=1`` and ``minor_units=7`` price the statement: so many minor units
for so many miles. Credentials: ``mac_id``, ``mac_key``.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from litestar import Request, Response, get, patch, post
from litestar.params import FromPath

from adapters.airlines.points_lcp.simulator_book import (
    SANDBOX_LEVELS,
    Credit,
    Order,
    PlatformBook,
    RefusedError,
    Validation,
)
from adapters.sdk.auth import mac_digest, mac_ext, mac_text
from adapters.sdk.codec import encode
from adapters.sdk.testing.simulator import Operation, Simulator, SimulatorOptions
from adapters.sdk.testing.webhook_sender import WebhookSender
from catalogue.values import Rate

MAC_ID = "simulator-airline"
MAC_KEY = "c2ltdWxhdG9yLWFpcmxpbmUta2V5LW5vdC1hLXNlY3JldA"
"""Published throw-away credentials; the key is URL-safe base64 without padding, as the platform issues them."""

WINDOW_SECONDS = 30

_HEADER = re.compile(
    r'MAC id="(?P<id>[^"]+)", ts="(?P<ts>\d{1,12})", nonce="(?P<nonce>[^"]+)", ext="(?P<ext>[^"]*)", '
    r'mac="(?P<mac>[^"]+)"',
    re.ASCII,
)

OPERATIONS = (
    Operation("validate_member", "POST", "/v1/lps/{programme}/mvs/"),
    Operation("create_order", "POST", "/v1/orders/"),
    Operation("credit", "POST", "/v1/lps/{programme}/credits/"),
    Operation("debit", "POST", "/v1/lps/{programme}/debits/"),
    Operation("reverse", "POST", "/contract/reversals"),
    Operation("get_order", "GET", "/v1/orders/{order}"),
    Operation("get_credit", "GET", "/v1/lps/{programme}/credits/{credit}"),
    Operation("get_credit", "GET", "/v1/lps/{programme}/debits/{credit}"),
    Operation("get_statement", "GET", "/contract/statements/{date}"),
    Operation("update_credit", "PATCH", "/v1/lps/{programme}/credits/{credit}"),
)


def create_simulator(options: SimulatorOptions) -> Simulator:
    """Make the simulator of one partner."""
    return _Platform(options).simulator()


class _Platform:
    """One running platform: who may call, and the answers in its wire format."""

    def __init__(self, options: SimulatorOptions) -> None:
        values = options.values
        self.options = options
        self.clock = options.clock
        self.book = PlatformBook(
            batch=values.get("batch", "false") == "true",
            zone=values.get("zone", "Asia/Shanghai"),
            price=Rate(int(values.get("miles", "1")), int(values.get("minor_units", "7"))),
            currency=options.currency,
        )
        self.webhooks = WebhookSender(options.webhook_url, None, options.clock)
        self._mac_id = options.credentials.get("mac_id", MAC_ID)
        self._mac_key = options.credentials.get("mac_key", MAC_KEY)
        self._nonces: dict[str, int] = {}

    def simulator(self) -> Simulator:
        return Simulator(
            self.options,
            book=self.book,
            handlers=_handlers(self),
            operations=OPERATIONS,
            on_night=self.night,
            webhooks=self.webhooks,
        )

    async def statement(self, request: Request[Any, Any, Any], business_date: date) -> Response[bytes]:
        """Answer the contractual file of a day; the contract gives it the platform's own signatures."""
        frame: Simulator = request.app.state.simulator
        try:
            self.authorise(request, _origin(request), b"")
        except RefusedError as refusal:
            return Response(encode(refusal.body), status_code=refusal.status, media_type="application/json")
        return Response(frame.statement(business_date)[1], media_type="text/csv")

    async def answer(
        self, request: Request[Any, Any, Any], status: int, act: Callable[[Any, str], dict[str, Any]]
    ) -> Response[bytes]:
        """Check signature and form, act on the body and the caller's origin, and answer the resource or the error."""
        body = await request.body()
        origin = _origin(request)
        try:
            self.authorise(request, origin, body)
            resource = act(_document(request, body), origin)
        except RefusedError as refusal:
            return Response(encode(refusal.body), status_code=refusal.status, media_type="application/json")
        headers = {"location": resource["links"]["self"]["href"]} if status == 201 else {}
        return Response(encode(resource), status_code=status, media_type="application/json", headers=headers)

    def authorise(self, request: Request[Any, Any, Any], origin: str, body: bytes) -> None:
        """Check the request's signature, its age and that its nonce is new.

        Raises:
            RefusedError: 401; which of them failed is not said.
        """
        fields = _HEADER.fullmatch(request.headers.get("authorization", ""))
        now = int(self.clock.now().timestamp())
        if fields is None or fields["id"] != self._mac_id or abs(now - int(fields["ts"])) > WINDOW_SECONDS:
            raise RefusedError(401, "UNAUTHORIZED")
        ext = mac_ext(request.method, request.headers.get("content-type", ""), body)
        target = request.scope["raw_path"].decode("ascii")
        if request.scope["query_string"]:
            target += "?" + request.scope["query_string"].decode("ascii")
        text = mac_text(int(fields["ts"]), fields["nonce"], request.method, target, origin, ext)
        genuine = hmac.compare_digest(fields["mac"], mac_digest(self._mac_key, text))
        self._nonces = {nonce: at for nonce, at in self._nonces.items() if now - at <= 2 * WINDOW_SECONDS}
        if not genuine or fields["ext"] != ext or fields["nonce"] in self._nonces:
            raise RefusedError(401, "UNAUTHORIZED")
        self._nonces[fields["nonce"]] = now

    async def reverse(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Answer a reversal, in the form of the loyalty partner API; the contract gives it the same signatures."""
        body = await request.body()
        try:
            self.authorise(request, _origin(request), body)
            status, answer = self.book.reverse(_document(request, body), self.clock.now())
        except RefusedError as refusal:
            status, answer = refusal.status, refusal.body
        return Response(encode(answer), status_code=status, media_type="application/json")

    def credit(self, programme: str, body: Any, origin: str, kind: str = "credit") -> dict[str, Any]:
        made = self.book.credit(programme, body, origin, self.clock.now(), kind)
        self.call_back(made)
        return credit_resource(made, origin)

    def update_credit(self, path: str, body: Any, origin: str) -> dict[str, Any]:
        """Let a sandbox user decide a credit, as an investigation would (API reference, Update an Credit)."""
        credit: Credit | None = self.book.get("credits", path)
        if credit is None:
            raise RefusedError(404, "NOT_FOUND")
        if not isinstance(body, dict) or body.get("status") not in {"success", "failure"}:
            raise RefusedError(400, "NO_ENUM_MATCH", "status")
        now = self.clock.now()
        decided = self.book.decide(credit, body["status"], now, now.astimezone(self.book.zone).date())
        self.call_back(decided)
        return credit_resource(decided, origin)

    def night(self, business_date: date) -> int:
        """Settle what waits for the batch of a business date."""
        settled = self.book.settle(business_date, self.clock.now())
        for credit in settled:
            self.call_back(credit)
        return len(settled)

    def call_back(self, credit: Credit) -> None:
        """Tell the application of a credit's new status, once the book knows it and an order is there to tell of."""
        order: Order | None = self.book.get("orders", credit.order or "")
        if order is None or not order.updates or order.updates[-1]["resource"] != order.origin + credit.path:
            return
        message = {"orderUrl": order.origin + order.path, "orderStatus": order.status, "update": order.updates[-1]}
        message |= {"partnerTransactionId": order.key} if order.key else {}
        self.webhooks.send(f"{credit.path}:{credit.status}", encode(message))


def _handlers(platform: _Platform) -> list[Any]:
    book, clock = platform.book, platform.clock

    @post("/v1/lps/{programme:str}/mvs/")
    async def validate(request: Request[Any, Any, Any], programme: FromPath[str]) -> Response[bytes]:
        return await platform.answer(
            request,
            201,
            lambda body, origin: validation_resource(book.validate(programme, body, clock.now()), origin),
        )

    @post("/v1/orders/")
    async def open_order(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await platform.answer(
            request, 201, lambda body, origin: order_resource(book.open_order(body, origin, clock.now()))
        )

    @post("/v1/lps/{programme:str}/credits/")
    async def credit(request: Request[Any, Any, Any], programme: FromPath[str]) -> Response[bytes]:
        return await platform.answer(request, 201, lambda body, origin: platform.credit(programme, body, origin))

    @get("/v1/orders/{name:str}")
    async def get_order(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        return await platform.answer(
            request, 200, lambda _, __: order_resource(_found(book.get("orders", f"/v1/orders/{name}")))
        )

    @get("/v1/lps/{programme:str}/credits/{name:str}")
    async def get_credit(
        request: Request[Any, Any, Any], programme: FromPath[str], name: FromPath[str]
    ) -> Response[bytes]:
        path = f"/v1/lps/{programme}/credits/{name}"
        return await platform.answer(
            request, 200, lambda _, origin: credit_resource(_found(book.get("credits", path)), origin)
        )

    @patch("/v1/lps/{programme:str}/credits/{name:str}")
    async def update_credit(
        request: Request[Any, Any, Any], programme: FromPath[str], name: FromPath[str]
    ) -> Response[bytes]:
        path = f"/v1/lps/{programme}/credits/{name}"
        return await platform.answer(request, 200, lambda body, origin: platform.update_credit(path, body, origin))

    @get("/contract/statements/{business_date:date}")
    async def statement(request: Request[Any, Any, Any], business_date: FromPath[date]) -> Response[bytes]:
        return await platform.statement(request, business_date)

    return [validate, open_order, credit, get_order, get_credit, update_credit, statement, *_point_handlers(platform)]


def _point_handlers(platform: _Platform) -> list[Any]:
    @post("/v1/lps/{programme:str}/debits/")
    async def debit(request: Request[Any, Any, Any], programme: FromPath[str]) -> Response[bytes]:
        return await platform.answer(
            request, 201, lambda body, origin: platform.credit(programme, body, origin, "debit")
        )

    @post("/contract/reversals")
    async def reverse(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await platform.reverse(request)

    @get("/v1/lps/{programme:str}/debits/{name:str}")
    async def get_debit(
        request: Request[Any, Any, Any], programme: FromPath[str], name: FromPath[str]
    ) -> Response[bytes]:
        path = f"/v1/lps/{programme}/debits/{name}"
        return await platform.answer(
            request, 200, lambda _, origin: credit_resource(_found(platform.book.get("credits", path)), origin)
        )

    return [debit, reverse, get_debit]


def _origin(request: Request[Any, Any, Any]) -> str:
    return f"{request.scope['scheme']}://{request.headers.get('host', '')}"


def _document(request: Request[Any, Any, Any], body: bytes) -> Any:
    if request.method == "GET":
        return None
    if request.headers.get("content-type", "") != "application/json":
        raise RefusedError(415, "UNSUPPORTED_MEDIA_TYPE")
    try:
        return json.loads(body)
    except ValueError as error:
        raise RefusedError(400, "BAD_REQUEST") from error


def _found(row: Any) -> Any:
    if row is None:
        raise RefusedError(404, "NOT_FOUND")
    return row


def validation_resource(row: Validation, origin: str) -> dict[str, Any]:
    """Write a member validation as the platform does."""
    level = SANDBOX_LEVELS.get(row.factors["memberId"][-1:])
    found = _resource(row.path, "memberValidation", row.made_at, row.made_at, origin) | {
        "authenticatingFactors": dict.fromkeys(row.proofs, "*****"),
        "balance": 48_200,
        "identifyingFactors": row.factors,
        "loyaltyProgram": f"{origin}/v1/lps/{row.programme}",
        "status": "success",
    }
    return found | ({"membershipLevel": level} if level else {})


def order_resource(row: Order) -> dict[str, Any]:
    """Write an order as the platform does; the number for the member's questions is made from its own."""
    updated_at: datetime = row.updates[-1]["updatedAt"] if row.updates else row.made_at
    resource = _resource(row.path, "order", row.made_at, updated_at, row.origin) | {
        "confirmationNumber": f"1001-2002-3003-{row.path[-8:-4]}-{row.path[-4:]}",
        "data": row.data,
        "orderType": row.order_type,
        "status": row.status,
        "updates": list(row.updates),
    }
    return resource | ({"partnerTransactionId": row.key} if row.key else {})


def credit_resource(row: Credit, origin: str) -> dict[str, Any]:
    """Write a credit as the platform does."""
    resource = _resource(row.path, row.kind, row.made_at, row.decided_at, origin) | {
        "amount": row.amount,
        "loyaltyProgram": f"{origin}/v1/lps/{row.programme}",
        "memberValidation": origin + row.validation,
        "status": row.status,
        "statusMessage": row.status if row.status != "failure" else "Error: not accepted by the programme",
    }
    resource |= {"order": origin + row.order} if row.order else {}
    return resource | ({"transactionId": row.transaction_id} if row.transaction_id else {})


def _resource(path: str, type_: str, made_at: datetime, updated_at: datetime, origin: str) -> dict[str, Any]:
    return {
        "application": f"{origin}/v1/apps/simulated",
        "createdAt": made_at.astimezone(UTC),
        "updatedAt": updated_at.astimezone(UTC),
        "links": {"self": {"href": origin + path}},
        "type": type_,
    }
