"""The partner's callbacks: at least once, in no order, so each is a hint and nothing more (rule R9). Pure.

They carry no number that rises with each event of a booking: ``idempotency_key`` names the booking, and instants say
nothing of order where events overtake each other. So none may count by itself; what tells something new of a redemption
is shown to people by the gateway.

Source: duffel.com/docs/api/webhooks and /docs/api/v2/webhook-events, read 2026-11-28. The published list of event types
names none for cars; whatever tells of a booking that carries our key is read, everything else is of no interest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from adapters.rental_cars.duffel_cars.mapping import KEY
from adapters.rental_cars.duffel_cars.wire import Event
from adapters.sdk.codec import AwareInstant, decode
from adapters.sdk.errors import ProtocolError, WebhookError
from adapters.sdk.records import CANCELLED_EVENT, CONFIRMED_EVENT, PartnerEvent
from adapters.sdk.webhook_schemes import verify_timestamped
from adapters.sdk.webhooks import ID_LIMIT

HEADER = "x-duffel-signature"
KINDS = {"confirmed": CONFIRMED_EVENT, "cancelled": CANCELLED_EVENT}
"""What the booking's status in an event says, whatever its type is called."""


def verify(headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...], now: int) -> str:
    """Verify a callback over its raw bytes and answer the event's id, by which repeats are known.

    Raises:
        WebhookError: not authentic, too old, or not an event.
    """
    verify_timestamped(headers.get(HEADER, ""), body, secrets, now)
    event = _event(body)
    if not event.id.isascii() or not event.id.isprintable() or not 1 <= len(event.id) <= ID_LIMIT:
        raise WebhookError("The event's id is none.")
    return event.id


def read(message_id: str, body: bytes) -> PartnerEvent | None:
    """Read a verified event; None when it tells of nothing that carries our key (``ping.triggered``, flights, stays).

    Raises:
        WebhookError: the body is not an event.
    """
    event = _event(body)
    told = event.data.object if event.data else {}
    metadata, booking_id = told.get("metadata"), told.get("id")
    key = metadata.get(KEY) if isinstance(metadata, dict) else None
    if not isinstance(key, str) or not isinstance(booking_id, str):
        return None
    try:
        occurred_at: datetime = msgspec.convert(event.created_at, AwareInstant)
    except msgspec.ValidationError as error:
        raise WebhookError("The event's time is none.") from error
    kind = KINDS.get(str(told.get("status")), event.type)
    return PartnerEvent(
        event_id=message_id, kind=kind, reference=key, occurred_at=occurred_at, partner_reference=booking_id
    )


def _event(body: bytes) -> Event:
    try:
        return decode(body, Event)
    except ProtocolError as error:
        raise WebhookError("The body is not an event of the partner.") from error
