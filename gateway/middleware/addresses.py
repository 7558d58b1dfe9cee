"""Addresses hold text and a body has one length: what is not UTF-8, holds control characters or has two, ends here."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from config.errors import MalformedError
from gateway.requests import CONTROL


class Addresses:
    """Plain ASGI: checks path and query before any pattern sees them (``$`` in a pattern allows a last line end)."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap a route."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or raise.

        Raises:
            MalformedError: the address holds what no address of ours does.
        """
        if scope["type"] == ScopeType.HTTP:
            http: Any = scope
            check_text(http.get("raw_path") or http["path"].encode())
            check_text(http["query_string"])
            check_framing([name for name, _ in http["headers"]])
        await self._app(scope, receive, send)


def check_text(raw: bytes) -> None:
    """Check a percent-encoded part of an address.

    Raises:
        MalformedError: not UTF-8, or a control character.
    """
    if b"%" not in raw and raw.isascii() and raw.decode().isprintable():
        return
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("The address is not UTF-8.") from error
    if CONTROL.search(text):
        raise MalformedError("The address holds a control character.")


def check_framing(names: list[bytes]) -> None:
    """Refuse a request whose length is told in two ways: servers in a row could disagree (RFC 9112, section 6.3).

    Raises:
        MalformedError: both Content-Length and Transfer-Encoding are there.
    """
    if b"content-length" in names and b"transfer-encoding" in names:
        raise MalformedError("Content-Length and Transfer-Encoding exclude each other.")
