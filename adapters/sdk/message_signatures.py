"""HTTP message signatures with a shared key: ``hmac-sha256`` of RFC 9421, and the digest of the body. Pure.

Sources, read 2026-11-28: RFC 9421 sections 2.2 (derived components), 2.3 (parameters), 2.5 (the base), 3.3.3
(HMAC-SHA-256); RFC 9530 section 2 (``Content-Digest``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from adapters.sdk.request_signing import TOLERANCE_SECONDS, SignatureRefusedError, SignedRequest

LABEL = "sig1"
DERIVED = ("@method", "@authority", "@path", "@query", "@target-uri", "@request-target")
"""The derived components that a request has and that are served here."""
DEFAULT_COMPONENTS = "@method @authority @path @query content-digest content-type"
CONTENT_COMPONENTS = frozenset({"content-digest", "content-type"})
"""Left out of the list for a request that has no body."""

_INPUT = re.compile(
    r'(?P<label>[a-z*][a-z0-9_.*-]{0,31})=(?P<params>\((?P<items>(?:"[a-z0-9@*-]+"(?: (?="))?)*)\)'
    r"(?P<rest>(?:;[a-z*][a-z0-9_.*-]*=(?:[0-9]{1,15}|\"[ !#-\[\]-~]{0,256}\"))*))",
    re.ASCII,
)
_PARAMETER = re.compile(r';([a-z*][a-z0-9_.*-]*)=(?:([0-9]+)|"([^"]*)")', re.ASCII)


def content_digest(body: bytes) -> str:
    """Write ``Content-Digest`` in SHA-256."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def component(name: str, request: SignedRequest, scheme: str, headers: Mapping[str, str]) -> str:
    """Give the value of a component.

    Args:
        name: a header's name in lower case, or one of `DERIVED`.
        request: the message.
        scheme: ``https`` or ``http``, for ``@target-uri``.
        headers: by lower-case name.

    Raises:
        SignatureRefusedError: the message has no such header.
    """
    path, mark, query = request.target.partition("?")
    derived = {
        "@method": request.method,
        "@authority": request.host,
        "@path": path or "/",
        "@query": f"?{query}" if mark else "?",
        "@target-uri": f"{scheme}://{request.host}{request.target}",
        "@request-target": request.target,
    }
    if name in derived:
        return derived[name]
    if name not in headers:
        raise SignatureRefusedError(f"The message has no {name} to sign.")
    return " ".join(headers[name].split())


def parameters(components: Sequence[str], created: int, key_id: str, nonce: str) -> str:
    """Write the signature's parameters; ``created`` in Unix seconds."""
    names = " ".join(f'"{name}"' for name in components)
    return f'({names});created={created};keyid="{key_id}";alg="hmac-sha256";nonce="{nonce}"'


def signature_base(components: Sequence[tuple[str, str]], params: str) -> str:
    """Lay out what is signed: a line for each component, the parameters last, no line feed at the end."""
    return "\n".join([*(f'"{name}": {value}' for name, value in components), f'"@signature-params": {params}'])


def sign(key: bytes, base: str) -> str:
    """Sign a base with HMAC-SHA-256; base64."""
    return base64.b64encode(hmac.new(key, base.encode(), hashlib.sha256).digest()).decode()


def verify(
    keys: Mapping[str, bytes],
    request: SignedRequest,
    scheme: str,
    headers: Mapping[str, str],
    required: Sequence[str],
    now: datetime,
) -> str:
    """Check a request with one signature and give its nonce.

    Args:
        keys: live keys by key id.
        request: as it arrived.
        scheme: of the address it arrived at.
        headers: names in lower case, several of one name joined by a comma.
        required: components that must be covered, as the settings name them.
        now: an aware instant.

    Raises:
        SignatureRefusedError: any refusal; also when what is required is not covered, or is older than 300 s.
    """
    match = _INPUT.fullmatch(headers.get("signature-input", ""))
    if match is None:
        raise SignatureRefusedError("Signature-Input is missing, malformed or holds several signatures.")
    given = _signature_bytes(headers.get("signature", ""), match["label"])
    found = _parameters(match["rest"])
    covered = match["items"].replace('"', "").split()
    wanted = [name for name in required if request.body or name not in CONTENT_COMPONENTS]
    if set(wanted) - set(covered) or len(set(covered)) != len(covered):
        raise SignatureRefusedError("The signature does not cover what it must.")
    age = abs(now.astimezone(UTC).timestamp() - int(found.get("created", "0")))
    if age > TOLERANCE_SECONDS or found.get("alg", "hmac-sha256") != "hmac-sha256":
        raise SignatureRefusedError("The signature is outside the window, or of another algorithm.")
    key = keys.get(found.get("keyid", ""))
    base = signature_base([(name, component(name, request, scheme, headers)) for name in covered], match["params"])
    if key is None or not hmac.compare_digest(hmac.new(key, base.encode(), hashlib.sha256).digest(), given):
        raise SignatureRefusedError("No live key made this signature.")
    if "content-digest" in covered and headers["content-digest"] != content_digest(request.body):
        raise SignatureRefusedError("The body is not the one that was hashed.")
    return found.get("nonce", "")


def _parameters(text: str) -> dict[str, str]:
    pairs = [(name, number or word) for name, number, word in _PARAMETER.findall(text)]
    if len(dict(pairs)) != len(pairs):
        raise SignatureRefusedError("A parameter is given twice.")
    found = dict(pairs)
    if not found.get("created", "").isdigit():
        raise SignatureRefusedError("The signature does not say when it was made.")
    return found


def _signature_bytes(text: str, label: str) -> bytes:
    if not (text.startswith(f"{label}=:") and text.endswith(":")):
        raise SignatureRefusedError("Signature is missing or has another label.")
    try:
        return base64.b64decode(text[len(label) + 2 : -1], validate=True)
    except (binascii.Error, ValueError):
        raise SignatureRefusedError("Signature is not base64.") from None
