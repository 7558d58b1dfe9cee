"""The application: every route, every layer, in one factory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Any

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware

from config.errors import GatewayError
from gateway.background import background
from gateway.controllers import CONTROLLERS
from gateway.edge import Edge, open_edge
from gateway.idempotency import IdempotencyKeys, read_key
from gateway.middleware.addresses import Addresses
from gateway.middleware.authentication import Authentication
from gateway.middleware.correlation import Correlation
from gateway.oauth.principal import Principal
from gateway.openapi import openapi_config
from gateway.pages import Cursors
from gateway.problems import answer_gateway_error, answer_http_error, answer_unexpected
from gateway.requests import StrictRequest
from gateway.wiring import Gateway


def create_app(gateway: Gateway, *, workers: bool = False) -> Litestar:
    """Make the application around an open gateway; who opened the gateway closes it.

    With ``workers`` the sweeper and the inbox worker run for as long as the application does.

    Handlers ask for what they need by name: ``gateway: NamedDependency[Gateway]``, ``principal:
    NamedDependency[Principal]`` (on a route with a scope), ``keys: NamedDependency[IdempotencyKeys]``,
    ``idempotency_key: NamedDependency[str]`` (on a route with ``opt={"idempotent": True}``),
    ``cursors: NamedDependency[Cursors]``, ``edge: NamedDependency[Edge]``.

    Raises:
        ConfigurationError: the issuer's key or clients cannot be used.
    """
    edge = open_edge(gateway)
    app = Litestar(
        route_handlers=list(CONTROLLERS),
        dependencies=_dependencies(edge),
        exception_handlers={
            GatewayError: answer_gateway_error,
            HTTPException: answer_http_error,
            Exception: answer_unexpected,
        },
        lifespan=[_lifespan(edge, workers=workers)],
        logging_config=None,
        middleware=[Addresses, DefineMiddleware(Authentication, verifier=edge.verifier)],
        openapi_config=openapi_config(),
        request_class=StrictRequest,
        state=State({"edge": edge}),
        request_max_body_size=gateway.settings.http.body_limit_bytes,
        debug=False,
    )
    new_id = partial(gateway.identifiers.new, "request")
    app.asgi_handler = Correlation(app.asgi_handler, new_id, gateway.clock, edge.tally)
    return app


def _dependencies(edge: Edge) -> dict[str, Provide]:
    """Give what handlers may ask for by name, each hanging on the one before it.

    For two that do not, the framework starts a group of tasks, which costs more than all of them together.
    """

    async def provide_gateway() -> Gateway:
        return edge.gateway

    async def provide_edge(gateway: NamedDependency[Gateway]) -> Edge:
        return edge

    async def provide_principal(request: Request[Any, Any, Any], gateway: NamedDependency[Gateway]) -> Principal:
        principal: Principal = request.user
        return principal

    async def provide_cursors(principal: NamedDependency[Principal]) -> Cursors:
        return edge.cursors

    async def provide_keys(principal: NamedDependency[Principal]) -> IdempotencyKeys:
        return edge.keys

    return {
        "gateway": Provide(provide_gateway),
        "edge": Provide(provide_edge),
        "principal": Provide(provide_principal),
        "cursors": Provide(provide_cursors),
        "keys": Provide(provide_keys),
        "idempotency_key": Provide(_provide_idempotency_key),
    }


async def _provide_idempotency_key(
    request: Request[Any, Any, Any],
    keys: NamedDependency[IdempotencyKeys],
) -> str:
    return read_key(request.headers.getall("idempotency-key", []))


def _lifespan(edge: Edge, *, workers: bool) -> Any:
    @asynccontextmanager
    async def run(_app: Litestar) -> AsyncIterator[None]:
        await edge.start()
        try:
            async with background(edge.gateway) if workers else nullcontext():
                yield
        finally:
            await edge.stop()

    return run
