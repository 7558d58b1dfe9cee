"""Answers that several controllers give: a stored one, and one with an entity tag."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import msgspec
from litestar import Response
from litestar.enums import MediaType

from gateway.idempotency import Answer

T = TypeVar("T")
REPLAYED = "Idempotent-Replayed"


def stored(value: msgspec.Struct, status: int = 201, resource_id: str | None = None) -> Answer:
    """Make the answer that is stored under an idempotency key."""
    return Answer(status, msgspec.json.encode(value), resource_id)


def keyed_response(answer: Answer, _shape: type[T]) -> Response[T]:
    """Send a stored answer as it was, marked when it is a replay; ``_shape`` is what the OpenAPI file shows."""
    content: Any = answer.body
    headers = {REPLAYED: "true"} if answer.replayed else {}
    return Response(content, status_code=answer.status, media_type=MediaType.JSON, headers=headers)


def tagged_response(value: T, if_none_match: str | None) -> Response[T]:
    """Send a value with a strong entity tag, or 304 when the caller has it (RFC 9110, sections 8.8.3 and 13.1.2)."""
    body: Any = msgspec.json.encode(value)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Accept-Language"}
    known = {one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")}
    if tag in known or "*" in known:
        nothing: Any = None
        return Response(nothing, status_code=304, headers=headers)
    return Response(body, media_type=MediaType.JSON, headers=headers)
