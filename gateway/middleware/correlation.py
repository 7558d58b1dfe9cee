"""The outermost layer: request id, HEAD, and the headers that every answer carries."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from config.clock import Clock
from config.observability import OftenLogged, bind_correlation, reset_correlation
from gateway.middleware.tally import NO_ROUTE, Tally

HEADER = b"x-request-id"
_ACCEPTED = re.compile(r"[A-Za-z0-9._\-]{1,64}\Z")
_ALWAYS = ((b"x-content-type-options", b"nosniff"),)

_answered = OftenLogged(__name__, "answered")


def request_id_of(scope: Mapping[str, Any]) -> str:
    """Answer the id of the request that a scope belongs to; empty outside of the layer below."""
    state: dict[str, Any] = scope.get("state") or {}
    return str(state.get("request_id", ""))


class Correlation:
    """Takes the caller's ``X-Request-Id`` when it is harmless (or makes one), binds it to the log, and returns it.

    It lies outside the router, so that answers to unknown paths and methods carry the id too. HEAD is served as GET
    without its body (RFC 9110, section 9.3.2). Answers that say nothing about caching are not stored by anybody.

    Each request leaves one line in the log. It names the route as it is declared, never the address: an address may
    hold a member's id or the secret of a callback. It is counted in the tally, too.
    """

    def __init__(self, app: ASGIApp, new_id: Callable[[], str], clock: Clock, tally: Tally) -> None:
        """Wrap the router; ``new_id`` makes a request id."""
        self._tally = tally
        self._app = app
        self._new_id = new_id
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        http: Any = scope
        head = http["method"] == "HEAD"
        if head:
            http["method"] = "GET"
        request_id = self._request_id(scope["headers"])
        scope["state"]["request_id"] = request_id
        began, statuses = self._clock.monotonic(), [0]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _completed(message["headers"], request_id)
                statuses[0] = message["status"]
            elif head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        bound = bind_correlation(request_id)
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            self._tell(http, statuses[0], began)
            reset_correlation(bound)

    def _tell(self, http: dict[str, Any], status: int, began: float) -> None:
        seconds, route = self._clock.monotonic() - began, http.get("path_template")
        self._tally.count(http["method"], route, status, seconds)
        _answered.info(
            method=http["method"], route=route or NO_ROUTE, status=status, milliseconds=round(seconds * 1000)
        )

    def _request_id(self, headers: Any) -> str:
        for name, value in headers:
            if name == HEADER:
                text = value.decode("latin-1")
                return text if _ACCEPTED.match(text) else self._new_id()
        return self._new_id()


def _completed(headers: Any, request_id: str) -> list[tuple[bytes, bytes]]:
    sent = [*headers, (HEADER, request_id.encode()), *_ALWAYS]
    for name, _ in headers:
        if name.lower() == b"cache-control":
            return sent
    sent.append((b"cache-control", b"no-store"))
    return sent
