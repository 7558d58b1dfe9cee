"""The one place where everything is put together: settings in, an open `Gateway` out."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from adapters.sdk.client import PartnerClient
from adapters.sdk.context import AdapterContext, open_context
from adapters.sdk.errors import ManifestError
from adapters.sdk.linking import Linking, LinkingPlace, open_linking
from adapters.sdk.manifest import Manifest
from adapters.sdk.probation import REMEMBERED, deaths
from adapters.sdk.registry import AdapterPackage, Discovered, check_declared, discover, in_time
from catalogue.book import CatalogueBook, open_book
from catalogue.identifiers import Identifiers
from catalogue.loader import read_texts
from catalogue.model import Catalogue
from config import migrate, upkeep
from config.clock import Clock, SystemClock
from config.crash_points import CrashPoints
from config.database import Database
from config.errors import ConfigurationError, GatewayError
from config.observability import current_correlation, get_logger
from config.partner_files import PartnerEnvironment, PartnerFile, read_partner_files
from config.secrets import Secret, mask_known_secrets, resolve_secret
from config.settings import Settings, process_environment
from gateway.isolation import bounded
from gateway.links.sealing import Sealer, open_sealer
from gateway.links.vault import DatabaseVault
from gateway.oauth.denials import Denials
from gateway.operations.certificates import CertificateWatch
from gateway.partners import ConnectedPartner, Partners
from gateway.redemption.effects import Effects
from gateway.redemption.engine import Engine
from gateway.redemption.intake import Intake
from gateway.redemption.observer import Observer
from gateway.redemption.reversal_engine import ReversalEngine
from gateway.redemption.seams import Seams
from gateway.services.benefit_pages import BenefitPages
from settlement.contracts import PartnerContract, read_contract

log = get_logger(__name__)
UNPROTECTED_PROFILES = {"C", "E", "G"}
"""Profiles whose worst case is a person or a file: they start only with a settlement file and a cap."""


@dataclass
class Gateway:
    """Everything a running gateway holds; controllers and services get it as an argument."""

    settings: Settings
    clock: Clock
    identifiers: Identifiers
    database: Database
    book: CatalogueBook
    partner_files: dict[str, PartnerFile]
    partners: Partners
    contracts: dict[str, PartnerContract]
    effects: Effects
    intake: Intake
    engine: Engine
    reversals: ReversalEngine
    observer: Observer
    certificates: CertificateWatch
    adapter_problems: dict[str, str]
    plugin_folders: tuple[Path, ...]
    crash: CrashPoints
    pages: BenefitPages
    denials: Denials
    sealer: Sealer
    _closing: AsyncExitStack = field(repr=False)

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue that holds now: the version that was last applied to the database."""
        return self.book.current

    async def close(self) -> None:
        """Let running redemptions reach their next durable state, then close clients and database."""
        await self.engine.close()
        await self.certificates.look()
        await self._closing.aclose()


async def open_gateway(
    settings: Settings, clock: Clock | None = None, environ: Mapping[str, str] | None = None
) -> Gateway:
    """Open a gateway: database (migrated when the settings allow), the applied catalogue, partners, engine.

    An empty database begins with the catalogue of the configuration folder; see `catalogue.book.open_book`.

    Raises:
        ConfigurationError: a file, a credential or a profile's condition is missing; names it and says what to do.
    """
    clock = clock or SystemClock()
    environ = process_environment() if environ is None else environ
    folder = settings.folders.configuration
    crash = CrashPoints(settings.faults.crash_point)
    files = read_partner_files(folder)
    texts = read_texts(folder)
    contracts = {
        partner: read_contract(folder / "partners" / f"{partner}.toml", file) for partner, file in files.items()
    }
    async with AsyncExitStack() as closing:
        database = await Database.open(settings.database)
        closing.push_async_callback(database.close)
        await migrate.bring_up_to_date(database, upgrade=settings.database.upgrade_on_start)
        await _tell_of_neglect(database)
        book = await open_book(database, clock, texts, partners=tuple(files))
        found = discover(
            settings.folders.adapters, fatal=deaths(settings.folders.adapters, settings.folders.data / REMEMBERED)
        )
        partners = Partners()
        sealer = open_sealer(settings, environ, _first_linking(settings, files))
        vault = DatabaseVault(database, sealer, clock, crash)
        for partner, file in files.items():
            if file.partner.enabled:
                try:
                    partners[partner] = await _connect(settings, file, found, clock, environ, closing, vault)
                except ManifestError as error:
                    # What a package that is not ours does wrong costs its own partner; the others are served.
                    if file.partner.adapter in found.packages and found.packages[file.partner.adapter].ships:
                        raise
                    found.problems[file.partner.adapter] = error.message
                    log.error("partner.set_aside", partner=partner, adapter=file.partner.adapter, reason=error.message)
        identifiers = Identifiers(clock)
        effects = Effects(book, contracts, identifiers)
        seams = Seams(database, clock, partners, effects, identifiers, settings.redemption, crash)
        return Gateway(
            settings=settings,
            clock=clock,
            identifiers=identifiers,
            database=database,
            book=book,
            partner_files=files,
            partners=partners,
            contracts=contracts,
            effects=effects,
            intake=Intake(seams, book, rate_max_age_days=settings.catalogue.rate_max_age_days),
            engine=Engine(seams),
            reversals=ReversalEngine(seams),
            observer=Observer(seams),
            certificates=CertificateWatch(database, clock, partners, identifiers),
            adapter_problems=found.problems,
            plugin_folders=tuple(one.folder for one in found.packages.values() if not one.ships),
            crash=crash,
            pages=BenefitPages(),
            denials=Denials(),
            sealer=sealer,
            _closing=closing.pop_all(),
        )


