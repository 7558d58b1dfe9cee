"""Every route declares its scope (``opt={"scope": ...}``); this layer checks it before anything of the body is read."""

from __future__ import annotations

from typing import Any

from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from config.observability import get_logger
from gateway.errors import ForbiddenError
from gateway.oauth.principal import Principal, TokenVerifier
from gateway.oauth.verifier import refusal

NONE = "none"
"""The scope of a route that anybody may call; the route's ``opt`` says why under ``reason``."""

log = get_logger(__name__)


class Authentication:
    """Plain ASGI: verifies the bearer token and puts the `Principal` into the connection's ``user``."""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier) -> None:
        """Wrap a route."""
        self._app = app
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or raise.

        Raises:
            UnauthenticatedError: no acceptable token.
            ForbiddenError: the token lacks the scope of the route.
        """
        http: Any = scope
        if http["type"] == ScopeType.HTTP and http["method"] != HttpMethod.OPTIONS:
            wanted = scope["route_handler"].opt.get("scope")
            if wanted != NONE:
                scope["user"] = await self._admit(scope, wanted)
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope, wanted: object) -> Principal:
        principal = await self._verifier.verify(bearer_token(scope))
        if wanted not in principal.scopes:
            log.warning("scope missing", wanted=wanted, client_id=principal.client_id, path=scope["path"])
            raise ForbiddenError(f"The access token lacks the scope {wanted}.")
        return principal


def bearer_token(scope: Scope) -> str:
    """Read the token of the one Authorization header.

    Raises:
        UnauthenticatedError: there is none, several, or another scheme.
    """
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1:
        raise refusal()
    scheme, _, token = values[0].decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise refusal()
    return token
