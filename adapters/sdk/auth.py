"""How a call proves who we are; a token is fetched through the client's own exchange.

`make_authenticator` picks one by the manifest's ``auth``; the names are in `adapters.sdk.auth_schemes`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from adapters.sdk import message_signatures
from adapters.sdk.auth_headers import with_headers
from adapters.sdk.auth_schemes import SETTINGS, unknown_settings
from adapters.sdk.auth_signed import HmacSignature, MessageSignature
from adapters.sdk.calls import CallFailure, Exchange, PartnerAnswer, PartnerCall, request_target
from adapters.sdk.errors import ManifestError
from adapters.sdk.manifest import Manifest
from adapters.sdk.mutual_tls import MutualTls, TlsClientToken, read_identity
from adapters.sdk.oauth1 import OAuth1RsaSha256
from adapters.sdk.oauth2 import OAuth2ClientCredentials, PrivateKeyJwt
from adapters.sdk.outcomes import Outcome
from adapters.sdk.request_signing import CHOICES, read_rules
from config.secrets import Secret


class Authenticator(Protocol):
    """Signs or stamps a call."""

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Give the call as it goes out; or NOT_SENT with the reason ``authentication:...`` when that cannot be had."""
        ...

    def refused(self, answer: PartnerAnswer) -> bool:
        """Look at the answer; True asks for one more try with fresh credentials."""
        ...


class NoAuthentication:
    """Calls go out as they are."""

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Give the call unchanged."""
        return call

    def refused(self, answer: PartnerAnswer) -> bool:
        """Never ask again."""
        return False


class MembersOnly(NoAuthentication):
    """Every call is made for a member who linked his account; one that names no link is not sent."""

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Refuse: a call with a link never comes here."""
        return CallFailure(Outcome.NOT_SENT, "authentication:no_link")


class ApiKey(NoAuthentication):
    """A fixed key in a header."""

    def __init__(self, key: Secret, *, header: str = "Authorization", prefix: str = "") -> None:
        """Keep the key; ``prefix`` goes before it, its blank included (``"Bearer "``)."""
        self._key = key
        self._header = header
        self._prefix = prefix

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Add the header."""
        return with_headers(call, {self._header: self._prefix + self._key.reveal()})


class Basic(NoAuthentication):
    """Name and password in every call.

    Source: RFC 7617, section 2, with UTF-8 (read 2026-11-28).
    """

    def __init__(self, username: Secret, password: Secret) -> None:
        """Keep both.

        Raises:
            ManifestError: the name has a colon, which would end it.
        """
        if ":" in username.reveal():
            raise ManifestError("the credential username has a colon, which Basic cannot carry.")
        pair = f"{username.reveal()}:{password.reveal()}".encode()
        self._header = Secret("Basic " + base64.b64encode(pair).decode())

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Add the header."""
        return with_headers(call, {"Authorization": self._header.reveal()})


class EanSignature(NoAuthentication):
    """Key, secret and the time, hashed.

    Source: Expedia Group Rapid API, "Signature authentication" (developers.expediagroup.com/rapid, read 2026-11-21):
    SHA-512 in hex over API key, shared secret and Unix seconds, one behind the other.
    """

    def __init__(self, api_key: Secret, shared_secret: Secret) -> None:
        """Keep the two credentials."""
        self._api_key = api_key
        self._shared_secret = shared_secret

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Add the header for this instant."""
        header = ean_header(self._api_key.reveal(), self._shared_secret.reveal(), int(now.timestamp()))
        return with_headers(call, {"Authorization": header})


class MacRequest(NoAuthentication):
    """The request itself, signed with a shared key; valid for 30 s and one nonce.

    Source: Points Loyalty Commerce Platform, "MAC authentication" (github.com/Points/Loyalty-Commerce-Platform,
    snapshot of 2019-08-07, read 2026-11-21), after the abandoned draft-ietf-oauth-v2-http-mac.
    """

    def __init__(
        self, mac_id: Secret, mac_key: Secret, randomness: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        """Keep id and key (URL-safe base64, padding optional) and the source of nonces."""
        self._mac_id = mac_id
        self._mac_key = mac_key
        self._randomness = randomness

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Sign for this instant with a new nonce."""
        stamp, nonce = int(now.timestamp()), self._randomness(12).hex()
        ext = mac_ext(call.method, call.content_type, call.body)
        text = mac_text(stamp, nonce, call.method, request_target(base_url, call), base_url, ext)
        mac = mac_digest(self._mac_key.reveal(), text)
        header = f'MAC id="{self._mac_id.reveal()}", ts="{stamp}", nonce="{nonce}", ext="{ext}", mac="{mac}"'
        return with_headers(call, {"Authorization": header})


