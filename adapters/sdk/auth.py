"""How a call proves who we are; a token is fetched through the client's own exchange.

`make_authenticator` picks one by the manifest's ``auth``: ``none``, ``api_key``, ``oauth2_client_credentials``,
``ean_signature``, ``mac``, ``oauth1_rsa_sha256``.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from adapters.sdk.auth_headers import with_headers
from adapters.sdk.calls import CallFailure, Exchange, PartnerAnswer, PartnerCall, request_target
from adapters.sdk.codec import decode
from adapters.sdk.errors import ManifestError, ProtocolError
from adapters.sdk.manifest import Manifest
from adapters.sdk.oauth1 import OAuth1RsaSha256
from adapters.sdk.outcomes import Outcome
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


class TokenAnswer(msgspec.Struct, frozen=True):
    """RFC 6749 section 5.1."""

    access_token: str
    token_type: str
    expires_in: int = 300


class OAuth2ClientCredentials:
    """RFC 6749 section 4.4: one token for all calls, fetched by one of them, renewed before it ends.

    The client authenticates by Basic, or in the body where the partner takes it there only (section 2.3.1).
    """

    RENEW_BEFORE = timedelta(seconds=30)

    def __init__(
        self, client_id: Secret, client_secret: Secret, *, token_path: str, scope: str = "", in_body: bool = False
    ) -> None:
        """Keep the credentials; ``token_path`` is relative to the partner's base address."""
        self._client = (client_id, client_secret)
        self._in_body = in_body
        basic = f"{quote(client_id.reveal(), safe='')}:{quote(client_secret.reveal(), safe='')}"
        self._basic = Secret("Basic " + base64.b64encode(basic.encode()).decode())
        self._token_path = token_path
        self._scope = scope
        self._token: Secret | None = None
        self._renew_at: datetime | None = None
        self._single_flight = asyncio.Lock()

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Add the bearer token, fetching one first when there is none that lasts."""
        async with self._single_flight:
            if self._token is None or self._renew_at is None or now >= self._renew_at:
                failure = await self._fetch(now, exchange)
                if failure is not None:
                    return failure
            token = self._token
        if token is None:
            return CallFailure(Outcome.NOT_SENT, "authentication:no_token")
        return with_headers(call, {"Authorization": f"Bearer {token.reveal()}"})

    def refused(self, answer: PartnerAnswer) -> bool:
        """Drop the token on 401 and ask for one more try; a second 401 in a row is the answer."""
        if answer.status != 401:
            return False
        self._token = None
        return True

    async def _fetch(self, now: datetime, exchange: Exchange) -> CallFailure | None:
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        if self._in_body:
            form |= {"client_id": self._client[0].reveal(), "client_secret": self._client[1].reveal()}
        answer = await exchange(
            PartnerCall(
                operation="token",
                method="POST",
                path=self._token_path,
                headers={} if self._in_body else {"Authorization": self._basic.reveal()},
                body=urlencode(form).encode(),
                content_type="application/x-www-form-urlencoded",
            )
        )
        if isinstance(answer, CallFailure):
            reason = "connect" if answer.outcome is Outcome.NOT_SENT else f"authentication:{answer.reason}"
            return CallFailure(Outcome.NOT_SENT, reason)
        if answer.status != 200:
            return CallFailure(Outcome.NOT_SENT, f"authentication:status_{answer.status}")
        return self._keep(answer.body, now)

    def _keep(self, body: bytes, now: datetime) -> CallFailure | None:
        try:
            token = decode(body, TokenAnswer)
        except ProtocolError:
            return CallFailure(Outcome.NOT_SENT, "authentication:token_answer")
        if token.token_type.lower() != "bearer" or not token.access_token or token.expires_in <= 0:
            return CallFailure(Outcome.NOT_SENT, "authentication:token_answer")
        self._token = Secret(token.access_token)
        life = timedelta(seconds=min(token.expires_in, 86_400))
        self._renew_at = now + max(life - self.RENEW_BEFORE, life / 2)
        return None


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


def make_authenticator(manifest: Manifest, credentials: Mapping[str, Secret]) -> Authenticator:
    """Make the authenticator that a manifest declares.

    Credentials by scheme: ``api_key``: api_key; ``oauth2_client_credentials``: client_id, client_secret;
    ``ean_signature``: api_key, shared_secret; ``mac``: mac_id, mac_key;
    ``oauth1_rsa_sha256``: consumer_key, private_key.

    Raises:
        ManifestError: an unknown scheme, or a credential is missing.
    """

    def credential(name: str) -> Secret:
        if name not in credentials:
            raise ManifestError(f"{manifest.name}: the credential {name} is missing; {manifest.auth} needs it.")
        return credentials[name]

    settings = manifest.auth_settings
    match manifest.auth:
        case "none":
            return NoAuthentication()
        case "api_key":
            header, prefix = settings.get("header", "Authorization"), settings.get("prefix", "")
            return ApiKey(credential("api_key"), header=header, prefix=prefix)
        case "oauth2_client_credentials":
            return OAuth2ClientCredentials(
                credential("client_id"),
                credential("client_secret"),
                token_path=settings.get("token_path", "/oauth/token"),
                scope=settings.get("scope", ""),
                in_body=settings.get("client_authentication", "basic") == "body",
            )
        case "ean_signature":
            return EanSignature(credential("api_key"), credential("shared_secret"))
        case "mac":
            return MacRequest(credential("mac_id"), credential("mac_key"))
        case "oauth1_rsa_sha256":
            return OAuth1RsaSha256(credential("consumer_key"), credential("private_key"))
        case _:
            raise ManifestError(f"{manifest.name}: auth {manifest.auth!r} is not a scheme of the SDK.")
