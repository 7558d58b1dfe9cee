"""What the edge holds beside the gateway itself: verifier, issuer, idempotency keys, the tally of answers, cursors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx
from litestar import Request

from adapters.sdk.transport import make_client
from config.errors import UnavailableError
from gateway.idempotency import IdempotencyKeys
from gateway.middleware.tally import Tally
from gateway.oauth.clients import read_clients
from gateway.oauth.issuer import DevelopmentIssuer, open_issuer
from gateway.oauth.keys import KeySource, KnownKeys, RemoteKeys
from gateway.oauth.principal import TokenVerifier
from gateway.oauth.server import TokenServer
from gateway.oauth.verifier import JwksVerifier
from gateway.pages import Cursors, cursor_key
from gateway.wiring import Gateway

KEY_SET_DEADLINE_SECONDS = 5
KEY_SET_LIMIT_BYTES = 65_536


@dataclass
class Edge:
    """Everything that controllers get beside the `Gateway`; ``cursors`` is there once the application has started."""

    gateway: Gateway
    verifier: TokenVerifier
    issuer: DevelopmentIssuer | None
    token_server: TokenServer | None
    keys: IdempotencyKeys
    tally: Tally = field(default_factory=Tally)
    _cursors: Cursors | None = field(default=None, repr=False)
    _client: httpx.AsyncClient | None = field(default=None, repr=False)

    @property
    def cursors(self) -> Cursors:
        """The signer of page cursors."""
        if self._cursors is None:
            raise UnavailableError("The application has not started yet.")
        return self._cursors

    async def start(self) -> None:
        """Read what all workers share."""
        now = self.gateway.clock.now()
        await self.gateway.denials.refresh(self.gateway.database, self.gateway.clock)
        self._cursors = Cursors(await self.gateway.database.write(lambda connection: cursor_key(connection, now)))

    async def stop(self) -> None:
        """Close the client that reads the issuer's keys."""
        if self._client is not None:
            await self._client.aclose()


def open_edge(gateway: Gateway) -> Edge:
    """Make the edge of a gateway; with the development issuer on, its key file is made on first start.

    Raises:
        ConfigurationError: the key file or the clients file cannot be used.
    """
    settings, clock = gateway.settings.oauth, gateway.clock
    issuer = open_issuer(settings, clock) if settings.development_issuer else None
    client = None
    if issuer is not None:
        source: KeySource = KnownKeys(dict(issuer.public_keys))
    else:
        client = make_client()
        source = RemoteKeys(_KeySetFetch(client, str(settings.jwks_url)), clock)
    verifier = JwksVerifier(
        issuer=settings.issuer,
        audience=settings.audience,
        keys=source,
        clock=clock,
        skew_seconds=settings.clock_skew_seconds,
        partner_of=desk_clients(gateway),
        denied=gateway.denials,
    )
    server = TokenServer(issuer, read_clients(settings.clients_file)) if issuer is not None else None
    return Edge(
        gateway, verifier, issuer, server, IdempotencyKeys(gateway.database, clock, gateway.crash), _client=client
    )


def edge_of(request: Request[Any, Any, Any]) -> Edge:
    """Give the edge of the application that serves a request: for handlers that are asked for very often."""
    edge: Edge = request.app.state.edge
    return edge


def desk_clients(gateway: Gateway) -> dict[str, str]:
    """Answer which partner each desk's client belongs to, as the partner files say."""
    desks = ((partner.environment.desk_client, name) for name, partner in gateway.partners.items())
    return {client: name for client, name in desks if client is not None}


class _KeySetFetch:
    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def __call__(self) -> bytes:
        """Fetch the issuer's key set within its deadline and size.

        Raises:
            UnavailableError: no answer, another status, or too large.
        """
        try:
            async with asyncio.timeout(KEY_SET_DEADLINE_SECONDS):
                return await self._read()
        except (httpx.HTTPError, TimeoutError) as error:
            raise UnavailableError(f"The token issuer's keys were not read: {type(error).__name__}.") from error

    async def _read(self) -> bytes:
        async with self._client.stream("GET", self._url, headers={"Accept-Encoding": "identity"}) as answer:
            if answer.status_code != 200:
                raise UnavailableError(f"The token issuer answered {answer.status_code} for its keys.")
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > KEY_SET_LIMIT_BYTES:
                    raise UnavailableError("The token issuer's key set is too large.")
            return bytes(body)
