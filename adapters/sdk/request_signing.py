"""Signing a request by rules that a manifest states: what is signed, how, and in which headers it travels. Pure.

Both sides use the same functions: we sign by `signed_headers`, a simulator (or a partner's own server in Python) asks
`verify_request`. The rules are ``auth_settings`` of the scheme ``hmac_signature``; `read_rules` names every setting.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from string import Formatter
from urllib.parse import urlsplit

import msgspec

from adapters.sdk.calls import PartnerCall, request_target
from adapters.sdk.errors import ManifestError

TOLERANCE_SECONDS = 300
"""How far a timestamp may be from the verifier's clock."""
HEADER = "header."
"""Settings of this beginning name a header; the value is its template."""
CHOICES: dict[str, tuple[str, ...]] = {
    "digest": ("sha256", "sha512"),
    "construction": ("hmac", "hash"),
    "encoding": ("hex", "base64"),
    "key_encoding": ("text", "hex", "base64"),
    "timestamp_format": ("seconds", "milliseconds", "rfc3339"),
}
"""Settings that take one of a few words, the first unless another is given."""
SIGNED_FIELDS = (
    *("method", "target", "path", "query", "host", "content_type"),
    *("timestamp", "nonce", "body", "body_hash", "key_id", "secret"),
)
"""What the template ``sign`` may hold; ``target`` is path and query as on the wire, ``secret`` is for ``hash`` only."""
HEADER_FIELDS = ("signature", "key_id", "timestamp", "nonce", "body_hash")
"""What a header's template may hold."""

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII)
_SHAPES = {
    "signature": r"[A-Za-z0-9+/=]{1,128}",
    "key_id": r"[!-~]{1,128}?",
    "timestamp": r"[0-9TZ:.-]{1,32}",
    "nonce": r"[A-Za-z0-9_-]{8,128}",
    "body_hash": r"[A-Za-z0-9+/=]{1,128}",
}
Part = tuple[str, str | None]
"""A literal, and the field that stands behind it; None at the end."""


class SigningRules(msgspec.Struct, frozen=True, kw_only=True):
    """How one partner's requests are signed. ``headers`` are templates by name, ``sign`` is that of the text."""

    sign: tuple[Part, ...]
    headers: dict[str, tuple[Part, ...]]
    digest: str
    construction: str
    encoding: str
    key_encoding: str
    timestamp_format: str


class SigningKey(msgspec.Struct, frozen=True):
    """The shared key and its public name. It is made for one signature and shown by no representation."""

    key_id: str
    secret: str

    def __repr__(self) -> str:
        """Show the name only."""
        return f"SigningKey({self.key_id!r})"


class SignedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as both sides see it: ``target`` as on the wire, ``host`` in lower case, no default port."""

    method: str
    target: str
    host: str
    content_type: str = ""
    body: bytes = b""


class SignatureRefusedError(Exception):
    """A request that is not signed by the rules; the text is for a log."""


def read_rules(name: str, settings: Mapping[str, str]) -> SigningRules:
    """Read the settings of ``hmac_signature``.

    Args:
        name: of the adapter, for messages.
        settings: ``sign`` (a template over `SIGNED_FIELDS`), the words of `CHOICES`, and ``header.<Name>`` for each
            header (a template over `HEADER_FIELDS`).

    Raises:
        ManifestError: a setting is unknown or none of its words; no timestamp is signed; the signature, the timestamp
            or a nonce that is signed stands in no header; a key stands where it is not part of the construction.
    """
    refuse = _refusal(name)
    headers = {key.removeprefix(HEADER): value for key, value in settings.items() if key.startswith(HEADER)}
    for key in settings:
        if key != "sign" and key not in CHOICES and not key.startswith(HEADER):
            raise refuse(f"{key!r} is no setting of hmac_signature; {_known()} are")
    chosen = {key: settings.get(key, words[0]) for key, words in CHOICES.items()}
    for key, word in chosen.items():
        if word not in CHOICES[key]:
            raise refuse(f"{key} is {word!r}; write one of {', '.join(CHOICES[key])}")
    for header in headers:
        if not _HEADER_NAME.fullmatch(header):
            raise refuse(f"{header!r} is no name of a header")
    rules = SigningRules(
        sign=_parts(settings.get("sign", ""), SIGNED_FIELDS, "sign", refuse),
        headers={key: _parts(text, HEADER_FIELDS, HEADER + key, refuse) for key, text in headers.items()},
        **chosen,
    )
    _check(rules, refuse)
    return rules


def signed_request(base_url: str, call: PartnerCall) -> SignedRequest:
    """Give what is signed of a call."""
    return SignedRequest(
        method=call.method.upper(),
        target=request_target(base_url, call),
        host=host_of(base_url),
        content_type=call.content_type if call.body is not None else "",
        body=call.body or b"",
    )


def host_of(base_url: str) -> str:
    """Give the value of the ``Host`` header: lower case, without the port that the scheme has anyway."""
    parts = urlsplit(base_url)
    default = {"http": 80, "https": 443}.get(parts.scheme.lower())
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, default) else f"{host}:{parts.port}"


def signed_headers(
    rules: SigningRules, key: SigningKey, request: SignedRequest, now: datetime, nonce: str
) -> dict[str, str]:
    """Sign a request for an instant (aware) and give the headers that carry it."""
    stamp = _stamp(rules, now)
    values = _values(rules, key, stamp, nonce, request.body)
    values["signature"] = signature(rules, key, request, stamp, nonce)
    return {name: "".join(_filled(parts, values)) for name, parts in rules.headers.items()}


def signature(rules: SigningRules, key: SigningKey, request: SignedRequest, stamp: str, nonce: str) -> str:
    """Compute a signature for a timestamp as it is written and a nonce, which is empty where none is used."""
    path, _, query = request.target.partition("?")
    texts = {
        **_values(rules, key, stamp, nonce, request.body),
        "method": request.method,
        "target": request.target,
        "path": path,
        "query": query,
        "host": request.host,
        "content_type": request.content_type,
        "secret": key.secret,
    }
    known = {name: value.encode() for name, value in texts.items()} | {"body": request.body}
    text = b"".join(literal.encode() + (known[field] if field else b"") for literal, field in rules.sign)
    if rules.construction == "hash":
        return _encoded(rules, hashlib.new(rules.digest, text).digest())
    return _encoded(rules, hmac.new(_key(rules, key.secret), text, rules.digest).digest())


def verify_request(
    rules: SigningRules,
    keys: Mapping[str, str],
    request: SignedRequest,
    headers: Mapping[str, str],
    now: datetime,
) -> str:
    """Check a request and give its nonce, empty where none is used; the caller remembers those it has seen.

    Args:
        rules: the partner's.
        keys: live secrets by key id.
        request: as it arrived.
        headers: names in lower case.
        now: an aware instant; a timestamp more than 300 s from it is refused.

    Raises:
        SignatureRefusedError: any refusal.
    """
    found = _carried(rules, headers)
    stamp, nonce, key_id = found["timestamp"], found.get("nonce", ""), found.get("key_id")
    if abs((_instant(rules, stamp) - now).total_seconds()) > TOLERANCE_SECONDS:
        raise SignatureRefusedError("The timestamp is outside the window.")
    named = keys if key_id is None else {name: secret for name, secret in keys.items() if name == key_id}
    right = [
        hmac.compare_digest(
            signature(rules, SigningKey(name, secret), request, stamp, nonce).encode(), found["signature"].encode()
        )
        for name, secret in named.items()
    ]
    if not any(right):
        raise SignatureRefusedError("No live key made this signature.")
    if "body_hash" in found and found["body_hash"] != _body_hash(rules, request.body):
        raise SignatureRefusedError("The body is not the one that was hashed.")
    return nonce


def _refusal(name: str) -> Callable[[str], ManifestError]:
    return lambda told: ManifestError(f"{name}: [auth_settings]: {told}.")


def _known() -> str:
    return ", ".join(("sign", *CHOICES, f"{HEADER}<Name>"))


def _parts(
    template: str, fields: tuple[str, ...], setting: str, refuse: Callable[[str], ManifestError]
) -> tuple[Part, ...]:
    try:
        found = [(literal, field, extra or turned) for literal, field, extra, turned in Formatter().parse(template)]
    except ValueError as error:
        raise refuse(f"{setting} is no template: {error}") from error
    for _, field, more in found:
        if field is not None and (field not in fields or more):
            raise refuse(f"{setting} names {{{field}}}; {', '.join(fields)} are there")
    return tuple((literal, field) for literal, field, _ in found)


def _check(rules: SigningRules, refuse: Callable[[str], ManifestError]) -> None:
    signed = {field for _, field in rules.sign}
    carried = [field for parts in rules.headers.values() for _, field in parts]
    if "timestamp" not in signed:
        raise refuse("sign holds no {timestamp}: such a signature could be used for ever")
    if carried.count("signature") != 1:
        raise refuse(f"{{signature}} stands in {carried.count('signature')} headers; write it into one {HEADER}<Name>")
    for field in ("timestamp", "nonce"):
        if (field in signed) != (field in carried):
            raise refuse(f"{{{field}}} is signed or sent, and not both; the partner could not check it")
    if ("secret" in signed) != (rules.construction == "hash"):
        raise refuse("{secret} stands in sign exactly when the construction is hash; with hmac it is the key")


def _values(rules: SigningRules, key: SigningKey, stamp: str, nonce: str, body: bytes) -> dict[str, str]:
    return {"key_id": key.key_id, "timestamp": stamp, "nonce": nonce, "body_hash": _body_hash(rules, body)}


def _filled(parts: tuple[Part, ...], values: Mapping[str, str]) -> list[str]:
    return [literal + (values[field] if field else "") for literal, field in parts]


def _body_hash(rules: SigningRules, body: bytes) -> str:
    return _encoded(rules, hashlib.new(rules.digest, body).digest())


def _encoded(rules: SigningRules, digest: bytes) -> str:
    return digest.hex() if rules.encoding == "hex" else base64.b64encode(digest).decode()


def _key(rules: SigningRules, secret: str) -> bytes:
    return decoded_key(secret, rules.key_encoding)


def decoded_key(secret: str, encoding: str) -> bytes:
    """Give the bytes of a shared secret that is written as text, hex or base64.

    Raises:
        ManifestError: it is not so written; the message holds nothing of it.
    """
    try:
        if encoding == "hex":
            return bytes.fromhex(secret)
        return base64.b64decode(secret, validate=True) if encoding == "base64" else secret.encode()
    except (binascii.Error, ValueError):
        raise ManifestError(f"The credential secret is not written in {encoding}.") from None


def _stamp(rules: SigningRules, now: datetime) -> str:
    if rules.timestamp_format == "rfc3339":
        return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if rules.timestamp_format == "milliseconds":
        return str(int(now.timestamp() * 1000))
    return str(int(now.timestamp()))


def _instant(rules: SigningRules, stamp: str) -> datetime:
    try:
        if rules.timestamp_format == "rfc3339":
            return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if not re.fullmatch("[0-9]{1,15}", stamp, re.ASCII):
            raise ValueError
        return datetime.fromtimestamp(int(stamp) / (1000 if rules.timestamp_format == "milliseconds" else 1), UTC)
    except (ValueError, OverflowError, OSError):
        raise SignatureRefusedError("The timestamp is malformed.") from None


def _carried(rules: SigningRules, headers: Mapping[str, str]) -> dict[str, str]:
    """Take the fields out of the headers by their templates.

    Raises:
        SignatureRefusedError: a header is missing, of another form, or two of them disagree.
    """
    found: dict[str, str] = {}
    for name, parts in rules.headers.items():
        pattern = "".join(re.escape(literal) + (_group(field) if field else "") for literal, field in parts)
        match = re.fullmatch(pattern, headers.get(name.lower(), ""), re.ASCII)
        if match is None:
            raise SignatureRefusedError(f"The header {name} is missing or malformed.")
        for field, value in zip((field for _, field in parts if field), match.groups(), strict=True):
            if found.setdefault(field, value) != value:
                raise SignatureRefusedError(f"Two headers disagree about the {field}.")
    return found


def _group(field: str) -> str:
    return f"({_SHAPES[field]})"
