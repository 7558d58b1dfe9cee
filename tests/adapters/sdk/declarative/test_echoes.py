"""An OK claims only what is repeated: any other value in any place of the echo leaves the outcome unknown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.direct.conformance import VISIT
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.declarative import answers
from adapters.sdk.declarative.compiling import compile_mapping
from adapters.sdk.declarative.fields import reservation_values
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import ReservationRequest, Traveller
from catalogue.values import Money
from tests.adapters.sdk.declarative.test_mistakes import EXAMPLE, MAPPING

MADE = compile_mapping("mapping.toml", MAPPING, EXAMPLE)
REQUEST = ReservationRequest(
    key="key-00000001",
    service=VISIT,
    offer_token="offer-1",
    price=Money(24_000, "CNY"),
    traveller=Traveller(),
    requested_at=datetime(2026, 11, 22, tzinfo=UTC),
)
VALUES = reservation_values(REQUEST, {}, "harbour-lounge")
SERVICE = {"kind": "visit", "airport": "PVG", "lounge_id": VISIT.lounge_id, "visit_date": "2026-11-22", "guests": 1}
ANSWER: dict[str, Any] = {
    "key": "key-00000001",
    "status": "reserved",
    "reference": "R-1",
    "offer": "offer-1",
    "service": SERVICE,
    "price": {"amount": "240.00", "currency": "CNY"},
}
READINGS = {name: MADE.calls[name].reading for name in ("reserve", "look_up")}
PLACES = sorted({*READINGS["reserve"].echo.values(), *READINGS["reserve"].identity.values()})
SAME = {"price.amount": {"240.00", "240", "240.0", "240.000", 240}, "service.guests": {1, "1"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def judged(document: Any) -> tuple[Outcome, LookUpAnswer]:
    answer = PartnerAnswer(status=200, headers={}, body=json.dumps(document).encode())
    step = answers.judge_step(READINGS["reserve"], answer, VALUES, MADE.file, commit=True)
    return step.outcome, answers.judge_look_up(READINGS["look_up"], answer, VALUES, MADE.file).answer


def with_other(place: str, value: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(ANSWER))
    *way, last = place.split(".")
    inner = document
    for name in way:
        inner = inner[name]
    inner[last] = value
    return document


def test_the_whole_echo_is_believed() -> None:
    assert judged(ANSWER) == (Outcome.OK, LookUpAnswer.ISSUED)
    assert len(PLACES) == 8


@given(
    st.sampled_from(PLACES), JSON | st.sampled_from(["240.001", "24000", 1.5, "1.0", True, "cny", "PVG ", "240.00 "])
)
def test_any_other_value_is_unknown(place: str, value: Any) -> None:
    honest = with_other(place, value) == ANSWER and not isinstance(value, bool)
    same = not isinstance(value, bool | float | list | dict) and value in SAME.get(place, set())
    if honest or same or (place == "price.amount" and value == 240 and not isinstance(value, bool)):
        return
    assert judged(with_other(place, value)) == (Outcome.UNKNOWN, LookUpAnswer.UNKNOWN)


@given(JSON)
def test_whatever_comes_is_judged(document: Any) -> None:
    assert judged(document) == (Outcome.UNKNOWN, LookUpAnswer.UNKNOWN)
