"""Answers that several controllers give: a stored one, and one with an entity tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from litestar import Response
from litestar.enums import MediaType
from litestar.types import Receive, Scope, Send

from gateway.canonical import Tagged
from gateway.idempotency import Answer

T = TypeVar("T")
REPLAYED = "Idempotent-Replayed"
_TAGGED = [(b"cache-control", b"private, no-cache"), (b"vary", b"Authorization, Accept-Language")]


def stored(value: msgspec.Struct, status: int = 201, resource_id: str | None = None) -> Answer:
    """Make the answer that is stored under an idempotency key."""
    return Answer(status, msgspec.json.encode(value), resource_id)


def keyed_response(answer: Answer, _shape: type[T]) -> Response[T]:
    """Send a stored answer as it was, marked when it is a replay; ``_shape`` is what the OpenAPI file shows."""
    content: Any = answer.body
    headers = {REPLAYED: "true"} if answer.replayed else {}
    return Response(content, status_code=answer.status, media_type=MediaType.JSON, headers=headers)


class WrittenResponse(Response[T]):
    """An answer that is there already, headers and all, and is sent as it is.

    The parent is not initialised and nothing is rendered: that costs more than the rest of such an answer.
    """

    def __init__(self, body: bytes, status: int = 200, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """Take the JSON, its status, and what headers there are beside its length and type."""
        self.body = body
        self.status = status
        self.sent_headers = headers

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        """Give what sends it."""
        return self._send

    async def _send(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await _send_written(send, self.body, self.status, self.sent_headers)


async def _send_written(send: Send, body: bytes, status: int, extra: Sequence[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    headers = [(b"content-type", b"application/json"), length, *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def tagged_response(answer: Tagged, if_none_match: str | None, _shape: type[T]) -> Response[T]:
    """Send a tagged answer, or 304 when the caller has it (RFC 9110, sections 8.8.3 and 13.1.2).

    ``_shape`` is what the OpenAPI file shows.
    """
    if if_none_match is not None:
        known = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
        if answer.tag in known or "*" in known:
            nothing: Any = None
            headers = {name.decode(): value.decode() for name, value in _TAGGED} | {"ETag": answer.tag}
            return Response(nothing, status_code=304, headers=headers)
    return WrittenResponse(answer.body, 200, [(b"etag", answer.tag.encode()), *_TAGGED])


async def send_tagged(answer: Tagged, send: Send) -> None:
    """Send a tagged answer to who has none: what `tagged_response` sends."""
    await _send_written(send, answer.body, 200, [(b"etag", answer.tag.encode()), *_TAGGED])


def written(value: msgspec.Struct, status: int, _shape: type[T], *, replayed: bool = False) -> Response[T]:
    """Send a value as JSON with as little around it as there can be; ``_shape`` is what the OpenAPI file shows."""
    headers = [(REPLAYED.lower().encode(), b"true")] if replayed else []
    return WrittenResponse(msgspec.json.encode(value), status, headers)
