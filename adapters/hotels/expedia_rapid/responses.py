"""What each documented answer of Rapid proves, as data. Whatever is not listed here is UNKNOWN.

Sources, read 2026-11-22: the Rapid v3 OpenAPI file (per operation and status), and two pages of
developers.expediagroup.com: "Handling booking requests" (a 5xx, a lost connection, a body that is not JSON or lacks a
key element may hide a booking) and "Common error responses".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from adapters.hotels.expedia_rapid import wire
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import Outcome, ResponseRule, ResponseTable

_SPEC = "Rapid v3 OpenAPI file"
_HANDLING = "Rapid, Handling booking requests"

DUPLICATE = "duplicate_itinerary"
"""The partner's word for: this key is known. Never a refusal of the benefit, always a look-up (rule R12)."""


def _rule(operation: str, status: int, code: str | None, outcome: Outcome, source: str = _SPEC) -> ResponseRule:
    return ResponseRule(status=status, code=code, outcome=outcome, source=f"{source}, {operation} {status}")


def _refused_at_the_door(operation: str) -> tuple[ResponseRule, ...]:
    """List the refusals that come before an operation is looked at; each needs its own documented body."""
    return (
        _rule(operation, 401, "request_unauthenticated", Outcome.NO),
        _rule(operation, 403, "request_unauthorized", Outcome.NO),
        _rule(operation, 426, "upgrade_required", Outcome.NO),
        _rule(operation, 429, "too_many_requests", Outcome.BUSY),
    )


AVAILABILITY = ResponseTable(
    _rule("getAvailability", 200, None, Outcome.OK),
    _rule("getAvailability", 400, "checkin.invalid_date_format", Outcome.NO),
    _rule("getAvailability", 400, "checkout.invalid_length_of_stay_too_long_vrbo", Outcome.NO),
    _rule("getAvailability", 400, "include.not_supported", Outcome.NO),
    _rule("getAvailability", 400, "number_of_occupancies.invalid_above_maximum", Outcome.NO),
    *_refused_at_the_door("getAvailability"),
    _rule("getAvailability", 500, "unknown_internal_error", Outcome.BUSY),
    _rule("getAvailability", 503, "service_unavailable", Outcome.BUSY),
)
"""A reading call: a server's fault changed nothing and may be tried again."""

PRICE_CHECK = ResponseTable(
    _rule("priceCheck", 200, "available", Outcome.OK),
    _rule("priceCheck", 200, "price_changed", Outcome.NO),
    _rule("priceCheck", 200, "sold_out", Outcome.NO),
    _rule("priceCheck", 400, "link.invalid", Outcome.NO),
    *_refused_at_the_door("priceCheck"),
    _rule("priceCheck", 500, "unknown_internal_error", Outcome.BUSY),
    _rule("priceCheck", 503, "service_unavailable", Outcome.BUSY),
)
"""A reading call; the code of a 200 is the body's own ``status``."""

BOOK = ResponseTable(
    _rule("postItinerary", 201, None, Outcome.OK),
    _rule("postItinerary", 400, DUPLICATE, Outcome.UNKNOWN),
    _rule("postItinerary", 400, "address.country_code.invalid", Outcome.NO),
    _rule("postItinerary", 409, "price_mismatch", Outcome.NO),
    _rule("postItinerary", 410, "rooms_unavailable", Outcome.NO),
    *_refused_at_the_door("postItinerary"),
    _rule("postItinerary", 500, "unknown_internal_error", Outcome.UNKNOWN, _HANDLING),
    _rule("postItinerary", 502, None, Outcome.UNKNOWN, _HANDLING),
    _rule("postItinerary", 503, "service_unavailable", Outcome.UNKNOWN, _HANDLING),
    _rule("postItinerary", 504, None, Outcome.UNKNOWN, _HANDLING),
)
"""The commit. OK needs the echo check besides; a 5xx may hide a booking."""

RETRIEVE = ResponseTable(
    _rule("getReservation", 200, None, Outcome.OK),
    _rule("getReservation", 206, None, Outcome.OK),
    _rule("getReservation", 400, "email.invalid", Outcome.UNKNOWN),
    _rule("getReservationByItineraryId", 400, "link.invalid", Outcome.UNKNOWN),
    _rule("getReservationByItineraryId", 404, "resource_not_found", Outcome.NO),
    *_refused_at_the_door("getReservation"),
    _rule("getReservation", 500, "unknown_internal_error", Outcome.BUSY),
    _rule("getReservation", 503, "service_unavailable", Outcome.BUSY),
)
"""Both retrieve operations; OK says that there is a body to judge, NO that nothing was found."""

CANCEL = ResponseTable(
    _rule("deleteRoom", 202, None, Outcome.PENDING),
    _rule("deleteRoom", 204, None, Outcome.OK),
    _rule("deleteRoom", 400, "link.invalid", Outcome.NO),
    _rule("deleteRoom", 404, "resource_not_found", Outcome.UNKNOWN),
    *_refused_at_the_door("deleteRoom"),
    _rule("deleteRoom", 500, "unknown_internal_error", Outcome.UNKNOWN),
    _rule("deleteRoom", 503, "service_unavailable", Outcome.UNKNOWN),
)
"""Cancelling a room. 202 is documented as "state unknown, retrieve": the adapter looks again before it answers."""

TABLES = {
    "availability": AVAILABILITY,
    "price_check": PRICE_CHECK,
    "book": BOOK,
    "retrieve": RETRIEVE,
    "cancel": CANCEL,
}
"""Every table by the name of its operation in `calls`."""


def error_code(answer: PartnerAnswer) -> str | None:
    """Read the code that decides from an answer's error body; None for a good status or another body.

    ``invalid_input`` is only a wrapper: its single nested error decides. Several different ones decide nothing, except
    that a duplicate key among them is always seen.
    """
    if answer.status < 300:
        return None
    try:
        error = decode(answer.body, wire.ErrorBody)
    except ProtocolError:
        return None
    if error.type != "invalid_input":
        return error.type
    nested = {item.type for item in error.errors if item.type}
    if DUPLICATE in nested:
        return DUPLICATE
    return nested.pop() if len(nested) == 1 else error.type


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> int | None:
    """Read how long a 429 asks us to wait, 1 s to 1 h; None when it does not say.

    Args:
        headers: names in lower case. Rapid's reset headers are instants in milliseconds of the Unix epoch.
        now: aware.
    """
    for name in ("rate-limit-minute-reset", "rate-limit-day-reset"):
        text = headers.get(name, "")
        if re.fullmatch(r"[0-9]{1,15}", text, re.ASCII):
            wait = -((int(now.timestamp() * 1000) - int(text)) // 1000)
            return max(1, min(wait, 3600))
    return None
