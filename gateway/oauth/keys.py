"""Where an issuer's public keys come from: our own key, or a JWKS document of an outside issuer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from config.clock import Clock
from config.errors import UnavailableError
from config.observability import get_logger

REFRESH_SECONDS = 300
"""An unknown key id asks the issuer at most this often, so that a flood of them asks once."""

FRESH_SECONDS = 3_600
STALE_SECONDS = 86_400
"""A set is asked for again after an hour, and still used for a day when the issuer does not answer."""

KEY_LIMIT = 20

SigningKey = RSAKey | ECKey
Fetch = Callable[[], Awaitable[bytes]]
log = get_logger(__name__)


class KeySource(Protocol):
    """Finds a public key by its id."""

    async def find(self, kid: str) -> SigningKey | None:
        """Answer the key, or None when the issuer has none of that id."""
        ...


class KnownKeys:
    """Keys that are there from the start."""

    def __init__(self, keys: dict[str, SigningKey]) -> None:
        """Keep the keys by id."""
        self._keys = keys

    async def find(self, kid: str) -> SigningKey | None:
        """Answer the key of an id."""
        return self._keys.get(kid)


class RemoteKeys:
    """The JWKS of an outside issuer, kept and refreshed as the constants of this module say."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        """Keep the way to fetch the document; nothing is fetched yet."""
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, SigningKey] = {}
        self._read_at: float | None = None
        self._asked_at: float | None = None

    async def find(self, kid: str) -> SigningKey | None:
        """Answer the key of an id, asking the issuer when it is unknown or the set has aged.

        Raises:
            UnavailableError: there is no usable set and the issuer gives none.
        """
        now = self._clock.monotonic()
        if (kid not in self._keys or self._age(now) > FRESH_SECONDS) and self._may_ask(now):
            self._asked_at = now
            await self._refresh(now)
        if self._age(now) > STALE_SECONDS:
            raise UnavailableError("The keys of the token issuer cannot be read.")
        return self._keys.get(kid)

    def _age(self, now: float) -> float:
        return float("inf") if self._read_at is None else now - self._read_at

    def _may_ask(self, now: float) -> bool:
        return self._asked_at is None or now - self._asked_at >= REFRESH_SECONDS

    async def _refresh(self, now: float) -> None:
        try:
            self._keys = read_key_set(await self._fetch())
            self._read_at = now
        except (UnavailableError, ValueError) as error:
            log.warning("key set of the issuer not taken, the old one stays", reason=str(error))


def read_key_set(document: bytes) -> dict[str, SigningKey]:
    """Read a JWKS document: public signing keys of one family, each with its own id.

    Raises:
        ValueError: anything else: a private or symmetric key, two families, two keys of one id, a point off its
            curve. The set is refused whole.
    """
    raw = json.loads(document)
    entries = raw.get("keys") if isinstance(raw, dict) else None
    if not isinstance(entries, list) or not 0 < len(entries) <= KEY_LIMIT:
        raise ValueError("not a key set")
    keys: dict[str, SigningKey] = {}
    for entry in entries:
        kid, key = _read_key(entry)
        if kid in keys:
            raise ValueError("two keys of one id")
        keys[kid] = key
    if len({type(key) for key in keys.values()}) != 1:
        raise ValueError("keys of several families")
    return keys


def _read_key(entry: Any) -> tuple[str, SigningKey]:
    if not isinstance(entry, dict) or "d" in entry or entry.get("use", "sig") != "sig":
        raise ValueError("not a public signing key")
    kid = entry.get("kid")
    if not isinstance(kid, str) or not kid:
        raise ValueError("a key without an id")
    try:
        if entry.get("kty") == "RSA":
            key: SigningKey = RSAKey.import_key(entry)
        elif entry.get("kty") == "EC" and entry.get("crv") == "P-256":
            key = ECKey.import_key(entry)
        else:
            raise ValueError("a key of a kind that is not served")
    except (JoseError, TypeError, KeyError) as error:
        raise ValueError("a key that cannot be read") from error
    if isinstance(key, RSAKey) and key.public_key.key_size < 2048:
        raise ValueError("an RSA key below 2048 bits")
    return kid, key
