"""Take a partner's callback in: verified over the raw bytes, kept before it is acknowledged."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any, cast

from adapters.sdk.capabilities import ReceivesWebhooks
from adapters.sdk.errors import WebhookError
from config.observability import get_logger
from gateway.webhooks import inbox
from gateway.wiring import Gateway

PATH_SECRET_HEADER = "x-gateway-path-secret"  # noqa: S105
"""Under this name a verifier finds the secret part of the path; a caller's own header of that name is dropped."""

MESSAGE_ID_LIMIT = 128
log = get_logger(__name__)


class WebhookRefusedError(WebhookError):
    """The one refusal that a caller sees, whatever the cause."""


async def take_in(
    gateway: Gateway, partner: str, headers: Mapping[str, str], body: bytes, path_secret: str | None
) -> inbox.Receipt:
    """Verify and keep a callback; when this returns it is on disk, once per partner and message id.

    Raises:
        WebhookError: not accepted, for a reason that only the log tells.
        DatabaseError: it was not kept; the partner sends it again.
    """
    message_id = _verify(gateway, partner, headers, body, path_secret)
    operation = partial(
        inbox.receive,
        new_id=gateway.identifiers.new("event"),
        partner=partner,
        message_id=message_id,
        body=body,
        at=gateway.clock.now(),
    )
    receipt = await gateway.database.write(operation, short=True)
    gateway.crash.reach("callback_stored")
    if receipt is inbox.Receipt.CONFLICT:
        log.error("ALARM: a callback came under a known id with another body", partner=partner, message_id=message_id)
    return receipt


def _verify(gateway: Gateway, partner: str, headers: Mapping[str, str], body: bytes, path_secret: str | None) -> str:
    connected = gateway.partners.get(partner)
    adapter = connected.adapter if connected is not None else None
    kind: Any = type(adapter)
    secrets = tuple(one.reveal() for one in connected.webhook_secrets) if connected is not None else ()
    try:
        if not _receives(kind) or not secrets:
            raise WebhookError("No callbacks are expected from there.")
        seen = {name: value for name, value in headers.items() if name != PATH_SECRET_HEADER}
        if path_secret is not None:
            seen[PATH_SECRET_HEADER] = path_secret
        now = int(gateway.clock.now().timestamp())
        return _checked(cast("ReceivesWebhooks", adapter).verify_webhook(seen, body, secrets, now))
    except WebhookError as error:
        log.warning("callback refused", partner=partner, reason=error.message)
        raise WebhookRefusedError("The callback is not accepted.") from error


@lru_cache(maxsize=256)
def _receives(adapter: type) -> bool:
    """Remember which adapters take callbacks: to look through a protocol's methods costs more than the signature."""
    return issubclass(adapter, ReceivesWebhooks)


def _checked(message_id: str) -> str:
    """Insist on an id that cannot be mistaken for another: at most 128 visible ASCII characters, no dot."""
    printable = message_id.isascii() and message_id.isprintable() and " " not in message_id
    if not 0 < len(message_id) <= MESSAGE_ID_LIMIT or not printable or "." in message_id:
        raise WebhookError("The message id is not one.")
    return message_id
