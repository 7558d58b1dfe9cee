"""P: the platform's callbacks, which carry no signature and no event id. They are hints and never more (rule R9).

What keeps strangers out is a secret segment of the callback address, which the edge hands over as a header. What
keeps repeats apart is an identifier derived from what the callback says happened.

Source: API reference, Webhooks (github.com/Points/Loyalty-Commerce-Platform, read 2026-11-21).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from adapters.airlines.points_lcp.wire import Callback
from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError, WebhookError
from adapters.sdk.records import PartnerEvent

PATH_SECRET_HEADER = "x-gateway-path-secret"  # noqa: S105
EVENT_KIND = "credit.updated"


def verify(headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...]) -> str:
    """Check the path's secret in constant time and derive the event's identifier.

    Raises:
        WebhookError: the secret is missing or wrong, none is configured, or the body is not a callback.
    """
    given = headers.get(PATH_SECRET_HEADER, "").encode()
    matches = [hmac.compare_digest(given, secret.encode()) for secret in secrets if secret]
    if not any(matches):
        raise WebhookError("The callback's path secret is not one of this partner's.")
    return event_id(_callback(body))


def event_id(callback: Callback) -> str:
    """Derive an identifier: the same change of the same resource is the same event, however often it is told."""
    update = callback.update
    parts = (callback.order_url, update.resource, update.status, update.updated_at.isoformat())
    return "lcp_" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def read(message_id: str, body: bytes) -> PartnerEvent | None:
    """Read a callback as a hint that wakes a look-up; None when it is not about a credit.

    Raises:
        WebhookError: the body is not a callback.
    """
    callback = _callback(body)
    if callback.update.type != "credit":
        return None
    return PartnerEvent(
        event_id=message_id,
        kind=EVENT_KIND,
        reference=callback.partner_transaction_id,
        occurred_at=callback.update.updated_at,
    )


def _callback(body: bytes) -> Callback:
    try:
        return decode(body, Callback)
    except ProtocolError as error:
        raise WebhookError("The body is not a callback of the platform.") from error
