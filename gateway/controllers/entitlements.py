"""Rights to a number of uses."""

from __future__ import annotations

from functools import partial

from litestar import Controller, get
from litestar.di import NamedDependency

from gateway.controllers.me import AcceptLanguage
from gateway.languages import chosen_locale
from gateway.oauth.principal import Principal
from gateway.schemas.benefits import EntitlementList
from gateway.services import benefits
from gateway.wiring import Gateway


class EntitlementsController(Controller):
    """What the member's tier gives, and what is left of it."""

    path = "/v1/entitlements"
    tags = ("member",)
    opt = {"scope": "benefits:read"}  # noqa: RUF012

    @get()
    async def list_entitlements(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        accept_language: AcceptLanguage = None,
    ) -> EntitlementList:
        """List total, used, pending and remaining uses in the current window."""
        operation = partial(
            benefits.list_entitlements,
            catalogue=gateway.catalogue,
            member_id=principal.member_id,
            locale=chosen_locale(accept_language),
            now=gateway.clock.now(),
        )
        return await gateway.database.read(operation)
