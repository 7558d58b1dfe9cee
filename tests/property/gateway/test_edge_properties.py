"""Properties of the edge's own small codecs: cursors, canonical JSON, idempotency keys, strict bodies."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from config.errors import MalformedError
from gateway.canonical import canonical_json
from gateway.errors import CursorError
from gateway.idempotency import read_key
from gateway.pages import Cursors
from gateway.requests import CONTROL, read_body

CURSORS = Cursors(b"k" * 32)
POSITIONS = st.lists(st.text(max_size=40) | st.integers(-(2**62), 2**62), max_size=3).map(tuple)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


@given(POSITIONS, st.text(max_size=30))
def test_a_cursor_opens_to_what_was_sealed(position: tuple[str | int, ...], purpose: str) -> None:
    assume(all(not isinstance(part, str) or part.isprintable() for part in (*position, purpose)))
    assert CURSORS.open(purpose, CURSORS.seal(purpose, position)) == position


@given(POSITIONS, st.integers(0, 10_000), st.sampled_from("ABCxyz019-_"))
def test_a_changed_cursor_never_opens_to_something_else(
    position: tuple[str | int, ...], place: int, letter: str
) -> None:
    assume(all(not isinstance(part, str) or part.isprintable() for part in position))
    sealed = CURSORS.seal("list", position)
    place %= len(sealed)
    changed = sealed[:place] + letter + sealed[place + 1 :]
    try:
        opened = CURSORS.open("list", changed)
    except CursorError:
        return
    assert opened == position, "only unused trailing bits may differ"


@given(POSITIONS)
def test_a_cursor_is_good_for_its_list_only(position: tuple[str | int, ...]) -> None:
    assume(all(not isinstance(part, str) or part.isprintable() for part in position))
    with pytest.raises(CursorError):
        CURSORS.open("activity app/two", CURSORS.seal("activity app/one", position))
    with pytest.raises(CursorError):
        Cursors(b"other").open("list", CURSORS.seal("list", position))


@given(st.text(max_size=60))
def test_any_text_is_a_refused_cursor(text: str) -> None:
    with pytest.raises(CursorError):
        CURSORS.open("list", text)


@given(DOCUMENTS)
def test_canonical_json_is_json_and_a_fixed_point(value: Any) -> None:
    written = canonical_json(value)
    assert json.loads(written) == value
    assert canonical_json(json.loads(written)) == written


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255))
def test_a_key_is_the_same_quoted_or_bare(key: str) -> None:
    assume('"' not in key)
    quoted = '"' + key.replace("\\", "\\\\") + '"'
    assert read_key([quoted]) == read_key([key]) == key


def _texts(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(value) + _texts(list(value.values()))
    return "".join(map(_texts, value)) if isinstance(value, list) else value if isinstance(value, str) else ""


@given(DOCUMENTS)
def test_what_is_read_is_what_was_sent(value: Any) -> None:
    assume(not CONTROL.search(_texts(value)))
    assert read_body(json.dumps(value).encode(), Any) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_by_our_own_error(body: bytes) -> None:
    with suppress(MalformedError):
        read = read_body(body, Any)
        assert json.loads(body.decode("utf-8")) == read
