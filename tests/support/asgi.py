"""Asks an ASGI application in this process, with nothing between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


async def ask(
    app: Any,
    method: str,
    path: str,
    headers: Sequence[tuple[bytes, bytes]] = (),
    body: bytes = b"",
    *,
    query: bytes = b"",
    expected: int = 200,
    client: str = "127.0.0.1",
) -> bytes:
    """Make one request and give the body of its answer, which has to have the expected status."""
    length = [(b"content-length", str(len(body)).encode())] if body else []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query, "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *headers, *length], "client": (client, 1),
        "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == expected, sent
    return b"".join(message.get("body", b"") for message in sent[1:])
