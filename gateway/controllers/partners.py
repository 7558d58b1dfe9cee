"""Partners as operators and integrators see them."""

from __future__ import annotations

from functools import partial as bound
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK

from config.errors import NotFoundError
from config.partner_files import PartnerFile
from gateway.controllers.paths import PartnerPath
from gateway.oauth.principal import Principal
from gateway.operations.switches import Change, Switch, change, read_switch, read_switches
from gateway.services.workload import Workload, workload
from gateway.wiring import Gateway


class PartnerAnswer(msgspec.Struct, frozen=True):
    """A partner: what its adapter can do, and how its redemptions can end (profile A to G).

    ``enabled``: its file says so, and it is connected. ``switch``: what operators, or a fault of its own, have changed.
    ``breaker``: as this process sees it: ``closed`` lets calls out, ``open`` none, ``probing`` a few.
    """

    id: str
    name: dict[str, str]
    segment: str
    adapter: str
    enabled: bool
    profile: str | None
    capabilities: list[str]
    personal_fields: list[str]
    deadline_milliseconds: int | None
    switch: Switch
    breaker: str | None


class SwitchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the partner is switched."""

    reason: Annotated[str, msgspec.Meta(min_length=5, max_length=1000)]


class CallCounts(msgspec.Struct, frozen=True):
    """Calls of this process since its start: ``repeats`` of what was not sent, ``repeats_refused`` by their budget."""

    calls: int
    repeats: int
    repeats_refused: int


class PartnerDetail(PartnerAnswer, frozen=True, kw_only=True):
    """One partner, with what waits there."""

    workload: Workload
    calls: CallCounts | None


class PartnerList(msgspec.Struct, frozen=True):
    """Every partner; adapters that could not be loaded are named with their fault."""

    items: list[PartnerAnswer]
    adapter_problems: dict[str, str]


class PartnersController(Controller):
    """Capabilities and profiles."""

    path = "/v1/partners"
    tags = ("operators",)
    opt = {"scope": "operations:read"}  # noqa: RUF012

    @get()
    async def list_partners(self, gateway: NamedDependency[Gateway]) -> PartnerList:
        """List every partner that a file names, by id."""
        files = sorted(gateway.partner_files.items())
        switches = await gateway.database.read(read_switches)
        items = [_present(gateway, file, switches.get(partner, Switch())) for partner, file in files]
        return PartnerList(items, gateway.adapter_problems)

    @get("/{partner:str}")
    async def get_partner(self, partner: PartnerPath, gateway: NamedDependency[Gateway]) -> PartnerDetail:
        """Give one partner, with what waits there."""
        file = gateway.partner_files.get(partner)
        if file is None:
            raise NotFoundError(f"There is no partner {partner!r}.")
        switch, waiting = await gateway.database.read(
            lambda connection: (read_switch(connection, partner), workload(connection, partner))
        )
        answer = msgspec.structs.asdict(_present(gateway, file, switch))
        return PartnerDetail(**answer, workload=waiting, calls=_counts(gateway, partner))

    @post("/{partner:str}/disable", status_code=HTTP_200_OK, opt={"scope": "operations:write"})
    async def disable_partner(
        self,
        partner: PartnerPath,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        data: JSONBody[SwitchRequest],
    ) -> PartnerAnswer:
        """Take nothing new in at a partner, without a restart; what is open there is finished."""
        return await _switched(gateway, partner, "disabled", principal, data)

    @post("/{partner:str}/enable", status_code=HTTP_200_OK, opt={"scope": "operations:write"})
    async def enable_partner(
        self,
        partner: PartnerPath,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        data: JSONBody[SwitchRequest],
    ) -> PartnerAnswer:
        """Take redemptions in at a partner again."""
        return await _switched(gateway, partner, "enabled", principal, data)

    @post("/{partner:str}/trust", status_code=HTTP_200_OK, opt={"scope": "operations:write"})
    async def trust_partner(
        self,
        partner: PartnerPath,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        data: JSONBody[SwitchRequest],
    ) -> PartnerAnswer:
        """Let repeats under one key be sent to a partner again, which had once granted two."""
        return await _switched(gateway, partner, "trusted", principal, data)


def _counts(gateway: Gateway, partner: str) -> CallCounts | None:
    connected = gateway.partners.get(partner)
    if connected is None or connected.client is None:
        return None
    retries = connected.client.retries
    return CallCounts(retries.calls, retries.repeats, retries.refused)


async def _switched(
    gateway: Gateway, partner: str, what: Change, principal: Principal, data: SwitchRequest
) -> PartnerAnswer:
    file = gateway.partner_files.get(partner)
    if file is None:
        raise NotFoundError(f"There is no partner {partner!r}.")
    operation = bound(
        change, partner=partner, what=what, reason=data.reason, by=principal.subject, at=gateway.clock.now()
    )
    return _present(gateway, file, await gateway.database.write(operation))


def _present(gateway: Gateway, file: PartnerFile, switch: Switch) -> PartnerAnswer:
    connected = gateway.partners.get(file.partner.id)
    manifest = connected.manifest if connected is not None else None
    return PartnerAnswer(
        id=file.partner.id,
        name=file.partner.name,
        segment=file.partner.segment,
        adapter=file.partner.adapter,
        enabled=connected is not None,
        profile=manifest.profile.value if manifest else None,
        capabilities=list(manifest.capabilities) if manifest else [],
        personal_fields=list(manifest.personal_fields) if manifest else [],
        deadline_milliseconds=int(manifest.limits.deadline_seconds * 1000) if manifest else None,
        switch=switch,
        breaker=connected.client.breaker.state if connected is not None and connected.client is not None else None,
    )
