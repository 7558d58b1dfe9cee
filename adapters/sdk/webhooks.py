"""Standard Webhooks: signing and verifying over the raw bytes. Pure.

Source: the Standard Webhooks specification (github.com/standard-webhooks/standard-webhooks, commit b2fa7b8, read
2026-11-21): HMAC-SHA-256 over ``id.timestamp.body`` under the base64 key behind ``whsec_``; the header holds
candidates ``v1,<base64>`` with blanks between them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

from adapters.sdk.errors import WebhookError
from config.errors import ConfigurationError

TOLERANCE_SECONDS = 300
CANDIDATE_LIMIT = 8
ID_LIMIT = 128
KEY_MINIMUM_BYTES = 24
"""Shortest key the specification recommends; a shorter one is no secret of this scheme."""

_ID = re.compile(r"[!-\-/-~]{1,128}", re.ASCII)
"""Printable ASCII without blank and dot: what is signed can be taken apart in one way only."""
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


def webhook_key(secret: str) -> bytes:
    """Decode a secret, with or without ``whsec_``.

    Raises:
        ConfigurationError: empty, not base64, or shorter than 24 bytes.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigurationError("A webhook secret is whsec_ and base64.") from error
    if len(key) < KEY_MINIMUM_BYTES:
        raise ConfigurationError(f"A webhook secret holds at least {KEY_MINIMUM_BYTES} bytes.")
    return key


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Make the three headers of a message.

    Raises:
        ConfigurationError: the secret is none.
        WebhookError: the id could be read in two ways.
    """
    if not _ID.fullmatch(message_id):
        raise WebhookError("A message id is 1 to 128 printable characters without a dot.")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{_signature(webhook_key(secret), message_id, str(timestamp), body)}",
    }


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: int) -> str:
    """Verify a message and answer its id.

    Args:
        headers: names in lower case.
        body: as received, before any parsing.
        secrets: every live secret; all are tried, so that a rotation needs no gap.
        now: Unix seconds.

    Raises:
        WebhookError: any refusal; the text is for our log, from outside all look alike.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(message_id):
        raise WebhookError("The message id is missing or malformed.")
    if not _TIMESTAMP.fullmatch(timestamp) or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise WebhookError("The timestamp is missing, malformed or outside the window.")
    candidates = headers.get("webhook-signature", "").split(" ", CANDIDATE_LIMIT)
    if len(candidates) > CANDIDATE_LIMIT:
        raise WebhookError("The message has too many signatures.")
    given = [candidate[3:].encode() for candidate in candidates if candidate.startswith("v1,")]
    expected = [_signature(key, message_id, timestamp, body).encode() for key in _keys(secrets)]
    matches = [hmac.compare_digest(mine, theirs) for mine in expected for theirs in given]
    if not any(matches):
        raise WebhookError("No signature matches.")
    return message_id


def _keys(secrets: Sequence[str]) -> list[bytes]:
    if not secrets:
        raise WebhookError("No secret is configured.")
    try:
        return [webhook_key(secret) for secret in secrets]
    except ConfigurationError as error:
        raise WebhookError("A configured secret is not one.") from error


def _signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    content = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
