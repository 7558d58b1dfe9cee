"""Partners as operators and integrators see them."""

from __future__ import annotations

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency

from config.errors import NotFoundError
from config.partner_files import PartnerFile
from gateway.controllers.paths import PartnerPath
from gateway.services.workload import Workload, workload
from gateway.wiring import Gateway


class PartnerAnswer(msgspec.Struct, frozen=True):
    """A partner: what its adapter can do, and how its redemptions can end (profile A to G)."""

    id: str
    name: dict[str, str]
    segment: str
    adapter: str
    enabled: bool
    profile: str | None
    capabilities: list[str]
    personal_fields: list[str]
    deadline_milliseconds: int | None


class PartnerDetail(PartnerAnswer, frozen=True, kw_only=True):
    """One partner, with what waits there."""

    workload: Workload


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
        return PartnerList([_present(gateway, file) for _, file in files], gateway.adapter_problems)

    @get("/{partner:str}")
    async def get_partner(self, partner: PartnerPath, gateway: NamedDependency[Gateway]) -> PartnerDetail:
        """Give one partner, with what waits there."""
        file = gateway.partner_files.get(partner)
        if file is None:
            raise NotFoundError(f"There is no partner {partner!r}.")
        waiting = await gateway.database.read(lambda connection: workload(connection, partner))
        return PartnerDetail(**msgspec.structs.asdict(_present(gateway, file)), workload=waiting)


def _present(gateway: Gateway, file: PartnerFile) -> PartnerAnswer:
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
    )
