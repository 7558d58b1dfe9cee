"""A partner on our own contract: the reference implementation, and what the demonstration and the fault runs talk to.

Published throw-away credentials unless given: client ``simulator``, secret ``simulator-secret``. ``values``:
``time_zone`` (of the business day), ``unit_price`` (decimal text per visitor), ``capacity`` (per lounge and day). A
lounge whose id begins with ``full`` is always sold out when it is reserved.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, unquote

from litestar import Request, Response, get, post, put
from litestar.params import FromPath

from adapters.direct import simulator_links, wire
from adapters.direct.simulator_book import DirectBook
from adapters.direct.simulator_desk import TOKEN_SECONDS, Desk, ReportEvent, ReportVisit, refuse
from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.testing.control import answer, read
from adapters.sdk.testing.simulator import Operation, Simulator, SimulatorOptions, make_sender

AnyRequest = Request[Any, Any, Any]

OPERATIONS = (
    Operation("token", "POST", "/oauth/token"),
    Operation("authorise", "GET", "/oauth/authorize"),
    Operation("unlink", "POST", "/oauth/revoke"),
    Operation("read_account", "GET", "/v1/members/me"),
    Operation("quote_offers", "POST", "/v1/offers"),
    Operation("search_offers", "POST", "/v1/offers/search"),
    Operation("reserve", "PUT", "/v1/reservations/{key}"),
    Operation("look_up", "GET", "/v1/reservations/{key}"),
    Operation("fence", "POST", "/v1/reservations/{key}/fence"),
    Operation("cancel", "POST", "/v1/reservations/{key}/cancel"),
    Operation("grant_status", "PUT", "/v1/status-grants/{key}"),
    Operation("fetch_voucher", "GET", "/v1/reservations/{key}/voucher"),
    Operation("reverse", "PUT", "/v1/reservations/{key}/reversals/{reversal}"),
    Operation("validate_member", "POST", "/v1/members/validate"),
    Operation("report_status", "GET", "/v1/members/{account}/status"),
    Operation("statement", "GET", "/v1/statements/{date}"),
)


def create_simulator(options: SimulatorOptions) -> Simulator:
    """Make the partner; see the module for the options."""
    book = DirectBook(options.values.get("time_zone", "Asia/Shanghai"))
    return around(Desk(options, book, make_sender(options)))


def around(desk: Desk, control_handlers: Sequence[Any] = ()) -> Simulator:
    """Put the contract's paths around a desk; ``control_handlers`` are further ones below ``/_simulator``."""
    links = simulator_links.LinkDesk(desk)
    tokens, members = _token_handlers(desk, links), simulator_links.handlers(links)
    simulator = Simulator(
        desk.options,
        book=desk.book,
        handlers=[
            *tokens,
            *members,
            *_reservation_handlers(desk),
            *_reading_handlers(desk),
            *_member_handlers(desk),
        ],
        operations=OPERATIONS,
        control_handlers=[*_desk_handlers(desk), *simulator_links.control_handlers(links), *control_handlers],
        webhooks=desk.webhooks,
    )
    desk.book.links = links
    return simulator


def _token_handlers(desk: Desk, links: simulator_links.LinkDesk) -> list[Any]:
    given = desk.options.credentials
    expected = (given.get("client_id", "simulator"), given.get("client_secret", "simulator-secret"))

    @post("/oauth/token")
    async def token(request: AnyRequest) -> Response[bytes]:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        if _basic(request) != expected:
            return answer({"error": "invalid_client"}, 401)
        if form.get("grant_type") in simulator_links.GRANTS:
            status, told = links.token(form)
            return answer(told, status)
        if form.get("grant_type") != "client_credentials":
            return answer({"error": "unsupported_grant_type"}, 400)
        return answer({"access_token": desk.token(), "token_type": "Bearer", "expires_in": TOKEN_SECONDS})

    @post("/oauth/revoke")
    async def revoke(request: AnyRequest) -> Response[bytes]:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        if _basic(request) != expected:
            return answer({"error": "invalid_client"}, 401)
        links.revoke(form.get("token", ""))
        return answer({})

    return [token, revoke]


