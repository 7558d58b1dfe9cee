"""Tokens at rest: AES-256-GCM under keys of the settings, each bound to the place it lies in.

The associated data names table, column, row and the key's version, so that a sealed value cannot be moved to another
row, nor a refresh token be read as an access token. A new key is put beside the old ones and named as the current one:
what was sealed under an older one stays readable and is sealed anew with its next change.

Source: NIST SP 800-38D (96-bit random nonces; far below 2^32 values under one key), read 2026-11-28.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.errors import ConfigurationError, UnavailableError
from config.secrets import Secret, resolve_secret
from config.settings import Settings

KEY_BYTES = 32
NONCE_BYTES = 12
FEWEST_VALUES = 16
"""A key of 32 random bytes with fewer different ones is no accident but a default."""
DEVELOPMENT = "development"
DEVELOPMENT_FILE = "link-key"
LONGEST_VERSION = 16


class Place(NamedTuple):
    """Where a sealed value lies."""

    table: str
    column: str
    row: str


class Sealer:
    """Seals and opens with the keys that `keys` gives when the first value comes."""

    def __init__(self, keys: Callable[[], Mapping[str, bytes]], current: str) -> None:
        """Keep where the keys come from; ``current`` names the one that seals."""
        self._load = keys
        self._current = current
        self._keys: Mapping[str, bytes] | None = None

    def seal(self, place: Place, value: Secret) -> tuple[str, bytes]:
        """Seal a value for its place; the key's version, and nonce with ciphertext."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        cipher = AESGCM(self._key(self._current))
        return self._current, nonce + cipher.encrypt(nonce, value.reveal().encode(), _bound(place, self._current))

    def open(self, place: Place, version: str, sealed: bytes) -> Secret:
        """Open what was sealed for this place.

        Raises:
            UnavailableError: the key is not in the settings any more, or the value is not what was sealed here.
        """
        nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return Secret(AESGCM(self._key(version)).decrypt(nonce, text, _bound(place, version)).decode())
        except (InvalidTag, ValueError) as error:
            raise UnavailableError(f"A value of {place.table} cannot be opened.", row=place.row) from error

    def _key(self, version: str) -> bytes:
        if self._keys is None:
            self._keys = self._load()
        if version not in self._keys:
            raise UnavailableError(f"links.keys has no key {version!r}, under which values are sealed; put it back.")
        return self._keys[version]


def open_sealer(settings: Settings, environ: Mapping[str, str], needed_by: str | None) -> Sealer:
    """Make the sealer of a process.

    Args:
        settings: ``[links]`` names the keys; with simulators only, a key of this machine is made when there is none.
        environ: where ``env:`` references point to.
        needed_by: a partner whose members link; None when there is none, and then keys are not looked at.

    Raises:
        ConfigurationError: a key is missing, not 32 bytes in base64, or one that anybody could guess.
    """
    links, simulated = settings.links, settings.partners.environment == "simulator"
    if needed_by is None or (simulated and not links.keys):
        folder = settings.folders.data
        return Sealer(lambda: {DEVELOPMENT: _development_key(folder)}, DEVELOPMENT)
    if not links.keys:
        raise ConfigurationError(
            f"links.keys is missing; partners/{needed_by}.toml lets members link, whose tokens are kept encrypted. "
            "Name 32 random bytes in base64 as env:NAME or file:/path."
        )
    if links.current_key not in links.keys:
        raise ConfigurationError(f"links.current_key is {links.current_key!r}; name one of links.keys.")
    for version, reference in links.keys.items():
        if not version or len(version) > LONGEST_VERSION:
            raise ConfigurationError(f"links.keys: a name has 1 to {LONGEST_VERSION} characters.")
        if reference.startswith("simulator:") and not simulated:
            raise ConfigurationError("links.keys names a simulator's secret outside the simulator.")
    keys = {version: read_key(version, resolve_secret(each, environ)) for version, each in links.keys.items()}
    return Sealer(lambda: keys, links.current_key)


def read_key(version: str, secret: Secret) -> bytes:
    """Read a key.

    Raises:
        ConfigurationError: not 32 bytes in base64, or with so few different ones that it is a default.
    """
    try:
        key = base64.b64decode(secret.reveal(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"links.keys.{version} is not 32 bytes in base64.")
    if len(set(key)) < FEWEST_VALUES:
        raise ConfigurationError(f"links.keys.{version} is a default value; make one of random bytes.")
    return key


def _development_key(folder: Path) -> bytes:
    path = folder / DEVELOPMENT_FILE
    folder.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_key(DEVELOPMENT, Secret(path.read_text(encoding="ascii")))
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(base64.b64encode(key := secrets.token_bytes(KEY_BYTES)).decode())
    return key


def _bound(place: Place, version: str) -> bytes:
    return "|".join((*place, version)).encode()
