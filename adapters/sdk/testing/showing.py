"""Bodies and texts of a partner's calls, fit to be shown: secrets and members' data masked.

An error's ``code`` is shown although `config.redaction` hides what is called so: no token is exchanged here, and what
went wrong is what whoever tries a call wants to know.
"""

from __future__ import annotations

import json
import re
from typing import Any

from adapters.sdk.personal import NAMES
from config.redaction import PERSONAL, mask_for_key, redact_text
from config.secrets import MASK

SHOWN = frozenset({"code", "reasoncode"})
LONGEST_TEXT = 2000


def shown_body(body: bytes | None, secrets: tuple[str, ...]) -> Any:
    """Show a body: JSON as its values, anything else as text."""
    if not body:
        return None
    text = body.decode("utf-8", "replace")
    try:
        return shown_value(json.loads(text), secrets)
    except (ValueError, RecursionError):
        return [shown_text(line, secrets) for line in text[:LONGEST_TEXT].splitlines()]


def shown_text(text: str, secrets: tuple[str, ...], name: str = "") -> str:
    """Show a text, which may be the value of a header or field of this name."""
    mask = mask_of(name)
    if mask is not None:
        return mask
    for secret in secrets:
        text = text.replace(secret, MASK)
    return redact_text(text)


def mask_of(name: str) -> str | None:
    """Answer the mask that a field of this name asks for; None when its value may be shown."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    if plain in SHOWN:
        return None
    return PERSONAL if plain in NAMES else mask_for_key(name)


def shown_value(value: Any, secrets: tuple[str, ...], name: str = "") -> Any:
    """Show a value of JSON, which may be that of a field of this name."""
    if isinstance(value, dict):
        return {key: shown_value(item, secrets, key) for key, item in value.items()}
    if isinstance(value, list):
        return [shown_value(item, secrets, name) for item in value]
    mask = mask_of(name)
    if mask is not None and value is not None:
        return mask
    return shown_text(value, secrets) if isinstance(value, str) else value
