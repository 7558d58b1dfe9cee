"""The calls that this adapter makes. Source: Duffel Cars v2 OpenAPI file, read 2026-11-28. Pure."""

from __future__ import annotations

from urllib.parse import quote as escaped

from adapters.rental_cars.duffel_cars import wire
from adapters.sdk.calls import PartnerCall
from adapters.sdk.codec import encode

VERSION = {"Duffel-Version": "v2"}


def search(params: wire.SearchParams, deadline_seconds: float) -> PartnerCall:
    """``POST /cars/search``."""
    return _post("search", "/cars/search", params, deadline_seconds)


def quote(rate_id: str, deadline_seconds: float) -> PartnerCall:
    """``POST /cars/quotes``."""
    return _post("quote", "/cars/quotes", wire.QuoteParams(rate_id=rate_id), deadline_seconds)


def book(params: wire.BookingParams) -> PartnerCall:
    """``POST /cars/bookings``; has no idempotency key."""
    return _post("book", "/cars/bookings", params, None)


def get(booking_id: str, deadline_seconds: float) -> PartnerCall:
    """``GET /cars/bookings/{id}``."""
    return PartnerCall(
        operation="get",
        method="GET",
        path=f"/cars/bookings/{escaped(booking_id, safe='')}",
        headers=VERSION,
        deadline_seconds=deadline_seconds,
    )


def cancel(booking_id: str) -> PartnerCall:
    """``POST /cars/bookings/{id}/actions/cancel``; without a body, as documented."""
    return PartnerCall(
        operation="cancel",
        method="POST",
        path=f"/cars/bookings/{escaped(booking_id, safe='')}/actions/cancel",
        headers=VERSION,
    )


def _post(operation: str, path: str, params: object, deadline_seconds: float | None) -> PartnerCall:
    return PartnerCall(
        operation=operation,
        method="POST",
        path=path,
        headers=VERSION,
        body=encode(wire.Envelope(params)),
        deadline_seconds=deadline_seconds,
    )
