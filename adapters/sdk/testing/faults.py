"""What a partner can do to us, on demand: an ASGI layer that spoils a simulator's answers to chosen operations.

Faults are planned (operation, mode, times) and taken first in, first out. Those that spoil the wire itself write to the
server's socket directly, so they need uvicorn's h11 protocol, which `adapters.sdk.testing.simulator.serve` uses.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from adapters.sdk.testing import wire, xml_faults
from adapters.sdk.testing.book import LYING

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ANY = "*"


class PlannedFault(msgspec.Struct, forbid_unknown_fields=True):
    """One plan. ``times`` is counted down; ``seconds`` is how long a delaying mode takes."""

    operation: str
    mode: str
    times: int = 1
    seconds: float = 30.0


class Reply(msgspec.Struct):
    """A whole answer of the inner application."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = []
    body: bytes = b""


class FaultBoard:
    """The plans that wait for their call."""

    def __init__(self) -> None:
        """Start without any."""
        self._plans: deque[PlannedFault] = deque()

    def plan(self, operation: str, mode: str, times: int = 1, seconds: float = 30.0) -> None:
        """Plan a fault for the next calls of an operation (``*``: of any).

        Raises:
            ValueError: no such mode.
        """
        if mode not in MODES:
            raise ValueError(f"{mode!r} is not one of {', '.join(sorted(MODES))}")
        if mode != "none":
            self._plans.append(PlannedFault(operation, mode, times, seconds))

    def clear(self) -> None:
        """Forget every plan."""
        self._plans.clear()

    def take(self, operation: str) -> PlannedFault | None:
        """Take the oldest plan for an operation."""
        for plan in self._plans:
            if plan.operation in (operation, ANY):
                plan.times -= 1
                if plan.times <= 0:
                    self._plans.remove(plan)
                return plan
        return None


