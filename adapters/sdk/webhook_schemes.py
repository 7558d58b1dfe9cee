"""Callback signatures of the form ``t=<Unix seconds>,v1=<hex>``: HMAC-SHA-256 over ``<t>.<raw body>``. Pure.

Sources, read 2026-11-28: duffel.com/docs/api/webhooks (``X-Duffel-Signature``) and Stripe's webhook signatures, which
are the same scheme. The secret is the key as it is written; `adapters.sdk.webhooks` has Standard Webhooks.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from adapters.sdk.errors import WebhookError
from adapters.sdk.webhooks import CANDIDATE_LIMIT, TOLERANCE_SECONDS

TIMESTAMPED = "timestamped:"
"""How a manifest names this scheme; the header's name stands behind it."""
SECRET_MINIMUM_LENGTH = 12
"""A shorter secret is a word like ``null`` or ``default`` rather than a secret."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def sign_timestamped(secret: str, timestamp: int, body: bytes) -> str:
    """Make the header's value for a body sent at a time in Unix seconds."""
    return f"t={timestamp},v1={_digest(secret, str(timestamp), body)}"


def verify_timestamped(header: str, body: bytes, secrets: Sequence[str], now: int) -> None:
    """Verify a callback over its raw bytes.

    Args:
        header: the signature header's value. Items of other names (``v0``) are passed over.
        body: as received, before any parsing.
        secrets: every live secret; all are tried, so that a rotation needs no gap.
        now: Unix seconds; a timestamp more than 300 s away is refused.

    Raises:
        WebhookError: any refusal; the text is for our log, from outside all look alike.
    """
    usable = [secret for secret in secrets if len(secret) >= SECRET_MINIMUM_LENGTH]
    if not usable or len(usable) != len(secrets):
        raise WebhookError("No secret is configured, or one that is none.")
    timestamp, given = _items(header)
    if not _TIMESTAMP.fullmatch(timestamp) or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise WebhookError("The timestamp is missing, malformed or outside the window.")
    expected = [_digest(secret, timestamp, body) for secret in usable]
    matches = [hmac.compare_digest(mine, theirs) for mine in expected for theirs in given]
    if not any(matches):
        raise WebhookError("No signature matches.")


def _items(header: str) -> tuple[str, list[str]]:
    """Take a header apart into its one timestamp (empty when it is not one) and its well-formed candidates."""
    items = [item.strip().partition("=") for item in header.split(",", 2 * CANDIDATE_LIMIT)]
    stamps = [value for name, _, value in items if name == "t"]
    given = [value for name, _, value in items if name == "v1" and _DIGEST.fullmatch(value)]
    if len(given) > CANDIDATE_LIMIT:
        raise WebhookError("The callback has too many signatures.")
    return (stamps[0] if len(stamps) == 1 else ""), given


def _digest(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
