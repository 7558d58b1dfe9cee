"""The scanner of lines and the standard parser agree about what is in a text."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.files import PACKAGED_FOLDER
from config.toml_lines import Place, key_lines, line_of

KEYS = st.from_regex(r"\A[a-z_-]{1,6}\Z") | st.text(max_size=4).filter(
    lambda text: "\x7f" not in text and text.isprintable()
)
SCALARS = st.sampled_from(
    [
        "1", "-3", "1_000", "0x1f", "1.5e3", "true", "inf", "2026-11-22", "2026-11-22 10:00:00", "10:30:00",
        "2026-11-22T10:00:00.5Z", '"plain"', '"with \\" and # and ] and }"', "'literal \" # ]'", '""', "''",
        '"""two\nlines "" here"""', '"""ends in quotes"""""', "'''it's\nraw'''", "'''ends in one''''",
        '"""\\\n  folded"""', '"\\u4e2d\\\\"',
    ]
)  # fmt: skip


def quoted(key: str) -> str:
    return key if key and all(one in "abcdefghijklmnopqrstuvwxyz_-" for one in key) else json.dumps(key)


def arrays(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda items: "[" + ", # a comment ]\n  ".join(items) + " ]")


def inline_tables(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.dictionaries(KEYS, values.filter(lambda text: "\n" not in text), max_size=3)
    return pairs.map(lambda items: "{ " + ", ".join(f"{quoted(key)} = {value}" for key, value in items.items()) + " }")


VALUES = st.recursive(SCALARS, lambda inner: arrays(inner) | inline_tables(inner), max_leaves=6)
PAIRS = st.dictionaries(KEYS, VALUES, max_size=4).map(
    lambda pairs: "".join(f"{quoted(key)} = {value}  # said\n" for key, value in pairs.items())
)
TABLES = st.lists(st.tuples(st.booleans(), st.lists(KEYS, min_size=1, max_size=3), PAIRS), max_size=4)


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    if place:
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*place, key))


def write(pairs: str, tables: list[tuple[bool, list[str], str]]) -> str:
    text = pairs
    for is_array, key, inner in tables:
        name = " . ".join(quoted(part) for part in key)
        text += f"\n# about it\n{f'[[{name}]]' if is_array else f'[ {name} ]'}\n{inner}"
    return text


@given(PAIRS, TABLES, st.booleans())
def test_every_key_has_a_line_and_nothing_else_has(pairs: str, tables: list[Any], carriage_returns: bool) -> None:
    text = write(pairs, tables)
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    if carriage_returns:
        text = text.replace("\n", "\r\n")
    lines = key_lines(text)
    assert set(lines) == set(places(parsed))
    written = text.splitlines()
    for place, line in lines.items():
        if isinstance(place[-1], str):
            assert place[-1] in written[line - 1] or quoted(place[-1]) in written[line - 1]


@pytest.mark.parametrize("path", sorted(PACKAGED_FOLDER.rglob("*.toml")), ids=lambda path: path.name)
def test_the_packaged_files(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = key_lines(text)
    assert set(lines) == set(places(tomllib.loads(text)))
    written = text.splitlines()
    assert all(place[-1] in written[line - 1] for place, line in lines.items() if isinstance(place[-1], str))


def test_lines_of_what_is_not_written_down() -> None:
    lines = key_lines("[[versions]]\nid = 1\n[[versions]]\nid = 2\n[versions.title]\nen = 'x'\n")
    assert lines["versions", 1, "title", "en"] == 6
    assert line_of(lines, ("versions", 1, "title", "zh-CN")) == 5
    assert line_of(lines, ("versions", 1, "price")) == 3
    assert line_of(lines, ("nothing",)) == 1