def ean_header(api_key: str, shared_secret: str, stamp: int) -> str:
    """Make the ``EAN`` authorisation of an instant in Unix seconds; a simulator compares with it."""
    signature = hashlib.sha512(f"{api_key}{shared_secret}{stamp}".encode()).hexdigest()
    return f"EAN apikey={api_key},signature={signature},timestamp={stamp}"


def mac_ext(method: str, content_type: str, body: bytes | None) -> str:
    """Hash content type and body for requests that have one; empty for GET and DELETE."""
    if method.upper() not in {"PUT", "POST", "PATCH"}:
        return ""
    return hashlib.sha256(content_type.encode() + (body or b"")).hexdigest()


def mac_text(stamp: int, nonce: str, method: str, target: str, base_url: str, ext: str) -> str:
    """Lay out what is signed, one item per line; ``target`` is path and query as on the wire."""
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return "".join(
        f"{item}\n" for item in (stamp, nonce, method.upper(), target, (parts.hostname or "").lower(), port, ext)
    )


def mac_digest(mac_key: str, text: str) -> str:
    """Sign with HMAC-SHA-256 under a URL-safe base64 key; base64."""
    key = base64.urlsafe_b64decode(mac_key + "=" * (-len(mac_key) % 4))
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()


class Given:
    """What the operator and the manifest give to a scheme."""

    def __init__(self, manifest: Manifest, credentials: Mapping[str, Secret]) -> None:
        """Take both."""
        self._manifest = manifest
        self._credentials = credentials

    def credential(self, name: str) -> Secret:
        """Find a credential.

        Raises:
            ManifestError: it is missing.
        """
        if name not in self._credentials:
            raise ManifestError(
                f"{self._manifest.name}: the credential {name} is missing; {self._manifest.auth} needs it."
            )
        return self._credentials[name]

    @property
    def name(self) -> str:
        """The adapter's."""
        return self._manifest.name

    @property
    def settings(self) -> Mapping[str, str]:
        """Every public parameter of the scheme."""
        return self._manifest.auth_settings

    def insist(self, holds: bool, otherwise: str) -> None:
        """Refuse settings that cannot be used.

        Raises:
            ManifestError: it does not hold.
        """
        if not holds:
            raise ManifestError(f"{self.name}: [auth_settings]: {otherwise}.")

    def key_id(self) -> Secret:
        """Find the credential ``key_id``, which is written into a header.

        Raises:
            ManifestError: it is missing, or holds what a header cannot carry whole.
        """
        found = self.credential("key_id")
        if not re.fullmatch(r"[!#-\[\]-~]{1,128}", found.reveal(), re.ASCII):
            raise ManifestError(f"{self.name}: the credential key_id is not 1 to 128 visible ASCII characters.")
        return found

    def setting(self, name: str, otherwise: str = "") -> str:
        """Find a public parameter of the scheme."""
        return self._manifest.auth_settings.get(name, otherwise)


def _api_key(given: Given) -> Authenticator:
    header, prefix = given.setting("header", "Authorization"), given.setting("prefix")
    return ApiKey(given.credential("api_key"), header=header, prefix=prefix)


