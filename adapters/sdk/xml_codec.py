"""Strict XML at the partner seam. Pure.

The standard library's expat with everything refused that a message between two systems does not need: document types
and therefore entities and external parts, processing instructions, encodings other than UTF-8, deep or many elements,
text beside elements. Names are written ``{namespace}local``. Values are texts; amounts, integers and closed words are
read from them, and what is not one is a `ProtocolError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Never, TypeVar
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

import msgspec

from adapters.sdk.codec import AwareInstant, local_instant
from adapters.sdk.currencies import minor_units
from adapters.sdk.errors import ProtocolError
from catalogue.values import Money

CONTENT_TYPE = "application/xml; charset=utf-8"
DEPTH_LIMIT = 32
NODE_LIMIT = 5_000
ATTRIBUTE_LIMIT = 64
TEXT_LIMIT = 8_192

E = TypeVar("E", bound=StrEnum)

_DECLARATION = re.compile(rb"<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,14})", re.ASCII)
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"(?:\{([^{}\s\"<>&]+)\})?([A-Za-z_][A-Za-z0-9_.-]*)", re.ASCII)


class Element(msgspec.Struct, kw_only=True):
    """One element. ``text`` is what stands in it when it has no children, without blanks around it."""

    name: str
    attributes: dict[str, str] = {}
    children: list[Element] = []
    text: str = ""

    def all(self, name: str) -> tuple[Element, ...]:
        """Answer the children of a name, in order."""
        return tuple(child for child in self.children if child.name == name)

    def find(self, *names: str) -> Element | None:
        """Follow names downwards; None when one is not there.

        Raises:
            ProtocolError: one of them is there twice: which is meant cannot be known.
        """
        here = self
        for name in names:
            found = here.all(name)
            if len(found) > 1:
                raise ProtocolError(f"{_local(name)} is there more than once.")
            if not found:
                return None
            here = found[0]
        return here

    def one(self, *names: str) -> Element:
        """Follow names downwards to an element that has to be there.

        Raises:
            ProtocolError: one of them is not there, or there twice.
        """
        found = self.find(*names)
        if found is None:
            raise ProtocolError(f"{_local(names[-1])} is missing.")
        return found

    def attribute(self, name: str) -> str:
        """Answer an attribute that has to be there and say something.

        Raises:
            ProtocolError: it does not.
        """
        value = self.attributes.get(name, "").strip()
        if not value:
            raise ProtocolError(f"The attribute {_local(name)} of {_local(self.name)} is missing.")
        return value

    def integer(self, name: str) -> int:
        """Answer an attribute that is an integer.

        Raises:
            ProtocolError: it is none.
        """
        value = self.attribute(name)
        if not _INTEGER.fullmatch(value):
            raise ProtocolError(f"The attribute {_local(name)} is not an integer.")
        return int(value)

    def word(self, name: str, words: type[E]) -> E:
        """Answer an attribute that is one of a closed set of words.

        Raises:
            ProtocolError: it is another.
        """
        try:
            return words(self.attribute(name))
        except ValueError as error:
            raise ProtocolError(f"The attribute {_local(name)} is a word that is not documented.") from error

    def money(self, amount: str, currency: str) -> Money:
        """Answer money from two attributes; the amount is a decimal text.

        Raises:
            ProtocolError: no amount of such a currency.
        """
        code = self.attribute(currency)
        return Money(minor_units(self.attribute(amount), code), code)

    def instant(self, name: str, zone: str = "") -> datetime:
        """Answer an instant: with its offset, or with a zone a local time of it.

        Raises:
            ProtocolError: neither.
        """
        value = self.attribute(name)
        if zone:
            return local_instant(value, zone)
        try:
            found: datetime = msgspec.convert(value, AwareInstant)
        except msgspec.ValidationError as error:
            raise ProtocolError(f"The attribute {_local(name)} is not an instant with its offset.") from error
        return found


def decode_xml(body: bytes, *roots: str) -> Element:
    """Read a body strictly.

    Args:
        body: the whole body; its size was capped when it was read.
        roots: the names that the document may have; none: any.

    Raises:
        ProtocolError: not XML in the strict reading, or another document. The message holds no content of the body.
    """
    _refuse_encoding(body)
    reader = _Reader()
    try:
        reader.parser.Parse(body, True)
    except expat.ExpatError as error:
        raise ProtocolError("The answer is not strict XML.") from error
    if roots and reader.root.name not in roots:
        raise ProtocolError("The answer is another document.")
    return reader.root


def encode_xml(root: Element, *, prefixes: Mapping[str, str] | None = None) -> bytes:
    """Write an element as a document; the same element gives the same bytes.

    Args:
        root: what is written. Its own namespace is the default one.
        prefixes: namespace to prefix, for those of attributes and of other elements.

    Raises:
        ProtocolError: a value holds a character that XML cannot hold, or a name is none.
    """
    default = _split(root.name)[0]
    known = dict(prefixes or {})
    declared = {f"xmlns:{prefix}": namespace for namespace, prefix in known.items()}
    if default:
        declared["xmlns"] = default
    written = "".join(_written(root, default, known, declared))
    return b'<?xml version="1.0" encoding="UTF-8"?>' + written.encode("utf-8")


def texts(root: Element) -> Iterator[tuple[str, str]]:
    """Give every value of a document with the local name that it stands under."""
    yield from ((_local(name), value) for name, value in root.attributes.items())
    if root.text:
        yield _local(root.name), root.text
    for child in root.children:
        yield from texts(child)


class _Reader:
    """Builds the tree and refuses what is not wanted while it is read."""

    def __init__(self) -> None:
        self.root = Element(name="")
        self._open: list[tuple[Element, list[str]]] = []
        self._nodes = 0
        self.parser = parser = expat.ParserCreate("UTF-8", namespace_separator="}")
        parser.buffer_text = True
        parser.ordered_attributes = False
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.UnparsedEntityDeclHandler = self._refuse
        parser.NotationDeclHandler = self._refuse
        parser.ExternalEntityRefHandler = self._refuse
        parser.SkippedEntityHandler = self._refuse
        parser.ProcessingInstructionHandler = self._refuse

    def _refuse(self, *_: object) -> Never:
        raise ProtocolError("The answer has a document type, an entity or an instruction.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._nodes += 1
        if len(self._open) >= DEPTH_LIMIT or self._nodes > NODE_LIMIT or len(attributes) > ATTRIBUTE_LIMIT:
            raise ProtocolError("The answer is nested too deeply or too large.")
        if any(len(value) > TEXT_LIMIT for value in attributes.values()):
            raise ProtocolError("The answer holds a text that is too long.")
        named = {_named(key): value for key, value in attributes.items()}
        element = Element(name=_named(name), attributes=named, children=[])
        if self._open:
            self._open[-1][0].children.append(element)
        else:
            self.root = element
        self._open.append((element, []))

    def _end(self, _: str) -> None:
        element, pieces = self._open.pop()
        text = "".join(pieces).strip()
        if text and element.children:
            raise ProtocolError("The answer has text beside elements.")
        element.text = text

    def _characters(self, text: str) -> None:
        pieces = self._open[-1][1]
        pieces.append(text)
        if sum(map(len, pieces)) > TEXT_LIMIT:
            raise ProtocolError("The answer holds a text that is too long.")


def _refuse_encoding(body: bytes) -> None:
    declared = _DECLARATION.match(body.removeprefix(b"\xef\xbb\xbf"))
    if declared is not None and declared[1].upper() not in (b"UTF-8", b"US-ASCII"):
        raise ProtocolError("The answer is not in UTF-8.")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolError("The answer is not in UTF-8.") from error


def _written(element: Element, default: str, prefixes: Mapping[str, str], more: Mapping[str, str]) -> Iterator[str]:
    name = _prefixed(element.name, default, prefixes)
    yield f"<{name}"
    for key, value in more.items():
        yield f" {key}={quoteattr(value)}"
    for key, value in element.attributes.items():
        yield f" {_prefixed(key, '', prefixes)}={quoteattr(_legal(value))}"
    if not element.children and not element.text:
        yield "/>"
        return
    yield ">"
    yield escape(_legal(element.text))
    for child in element.children:
        yield from _written(child, default, prefixes, {})
    yield f"</{name}>"


def _prefixed(name: str, default: str, prefixes: Mapping[str, str]) -> str:
    namespace, local = _split(name)
    if namespace == default:
        return local
    if namespace not in prefixes:
        raise ProtocolError(f"{local} is of a namespace without a prefix.")
    return f"{prefixes[namespace]}:{local}"


def _split(name: str) -> tuple[str, str]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise ProtocolError("A name is not one of XML.")
    return found[1] or "", found[2]


def _legal(text: str) -> str:
    if _ILLEGAL.search(text):
        raise ProtocolError("A text holds a character that XML cannot hold.")
    return text


def _named(name: str) -> str:
    return f"{{{name}" if "}" in name else name


def _local(name: str) -> str:
    return name.rpartition("}")[2]