async def _tell_of_neglect(database: Database) -> None:
    neglected = await database.read(upkeep.look_at)
    if neglected is not None:
        log.warning("database.neglected", reason=neglected)


async def _connect(
    settings: Settings,
    file: PartnerFile,
    found: Discovered,
    clock: Clock,
    environ: Mapping[str, str],
    closing: AsyncExitStack,
    vault: DatabaseVault,
) -> ConnectedPartner:
    partner = file.partner.id
    package = found.packages.get(file.partner.adapter)
    if package is None:
        problem = found.problems.get(file.partner.adapter)
        if problem is not None:
            raise ManifestError(problem)
        raise ConfigurationError(
            f"partners/{partner}.toml names the adapter {file.partner.adapter!r}: it is not there."
        )
    require_risk(file, package)
    environment = _environment(settings, file)
    credentials = _credentials(settings, package, partner, environment, environ)
    context = open_context(
        partner=partner,
        manifest=_limited(package.manifest, environment),
        base_url=environment.base_url,
        credentials=credentials,
        options=file.options,
        clock=clock,
        request_id=current_correlation,
        client_type=partial(PartnerClient, ca_file=Path(environment.ca_file) if environment.ca_file else None),
    )
    closing.push_async_callback(context.client.aclose)
    adapter = _made(package, context)
    linking = _linking(context, environment, vault)
    return ConnectedPartner(
        file=file,
        environment=environment,
        manifest=context.manifest,
        adapter=adapter,
        client=context.client,
        linking=linking,
        webhook_secrets=tuple(resolve_secret(reference, environ) for reference in environment.webhook_secrets),
    )


def _linking(context: AdapterContext, environment: PartnerEnvironment, vault: DatabaseVault) -> Linking | None:
    """Let members link where the partner's file says so; elsewhere nothing is called in a member's name.

    Raises:
        ConfigurationError: the partner's adapter links nobody.
    """
    if environment.linking is None:
        return None
    if context.manifest.linking is None:
        raise ConfigurationError(
            f"partners/{context.partner}.toml has a section linking, and the adapter {context.manifest.name!r} links "
            "nobody; take the section away."
        )
    place = LinkingPlace(issuer=environment.linking.issuer, authorization_url=environment.linking.authorization_url)
    return open_linking(context.client, context.manifest, context.credentials, context.clock, vault, place)


def _first_linking(settings: Settings, files: Mapping[str, PartnerFile]) -> str | None:
    """Name a partner whose members link in the environment in force; None when there is none."""
    for partner, file in files.items():
        environment = file.environments.get(settings.partners.environment)
        if file.partner.enabled and environment is not None and environment.linking is not None:
            return partner
    return None


def _made(package: AdapterPackage, context: AdapterContext) -> object:
    """Let a package make its adapter, and hold that to what is declared; one that is not ours is kept in bounds.

    Raises:
        ConfigurationError: an option of the partner's file is wrong.
        ManifestError: the package cannot make it; an integrator's own error is told in one line.
    """
    where = f"partners/{context.partner}.toml: making the adapter {package.name!r}"
    try:
        adapter = package.create(context) if package.ships else in_time(lambda: package.create(context), "making it")
    except ManifestError as error:
        raise ManifestError(f"{package.name}: {error.message}") from error
    except GatewayError:
        raise
    except (Exception, SystemExit) as error:
        told = mask_known_secrets(f"{type(error).__name__}: {error}")
        raise ManifestError(f"{where} raised {told}. `gateway adapter check {package.name}` examines it.") from error
    check_declared(package, adapter)
    return adapter if package.ships else bounded(adapter, context.manifest.limits)


def _environment(settings: Settings, file: PartnerFile) -> PartnerEnvironment:
    partner, wanted = file.partner.id, settings.partners.environment
    environment = file.environments.get(wanted)
    if environment is None:
        raise ConfigurationError(
            f"partners/{partner}.toml has no [environments.{wanted}]; add it or disable the partner."
        )
    moved = settings.partners.base_urls.get(partner)
    if moved is None:
        return environment
    return msgspec.structs.replace(environment, base_url=moved)


def _limited(manifest: Manifest, environment: PartnerEnvironment) -> Manifest:
    """Shorten the manifest's deadline where the environment says so; it can never be made longer."""
    if environment.deadline_seconds is None:
        return manifest
    shorter = min(environment.deadline_seconds, manifest.limits.deadline_seconds)
    limits = msgspec.structs.replace(manifest.limits, deadline_seconds=shorter)
    return msgspec.structs.replace(manifest, limits=limits)


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
    kinds = package.manifest.credentials
    return {
        name: resolve_secret(reference, environ, masked=kinds[name] == "secret")
        for name, reference in environment.credentials.items()
    }


def require_risk(file: PartnerFile, package: AdapterPackage) -> None:
    """Refuse a partner whose unknown outcomes end by a settlement file and that has none, or no cap.

    Raises:
        ConfigurationError: names the file and what to add.
    """
    profile = package.manifest.profile
    if profile.value not in UNPROTECTED_PROFILES:
        return
    if file.risk is None or not file.risk.settlement_file or file.risk.points_at_risk_cap <= 0:
        raise ConfigurationError(
            f"partners/{file.partner.id}.toml: the adapter {package.name!r} has profile {profile}; its unknown "
            "outcomes end by a settlement file. Add [risk] with settlement_file = true and points_at_risk_cap."
        )
