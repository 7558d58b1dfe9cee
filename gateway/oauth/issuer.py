"""The development issuer: signs the same tokens that an outside issuer would, behind the same verifier."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from config.clock import Clock
from config.errors import ConfigurationError
from config.settings import OAuthSettings

ALGORITHM = "ES256"


class DevelopmentIssuer:
    """Mints access tokens (RFC 9068) with one ES256 key."""

    def __init__(
        self,
        key: ECKey,
        settings: OAuthSettings,
        clock: Clock,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Keep the key and what every token says."""
        self._key = key
        self._settings = settings
        self._clock = clock
        self._randomness = randomness

    @property
    def lifetime_seconds(self) -> int:
        """How long a token lasts."""
        return self._settings.access_token_seconds

    @property
    def public_keys(self) -> dict[str, ECKey]:
        """The public key by its id (the RFC 7638 thumbprint)."""
        public = ECKey.import_key(self._key.as_dict(private=False))
        return {self._kid: public}

    def key_set(self) -> dict[str, Any]:
        """The JWKS document."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "kid": self._kid, "use": "sig", "alg": ALGORITHM}]}

    def mint(self, *, subject: str, client_id: str, scope: str) -> str:
        """Sign a token for a subject, asked for by a client; ``scope`` is space separated."""
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": subject,
            "client_id": client_id,
            "scope": scope,
            "iat": now,
            "exp": now + self.lifetime_seconds,
            "jti": self._randomness(16).hex(),
        }
        return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt", "kid": self._kid}, claims, self._key, [ALGORITHM])

    @property
    def _kid(self) -> str:
        return self._key.thumbprint()


def open_issuer(settings: OAuthSettings, clock: Clock) -> DevelopmentIssuer:
    """Open the issuer; its key is made on first use and kept in ``key_file``, readable by its owner only.

    Raises:
        ConfigurationError: the key file cannot be made or read, or others may read it.
    """
    path = settings.key_file
    if not path.exists():
        _create(path)
    return DevelopmentIssuer(_read(path), settings, clock)


def _create(path: Path) -> None:
    """Write a new key; when two processes start at once, both end with the key that came first."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    content = json.dumps(ECKey.generate_key("P-256").as_dict(private=True)).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigurationError(f"oauth.key_file: {path} cannot be written: {error.strerror}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path) -> ECKey:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"oauth.key_file: others may read {path}; run chmod 600 on it.")
        return ECKey.import_key(json.loads(path.read_bytes()))
    except (OSError, ValueError, JoseError) as error:
        raise ConfigurationError(f"oauth.key_file: {path} holds no key that can be read.") from error
