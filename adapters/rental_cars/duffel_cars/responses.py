"""What each documented answer proves, as data. Whatever is not listed here is UNKNOWN. Pure.

Sources, read 2026-11-28: the Duffel Cars v2 OpenAPI file derived from @duffel/api 4.30.0 (per operation and status) and
duffel.com/docs/api/overview/errors: a creation that ended in 500 or 502 may have created, and is not to be repeated.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from adapters.rental_cars.duffel_cars.wire import Errors
from adapters.sdk.answers import RETRY_AFTER_LIMIT_SECONDS, retry_after_seconds
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import Outcome, ResponseRule, ResponseTable

_SPEC = "Duffel Cars v2 OpenAPI file"
_ERRORS = "duffel.com/docs/api/overview/errors"


def _rule(operation: str, status: int, code: str | None, outcome: Outcome, source: str = _SPEC) -> ResponseRule:
    return ResponseRule(status=status, code=code, outcome=outcome, source=f"{source}, {operation} {status}")


def _before_it(operation: str) -> tuple[ResponseRule, ...]:
    """List the refusals that come before an operation is looked at."""
    return (
        _rule(operation, 401, "access_token_not_found", Outcome.NO),
        _rule(operation, 429, "rate_limit_exceeded", Outcome.BUSY),
    )


def _reading(operation: str) -> ResponseTable:
    """Make the table of a call that grants nothing: a server's fault changed nothing and may be tried again."""
    return ResponseTable(
        _rule(operation, 200, None, Outcome.OK),
        *_before_it(operation),
        _rule(operation, 404, "not_found", Outcome.NO),
        _rule(operation, 422, "validation_required", Outcome.NO),
        _rule(operation, 500, "internal_server_error", Outcome.BUSY),
    )


SEARCH = _reading("searchCars")
QUOTE = _reading("createCarQuote")
"""A quote holds nothing; 404 says that the rate is gone."""
GET = _reading("getCarBooking")

BOOK = ResponseTable(
    _rule("createCarBooking", 200, None, Outcome.OK),
    *_before_it("createCarBooking"),
    _rule("createCarBooking", 404, "not_found", Outcome.NO),
    _rule("createCarBooking", 422, "validation_required", Outcome.NO),
    _rule("createCarBooking", 500, "internal_server_error", Outcome.UNKNOWN, _ERRORS),
    _rule("createCarBooking", 502, None, Outcome.UNKNOWN, _ERRORS),
)
"""The commit. OK needs the echo check besides; 404 says that the quote is gone."""

CANCEL = ResponseTable(
    _rule("cancelCarBooking", 200, None, Outcome.OK),
    _rule("cancelCarBooking", 401, "access_token_not_found", Outcome.BUSY, "nothing was cancelled; ask again"),
    _rule("cancelCarBooking", 429, "rate_limit_exceeded", Outcome.BUSY),
    _rule("cancelCarBooking", 404, "not_found", Outcome.UNKNOWN, "a booking that was answered cannot be gone"),
    _rule("cancelCarBooking", 422, "validation_required", Outcome.NO),
    _rule("cancelCarBooking", 500, "internal_server_error", Outcome.UNKNOWN, _ERRORS),
)
"""Cancelling by the booking's id; whatever is UNKNOWN here is read again before it is answered."""

TABLES = {"search": SEARCH, "quote": QUOTE, "book": BOOK, "get": GET, "cancel": CANCEL}
"""Every table by the name of its operation in `calls`."""


def error_code(answer: PartnerAnswer) -> str | None:
    """Read the code that decides; None for a good status, another body, or several different codes."""
    if answer.status < 300:
        return None
    try:
        codes = {item.code for item in decode(answer.body, Errors).errors}
    except ProtocolError:
        return None
    return codes.pop() if len(codes) == 1 else None


def wait_seconds(answer: PartnerAnswer, now: datetime) -> int | None:
    """Read how long a 429 asks us to wait, 1 s to 15 minutes; None when it does not say.

    ``ratelimit-reset`` is published as a text of no stated form: an HTTP date is understood, nothing else is.
    """
    asked = retry_after_seconds(answer, now)
    if asked is not None:
        return asked
    try:
        reset = parsedate_to_datetime(answer.headers.get("ratelimit-reset", ""))
        wait = int((reset.astimezone(UTC) - now).total_seconds()) + 1
    except (ValueError, TypeError, OverflowError):
        return None
    return max(1, min(wait, RETRY_AFTER_LIMIT_SECONDS))
