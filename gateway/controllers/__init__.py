"""One file per resource: parse, call one service, present. `CONTROLLERS` lists them all."""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from gateway.controllers.health import HealthController
from gateway.controllers.oauth import OAuthController

CONTROLLERS: tuple[ControllerRouterHandler, ...] = (
    HealthController,
    OAuthController,
)
