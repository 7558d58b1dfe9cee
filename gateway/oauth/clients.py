"""The clients of the development issuer: ``clients.toml``, secrets as hashes only."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import msgspec
from authlib.oauth2.rfc6749 import ClientMixin

from config.files import PACKAGED_FOLDER, read_typed

PACKAGED_CLIENTS = PACKAGED_FOLDER / "clients.toml"


class ClientEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One client: the SHA-256 of its secret (long and random, so a fast hash serves), what it may ask for."""

    secret_sha256: str
    scopes: tuple[str, ...]
    grants: tuple[str, ...] = ("client_credentials",)


class ClientsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    clients: dict[str, ClientEntry]


class Client(ClientMixin):  # type: ignore[misc]
    """A client as Authlib's server core asks about it. An unknown id is a client whose every secret is wrong."""

    def __init__(self, client_id: str, entry: ClientEntry | None) -> None:
        """Pair the id with its entry."""
        self.client_id = client_id
        self.entry = entry or ClientEntry(secret_sha256="", scopes=(), grants=())

    def get_client_id(self) -> str:
        """Answer the id."""
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Answer the scopes to grant: all that were asked for, or all there are when none was; None refuses."""
        if not scope:
            return " ".join(self.entry.scopes)
        return scope if set(scope.split()) <= set(self.entry.scopes) else None

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare in constant time."""
        digest = hashlib.sha256(client_secret.encode("utf-8", "surrogatepass")).hexdigest()
        return hmac.compare_digest(digest, self.entry.secret_sha256)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Take secrets by HTTP Basic or in the form."""
        return endpoint == "token" and method in {"client_secret_basic", "client_secret_post"}

    def check_grant_type(self, grant_type: str) -> bool:
        """Say whether the client may use a grant."""
        return grant_type in self.entry.grants


def read_clients(path: Path | None) -> dict[str, ClientEntry]:
    """Read the clients; without a path, the published throw-away clients of development.

    Raises:
        ConfigurationError: the file is not valid.
    """
    return read_typed(path or PACKAGED_CLIENTS, ClientsFile).clients
