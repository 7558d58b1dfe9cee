"""Requests of a mapping: compiled once, then made from a record's values. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from adapters.sdk.calls import PartnerCall
from adapters.sdk.codec import encode
from adapters.sdk.declarative.compiled import Hook, Request, Tree
from adapters.sdk.declarative.fields import PERSONAL, Known, Value
from adapters.sdk.declarative.model import Exchange
from adapters.sdk.declarative.problems import Problems
from adapters.sdk.declarative.templates import Template, TemplateError, parse_template, render
from adapters.sdk.manifest import Manifest
from config.toml_lines import Place

FORM = "application/x-www-form-urlencoded"
OURS = frozenset({
    "authorization", "content-type", "content-length", "content-encoding", "transfer-encoding", "accept-encoding",
    "host", "connection", "cookie", "x-request-id",
})  # fmt: skip
"""Headers that the client or the authenticator sets."""

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[ -~]*", re.ASCII)
_PLACEHOLDER = re.compile(r"\{([a-z_.0-9]+)")


class UnsendableError(Exception):
    """A value that cannot stand where the mapping puts it; the call is not made."""

    def __init__(self, reason: str) -> None:
        """Keep the reason, a code."""
        super().__init__(reason)
        self.reason = reason


def named_fields(exchange: Exchange) -> set[str]:
    """Name the fields that a call's templates mention, well written or not."""
    texts = [exchange.path, *exchange.query.values(), *exchange.headers.values(), *_leaves(exchange.body)]
    return {name for text in texts if isinstance(text, str) for name in _PLACEHOLDER.findall(text)}


def compile_request(
    operation: str,
    place: Place,
    exchange: Exchange,
    known: Mapping[str, Known],
    manifest: Manifest,
    hooks: Mapping[str, object] | None,
    problems: Problems,
) -> Request:
    """Parse every template of a call; what is wrong is noted and stands for nothing."""
    compiler = _RequestCompiler(known, manifest, problems)
    if exchange.body is not None and exchange.method in ("GET", "DELETE"):
        problems.add((*place, "body"), f"a {exchange.method} has no body; use query, or another method")
    if exchange.encoding == "form" and any(isinstance(leaf, dict | list) for leaf in (exchange.body or {}).values()):
        problems.add((*place, "body"), 'a form is flat; write texts only, or encoding = "json"')
    for name in exchange.headers:
        if name.lower() in OURS or not _HEADER.fullmatch(name):
            problems.add((*place, "headers", name), "not a header of yours; auth stands in the manifest, remove it")
    return Request(
        operation=operation,
        method=exchange.method,
        path=compiler.path((*place, "path"), exchange.path),
        query=compiler.pairs((*place, "query"), exchange.query),
        headers=compiler.pairs((*place, "headers"), exchange.headers),
        body=None if exchange.body is None else compiler.tree((*place, "body"), exchange.body),
        encoding=exchange.encoding,
        prepare=hook((*place, "prepare"), exchange.prepare, hooks, problems),
    )


def hook(place: Place, name: str, hooks: Mapping[str, object] | None, problems: Problems) -> Hook | None:
    """Find a function of ``hooks.py``; one that is not there is noted."""
    if not name:
        return None
    found = (hooks or {}).get(name)
    if callable(found):
        return found
    where = "there is no hooks.py" if hooks is None else "hooks.py has no such function"
    problems.add(place, f"{name!r} names a function and {where}; write it there, or remove the key")
    return None


def make_call(request: Request, values: Mapping[str, Value], zone: ZoneInfo) -> PartnerCall:
    """Make the call.

    Raises:
        MissingFieldError: a field that the call needs is empty.
        UnsendableError: a value cannot stand in a path or header.
    """
    body, content_type = None, "application/json"
    if request.body is not None:
        made = _made(request.body, values, zone)
        form = request.encoding == "form"
        body = urlencode({name: str(item) for name, item in made.items()}).encode() if form else encode(made)
        content_type = FORM if form else content_type
    return PartnerCall(
        operation=request.operation,
        method=request.method,
        path=_path(request.path, values, zone),
        query=tuple(_rendered(request.query, values, zone)),
        headers={name: _header_value(name, text) for name, text in _rendered(request.headers, values, zone)},
        body=body,
        content_type=content_type,
    )


class _RequestCompiler:
    def __init__(self, known: Mapping[str, Known], manifest: Manifest, problems: Problems) -> None:
        self._known = known
        self._declared = frozenset(manifest.personal_fields)
        self._problems = problems

    def path(self, place: Place, text: str) -> Template:
        literal = re.sub(r"\{[^{}]*\}", "x", text)
        if not literal.startswith("/") or literal.startswith("//") or re.search(r"[?#\s\\%]|/\.\.?(/|$)", literal):
            self._problems.add(place, "a path begins with one / and has no query, blank, % or dots; write it plainly")
        template = self.template(place, text)
        if any(field.optional for field in template.fields):
            self._problems.add(place, "a path cannot leave a part out; take the ? away")
        return template

    def pairs(self, place: Place, table: Mapping[str, str]) -> tuple[tuple[str, Template], ...]:
        return tuple((name, self.template((*place, name), text)) for name, text in table.items())

    def tree(self, place: Place, item: object) -> Tree:
        if isinstance(item, dict):
            return {name: self.tree((*place, name), inner) for name, inner in item.items()}
        if isinstance(item, list):
            return [self.tree((*place, number), inner) for number, inner in enumerate(item)]
        if isinstance(item, bool | int):
            return item
        if isinstance(item, str):
            return self.template(place, item)
        self._problems.add(place, f"{item!r} is neither text, number nor yes or no; write it as a text in quotes")
        return ""

    def template(self, place: Place, text: str) -> Template:
        try:
            template = parse_template(text, self._known)
        except TemplateError as error:
            self._problems.add(place, str(error))
            return Template(())
        for field in template.fields:
            personal = PERSONAL.get(field.name)
            if personal is not None and personal not in self._declared:
                told = f"{{{field.name}}} is personal; add {personal!r} to the manifest's personal_fields, or remove it"
                self._problems.add(place, told)
        return template


def _leaves(item: object) -> Iterator[object]:
    if isinstance(item, dict | list):
        for inner in item.values() if isinstance(item, dict) else item:
            yield from _leaves(inner)
    else:
        yield item


def _made(item: Tree, values: Mapping[str, Value], zone: ZoneInfo) -> Any:
    if isinstance(item, Template):
        return render(item, values, zone) if item.parts else ""
    if isinstance(item, dict):
        made = {name: _made(inner, values, zone) for name, inner in item.items()}
        return {name: inner for name, inner in made.items() if inner is not None}
    if isinstance(item, list):
        return [inner for inner in (_made(each, values, zone) for each in item) if inner is not None]
    return item


def _path(template: Template, values: Mapping[str, Value], zone: ZoneInfo) -> str:
    made = ""
    for part in template.parts:
        if isinstance(part, str):
            made += part
            continue
        text = str(render(Template((part,)), values, zone))
        if text in ("", ".", ".."):
            raise UnsendableError(f"path:{part.name}")
        made += quote(text, safe="")
    return made


def _rendered(
    pairs: tuple[tuple[str, Template], ...], values: Mapping[str, Value], zone: ZoneInfo
) -> Iterator[tuple[str, str]]:
    for name, template in pairs:
        value = render(template, values, zone) if template.parts else ""
        if value is not None:
            yield name, str(value)


def _header_value(name: str, text: str) -> str:
    if not _HEADER_VALUE.fullmatch(text):
        raise UnsendableError(f"header:{name}")
    return text
