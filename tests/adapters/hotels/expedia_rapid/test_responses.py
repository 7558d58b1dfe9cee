"""The response tables: total, sourced, and closed against whatever is not documented."""

from __future__ import annotations

import pytest

from adapters.hotels.expedia_rapid.responses import BOOK, CANCEL, DUPLICATE, TABLES, error_code
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.outcomes import Outcome

DOCUMENTED = {
    "availability": {200, 400, 401, 403, 426, 429, 500, 503},
    "price_check": {200, 400, 401, 403, 426, 429, 500, 503},
    "book": {201, 400, 401, 403, 409, 410, 426, 429, 500, 503},
    "retrieve": {200, 206, 400, 401, 403, 404, 426, 429, 500, 503},
    "cancel": {202, 204, 400, 401, 403, 404, 426, 429, 500, 503},
}
"""Statuses that the Rapid v3 OpenAPI file lists for each operation (read 2026-11-22)."""


@pytest.mark.parametrize("operation", DOCUMENTED)
def test_every_documented_status_is_judged_and_every_rule_has_a_source(operation: str) -> None:
    rules = TABLES[operation].rules
    gateways = {502, 504} if operation == "book" else set()
    assert {rule.status for rule in rules} == DOCUMENTED[operation] | gateways
    assert all(rule.source.strip() for rule in rules)


@pytest.mark.parametrize("operation", DOCUMENTED)
def test_what_is_not_listed_is_unknown(operation: str) -> None:
    table = TABLES[operation]
    for status in range(100, 600):
        for code in (None, "never_heard_of"):
            known = any(rule.status == status and rule.code is None for rule in table.rules)
            assert known or table.decide(status, code) is Outcome.UNKNOWN, (status, code)


def test_nothing_that_may_hide_a_booking_is_a_no() -> None:
    """Source: Rapid, Handling booking requests (read 2026-11-22): 5xx is followed by a retrieve."""
    assert BOOK.decide(400, DUPLICATE) is Outcome.UNKNOWN
    for status in range(500, 600):
        for code in (None, "unknown_internal_error", "service_unavailable"):
            assert BOOK.decide(status, code) is Outcome.UNKNOWN


def test_a_no_always_needs_the_documented_code() -> None:
    for table in TABLES.values():
        assert all(rule.code is not None for rule in table.rules if rule.outcome is Outcome.NO)
        assert all(rule.status < 400 for rule in table.rules if rule.outcome is Outcome.OK)


def test_an_accepted_cancel_is_not_a_cancelled_room() -> None:
    assert CANCEL.decide(202) is Outcome.PENDING
    assert CANCEL.decide(204) is Outcome.OK


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"type":"price_mismatch"}', "price_mismatch"),
        (b'{"type":"invalid_input","errors":[{"type":"link.invalid"}]}', "link.invalid"),
        (b'{"type":"invalid_input","errors":[{"type":"a"},{"type":"a"}]}', "a"),
        (b'{"type":"invalid_input","errors":[{"type":"a"},{"type":"b"}]}', "invalid_input"),
        (b'{"type":"invalid_input","errors":[{"type":"b"},{"type":"duplicate_itinerary"}]}', DUPLICATE),
        (b'{"type":"invalid_input"}', "invalid_input"),
        (b'{"error":"busy"}', None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_the_code_that_decides(body: bytes, expected: str | None) -> None:
    assert error_code(PartnerAnswer(status=400, headers={}, body=body)) == expected


def test_a_good_status_has_no_error_code() -> None:
    assert error_code(PartnerAnswer(status=201, headers={}, body=b'{"type":"price_mismatch"}')) is None
