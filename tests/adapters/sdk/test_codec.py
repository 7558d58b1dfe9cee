"""Strict JSON and exact amounts."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sdk.codec import AwareInstant, decode, encode, local_instant
from adapters.sdk.currencies import EXPONENTS, decimal_text, exponent, minor_units
from adapters.sdk.errors import ProtocolError
from catalogue.values import Money


class State(StrEnum):
    ISSUED = "issued"


class Thing(msgspec.Struct):
    """A wire type."""

    count: int = 0
    name: str = ""
    flag: bool = False
    ratio: Decimal = Decimal(0)
    state: State = State.ISSUED
    at: AwareInstant | None = None
    money: Money | None = None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"count": 7}', Thing(count=7)),
        (b'{"count": -0}', Thing()),
        (b'{"name": "\\u4e2d\\ud83d\\ude00"}', Thing(name="中😀")),
        (b'{"ratio": 0.1}', Thing(ratio=Decimal("0.1"))),
        (b'{"ratio": 3}', Thing(ratio=Decimal(3))),
        (b'{"later": {"added": [1]}, "count": 1}', Thing(count=1)),
        (b'{"at": "2026-11-22T10:00:00+08:00"}', Thing(at=datetime(2026, 11, 22, 2, tzinfo=UTC))),
        (b'{"name": "[[[[{{{{\\"[[["}', Thing(name='[[[[{{{{"[[[')),
    ],
)
def test_good_bodies(body: bytes, expected: Thing) -> None:
    assert decode(body, Thing) == expected


REFUSED = {
    "nw_15_empty": b"",
    "nw_15_trailing": b'{"count":1} x',
    "nw_15_two_texts": b"{}{}",
    "nw_15_comma": b'{"count":1,}',
    "nw_15_single_quotes": b"{'count':1}",
    "nw_15_leading_zero": b'{"count":01}',
    "nw_15_plus": b'{"count":+1}',
    "nw_15_byte_order_mark": b'\xef\xbb\xbf{"count":1}',
    "nw_15_raw_control_character": b'{"name":"a\nb"}',
    "nw_15_bad_utf_8": b'{"name":"\xff"}',
    "nw_15_utf_16": '{"count":1}'.encode("utf-16"),
    "nw_15_lone_surrogate": b'{"name":"\\ud800"}',
    "nw_15_lone_surrogate_in_unknown_key": b'{"\\udc00":[1]}',
    "nw_15_nul": b'{"name":"a\\u0000"}',
    "nw_15_full_width_digit": '{"count":１}'.encode(),
    "nw_16_nan": b'{"ratio":NaN}',
    "nw_16_nan_in_an_unknown_field": b'{"x":NaN}',
    "nw_16_infinity": b'{"ratio":-Infinity}',
    "nw_16_overflow": b'{"ratio":1e999}',
    "nw_16_underflow": b'{"ratio":1e-999}',
    "nw_16_many_decimals": b'{"ratio":0.' + b"1" * 100 + b"}",
    "nw_16_float_for_int": b'{"count":1.0}',
    "nw_16_exponent_for_int": b'{"count":1e2}',
    "nw_16_float_amount": b'{"money":{"amount":1.5,"currency":"CNY"}}',
    "nw_16_huge_integer": b'{"count":' + b"9" * 5000 + b"}",
    "nw_16_integer_beyond_64_bits": b'{"count":99999999999999999999}',
    "nw_16_text_for_int": b'{"count":"1"}',
    "nw_16_bool_for_int": b'{"count":true}',
    "nw_16_int_for_bool": b'{"flag":1}',
    "nw_17_duplicate_key": b'{"state":"refused","state":"issued"}',
    "nw_17_duplicate_key_deep": b'{"x":[{"y":1,"y":2}]}',
    "nw_17_duplicate_by_escape": b'{"count":1,"c\\u006funt":2}',
    "nw_14_deep": b"[" * 33 + b"]" * 33,
    "nw_14_very_deep": b'{"x":' * 100_000,
    "nw_18_html": b"<!doctype html><p>Maintenance",
    "nw_26_unknown_enum": b'{"state":"teleported"}',
    "naive_instant": b'{"at":"2026-11-22T10:00:00"}',
    "list_for_object": b"[]",
    "null": b"null",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_bodies(kind: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(REFUSED[kind], Thing)
    assert len(caught.value.message) < 200


def test_the_refusal_repeats_nothing_of_the_body() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(b'{"state":"canary-secret"}', Thing)
    assert "canary" not in caught.value.message


def test_32_levels_are_accepted() -> None:
    assert decode(b"[" * 32 + b"]" * 32, list[object])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3).filter(lambda t: "\0" not in t and t.isprintable()), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(json_values)
def test_whatever_json_writes_is_read_back(value: object) -> None:
    assert decode(json.dumps(value).encode(), object) == value


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    try:
        decode(body, Thing)
    except ProtocolError:
        return


def test_encode_is_deterministic_and_read_back() -> None:
    thing = Thing(count=3, name="é", ratio=Decimal("1.50"))
    assert encode(thing) == encode(Thing(count=3, name="é", ratio=Decimal("1.50")))
    assert decode(encode({"count": 3}), Thing).count == 3


# Figures of ISO 4217 list one, 2026-01-01.
@pytest.mark.parametrize(
    ("currency", "digits"),
    [("CNY", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("UYW", 4), ("ISK", 0), ("XCG", 2), ("HUF", 2), ("IQD", 3)],
)
def test_exponents(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


def test_the_list_is_whole() -> None:
    assert len(EXPONENTS) == 165
    assert [sum(digits == n for digits in EXPONENTS.values()) for n in (0, 3, 4)] == [17, 7, 2]


@pytest.mark.parametrize("currency", ["XAU", "XTS", "XXX", "XDR", "BGN", "HRK", "cny", "", "CN", "CNYX"])
def test_no_such_currency(currency: str) -> None:
    with pytest.raises(ProtocolError):
        minor_units("1", currency)


@pytest.mark.parametrize(
    ("text", "currency", "expected"),
    [
        ("123.45", "CNY", 12345),
        ("0.01", "CNY", 1),
        ("7", "CNY", 700),
        ("7.5", "CNY", 750),
        ("7.500", "CNY", 750),
        ("-0.05", "EUR", -5),
        ("1234", "JPY", 1234),
        ("1234.00", "JPY", 1234),
        ("1.234", "KWD", 1234),
        ("1.2345", "CLF", 12345),
        ("999999999999999.99", "CNY", 99999999999999999),
    ],
)
def test_minor_units(text: str, currency: str, expected: int) -> None:
    assert minor_units(text, currency) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "+1",
        "1.",
        ".5",
        "01",
        "1,5",
        "1,000",
        "1e2",
        "NaN",
        "Infinity",
        "1.005",
        "１",
        "١",
        "০",
        "--1",
        "0x1",
        "1\n",
    ],
)
def test_not_an_amount(text: str) -> None:
    with pytest.raises(ProtocolError):
        minor_units(text, "CNY")


@given(st.integers(1 - 10**15, 10**15 - 1), st.sampled_from(sorted(EXPONENTS)))
def test_amounts_go_there_and_back(amount: int, currency: str) -> None:
    assert minor_units(decimal_text(amount, currency), currency) == amount


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-11-22T10:00", "Asia/Shanghai", datetime(2026, 11, 22, 2, tzinfo=UTC)),
        ("2026-07-01T10:00:30", "America/New_York", datetime(2026, 7, 1, 14, 0, 30, tzinfo=UTC)),
        # Clocks go back on 2026-11-01 at 02:00 in New York: 01:30 happens twice, the first is meant.
        ("2026-11-01T01:30", "America/New_York", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        # Lord Howe moves by half an hour.
        ("2026-10-04T02:30", "Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ],
)
def test_local_times(text: str, zone: str, expected: datetime) -> None:
    assert local_instant(text, zone) == expected


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2026-03-08T02:30", "America/New_York"),
        ("2026-11-22T10:00Z", "Asia/Shanghai"),
        ("2026-11-22T10:00+08:00", "Asia/Shanghai"),
        ("2026-11-22 10:00", "Asia/Shanghai"),
        ("2026-02-30T10:00", "Asia/Shanghai"),
        ("2026-11-22T10:00", "Mars/Olympus"),
        ("２026-11-22T10:00", "Asia/Shanghai"),
    ],
)
def test_times_that_are_none(text: str, zone: str) -> None:
    with pytest.raises(ProtocolError):
        local_instant(text, zone)


def test_dates_are_read_from_text_only() -> None:
    assert decode(b'"2026-11-22"', date) == date(2026, 11, 22)
    with pytest.raises(ProtocolError):
        decode(b"20261122", date)
