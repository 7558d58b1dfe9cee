"""The contract's answers, one condition each; every table row is met.

Source of all bodies: our own contract, docs/direct-contract.md, version 1.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from adapters.direct import calls, responses
from adapters.direct.mapping import read_cancel, read_event, read_look_up, read_offers, read_step, reserve_body
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.codec import encode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import LookUpAnswer, Outcome, ResponseTable
from adapters.sdk.records import OfferRequest, ReservationRequest, Ride, Traveller, Visit
from catalogue.values import Money

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
KEY = "rdm_01kabcdefghjkmnpqrstvwxyz0"
VISIT = Visit(airport="PVG", lounge_id="l1", visit_date=date(2026, 11, 22), guests=1)
REQUEST = ReservationRequest(
    key=KEY,
    service=VISIT,
    offer_token="ofr.1",
    price=Money(24000, "CNY"),
    traveller=Traveller(given_name="Wei"),
    requested_at=datetime(2026, 11, 22, 2, tzinfo=UTC),
)
RESERVED: dict[str, Any] = {
    "key": KEY,
    "status": "reserved",
    "reference": "R-1",
    "offer": "ofr.1",
    "service": {"kind": "visit", "airport": "PVG", "lounge_id": "l1", "visit_date": "2026-11-22", "guests": 1},
    "price": {"amount": "240.00", "currency": "CNY"},
}


def answer(status: int, body: object, **headers: str) -> PartnerAnswer:
    return PartnerAnswer(
        status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=json.dumps(body).encode()
    )


def refusal(status: int, code: str, key: str | None = KEY) -> PartnerAnswer:
    return answer(status, {"error": {"code": code, "message": "why"}, "key": key})


def step(given: PartnerAnswer) -> tuple[Outcome, str | None]:
    result = read_step(REQUEST, given, responses.RESERVE, NOW)
    return result.outcome, result.code


def test_the_request_holds_no_personal_field_and_is_the_same_each_time() -> None:
    body = calls.reserve(REQUEST).body
    assert body == calls.reserve(REQUEST).body == encode(reserve_body(REQUEST))
    assert json.loads(body or b"") == {
        "offer": "ofr.1",
        "service": RESERVED["service"],
        "requested_at": "2026-11-22T02:00:00Z",
        "price": {"amount": "240.00", "currency": "CNY"},
    }


def test_the_key_is_one_segment_of_the_path() -> None:
    assert calls.look_up("a/../b").path == "/v1/reservations/a%2F..%2Fb"


@pytest.mark.parametrize(("status", "state"), [(201, "reserved"), (200, "reserved"), (200, "used")])
def test_granted(status: int, state: str) -> None:
    result = read_step(REQUEST, answer(status, RESERVED | {"status": state}), responses.RESERVE, NOW)
    assert (result.outcome, result.partner_reference) == (Outcome.OK, "R-1")


@pytest.mark.parametrize("code", ["fenced", "sold_out", "offer_expired", "price_changed"])
def test_refused(code: str) -> None:
    assert step(refusal(409, code)) == (Outcome.NO, code)


def test_an_unknown_offer_is_refused() -> None:
    assert step(refusal(404, "unknown_offer")) == (Outcome.NO, "unknown_offer")


def test_a_repeat_after_a_cancellation_is_a_no() -> None:
    gone = RESERVED | {"status": "cancelled"}
    assert step(answer(200, gone)) == (Outcome.NO, "cancelled")
    assert step(answer(200, gone | {"key": "other"}))[0] is Outcome.UNKNOWN


@pytest.mark.parametrize(("status", "code"), [(429, "busy"), (503, "busy"), (401, "unauthenticated")])
def test_promised_not_processed(status: int, code: str) -> None:
    assert step(refusal(status, code)) == (Outcome.BUSY, code)


def test_busy_says_for_how_long() -> None:
    given = answer(503, {"error": {"code": "busy"}, "key": KEY}, retry_after="7")
    assert read_step(REQUEST, given, responses.RESERVE, NOW).retry_after_seconds == 7


UNKNOWN = {
    "key_reused_is_looked_up": refusal(409, "key_reused"),
    "refusal_about_another_key_nw_21": refusal(409, "sold_out", key="other"),
    "refusal_without_key": refusal(409, "sold_out", key=None),
    "unlisted_code": refusal(409, "moon_in_leo"),
    "listed_code_under_another_status": refusal(400, "sold_out"),
    "unlisted_status_without_body": PartnerAnswer(status=418, headers={}, body=b""),
    "nw_06_500": refusal(500, "internal"),
    "busy_without_promise_nw_08": answer(503, {"message": "busy"}),
    "accepted_is_no_status_of_the_contract": answer(202, RESERVED),
    "created_and_cancelled": answer(201, RESERVED | {"status": "cancelled"}),
    "nw_18_html": PartnerAnswer(status=200, headers={}, body=b"<html>"),
    "nw_19_error_in_200": answer(200, {"error": {"code": "sold_out"}, "key": KEY}),
    "nw_21_other_key": answer(201, RESERVED | {"key": "rdm_other"}),
    "nw_21_other_amount": answer(201, RESERVED | {"price": {"amount": "240.01", "currency": "CNY"}}),
    "nw_21_other_currency": answer(201, RESERVED | {"price": {"amount": "240.00", "currency": "EUR"}}),
    "nw_21_no_price": answer(201, RESERVED | {"price": None}),
    "nw_21_other_offer": answer(201, RESERVED | {"offer": "ofr.2"}),
    "nw_21_other_day": answer(201, RESERVED | {"service": RESERVED["service"] | {"visit_date": "2026-11-23"}}),
    "nw_21_other_guests": answer(201, RESERVED | {"service": RESERVED["service"] | {"guests": 0}}),
    "no_reference": answer(201, RESERVED | {"reference": None}),
    "nw_16_float_amount": answer(201, RESERVED | {"price": {"amount": 240.0, "currency": "CNY"}}),
    "nw_26_unknown_status": answer(201, RESERVED | {"status": "teleported"}),
    "nw_26_unknown_service": answer(201, RESERVED | {"service": {"kind": "spa"}}),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_everything_else_is_unknown(kind: str) -> None:
    assert step(UNKNOWN[kind])[0] is Outcome.UNKNOWN


def test_nw_26_further_fields_are_ignored() -> None:
    assert step(answer(201, RESERVED | {"loyalty": {"x": [1]}}))[0] is Outcome.OK


@pytest.mark.parametrize(
    "table", [responses.RESERVE, responses.CANCEL, responses.FENCE], ids=["reserve", "cancel", "fence"]
)
def test_every_rule_has_a_source_and_decides_what_it_says(table: ResponseTable) -> None:
    for rule in table.rules:
        assert rule.source.startswith("docs/direct-contract.md")
        assert table.decide(rule.status, rule.code) is rule.outcome


LOOK_UPS = {
    "reserved": (answer(200, RESERVED), LookUpAnswer.ISSUED),
    "used": (
        answer(200, RESERVED | {"status": "used", "guests": 2, "used_at": "2026-11-22T03:00:00Z"}),
        LookUpAnswer.ISSUED,
    ),
    "cancelled": (answer(200, RESERVED | {"status": "cancelled"}), LookUpAnswer.CANCELLED),
    "fenced": (answer(200, {"key": KEY, "status": "fenced"}), LookUpAnswer.CANCELLED),
    "not_found": (refusal(404, "not_found"), LookUpAnswer.NOT_FOUND),
    "another_404": (refusal(404, "no_route"), LookUpAnswer.UNKNOWN),
    "404_about_another_key": (refusal(404, "not_found", key="other"), LookUpAnswer.UNKNOWN),
    "html_404": (PartnerAnswer(status=404, headers={}, body=b"<html>"), LookUpAnswer.UNKNOWN),
    "401": (refusal(401, "unauthenticated"), LookUpAnswer.UNKNOWN),
    "500": (refusal(500, "internal"), LookUpAnswer.UNKNOWN),
    "other_key": (answer(200, RESERVED | {"key": "other"}), LookUpAnswer.UNKNOWN),
    "other_price": (answer(200, RESERVED | {"price": {"amount": "1.00", "currency": "CNY"}}), LookUpAnswer.UNKNOWN),
    "fence_of_another_key": (answer(200, {"key": "other", "status": "fenced"}), LookUpAnswer.UNKNOWN),
}


@pytest.mark.parametrize("kind", LOOK_UPS)
def test_look_ups(kind: str) -> None:
    given, expected = LOOK_UPS[kind]
    assert read_look_up(REQUEST, given, NOW).answer is expected


def test_a_used_visit_carries_guests_and_instant() -> None:
    result = read_look_up(REQUEST, LOOK_UPS["used"][0], NOW)
    assert result.carried == {"guests": "2", "used_at": "2026-11-22T03:00:00+00:00"}


CANCELS = {
    "cancelled": (answer(200, RESERVED | {"status": "cancelled"}), Outcome.OK),
    "fenced": (answer(200, {"key": KEY, "status": "fenced"}), Outcome.OK),
    "already_used": (refusal(409, "already_used"), Outcome.NO),
    "too_late": (refusal(409, "too_late"), Outcome.NO),
    "still_reserved": (answer(200, RESERVED), Outcome.UNKNOWN),
    "other_key": (answer(200, RESERVED | {"status": "cancelled", "key": "other"}), Outcome.UNKNOWN),
    "already_used_about_another_key": (refusal(409, "already_used", key="other"), Outcome.UNKNOWN),
    "not_found": (refusal(404, "not_found"), Outcome.UNKNOWN),
    "html": (PartnerAnswer(status=200, headers={}, body=b"<html>"), Outcome.UNKNOWN),
    "busy": (refusal(503, "busy"), Outcome.BUSY),
}


@pytest.mark.parametrize("kind", CANCELS)
def test_cancels(kind: str) -> None:
    given, expected = CANCELS[kind]
    assert read_cancel(KEY, given, responses.CANCEL, NOW).outcome is expected


def test_a_refund_is_read_exactly() -> None:
    given = answer(200, RESERVED | {"status": "cancelled", "refund": {"amount": "239.99", "currency": "CNY"}})
    assert read_cancel(KEY, given, responses.CANCEL, NOW).refund == Money(23999, "CNY")
    found = read_look_up(REQUEST, given, NOW)
    assert (found.answer, found.refund) == (LookUpAnswer.CANCELLED, Money(23999, "CNY"))


def test_a_look_up_tells_a_refund_of_what_was_cancelled_and_of_nothing_else() -> None:
    refund = {"refund": {"amount": "239.99", "currency": "CNY"}}
    assert read_look_up(REQUEST, answer(200, RESERVED | refund), NOW).refund is None
    assert read_look_up(REQUEST, LOOK_UPS["cancelled"][0], NOW).refund is None
    odd = answer(200, RESERVED | {"status": "cancelled", "refund": {"amount": "1.999", "currency": "CNY"}})
    assert read_look_up(REQUEST, odd, NOW).answer is LookUpAnswer.UNKNOWN


def test_a_fence_is_raised_by_a_tombstone_only() -> None:
    assert read_cancel(KEY, CANCELS["cancelled"][0], responses.FENCE, NOW).outcome is Outcome.UNKNOWN
    assert read_cancel(KEY, CANCELS["fenced"][0], responses.FENCE, NOW).outcome is Outcome.OK


OFFER = {
    "id": "ofr.1",
    "title": "Lounge",
    "price": {"amount": "240.00", "currency": "CNY"},
    "expires_at": "2026-11-22T10:15:00+08:00",
}


def test_offers_are_read() -> None:
    body = json.dumps({"offers": [OFFER]}).encode()
    (offer,) = read_offers(OfferRequest(service=VISIT, currency="CNY"), body)
    assert (offer.token, offer.price, offer.expires_at) == (
        "ofr.1",
        Money(24000, "CNY"),
        datetime(2026, 11, 22, 2, 15, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"price": {"amount": "240.00", "currency": "EUR"}},
        {"price": {"amount": "240,00", "currency": "CNY"}},
        {"expires_at": "2026-11-22T10:15:00"},
        {"price": None},
    ],
)
def test_offers_that_cannot_be_trusted(change: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        read_offers(OfferRequest(service=VISIT, currency="CNY"), json.dumps({"offers": [OFFER | change]}).encode())


EVENT = {
    "type": "visit.reported",
    "occurred_at": "2026-11-22T03:00:00Z",
    "sequence": 4,
    "reservation": {"key": KEY, "status": "used", "reference": "R-1", "guests": 1},
}


def test_events_are_read() -> None:
    event = read_event("msg_1", json.dumps(EVENT).encode())
    assert event is not None
    assert (event.event_id, event.kind, event.reference, event.guests, event.sequence) == (
        "msg_1",
        "visit.reported",
        KEY,
        1,
        4,
    )


def test_kinds_of_later_versions_are_of_no_interest() -> None:
    assert read_event("msg_1", json.dumps(EVENT | {"type": "menu.changed"}).encode()) is None


def test_a_body_that_is_no_event_is_refused() -> None:
    with pytest.raises(ProtocolError):
        read_event("msg_1", b'{"type":"visit.reported"}')


def test_any_segment_travels_on_the_same_wire() -> None:
    ride = Ride(pick_up="PVG", drop_off="Bund", pick_up_at=datetime(2026, 11, 22, 9, tzinfo=UTC))
    body = json.loads(calls.reserve(msgspec.structs.replace(REQUEST, service=ride)).body or b"")
    assert body["service"] == {
        "kind": "ride",
        "pick_up": "PVG",
        "drop_off": "Bund",
        "pick_up_at": "2026-11-22T09:00:00Z",
        "passengers": 1,
    }
