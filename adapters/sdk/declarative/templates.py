"""Templates: text with named fields in braces. No code, no expressions, no field that is not in the list. Pure.

``{service.airport}`` is a field; ``{partner_tier?}`` leaves out what it stands in when the field is empty;
``{requested_at|unix}`` writes it in another way; ``{{`` and ``}}`` are braces. What is made is a value: it is escaped
where it is put (a path, a query, a header, JSON), never before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec

from adapters.sdk.declarative.fields import Kind, Known, Value

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_FIELD = re.compile(r"([a-z_]+(?:\.[a-z_][a-z0-9_]*)*)(\?)?(?:\|([a-z_]+))?", re.ASCII)


class Field(msgspec.Struct, frozen=True):
    """One field in a template."""

    name: str
    optional: bool = False
    written: str | None = None


class Template(msgspec.Struct, frozen=True):
    """A parsed template: literal texts and fields, in order."""

    parts: tuple[str | Field, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields, in order."""
        return tuple(part for part in self.parts if isinstance(part, Field))


class TemplateError(ValueError):
    """A template that is none; the text says what is wrong and what to do."""


class MissingFieldError(Exception):
    """A field that has to be there is empty: the call cannot be made."""

    def __init__(self, name: str) -> None:
        """Keep the field's name."""
        super().__init__(name)
        self.name = name


class Written(msgspec.Struct, frozen=True):
    """A way to write a value: for which kinds, and how."""

    kinds: tuple[Kind, ...]
    write: Callable[[Value, ZoneInfo], str | int]


def _unix(value: Value, zone: ZoneInfo) -> int:
    assert isinstance(value, datetime)
    return int(value.timestamp())


def _local(value: Value, zone: ZoneInfo) -> str:
    assert isinstance(value, datetime)
    return value.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


def _compact(value: Value, zone: ZoneInfo) -> str:
    assert isinstance(value, date)
    day = value.astimezone(zone) if isinstance(value, datetime) else value
    return day.strftime("%Y%m%d")


WAYS: dict[str, Written] = {
    "text": Written(("text", "integer", "date", "instant"), lambda value, zone: str(plain(value))),
    "upper": Written(("text",), lambda value, zone: str(value).upper()),
    "lower": Written(("text",), lambda value, zone: str(value).lower()),
    "unix": Written(("instant",), _unix),
    "local": Written(("instant",), _local),
    "compact": Written(("date", "instant"), _compact),
}
"""Ways to write a field, by the word behind ``|``; ``local`` and ``compact`` take the mapping's time zone."""


def parse_template(text: str, known: Mapping[str, Known]) -> Template:
    """Read a template and hold its fields against those that may be named.

    Raises:
        TemplateError: a brace too many, or a field or way of writing that is not in the list.
    """
    parts: list[str | Field] = []
    at = 0
    for found in _PART.finditer(text):
        parts.append(text[at : found.start()])
        at = found.end()
        if found[0] in ("{{", "}}"):
            parts.append(found[0][0])
        elif found[1] is None:
            raise TemplateError(f"{text!r} has a brace without its partner; write {{{{ or }}}} for a brace itself")
        else:
            parts.append(_field(found[1], known))
    parts.append(text[at:])
    return Template(tuple(part for part in parts if part != ""))


def render(template: Template, values: Mapping[str, Value], zone: ZoneInfo) -> str | int | None:
    """Make the value; None when an optional field in it is empty. A template of one field keeps an integer one.

    Raises:
        MissingFieldError: a field that is not optional is empty.
    """
    made: list[str | int] = []
    for part in template.parts:
        if isinstance(part, str):
            made.append(part)
            continue
        value = values.get(part.name)
        if value is None and part.optional:
            return None
        if value is None:
            raise MissingFieldError(part.name)
        made.append(WAYS[part.written].write(value, zone) if part.written else plain(value))
    return made[0] if len(made) == 1 else "".join(str(item) for item in made)


def plain(value: Value) -> str | int:
    """Write a value as the canonical records do: dates and instants by RFC 3339, instants in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    assert value is not None
    return value


def _field(text: str, known: Mapping[str, Known]) -> Field:
    found = _FIELD.fullmatch(text)
    if found is None:
        raise TemplateError(f"{{{text}}} is not a field; write a name such as {{service.airport}}")
    name, optional, written = found[1], bool(found[2]), found[3]
    if name not in known:
        raise TemplateError(f"{{{name}}} is not a field here; there are {', '.join(sorted(known))}")
    if written is not None and (written not in WAYS or known[name].kind not in WAYS[written].kinds):
        fitting = sorted(way for way, each in WAYS.items() if known[name].kind in each.kinds)
        raise TemplateError(f"{{{name}|{written}}} cannot be written so; there are {', '.join(fitting)}")
    if optional and not known[name].may_be_empty:
        raise TemplateError(f"{{{name}?}} is never empty; write {{{name}}}")
    return Field(name=name, optional=optional, written=written)