def _reservation_handlers(desk: Desk) -> list[Any]:
    @put("/v1/reservations/{key:str}")
    async def reserve(request: AnyRequest, key: FromPath[str]) -> Response[bytes]:
        return await _write(desk, request, key, wire.ReserveBody, lambda body: desk.reserve(key, body))

    @post("/v1/reservations/{key:str}/fence")
    async def fence(request: AnyRequest, key: FromPath[str]) -> Response[bytes]:
        return await _write(desk, request, key, dict[str, str], lambda _: desk.fence(key))

    @post("/v1/reservations/{key:str}/cancel")
    async def cancel(request: AnyRequest, key: FromPath[str]) -> Response[bytes]:
        return await _write(desk, request, key, wire.CancelBody, lambda body: desk.cancel(key, body.reference))

    @put("/v1/reservations/{key:str}/reversals/{reversal:str}")
    async def reverse(request: AnyRequest, key: FromPath[str], reversal: FromPath[str]) -> Response[bytes]:
        return await _write(desk, request, key, wire.ReversalBody, lambda body: desk.reverse(key, reversal, body))

    return [reserve, fence, cancel, reverse]


def _reading_handlers(desk: Desk) -> list[Any]:
    @post("/v1/offers")
    async def offers(request: AnyRequest) -> Response[bytes]:
        def price(query: wire.OffersQuery) -> tuple[int, object]:
            return 200, wire.OffersAnswer(offers=(desk.offer(query),))

        return await _write(desk, request, None, wire.OffersQuery, price)

    @get("/v1/reservations/{key:str}")
    async def look_up(request: AnyRequest, key: FromPath[str]) -> Response[bytes]:
        if not desk.authorised(request.headers.get("authorization", "")):
            return answer(refuse("unauthenticated", key), 401)
        held = desk.shown(key)
        return answer(held.reservation) if held else answer(refuse("not_found", key), 404)

    @get("/v1/statements/{business_date:date}")
    async def statement(request: AnyRequest, business_date: FromPath[date]) -> Response[bytes]:
        if not desk.authorised(request.headers.get("authorization", "")):
            return answer(refuse("unauthenticated", None), 401)
        frame: Simulator = request.app.state.simulator
        name, content = frame.statement(business_date)
        headers = {"statement-sequence": "1", "content-disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type="text/csv", headers=headers)

    @post("/v1/offers/search")
    async def search(request: AnyRequest) -> Response[bytes]:
        return await _write(desk, request, None, wire.SearchQuery, desk.search)

    return [offers, search, look_up, statement]


def _member_handlers(desk: Desk) -> list[Any]:
    @post("/v1/members/validate")
    async def validate(request: AnyRequest) -> Response[bytes]:
        return await _write(desk, request, None, wire.MemberQuery, desk.validate)

    @get("/v1/members/{account:str}/status")
    async def status(request: AnyRequest, account: FromPath[str]) -> Response[bytes]:
        if not desk.authorised(request.headers.get("authorization", "")):
            return answer(refuse("unauthenticated", None), 401)
        code, value = desk.member_status(account)
        return answer(value, code)

    @get("/v1/reservations/{key:str}/voucher")
    async def voucher(request: AnyRequest, key: FromPath[str]) -> Response[bytes]:
        if not desk.authorised(request.headers.get("authorization", "")):
            return answer(refuse("unauthenticated", key), 401)
        code, value = desk.voucher(key)
        return answer(value, code)

    @put("/v1/status-grants/{key:str}")
    async def grant(request: AnyRequest, key: FromPath[str]) -> Response[bytes]:
        return await _write(desk, request, key, wire.GrantBody, lambda body: desk.grant(key, body))

    return [validate, status, voucher, grant]


def _desk_handlers(desk: Desk) -> list[Any]:
    @post("/visits")
    async def report(request: AnyRequest) -> Response[bytes]:
        status, value = desk.report_visit(await read(request, ReportVisit))
        return answer(value, status)

    @post("/events")
    async def event(request: AnyRequest) -> Response[bytes]:
        status, value = desk.report_event(await read(request, ReportEvent))
        return answer(value, status)

    return [report, event]


async def _write(desk: Desk, request: AnyRequest, key: str | None, type_: Any, operation: Any) -> Response[bytes]:
    if not desk.authorised(request.headers.get("authorization", "")):
        return answer(refuse("unauthenticated", key), 401)
    try:
        status, value = operation(decode(await request.body(), type_))
    except ProtocolError as error:
        return answer(refuse("malformed", key, error.message), 400)
    return answer(value, status)


def _basic(request: AnyRequest) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except ValueError:
        return None
    return (unquote(client_id), unquote(secret)) if scheme == "Basic" else None