def _client_credentials(given: Given) -> Authenticator:
    return OAuth2ClientCredentials(
        given.credential("client_id"),
        given.credential("client_secret"),
        token_path=given.setting("token_path", "/oauth/token"),
        scope=given.setting("scope"),
        in_body=given.setting("client_authentication", "basic") == "body",
    )


def _private_key_jwt(given: Given) -> Authenticator:
    return PrivateKeyJwt(
        given.credential("client_id"),
        given.credential("private_key"),
        token_path=given.setting("token_path", "/oauth/token"),
        scope=given.setting("scope"),
        audience=given.setting("audience"),
        key_id=given.setting("key_id"),
    )


def _tls_client_auth(given: Given) -> Authenticator:
    return TlsClientToken(
        given.credential("client_id"),
        read_identity(given.credential("client_certificate"), given.credential("private_key")),
        token_path=given.setting("token_path", "/oauth/token"),
        scope=given.setting("scope"),
    )


def _authorization_code(given: Given) -> Authenticator:
    for name in ("client_id", "client_secret"):
        given.credential(name)
    return MembersOnly()


def _hmac_signature(given: Given) -> Authenticator:
    return HmacSignature(given.key_id(), given.credential("secret"), read_rules(given.name, given.settings))


def _rfc9421_hmac(given: Given) -> Authenticator:
    components = given.setting("components", message_signatures.DEFAULT_COMPONENTS).split()
    given.insist(
        bool(components) and len(set(components)) == len(components), "components names nothing, or a thing twice"
    )
    for name in components:
        known = name in message_signatures.DERIVED if name.startswith("@") else name == name.lower()
        given.insist(known, f"{name!r} is no component; write a header's name in lower case or one of the derived")
    encoding = given.setting("key_encoding", CHOICES["key_encoding"][0])
    given.insist(encoding in CHOICES["key_encoding"], f"key_encoding is {encoding!r}")
    return MessageSignature(given.key_id(), given.credential("secret"), components=components, key_encoding=encoding)


MAKERS: dict[str, Callable[[Given], Authenticator]] = {
    "none": lambda _: NoAuthentication(),
    "api_key": _api_key,
    "basic": lambda given: Basic(given.credential("username"), given.credential("password")),
    "oauth2_client_credentials": _client_credentials,
    "private_key_jwt": _private_key_jwt,
    "oauth2_tls_client_auth": _tls_client_auth,
    "oauth2_authorization_code": _authorization_code,
    "mtls": lambda given: MutualTls(
        read_identity(given.credential("client_certificate"), given.credential("private_key"))
    ),
    "hmac_signature": _hmac_signature,
    "rfc9421_hmac": _rfc9421_hmac,
    "ean_signature": lambda given: EanSignature(given.credential("api_key"), given.credential("shared_secret")),
    "mac": lambda given: MacRequest(given.credential("mac_id"), given.credential("mac_key")),
    "oauth1_rsa_sha256": lambda given: OAuth1RsaSha256(
        given.credential("consumer_key"), given.credential("private_key")
    ),
}
"""What makes the authenticator of each scheme."""


def make_authenticator(manifest: Manifest, credentials: Mapping[str, Secret]) -> Authenticator:
    """Make the authenticator that a manifest declares.

    Raises:
        ManifestError: an unknown scheme, a setting that is none of its, or a credential is missing.
    """
    make = MAKERS.get(manifest.auth)
    if make is None:
        raise ManifestError(f"{manifest.name}: auth {manifest.auth!r} is not a scheme of the SDK.")
    if unknown := unknown_settings(manifest.auth, manifest.auth_settings):
        known = ", ".join(SETTINGS[manifest.auth]) or "none"
        raise ManifestError(
            f"{manifest.name}: [auth_settings]: {unknown[0]!r} is no setting of {manifest.auth} (known: {known})."
        )
    return make(Given(manifest, credentials))
