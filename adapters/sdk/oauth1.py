"""OAuth 1.0a without tokens ("one-legged"), RSA-SHA256 over the request and a hash of its body.

Sources, read 2026-11-28: RFC 5849 sections 3.4.1 (what is signed), 3.5.1 (the header) and 3.6 (percent encoding);
RFC 5849 names RSA-SHA1 only, RSA-SHA256 and ``oauth_body_hash`` in SHA-256 over every body, an empty one included, are
as Mastercard's published signers have them (github.com/Mastercard/oauth1-signer-python).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from adapters.sdk.auth_headers import with_headers
from adapters.sdk.calls import CallFailure, Exchange, PartnerAnswer, PartnerCall, full_url
from adapters.sdk.errors import ManifestError
from config.secrets import Secret

METHOD = "RSA-SHA256"
KEY_MINIMUM_BITS = 2048


class OAuth1RsaSha256:
    """Signs each call for its instant with a new nonce."""

    def __init__(
        self, consumer_key: Secret, private_key: Secret, randomness: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        """Keep the consumer's key and its RSA key (PKCS #8 or PKCS #1, as PEM or as base64 of the DER form).

        Raises:
            ManifestError: the private key is none, or shorter than 2,048 bits.
        """
        self._consumer_key = consumer_key
        self._private_key = read_private_key(private_key)
        self._randomness = randomness

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Add the ``Authorization`` header."""
        parameters = {
            "oauth_body_hash": body_hash(call.body or b""),
            "oauth_consumer_key": self._consumer_key.reveal(),
            "oauth_nonce": self._randomness(16).hex(),
            "oauth_signature_method": METHOD,
            "oauth_timestamp": str(int(now.timestamp())),
            "oauth_version": "1.0",
        }
        text = base_string(call.method, full_url(base_url, call), parameters.items())
        signature = self._private_key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        parameters["oauth_signature"] = base64.b64encode(signature).decode()
        return with_headers(call, {"Authorization": header(parameters.items())})

    def refused(self, answer: PartnerAnswer) -> bool:
        """Never ask again: a fresh signature would be refused as well."""
        return False


def body_hash(body: bytes) -> str:
    """Hash a body: SHA-256 in base64."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def base_string(method: str, url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Lay out what is signed (RFC 5849 section 3.4.1): method, address without query, all parameters sorted.

    Args:
        method: in any case.
        url: whole, with its query as on the wire.
        parameters: those of the header but the signature, and those of a form body.
    """
    given = [*parse_qsl(urlsplit(url).query, keep_blank_values=True), *parameters]
    encoded = sorted((_escape(name), _escape(value)) for name, value in given)
    normalised = "&".join(f"{name}={value}" for name, value in encoded)
    return "&".join(_escape(part) for part in (method.upper(), base_uri(url), normalised))


def base_uri(url: str) -> str:
    """Give the address that is signed (section 3.4.1.2): scheme and host in lower case, no default port, no query."""
    parts = urlsplit(url)
    scheme, port = parts.scheme.lower(), parts.port
    default = {"http": 80, "https": 443}.get(scheme)
    place = (parts.hostname or "").lower() + (f":{port}" if port is not None and port != default else "")
    return f"{scheme}://{place}{parts.path or '/'}"


def header(parameters: Iterable[tuple[str, str]]) -> str:
    """Write the ``Authorization`` header (section 3.5.1)."""
    return "OAuth " + ",".join(f'{_escape(name)}="{_escape(value)}"' for name, value in sorted(parameters))


def is_signed_by(key: rsa.RSAPublicKey, text: str, signature: str) -> bool:
    """Check a base string's signature in base64; a simulator asks this."""
    try:
        key.verify(base64.b64decode(signature, validate=True), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def read_private_key(private_key: Secret) -> rsa.RSAPrivateKey:
    """Read an RSA key.

    Raises:
        ManifestError: it is none, or shorter than 2,048 bits; the message holds nothing of it.
    """
    text = private_key.reveal().strip()
    try:
        if text.startswith("-----BEGIN"):
            key = serialization.load_pem_private_key(text.encode(), password=None)
        else:
            key = serialization.load_der_private_key(base64.b64decode(text, validate=True), password=None)
    except (ValueError, TypeError) as error:
        raise ManifestError("The credential private_key is no unencrypted RSA key in PEM or base64 DER.") from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < KEY_MINIMUM_BITS:
        raise ManifestError(f"The credential private_key is not an RSA key of at least {KEY_MINIMUM_BITS} bits.")
    return key


def _escape(text: str) -> str:
    """Percent-encode as section 3.6 has it: all but letters, digits, hyphen, point, underscore and tilde."""
    return quote(text, safe="-._~")
