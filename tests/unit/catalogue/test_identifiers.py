"""Identifiers: their form, their order, and what they are made from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from catalogue.identifiers import PREFIXES, Identifiers, is_identifier, make_identifier
from config.clock import SystemClock

AT = datetime(2026, 11, 22, 9, 30, 0, 123_000, tzinfo=UTC)
NOTHING = bytes(10)


def test_the_layout_is_that_of_a_ulid() -> None:
    """The example of github.com/ulid/spec: 01ARZ3NDEKTSV4RRFFQ69G5FAV."""
    milliseconds, randomness = 1_469_922_850_259, bytes.fromhex("d6764c61efb99302bd5b")
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    assert make_identifier("member", instant, randomness) == "mbr_01arz3ndektsv4rrffq69g5fav"


def test_later_sorts_later_to_the_millisecond() -> None:
    made = [make_identifier("redemption", AT + timedelta(milliseconds=step), b"\xff" * 10) for step in range(500)]
    assert made == sorted(made)
    assert len(set(made)) == 500


def test_the_same_parts_make_the_same_identifier() -> None:
    assert make_identifier("quote", AT, NOTHING) == make_identifier("quote", AT, NOTHING)
    assert make_identifier("quote", AT, NOTHING) != make_identifier("quote", AT, b"\x01" * 10)
    with pytest.raises(ValueError, match="10 bytes"):
        make_identifier("quote", AT, bytes(9))
    with pytest.raises(TypeError):
        make_identifier("quote", AT.replace(tzinfo=None), NOTHING)


@pytest.mark.parametrize("kind", sorted(PREFIXES))
def test_an_identifier_says_of_what(kind: str) -> None:
    made = Identifiers(SystemClock()).new(kind)
    assert [other for other in PREFIXES if is_identifier(other, made)] == [kind]


@pytest.mark.parametrize("text", ["", "mbr_", "mbr_" + "0" * 25, "mbr_" + "0" * 25 + "u", "mbr-" + "0" * 26, "0" * 30])
def test_what_is_no_identifier(text: str) -> None:
    assert not is_identifier("member", text)
