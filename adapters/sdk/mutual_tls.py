"""Our own certificate: the partner's TLS asks for it, alone or in place of a client's secret at the token endpoint.

The certificate is read when the adapter is made, so that one that is none stops start-up; its days are looked at before
each call. Nothing is ever sent without it: where TLS is spoken the connection carries it, and without TLS nothing is
sent at all, but to this machine, where simulators answer.

Sources, read 2026-11-28: RFC 8705 section 2.1 (``tls_client_auth``); RFC 8446 section 6.2 (the alerts).
"""

from __future__ import annotations

import secrets
from datetime import datetime
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from adapters.sdk.calls import CallFailure, Exchange, PartnerAnswer, PartnerCall
from adapters.sdk.errors import ManifestError
from adapters.sdk.oauth2 import BearerToken, Proof
from adapters.sdk.outcomes import Outcome
from config.secrets import Secret

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class TlsIdentity(msgspec.Struct, frozen=True):
    """A certificate with those that sign it, our key for it, and the days it holds (aware instants).

    ``pem`` is all of it with the key encrypted under ``password``: OpenSSL reads from files only, and the key should
    not lie in one as it is.
    """

    pem: Secret
    password: Secret
    valid_from_at: datetime
    valid_to_at: datetime


def read_identity(client_certificate: Secret, private_key: Secret) -> TlsIdentity:
    """Read both (PEM; our certificate first, then those between it and the authority).

    Raises:
        ManifestError: one of them is none, or they do not belong together; the message holds nothing of them.
    """
    try:
        chain = x509.load_pem_x509_certificates(client_certificate.reveal().encode())
    except ValueError as error:
        raise ManifestError("The credential client_certificate is no certificate in PEM.") from error
    key = _read_key(private_key)
    if chain[0].public_key() != key.public_key():
        raise ManifestError("The credentials client_certificate and private_key do not belong together.")
    password = secrets.token_urlsafe(24)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode()),
    )
    certificates = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)
    return TlsIdentity(
        pem=Secret((pem + certificates).decode()),
        password=Secret(password),
        valid_from_at=chain[0].not_valid_before_utc,
        valid_to_at=chain[0].not_valid_after_utc,
    )


def _read_key(private_key: Secret) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(private_key.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ManifestError("The credential private_key is no unencrypted private key in PEM.") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ManifestError("The credential private_key is neither RSA nor of an elliptic curve.")
    return key


def cannot_serve(identity: TlsIdentity, base_url: str, now: datetime) -> CallFailure | None:
    """Say why a call cannot be made under a certificate; None when it can."""
    parts = urlsplit(base_url)
    if parts.scheme.lower() != "https" and (parts.hostname or "") not in LOOPBACK:
        return CallFailure(Outcome.NOT_SENT, "authentication:certificate_needs_tls")
    if now >= identity.valid_to_at:
        return CallFailure(Outcome.NOT_SENT, "authentication:certificate_expired")
    if now < identity.valid_from_at:
        return CallFailure(Outcome.NOT_SENT, "authentication:certificate_not_yet_valid")
    return None


class MutualTls:
    """The connection itself proves who we are."""

    def __init__(self, identity: TlsIdentity) -> None:
        """Keep what the client opens its connections with."""
        self.identity = identity

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Give the call unchanged while the certificate holds."""
        return cannot_serve(self.identity, base_url, now) or call

    def refused(self, answer: PartnerAnswer) -> bool:
        """Never ask again: it would be the same certificate."""
        return False


class TlsClientToken(BearerToken):
    """Client credentials of a client that its certificate proves; no secret is sent (RFC 8705 section 2.1)."""

    def __init__(self, client_id: Secret, identity: TlsIdentity, *, token_path: str, scope: str = "") -> None:
        """Keep both; ``token_path`` is relative to the partner's base address."""
        super().__init__(token_path=token_path, scope=scope)
        self._client_id = client_id
        self.identity = identity

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Add the bearer token while the certificate holds."""
        failure = cannot_serve(self.identity, base_url, now)
        return failure or await super().authenticate(call, base_url, now, exchange)

    def prove(self, token_url: str, now: datetime) -> Proof:
        """Name the client; the connection proves it."""
        return Proof({}, {"client_id": self._client_id.reveal()})


def identity_of(authenticator: object) -> TlsIdentity | None:
    """Give the certificate that an authenticator's calls need."""
    found = getattr(authenticator, "identity", None)
    return found if isinstance(found, TlsIdentity) else None
