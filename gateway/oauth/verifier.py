"""The one verifier of access tokens, for the development issuer and for outside issuers alike.

joserfc checks the signature; everything a token claims is checked here, strictly typed, because a lenient reading of
``exp`` or ``aud`` is how tokens of other services get in.

Source: RFC 9068 (JWT access tokens), RFC 8725 (JWT best current practice), both read 2026-11-22.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from config.clock import Clock
from config.observability import get_logger
from gateway.errors import UnauthenticatedError
from gateway.oauth.keys import KeySource, SigningKey
from gateway.oauth.principal import Principal

TOKEN_LIMIT = 8_192
CACHE_LIMIT = 10_000
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_TYPES = {"at+jwt", "application/at+jwt"}
_INSTANT_LIMIT = 2**40
_LAST_INSTANT = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
_REFUSAL = "The access token is missing or not accepted."
log = get_logger(__name__)


class _RefusedError(Exception):
    """Why a token is refused; for the log only."""


def refusal() -> UnauthenticatedError:
    """Make the one answer to every token that is not accepted."""
    return UnauthenticatedError(_REFUSAL)


class JwksVerifier:
    """Verifies ``at+jwt`` tokens of one issuer over its keys."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: KeySource,
        clock: Clock,
        skew_seconds: int,
        partner_of: Mapping[str, str],
        denied: Container[str] = frozenset(),
    ) -> None:
        """Keep what tokens are compared with; ``partner_of`` names the partner of a desk's client id.

        ``denied`` holds the ``jti`` of tokens that are not accepted any more; it is asked for every request.
        """
        self._denied = denied
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._clock = clock
        self._skew = skew_seconds
        self._partner_of = partner_of
        self._verified: OrderedDict[bytes, tuple[Principal, datetime, str]] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Verify a token; a token that passed is remembered by its hash until it expires.

        Raises:
            UnauthenticatedError: it is not accepted.
            UnavailableError: the issuer's keys cannot be read.
        """
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        now = self._clock.now()
        known = self._verified.get(digest)
        if known is not None and now < known[1] and known[2] not in self._denied:
            return known[0]
        self._verified.pop(digest, None)
        try:
            principal, expires, jti = await self._verify(token, int(now.timestamp()))
        except _RefusedError as error:
            log.info("access token refused", reason=str(error))
            raise refusal() from error
        until = datetime.fromtimestamp(min(expires + self._skew, _LAST_INSTANT), UTC)
        self._verified[digest] = (principal, until, jti)
        if len(self._verified) > CACHE_LIMIT:
            self._verified.popitem(last=False)
        return principal

    async def _verify(self, token: str, now: int) -> tuple[Principal, int, str]:
        if len(token) > TOKEN_LIMIT or not _COMPACT.match(token):
            raise _RefusedError("not a compact token")
        try:
            header = jws.extract_compact(token.encode("ascii")).headers()
            key = await self._key(header)
            algorithm = _algorithm(key)
            if header.get("alg") != algorithm:
                raise _RefusedError("another algorithm than the key's")
            claims = jwt.decode(token, key, algorithms=[algorithm]).claims
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise _RefusedError(type(error).__name__) from error
        return self._principal(claims, now)

    async def _key(self, header: Mapping[str, Any]) -> SigningKey:
        if str(header.get("typ")).lower() not in _TYPES:
            raise _RefusedError("not an access token")
        if {"crit", "b64", "zip", "enc"} & set(header):
            raise _RefusedError("a header parameter that is not served")
        kid = header.get("kid")
        key = await self._keys.find(kid) if isinstance(kid, str) and len(kid) <= 128 else None
        if key is None:
            raise _RefusedError("unknown key")
        return key

    def _principal(self, claims: Mapping[str, Any], now: int) -> tuple[Principal, int, str]:
        if claims.get("iss") != self._issuer or claims.get("aud") != self._audience:
            raise _RefusedError("another issuer or audience")
        expires, issued = _instant(claims, "exp"), _instant(claims, "iat")
        if now >= expires + self._skew or issued > now + self._skew:
            raise _RefusedError("outside its time")
        if "nbf" in claims and _instant(claims, "nbf") > now + self._skew:
            raise _RefusedError("before its time")
        subject, client_id = _text(claims, "sub"), _text(claims, "client_id")
        scopes = claims.get("scope", "")
        if not isinstance(scopes, str):
            raise _RefusedError("scope is not a text")
        jti = str(claims.get("jti", ""))
        if jti in self._denied:
            raise _RefusedError("denied")
        partner = self._partner_of.get(client_id)
        return Principal(subject, client_id, frozenset(scopes.split()), partner), expires, jti


def _algorithm(key: SigningKey) -> str:
    return "RS256" if isinstance(key, RSAKey) else "ES256"


def _instant(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value < _INSTANT_LIMIT:
        raise _RefusedError(f"{name} is not an instant")
    return value


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 255 or not value.isprintable():
        raise _RefusedError(f"{name} is not a text")
    return value
