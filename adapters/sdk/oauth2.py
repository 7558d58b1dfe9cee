"""OAuth 2.0 with client credentials: one token for all calls, the client proved by its secret or by its key."""

from __future__ import annotations

import asyncio
import base64
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote, urlencode

import msgspec
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from adapters.sdk.auth_headers import with_headers
from adapters.sdk.calls import CallFailure, Exchange, PartnerAnswer, PartnerCall
from adapters.sdk.codec import decode
from adapters.sdk.errors import ManifestError, ProtocolError
from adapters.sdk.guards import NOT_CONNECTED
from adapters.sdk.outcomes import Outcome
from config.secrets import Secret

ASSERTION_SECONDS = 60
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenAnswer(msgspec.Struct, frozen=True):
    """RFC 6749 section 5.1."""

    access_token: str
    token_type: str
    expires_in: int = 300


class Proof(NamedTuple):
    """How a client proves who it is at the token endpoint: headers and fields of the form."""

    headers: dict[str, str]
    form: dict[str, str]


def token_failure(failure: CallFailure) -> str:
    """Give the reason of a call for which no token could be fetched: the call itself was not sent."""
    told = failure.outcome is Outcome.NOT_SENT and (
        failure.reason in NOT_CONNECTED or failure.reason.startswith("authentication:")
    )
    return failure.reason if told else f"authentication:{failure.reason}"


class BearerToken(ABC):
    """RFC 6749 section 4.4: one token for all calls, fetched by one of them, renewed before it ends."""

    RENEW_BEFORE = timedelta(seconds=30)

    def __init__(self, *, token_path: str, scope: str = "") -> None:
        """Begin without a token; ``token_path`` is relative to the partner's base address."""
        self._token_path = token_path
        self._scope = scope
        self._token: Secret | None = None
        self._renew_at: datetime | None = None
        self._single_flight = asyncio.Lock()

    @abstractmethod
    def prove(self, token_url: str, now: datetime) -> Proof:
        """Make the proof for one fetch."""

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Add the bearer token, fetching one first when there is none that lasts."""
        async with self._single_flight:
            if self._token is None or self._renew_at is None or now >= self._renew_at:
                failure = await self._fetch(base_url, now, exchange)
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

    async def _fetch(self, base_url: str, now: datetime, exchange: Exchange) -> CallFailure | None:
        proof = self.prove(base_url.rstrip("/") + self._token_path, now)
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        answer = await exchange(
            PartnerCall(
                operation="token",
                method="POST",
                path=self._token_path,
                headers=proof.headers,
                body=urlencode(form | proof.form).encode(),
                content_type="application/x-www-form-urlencoded",
            )
        )
        if isinstance(answer, CallFailure):
            return CallFailure(Outcome.NOT_SENT, token_failure(answer))
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


class OAuth2ClientCredentials(BearerToken):
    """The client proves itself by its secret, by Basic or in the body where the partner takes it there only.

    Source: RFC 6749, sections 2.3.1 and 4.4 (read 2026-11-21).
    """

    def __init__(
        self, client_id: Secret, client_secret: Secret, *, token_path: str, scope: str = "", in_body: bool = False
    ) -> None:
        """Keep the credentials; ``token_path`` is relative to the partner's base address."""
        super().__init__(token_path=token_path, scope=scope)
        self._client = (client_id, client_secret)
        self._in_body = in_body
        basic = f"{quote(client_id.reveal(), safe='')}:{quote(client_secret.reveal(), safe='')}"
        self._basic = Secret("Basic " + base64.b64encode(basic.encode()).decode())

    def prove(self, token_url: str, now: datetime) -> Proof:
        """Prove by the secret."""
        if not self._in_body:
            return Proof({"Authorization": self._basic.reveal()}, {})
        return Proof({}, {"client_id": self._client[0].reveal(), "client_secret": self._client[1].reveal()})


class PrivateKeyJwt(BearerToken):
    """The client proves itself by a short assertion that it signs; no secret is shared.

    Every assertion is new and lasts a minute; its audience is the token endpoint, or what the partner documents.

    Source: RFC 7523, sections 2.2 and 3; OpenID Connect Core 1.0, section 9; RFC 9864, for Ed25519 (read 2026-11-28).
    """

    def __init__(
        self,
        client_id: Secret,
        private_key: Secret,
        *,
        token_path: str,
        scope: str = "",
        audience: str = "",
        key_id: str = "",
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Read the key (PEM); its kind decides the algorithm.

        Raises:
            ManifestError: not a private key of a kind that can sign.
        """
        super().__init__(token_path=token_path, scope=scope)
        self._client_id = client_id
        self._audience = audience
        self._key_id = key_id
        self._randomness = randomness
        self._key, self._algorithm = _signing_key(private_key)

    def prove(self, token_url: str, now: datetime) -> Proof:
        """Sign a new assertion."""
        issued = int(now.timestamp())
        client = self._client_id.reveal()
        claims = {
            "iss": client,
            "sub": client,
            "aud": self._audience or token_url,
            "iat": issued,
            "exp": issued + ASSERTION_SECONDS,
            "jti": self._randomness(16).hex(),
        }
        header = {"alg": self._algorithm, "typ": "JWT"} | ({"kid": self._key_id} if self._key_id else {})
        assertion = jwt.encode(header, claims, self._key, algorithms=[self._algorithm])
        return Proof({}, {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion})


def _signing_key(pem: Secret) -> tuple[jwk.RSAKey | jwk.ECKey | jwk.OKPKey, str]:
    kinds: tuple[tuple[type[jwk.RSAKey | jwk.ECKey | jwk.OKPKey], str], ...] = (
        (jwk.RSAKey, "RS256"),
        (jwk.ECKey, "ES256"),
        (jwk.OKPKey, "Ed25519"),
    )
    for kind, algorithm in kinds:
        try:
            key = kind.import_key(pem.reveal())
        except (JoseError, ValueError, TypeError):
            continue
        if key.is_private:
            return key, algorithm
    raise ManifestError("the credential private_key is no private key (PEM; RSA, P-256 or Ed25519).")
