"""What may be shown: masks secrets and personal fields in anything, and makes control characters visible.

Two nets. By name: a mapping's or structure's key that is called like a secret or a personal field hides its value.
By shape, inside every string: known secrets of this process, bearer tokens, JWTs, passwords in addresses,
``key=value`` pairs of secret keys, e-mail addresses, mainland mobile numbers and identity numbers.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from config.secrets import MASK, Secret, mask_known_secrets

PERSONAL = "[personal]"
MAXIMUM_DEPTH = 8
_PLAIN = (int, float)  # bool is an int; a tuple is looked through faster than a union
_SHORT = 48
MAXIMUM_CHARACTERS = 8192
_OVERHANG = 512  # patterns look this far beyond the cut, so that no half of a token is left at the end

_SECRET_WORDS = frozenset(
    "apikey assertion authorisation authorization cookie credential credentials cvv jwt otp passphrase passwd password"
    " pin secret secrets signature token tokens".split()
)
_SECRET_NAMES = frozenset(
    "access_key api_key client_assertion code code_verifier encryption_key private_key proxy_authorization signing_key"
    " voucher voucher_code x_api_key".split()
)
_NOT_SECRET = frozenset({"token_type", "token_kind", "token_endpoint"})
_PERSONAL_NAMES = frozenset(
    "account_number address birth_date birthday date_of_birth e_mail email family_name first_name full_name given_name"
    " id_card id_number identity_number last_name licence_plate mobile mobile_number name passport passport_number"
    " phone phone_number plate surname telephone vin".split()
)

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_KEY_IN_TEXT = (
    r"[A-Za-z0-9_-]*(?:api[_-]?key|access[_-]?key|private[_-]?key|assertion|cookie|passphrase|passwd|password|secret|signature"
    r"|token)|code|code_verifier"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b(bearer|basic|dpop)(\s+)[A-Za-z0-9._~+/=-]{6,}"), rf"\1\2{MASK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*"), MASK),
    (re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"), MASK),
    (re.compile(rf"(?i)(?<![\w-])({_KEY_IN_TEXT})=[^\s&;,'\"]+"), rf"\1={MASK}"),
    (re.compile(rf"(?i)(['\"])({_KEY_IN_TEXT}|authorization)\1(\s*:\s*)(['\"])(?:(?!\4).)*\4"), rf"\1\2\1\3\4{MASK}\4"),
    (re.compile(r"[^\s@<>\"'(),;:=\[\]]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"), PERSONAL),
    (re.compile(r"(?<![\w.-])(?:\+?86[ -]?)?1[3-9]\d{9}(?![\w-])"), PERSONAL),
    (re.compile(r"(?<![\w-])\d{17}[\dXx](?![\w-])"), PERSONAL),
)

_HARMLESS = re.compile(r"[a-z_][a-z0-9_]*\Z")
"""Our own identifiers and words: no pattern finds anything in such a text, which a property of the tests holds."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def redact(value: Any, depth: int = 0) -> Any:
    """Answer a copy made of plain values only that is safe to show; never raises on strange objects."""
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    if depth >= MAXIMUM_DEPTH:
        return "[too deep]"
    fields = _fields_of(value)
    if fields is not None:
        return {shown_key(str(key)): redact_named(str(key), item, depth) for key, item in fields.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth + 1) for item in value]
    return redact_text(_described(value))


def redact_text(text: str) -> str:
    """Mask what looks secret or personal inside a text, shorten it and make control characters visible."""
    length = len(text)
    text = mask_known_secrets(text)
    if length <= _SHORT:
        return text if _HARMLESS.match(text) else _shown_again(text)
    text = _masked(text[: MAXIMUM_CHARACTERS + _OVERHANG])
    if length > MAXIMUM_CHARACTERS:
        text = f"{text[:MAXIMUM_CHARACTERS]}[of {length} characters]"
    return printable(text)


def _masked(text: str) -> str:
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


@lru_cache(maxsize=512)
def _shown_again(text: str) -> str:
    """Remember words that come with every line: routes, methods. The patterns are two thirds of what a line costs."""
    return printable(_masked(text))


def printable(text: str) -> str:
    """Write control, line-separating, direction-changing and surrogate characters as escapes: one value, one line."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


@lru_cache(maxsize=512)
def shown_key(key: str) -> str:
    """Answer a key as it is shown: on one line."""
    return printable(key)


@lru_cache(maxsize=512)
def mask_for_key(key: str) -> str | None:
    """Answer the mask that a key of this name asks for; None when its value may be shown after `redact`."""
    name = _CAMEL.sub("_", key).lower().replace("-", "_").replace(".", "_").replace(" ", "_")
    if name in _NOT_SECRET:
        return None
    if name in _SECRET_NAMES or not _SECRET_WORDS.isdisjoint(name.split("_")):
        return MASK
    if name.endswith(("_api_key", "_private_key", "_access_key", "_voucher_code")):
        return MASK
    return PERSONAL if name in _PERSONAL_NAMES else None


def redact_named(key: str, value: Any, depth: int = 0) -> Any:
    """Answer what is safe to show of a value that stands under a key; see `redact`."""
    mask = mask_for_key(key)
    if mask is not None and value is not None:
        return mask
    return redact(value, depth + 1)


def _fields_of(value: Any) -> Mapping[Any, Any] | None:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.asdict(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def _described(value: Any) -> str:
    """Answer the words of an exception or the repr of anything else, even of an object whose repr fails."""
    try:
        return f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else repr(value)
    except Exception as error:  # noqa: BLE001  a log line must not fail because of what it shows
        return f"[{type(value).__name__} without a repr: {type(error).__name__}]"
