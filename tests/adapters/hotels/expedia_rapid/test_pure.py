"""The pure modules: amounts, instants, telephone numbers, links, tokens, waiting times."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hotels.expedia_rapid import mapping, wire
from adapters.hotels.expedia_rapid.links import Target, follow
from adapters.hotels.expedia_rapid.options import read_options
from adapters.hotels.expedia_rapid.phone import split_phone
from adapters.hotels.expedia_rapid.responses import retry_after_seconds
from adapters.sdk.codec import decode, encode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.manifest import Limits
from adapters.sdk.records import ReservationRequest, Traveller
from catalogue.values import Money
from tests.adapters.hotels.expedia_rapid.conftest import OPTIONS, STAY, TRAVELLER

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "currency", "expected"),
    [("1290.00", "CNY", 129_000), ("0.5", "USD", 50), ("129000", "JPY", 129_000), ("1.234", "KWD", 1_234)],
)
def test_an_amount_is_read_in_its_currencys_minor_units(value: str, currency: str, expected: int) -> None:
    assert mapping.read_amount(wire.Amount(value=value, currency=currency)) == Money(expected, currency)


@pytest.mark.parametrize(
    ("value", "currency"),
    [("1290.001", "CNY"), ("1,290.00", "CNY"), ("1e3", "CNY"), ("12.00", "cny"), ("12.00", "XXX"), ("１２", "CNY")],
)
def test_an_amount_that_is_none_is_refused(value: str, currency: str) -> None:
    with pytest.raises(ProtocolError):
        mapping.read_amount(wire.Amount(value=value, currency=currency))


@pytest.mark.parametrize("written", [b"-65.98", b'"-65.98"', b'"65.98"', b"65.98"])
def test_a_refund_is_read_from_text_or_number_with_either_sign(written: bytes) -> None:
    """Source: cancel_refund is declared as text and shown as -65.98 (Rapid v3 OpenAPI file, read 2026-11-22)."""
    refund = decode(b'{"amount":' + written + b',"currency":"USD"}', wire.CancelRefund)
    assert mapping.read_refund(refund) == Money(6_598, "USD")


def test_a_refund_that_is_not_stated_is_not_guessed() -> None:
    assert mapping.read_refund(wire.CancelRefund(amount=Decimal(5))) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-03-05 07:23:14+00:00", datetime(2019, 3, 5, 7, 23, 14, tzinfo=UTC)),
        ("2018-02-12 11:59:00-08:00", datetime(2018, 2, 12, 19, 59, tzinfo=UTC)),
        ("2017-08-17T13:31:15.523000Z", datetime(2017, 8, 17, 13, 31, 15, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_with_its_offset(text: str, expected: datetime) -> None:
    assert mapping.read_instant(text) == expected


@pytest.mark.parametrize(
    "text", ["2019-03-05 07:23:14", "2019-02-30 07:23:14Z", "2019-03-05 24:00:00Z", "2019-03-05 07:23:14+10:60", ""]
)
def test_an_instant_without_offset_or_that_never_was_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        mapping.read_instant(text)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+8613900000001", ("86", "13900000001")),
        ("+12065550100", ("1", "2065550100")),
        ("+74951234567", ("7", "4951234567")),
        ("+85223456789", ("852", "23456789")),
        ("+442079460000", ("44", "2079460000")),
        ("13900000001", None),
        ("+86 139 0000", None),
        ("+٨٦١٣٩٠٠٠٠٠٠", None),
    ],
)
def test_a_telephone_number_is_split_behind_its_calling_code(number: str, expected: tuple[str, str] | None) -> None:
    """Source: ITU-T E.164, list of assigned country codes (read 2026-11-22)."""
    assert split_phone(number) == expected


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_no_digit_is_lost_in_the_split(number: str) -> None:
    split = split_phone(number)
    assert split is not None
    assert "+" + "".join(split) == number


def test_a_link_is_followed_by_path_and_query_only() -> None:
    target = Target("/v3/itineraries/899/rooms/r-1", "token=a%2Bb=", ("899", "r-1"))
    assert follow("cancel", "/v3/itineraries/899/rooms/r-1?token=a%2Bb=") == target
    assert follow("cancel", "https://elsewhere.test/v3/itineraries/899/rooms/r-1?token=a%2Bb=") == target


@pytest.mark.parametrize(
    "href",
    [
        "",
        "/v3/itineraries?token=QQ",
        "/v3/itineraries/899/rooms/../../files?token=QQ",
        "/v3/itineraries/../rooms/r1?token=QQ",
        "/v3/itineraries/899/rooms/r1/pricing?token=QQ",
        "/v3/itineraries/899/rooms/r1?token=Q\r\nX: 1",
        "/v3/itineraries/899/rooms/%2e%2e?token=QQ",
        "http://[",
    ],
)
def test_a_link_to_anywhere_else_is_not_followed(href: str) -> None:
    assert follow("cancel", href) is None


def test_a_token_is_read_back_and_another_is_none_of_ours() -> None:
    token = mapping.OfferToken("1001", "r", "x", "2", "/v3/properties", 100, "CNY")
    assert mapping.read_token(mapping.write_token(token)) == token
    assert (token.price, token.billable) == (Money(100, "CNY"), None)
    for other in ("", "{}", "\ud800", '{"property_id":"1"}'):
        assert mapping.read_token(other) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [("1795341660000", 60), ("1795341600001", 1), ("1795341000000", 1), ("1799999999000", 3600), ("soon", None)],
)
def test_a_reset_is_an_instant_in_milliseconds(header: str, expected: int | None) -> None:
    """Source: Rate-Limit-Minute-Reset (Rapid v3 OpenAPI file, read 2026-11-22)."""
    assert int(NOW.timestamp()) == 1_795_341_600
    assert retry_after_seconds({"rate-limit-minute-reset": header}, NOW) == expected


def test_the_nearer_reset_is_the_minutes() -> None:
    headers = {"rate-limit-day-reset": "1795342600000", "rate-limit-minute-reset": "1795341630000"}
    assert retry_after_seconds(headers, NOW) == 30
    assert retry_after_seconds({"rate-limit-day-reset": "1795342600000"}, NOW) == 1000


def reservation(traveller: Traveller) -> ReservationRequest:
    return ReservationRequest(
        key="k" * 26, service=STAY, offer_token="", price=None, traveller=traveller, requested_at=NOW
    )


def test_a_booking_holds_the_declared_fields_and_no_card() -> None:
    options = read_options("expedia-rapid", OPTIONS, Limits())
    booking = mapping.booking(reservation(TRAVELLER), options)
    assert msgspec.json.decode(encode(booking)) == {
        "affiliate_reference_id": "k" * 26,
        "email": "liu.wei@example.cn",
        "phone": {"country_code": "86", "number": "13900000001"},
        "rooms": [{"given_name": "Wei", "family_name": "Liu"}],
        "payments": [
            {
                "type": "affiliate_collect",
                "billing_contact": {
                    "given_name": "Club",
                    "family_name": "Treasury",
                    "address": {"country_code": "CN"},
                },
            }
        ],
    }


@pytest.mark.parametrize("field", ["given_name", "family_name", "email", "phone"])
def test_a_booking_is_not_written_without_a_declared_field(field: str) -> None:
    options = read_options("expedia-rapid", OPTIONS, Limits())
    traveller = msgspec.structs.replace(TRAVELLER, **{field: None})
    assert mapping.booking(reservation(traveller), options) is None