class Exchange(msgspec.Struct):
    """One request in the hands of a fault: how to run the real application, and what the wire is."""

    app: App
    scope: Scope
    body: bytes
    receive: Receive
    send: Send
    seconds: float

    async def run(self) -> Reply:
        """Run the application and keep its answer."""
        reply = Reply(headers=[])
        consumed = False

        async def receive() -> dict[str, Any]:
            nonlocal consumed
            if consumed:
                return {"type": "http.disconnect"}
            consumed = True
            return {"type": "http.request", "body": self.body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                reply.status, reply.headers = message["status"], list(message.get("headers", []))
            elif message["type"] == "http.response.body":
                reply.body += message.get("body", b"")

        await self.app(self.scope, receive, send)
        return reply

    async def answer(self, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
        """Send an answer."""
        fields = [(b"content-type", b"application/json"), *headers, (b"content-length", str(len(body)).encode())]
        await self.send({"type": "http.response.start", "status": status, "headers": fields})
        await self.send({"type": "http.response.body", "body": body})

    async def hang(self) -> None:
        """Wait until the caller has gone, or for the planned time."""
        try:
            async with asyncio.timeout(self.seconds):
                while (await self.receive())["type"] != "http.disconnect":
                    continue
        except TimeoutError:
            return


async def _commit_then_hang(exchange: Exchange) -> None:
    await exchange.run()
    await exchange.hang()
    wire.drop(exchange.send)


async def _commit_then_reset(exchange: Exchange) -> None:
    await exchange.run()
    wire.reset(exchange.send)


async def _reset(exchange: Exchange) -> None:
    wire.reset(exchange.send)


async def _hang_then_commit(exchange: Exchange) -> None:
    await exchange.hang()
    await exchange.run()
    wire.drop(exchange.send)


async def _error_500_before(exchange: Exchange) -> None:
    await exchange.answer(500, b'{"error":"internal"}')


async def _error_500_after_commit(exchange: Exchange) -> None:
    await exchange.run()
    await exchange.answer(500, b'{"error":"internal"}')


async def _busy_429(exchange: Exchange) -> None:
    await exchange.answer(429, b'{"error":"busy"}', (b"retry-after", b"2"))


async def _busy_503(exchange: Exchange) -> None:
    await exchange.answer(503, b'{"error":"busy"}', (b"retry-after", b"2"))


async def _teapot_418(exchange: Exchange) -> None:
    await exchange.answer(418, b'{"error":"teapot"}')


async def _redirect_302(exchange: Exchange) -> None:
    await exchange.answer(302, b"", (b"location", b"/elsewhere"))


async def _truncated(exchange: Exchange) -> None:
    reply = await exchange.run()
    await wire.truncated(exchange.send, reply.status, reply.body)


async def _endless(exchange: Exchange) -> None:
    await exchange.run()
    await wire.endless(exchange.send, exchange.seconds)


async def _slow_header(exchange: Exchange) -> None:
    await exchange.run()
    await wire.slow_header(exchange.send, exchange.seconds)


async def _slow_body(exchange: Exchange) -> None:
    reply = await exchange.run()
    await wire.slow_body(exchange.send, reply.status, reply.body, exchange.seconds)


async def _half_close(exchange: Exchange) -> None:
    reply = await exchange.run()
    wire.half_closed(exchange.send, reply.status, reply.body)


async def _many_headers(exchange: Exchange) -> None:
    reply = await exchange.run()
    wire.many_headers(exchange.send, reply.status, reply.body)


async def _early_100(exchange: Exchange) -> None:
    await exchange.run()
    await wire.early_hints(exchange.send, exchange.seconds)


async def _smuggled(exchange: Exchange) -> None:
    reply = await exchange.run()
    wire.smuggled(exchange.send, reply.status, reply.body)


async def _html_200(exchange: Exchange) -> None:
    page = b"<!doctype html><title>Maintenance</title><p>Back soon."
    fields = [(b"content-type", b"text/html"), (b"content-length", str(len(page)).encode())]
    await exchange.send({"type": "http.response.start", "status": 200, "headers": fields})
    await exchange.send({"type": "http.response.body", "body": page})


async def _nan(exchange: Exchange) -> None:
    reply = await exchange.run()
    spoilt = xml_faults.entities(reply.body) or reply.body.replace(b"{", b'{"rating":NaN,', 1)
    await exchange.answer(reply.status, spoilt)


async def _dup_keys(exchange: Exchange) -> None:
    reply = await exchange.run()
    document = _document(reply.body)
    name = next(iter(document), "status")
    spoilt = reply.body.replace(b"{", b'{"%s":"other",' % name.encode(), 1)
    await exchange.answer(reply.status, xml_faults.attribute_twice(reply.body) or spoilt)


async def _deep_json(exchange: Exchange) -> None:
    reply = await exchange.run()
    nested = b"[" * 5_000 + b"]" * 5_000
    spoilt = reply.body.replace(b"{", b'{"more":' + nested + b",", 1)
    await exchange.answer(reply.status, xml_faults.deep(reply.body) or spoilt)


async def _gzip_bomb(exchange: Exchange) -> None:
    await exchange.run()
    await exchange.answer(200, gzip.compress(b"0" * 8_000_000), (b"content-encoding", b"gzip"))


async def _lying_200(exchange: Exchange) -> None:
    token = LYING.set(True)
    try:
        reply = await exchange.run()
    finally:
        LYING.reset(token)
    await exchange.answer(reply.status, reply.body)


async def _wrong_echo(exchange: Exchange) -> None:
    """Change every text of the answer that repeats one of the request."""
    reply = await exchange.run()
    said = set(exchange.scope["path"].split("/")) | _texts(_document(exchange.body)) | xml_faults.values(exchange.body)
    long = {text for text in said if len(text) >= 6}
    changed = json.dumps(_change(_document(reply.body), long)).encode()
    await exchange.answer(reply.status, xml_faults.echo_changed(reply.body, long) or changed)


async def _wrong_amount(exchange: Exchange) -> None:
    """Change every number of the answer, and every text that is a plain decimal."""
    reply = await exchange.run()
    changed = json.dumps(_change(_document(reply.body), None)).encode()
    await exchange.answer(reply.status, xml_faults.amounts_changed(reply.body) or changed)


async def _new_word(exchange: Exchange) -> None:
    """Change the partner's words for what became of it into ones that nobody knows, and add a field and a null."""
    reply = await exchange.run()
    renamed = _WORD.sub(rb"\1brand_new\2", reply.body)
    await exchange.answer(reply.status, renamed.replace(b"{", b'{"brand_new":null,', 1))


async def _float_amount(exchange: Exchange) -> None:
    """Write every number, and every text that is a plain decimal, as a number with a fraction."""
    reply = await exchange.run()
    await exchange.answer(reply.status, xml_faults.amounts_changed(reply.body) or _NUMBER.sub(rb":\1.5", reply.body))


_WORD = re.compile(rb"""((?:status|state|result)"?\s*[:=]\s*")[^"]*(")""", re.IGNORECASE)
_NUMBER = re.compile(rb""":\s*"?(\d+)(?:\.\d+)?"?(?=\s*[,}\]])""")

MODES: dict[str, Callable[[Exchange], Awaitable[None]] | None] = {
    "none": None,
    "commit_then_hang": _commit_then_hang,
    "commit_then_reset": _commit_then_reset,
    "reset": _reset,
    "hang_then_commit": _hang_then_commit,
    "error_500_before": _error_500_before,
    "error_500_after_commit": _error_500_after_commit,
    "busy_429": _busy_429,
    "busy_503": _busy_503,
    "redirect_302": _redirect_302,
    "teapot_418": _teapot_418,
    "truncated": _truncated,
    "endless": _endless,
    "slow_header": _slow_header,
    "slow_body": _slow_body,
    "half_close": _half_close,
    "many_headers": _many_headers,
    "early_100": _early_100,
    "smuggled": _smuggled,
    "html_200": _html_200,
    "new_word": _new_word,
    "float_amount": _float_amount,
    "nan": _nan,
    "dup_keys": _dup_keys,
    "deep_json": _deep_json,
    "gzip_bomb": _gzip_bomb,
    "lying_200": _lying_200,
    "wrong_echo": _wrong_echo,
    "wrong_amount": _wrong_amount,
}
"""Every mode by name."""

COMMITS = frozenset(MODES) - {
    "reset",
    "error_500_before",
    "busy_429",
    "busy_503",
    "redirect_302",
    "teapot_418",
    "html_200",
    "lying_200",
}
"""Modes after which the partner has done what was asked (``hang_then_commit``: sooner or later)."""


async def inject(fault: PlannedFault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request with a fault."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            break
    spoil = MODES[fault.mode]
    if spoil is not None:
        await spoil(Exchange(app, scope, body, receive, send, fault.seconds))


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {"": found}


def _texts(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(_texts, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(_texts, value)) if value else set()
    return {value} if isinstance(value, str) else set()


def _change(value: Any, texts: set[str] | None) -> Any:
    """Change the given texts; with None every number and decimal text instead."""
    if isinstance(value, dict):
        return {key: _change(item, texts) for key, item in value.items()}
    if isinstance(value, list):
        return [_change(item, texts) for item in value]
    if texts is None:
        if isinstance(value, int) and not isinstance(value, bool):
            return value + 1
        return "1" + value if isinstance(value, str) and value.replace(".", "", 1).isdecimal() else value
    return value[:-1] + ("0" if value[-1] != "0" else "1") if isinstance(value, str) and value in texts else value
