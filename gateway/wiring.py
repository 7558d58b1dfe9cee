"""The one place where everything is put together: settings in, an open `Gateway` out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from adapters.sdk.client import PartnerClient
from adapters.sdk.registry import AdapterContext, AdapterPackage, check_declared, discover
from catalogue.identifiers import Identifiers
from catalogue.loader import Catalogue, load_catalogue
from config import migrate
from config.clock import Clock, SystemClock
from config.database import Database
from config.errors import ConfigurationError
from config.partner_files import PartnerEnvironment, PartnerFile, read_partner_files
from config.secrets import Secret, resolve_secret
from config.settings import Settings
from gateway.partners import ConnectedPartner, Partners
from gateway.redemption.engine import Engine
from settlement.contracts import PartnerContract, read_contract

UNPROTECTED_PROFILES = {"C", "E", "G"}
"""Profiles whose worst case is a person or a file: they start only with a settlement file and a cap."""


@dataclass
class Gateway:
    """Everything a running gateway holds; controllers and services get it as an argument."""

    settings: Settings
    clock: Clock
    identifiers: Identifiers
    database: Database
    catalogue: Catalogue
    partner_files: dict[str, PartnerFile]
    partners: Partners
    contracts: dict[str, PartnerContract]
    engine: Engine
    adapter_problems: tuple[str, ...]
    _closing: AsyncExitStack = field(repr=False)

    async def close(self) -> None:
        """Let running redemptions reach their next durable state, then close clients and database."""
        await self.engine.close()
        await self._closing.aclose()


async def open_gateway(
    settings: Settings, clock: Clock | None = None, environ: Mapping[str, str] | None = None
) -> Gateway:
    """Open a gateway: database (migrated when the settings allow), catalogue, partners, engine.

    Raises:
        ConfigurationError: a file, a credential or a profile's condition is missing; names it and says what to do.
    """
    clock = clock or SystemClock()
    environ = os.environ if environ is None else environ
    folder = settings.folders.configuration
    files = read_partner_files(folder)
    catalogue = load_catalogue(folder, partners=tuple(files))
    contracts = {partner: read_contract(folder / "partners" / f"{partner}.toml", file) for partner, file in files.items()}
    async with AsyncExitStack() as closing:
        database = await Database.open(settings.database)
        closing.push_async_callback(database.close)
        await _bring_up_to_date(database, upgrade=settings.database.upgrade_on_start)
        found = discover(settings.folders.adapters)
        partners = Partners()
        for partner, file in files.items():
            if file.partner.enabled:
                partners[partner] = await _connect(settings, file, found.packages, clock, environ, closing)
        identifiers = Identifiers(clock)
        engine = Engine(
            database=database,
            clock=clock,
            partners=partners,
            contracts=contracts,
            catalogue=catalogue,
            identifiers=identifiers,
            settings=settings.redemption,
        )
        return Gateway(
            settings=settings,
            clock=clock,
            identifiers=identifiers,
            database=database,
            catalogue=catalogue,
            partner_files=files,
            partners=partners,
            contracts=contracts,
            engine=engine,
            adapter_problems=tuple(str(problem) for problem in found.problems),
            _closing=closing.pop_all(),
        )


async def _bring_up_to_date(database: Database, *, upgrade: bool) -> None:
    current, head = await migrate.current_revision(database), migrate.head_revision()
    if current == head:
        return
    if not upgrade:
        raise ConfigurationError(f"The database is at revision {current} and {head} is needed: run `gateway db upgrade`.")
    await migrate.upgrade(database)


async def _connect(
    settings: Settings,
    file: PartnerFile,
    packages: Mapping[str, AdapterPackage],
    clock: Clock,
    environ: Mapping[str, str],
    closing: AsyncExitStack,
) -> ConnectedPartner:
    partner = file.partner.id
    package = packages.get(file.partner.adapter)
    if package is None:
        raise ConfigurationError(f"partners/{partner}.toml names the adapter {file.partner.adapter!r}, which is not there.")
    _check_risk(file, package)
    environment = _environment(settings, file)
    credentials = _credentials(settings, package, partner, environment, environ)
    client = PartnerClient.open(
        partner=partner,
        manifest=package.manifest,
        base_url=environment.base_url,
        credentials=credentials,
        clock=clock,
    )
    closing.push_async_callback(client.close)
    context = AdapterContext(
        partner=partner,
        manifest=package.manifest,
        client=client,
        clock=clock,
        options=file.options,
        credentials=credentials,
    )
    adapter = package.create(context)
    check_declared(package, adapter)
    return ConnectedPartner(file=file, environment=environment, manifest=package.manifest, adapter=adapter)


def _environment(settings: Settings, file: PartnerFile) -> PartnerEnvironment:
    partner, wanted = file.partner.id, settings.partners.environment
    environment = file.environments.get(wanted)
    if environment is None:
        raise ConfigurationError(f"partners/{partner}.toml has no [environments.{wanted}]; add it or disable the partner.")
    moved = settings.partners.base_urls.get(partner)
    if moved is None:
        return environment
    return PartnerEnvironment(
        base_url=moved,
        credentials=environment.credentials,
        webhook_secrets=environment.webhook_secrets,
        desk_client=environment.desk_client,
    )


def _credentials(
    settings: Settings,
    package: AdapterPackage,
    partner: str,
    environment: PartnerEnvironment,
    environ: Mapping[str, str],
) -> dict[str, Secret]:
    if set(environment.credentials) != set(package.manifest.credentials):
        raise ConfigurationError(
            f"partners/{partner}.toml: credentials are {sorted(environment.credentials)} and the adapter "
            f"{package.name!r} needs {sorted(package.manifest.credentials)}."
        )
    for reference in (*environment.credentials.values(), *environment.webhook_secrets):
        if reference.startswith("simulator:") and settings.partners.environment != "simulator":
            raise ConfigurationError(f"partners/{partner}.toml: a simulator's secret is named outside the simulator.")
    return {name: resolve_secret(reference, environ) for name, reference in environment.credentials.items()}


def _check_risk(file: PartnerFile, package: AdapterPackage) -> None:
    profile = package.manifest.profile
    if profile.value not in UNPROTECTED_PROFILES:
        return
    if file.risk is None or not file.risk.settlement_file or file.risk.points_at_risk_cap <= 0:
        raise ConfigurationError(
            f"partners/{file.partner.id}.toml: the adapter {package.name!r} has profile {profile}; its unknown outcomes "
            "end by a settlement file. Add [risk] with settlement_file = true and points_at_risk_cap."
        )
