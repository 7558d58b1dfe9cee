"""Reading JSON bodies strictly: what two parsers could read differently is refused before any model sees it."""

from __future__ import annotations

import json
import re
from typing import Any, Never

import msgspec
from litestar import Request

from config.errors import MalformedError
from gateway.errors import MediaTypeError

DEPTH_LIMIT = 32
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLACE = re.compile(r" - at `(?P<path>[^`]*)`\Z")
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON body is checked and given the handler's type here.

    The framework would convert the body leniently (``"12"`` and ``12.0`` become 12) and keep the last of two equal
    keys; a handler's ``data: JSONBody[T]`` gets what `read_body` made instead.
    """

    async def json(self) -> Any:
        """Give the body as the type that the handler declares for ``data``.

        Raises:
            MediaTypeError: not ``application/json``, or compressed.
            MalformedError: not JSON in the strict sense, or not of the type; ``pointer`` names the place.
        """
        check_media_type(self.headers.get("content-type"), self.headers.get("content-encoding"))
        declared = self.route_handler.parsed_fn_signature.parameters.get("data")
        return read_body(await self.body(), declared.annotation if declared else Any)


def check_media_type(content_type: str | None, content_encoding: str | None) -> None:
    """Refuse a body that is not plain ``application/json``.

    Raises:
        MediaTypeError: it is not.
    """
    if (content_encoding or "identity").strip().lower() != "identity":
        raise MediaTypeError("A body is sent without compression.")
    essence, _, parameters = (content_type or "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if essence.strip().lower() != "application/json" or charset not in {"", "charset=utf-8"}:
        raise MediaTypeError("The body is sent as application/json.")


def read_body(body: bytes, type_: Any) -> Any:
    """Read a JSON body as a type.

    Refused beside bad JSON: bad UTF-8, control characters, lone surrogates, equal keys in one object, NaN and
    infinities, any number with a fraction or exponent (nothing in the contract is one), more than 32 levels.

    Raises:
        MalformedError: names the place with a JSON pointer when there is one.
    """
    value = _parse(body)
    _check_content(value)
    try:
        return msgspec.convert(value, type_, strict=True)
    except msgspec.ValidationError as error:
        message, pointer = _located(str(error))
        raise MalformedError(message, pointer=pointer) from error


def _parse(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
        return json.loads(text, object_pairs_hook=_object, parse_float=_no_float, parse_constant=_no_float)
    except UnicodeDecodeError as error:
        raise MalformedError("The body is not UTF-8.") from error
    except RecursionError as error:
        raise MalformedError(f"The body is nested deeper than {DEPTH_LIMIT} levels.") from error
    except json.JSONDecodeError as error:
        raise MalformedError(f"The body is not JSON: {error.msg} at character {error.pos}.") from error
    except ValueError as error:
        raise MalformedError(f"The body is not taken: {error}.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same key twice")
    return found


def _no_float(text: str) -> Never:
    raise ValueError(f"numbers are whole; {text[:20]} is not")


def _check_content(value: Any) -> None:
    """Walk level by level: no deeper than the limit, and every text is one that can be stored and logged."""
    level = [value]
    for _ in range(DEPTH_LIMIT):
        inner = [child for container in level for child in _children(container)]
        for text in inner:
            if isinstance(text, str):
                _check_text(text)
        level = [child for child in inner if isinstance(child, dict | list)]
        if not level:
            return
    raise MalformedError(f"The body is nested deeper than {DEPTH_LIMIT} levels.")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _check_text(text: str) -> None:
    if CONTROL.search(text):
        raise MalformedError("Texts hold no NUL and no other control characters.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MalformedError("A text holds half of a surrogate pair.") from error


def _located(message: str) -> tuple[str, str]:
    """Split a msgspec message into its words and the JSON pointer of the place (RFC 6901)."""
    place = _PLACE.search(message)
    if place is None:
        return f"{message}.", ""
    steps = [step["name"] or step["index"] for step in _STEP.finditer(place["path"].removeprefix("$"))]
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return f"{message[: place.start()]}.", pointer
