"""A catalogue's files taken apart into things: what is compared, hashed and named in a refusal.

A *thing* is one item of a section (one version of a benefit, one contract, one edge, one earn rule), or what a file
says outside its sections. Its content is that of the typed value, so what a file leaves to a default and what it says
in as many words are the same, and comments, order and the division into files change nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import msgspec
import msgspec.inspect

from catalogue.errors import CatalogueFileError
from catalogue.kinds import KINDS, FileKind, identity
from config.errors import ConfigurationError
from config.files import key_text, parse_text
from config.toml_lines import Place, key_lines, line_of

Texts = Mapping[str, str]
"""The files of a catalogue: text by path relative to its folder."""

ORDER = " (order)"
"""Marks the key that holds the order of a section whose order may mean something."""


class Document(msgspec.Struct, frozen=True):
    """One file, read and typed."""

    path: str
    kind: FileKind
    value: Any
    text: str


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """One thing and where it is written.

    Attributes:
        name: unique in a catalogue: ``benefit:lounge-visit@2``, ``edge:host-to-x``, ``programme``.
        id: its name without kind and version.
        content: as JSON has it; dates are ISO texts.
        place: of the thing in its file.
    """

    name: str
    kind: str
    id: str
    version: int | None
    content: dict[str, Any]
    file: str
    line: int
    place: Place


def documents(texts: Texts) -> tuple[Document, ...]:
    """Read the files of a catalogue, kind by kind and by path; paths of no kind are left out.

    Raises:
        CatalogueFileError: a file is not valid or the first kind's file is missing; names file, line and key.
    """
    found = []
    for kind in KINDS:
        for path in sorted(path for path in texts if kind.holds(path)):
            try:
                value = kind.read(path, texts[path]) if kind.read else parse_text(path, texts[path], kind.type)
            except ConfigurationError as error:
                raise CatalogueFileError(error.message, **error.facts) from error
            found.append(Document(path, kind, value, texts[path]))
    if KINDS[0].place not in texts:
        raise CatalogueFileError(f"{KINDS[0].place} is missing; a catalogue begins with it.", file=KINDS[0].place)
    return tuple(found)


def things_of(read: tuple[Document, ...]) -> dict[str, Thing]:
    """Take documents apart, by name.

    Raises:
        CatalogueFileError: two things have one name, or the versions of one are in two files; names both places.
    """
    found: dict[str, Thing] = {}
    homes: dict[tuple[str, str], Thing] = {}
    for document in read:
        lines = key_lines(document.text)
        for thing in _things(document, lines):
            other = found.get(thing.name)
            home = homes.setdefault((thing.kind, thing.id), thing)
            if other is not None or home.file != thing.file:
                other = other or home
                version = "" if thing.version is None else f" version {thing.version}"
                twice = f"the {thing.kind} {thing.id!r} has{version} twice" if thing.name == other.name else ""
                also = f"the {thing.kind} {thing.id!r} is also in {other.file}, line {other.line}"
                raise CatalogueFileError(
                    f"{thing.file}, line {thing.line}: {'; '.join(part for part in (twice, also) if part)}.",
                    file=thing.file,
                    line=thing.line,
                    key=key_text(thing.place),
                )
            found[thing.name] = thing
    return found


def content_hash(things: Mapping[str, Thing]) -> str:
    """Hash what a catalogue says: it changes exactly when an answer made from the catalogue could."""
    content = {name: thing.content for name, thing in things.items()}
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[:32]


def flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Give the keys of a thing in one level: ``payment.points.price``; a rate is ``5:4``; what is unset is left out.

    Items of lists are named by what they say of themselves, or by their place; a list of plain values is one value.
    """
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= _flattened(f"{prefix}{key}", value)
    return flat


def _flattened(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and set(value) == {"from_units", "to_units"}:
        return {key: f"{value['from_units']}:{value['to_units']}"}
    if isinstance(value, dict):
        return flatten(value, f"{key}.")
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        named = {(isinstance(item, dict) and identity(item)) or str(place): item for place, item in enumerate(value)}
        return {inner: one for name, item in named.items() for inner, one in _flattened(f"{key}[{name}]", item).items()}
    return {} if value is None else {key: value}


def _things(document: Document, lines: Mapping[Place, int]) -> Iterator[Thing]:
    kind = document.kind
    whole: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document.value))
    rest: dict[str, Any] = {}
    sections = _sections(kind.type)
    for section, value in whole.items():
        if section not in sections:
            rest[section] = value
            continue
        things = [_thing(document, section, item, (section, number), lines) for number, item in enumerate(value)]
        yield from things
        if kind.is_single and things:
            rest[section + ORDER] = [thing.name for thing in things]
    if rest:
        identifier = document.path.removesuffix(".toml")
        yield Thing(
            name=identifier, kind=kind.name, id=identifier, version=None, content=rest,
            file=document.path, line=1, place=(),
        )  # fmt: skip


@cache
def _sections(type_: type[msgspec.Struct]) -> frozenset[str]:
    """Name the fields of a file's type that hold tables of which there may be many."""
    info = msgspec.inspect.type_info(type_)
    assert isinstance(info, msgspec.inspect.StructType)
    return frozenset(field.encode_name for field in info.fields if _holds_tables(field.type))


def _holds_tables(type_: msgspec.inspect.Type) -> bool:
    if not isinstance(type_, msgspec.inspect.VarTupleType):
        return False
    item = type_.item_type
    variants = item.types if isinstance(item, msgspec.inspect.UnionType) else (item,)
    return all(isinstance(variant, msgspec.inspect.StructType) for variant in variants)


def _thing(
    document: Document, section: str, content: dict[str, Any], place: Place, lines: Mapping[Place, int]
) -> Thing:
    kind = document.kind.thing(section)
    named = (
        identity(content, document.kind.keys.get(section, ())) or f"{PurePosixPath(document.path).stem}[{place[-1]}]"
    )
    version = content.get("version")
    return Thing(
        name=f"{kind}:{named}",
        kind=kind,
        id=named.partition("@")[0],
        version=version if isinstance(version, int) else None,
        content=content,
        file=document.path,
        line=line_of(lines, place),
        place=place,
    )
