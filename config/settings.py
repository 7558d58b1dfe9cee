"""Settings: one frozen class per area, read from a TOML file and the environment; unknown keys stop start-up.

Order, later wins: the defaults below, the file named by ``GATEWAY_SETTINGS`` or ``--settings``, then variables of the
form ``GATEWAY__AREA__KEY`` (for example ``GATEWAY__DATABASE__URL``); a list or table is given as JSON.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from config.errors import ConfigurationError
from config.files import PACKAGED_FOLDER, read_toml

PREFIX = "GATEWAY__"
SETTINGS_FILE = "GATEWAY_SETTINGS"


LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
THIS_MACHINE = ("127.0.0.0/8", "::1/128")


class DatabaseSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the truth is kept. ``sqlite:///path`` or ``postgresql://user@host/name``.

    ``pool_size`` connections to PostgreSQL. ``queue_limit`` writes may wait; one more is answered 503. ``batch_limit``
    of them share one commit at most. Who waits ``patience_seconds`` for a connection of PostgreSQL, or for a row that
    another holds, is answered 503 as well.
    """

    url: str = "sqlite:///var/gateway.db"
    upgrade_on_start: bool = True
    pool_size: Annotated[int, Meta(ge=1)] = 10
    queue_limit: Annotated[int, Meta(ge=1)] = 1000
    batch_limit: Annotated[int, Meta(ge=1)] = 64
    patience_seconds: Annotated[float, Meta(gt=0)] = 5.0


class HttpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the edge listens and under which address others reach it.

    ``metrics_networks``: from where ``/metrics`` may be read, without a token. Without it from this machine as long as
    ``public_url`` is this machine's, too, and from nowhere once others reach the edge.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080
    public_url: str = "http://127.0.0.1:8080"
    body_limit_bytes: Annotated[int, Meta(ge=1024)] = 1_048_576
    debug: bool = False
    metrics_networks: tuple[str, ...] | None = None


class OAuthSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who issues the tokens that the edge accepts.

    With ``development_issuer`` the gateway issues them itself (key and clients from ``key_file`` and ``clients_file``);
    otherwise ``issuer`` is an outside OIDC issuer whose keys are read from ``jwks_url``.
    """

    issuer: str = "http://127.0.0.1:8080"
    audience: str = "partner-benefits-gateway"
    development_issuer: bool = True
    jwks_url: str | None = None
    key_file: Path = Path("var/issuer-key.json")
    clients_file: Path | None = None
    access_token_seconds: int = 600
    clock_skew_seconds: int = 60


class RedemptionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the parts of a redemption may take; all in seconds."""

    interactive_wait_seconds: float = 5.0
    sweep_interval_seconds: float = 2.0
    sweep_batch: int = 50
    lease_margin_seconds: float = 30.0
    quote_seconds: int = 900
    retry_schedule_seconds: tuple[float, ...] = (2, 5, 15, 60, 300, 900, 3600)


class AuditSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a serving process compares every balance with its entries: at its start, and at an interval."""

    on_start: bool = True
    interval_seconds: Annotated[float, Meta(gt=0)] = 86_400.0


class CatalogueSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How soon a serving process takes up a catalogue that was applied, and how old a rate of exchange may be."""

    refresh_seconds: Annotated[float, Meta(gt=0)] = 1.0
    rate_max_age_days: Annotated[int, Meta(ge=0)] = 10


class FolderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Folders of data. ``configuration`` holds partners/ and the catalogue: programme.toml, benefits/ and more."""

    configuration: Path = PACKAGED_FOLDER
    data: Path = Path("var")
    exports: Path = Path("var/exports")
    adapters: tuple[Path, ...] = ()


class PartnerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which environment of every partner is spoken to.

    ``base_urls`` moves partners of the simulator environment to other ports; in any other environment it is refused.
    """

    environment: str = "simulator"
    base_urls: dict[str, str] = {}


class LinkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How members' tokens at partners are kept, and where partners send members back to.

    ``keys``: by name, references (``env:NAME``, ``file:/path``) to 32 bytes in base64; ``current_key`` seals, the
    others open what was sealed before. ``redirect_url``: where partners send members back to, as
    it is registered there: the member app's address, which hands the query on with the member's token. Empty: the
    edge's own ``/v1/partner-links/callback``.
    """

    keys: dict[str, str] = {}
    current_key: str = ""
    redirect_url: str = ""


class LoggingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is logged, and as what (``json`` or ``console``)."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    format: Literal["json", "console"] = "json"


class FaultSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What tests break on purpose; see `config.crash_points`. Refused anywhere but on loopback."""

    crash_point: str = ""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a process is told when it starts."""

    database: DatabaseSettings = DatabaseSettings()
    http: HttpSettings = HttpSettings()
    oauth: OAuthSettings = OAuthSettings()
    redemption: RedemptionSettings = RedemptionSettings()
    audit: AuditSettings = AuditSettings()
    catalogue: CatalogueSettings = CatalogueSettings()
    folders: FolderSettings = FolderSettings()
    partners: PartnerSettings = PartnerSettings()
    links: LinkSettings = LinkSettings()
    logging: LoggingSettings = LoggingSettings()
    faults: FaultSettings = FaultSettings()


def metrics_networks(http: HttpSettings) -> tuple[str, ...]:
    """Give the networks from which ``/metrics`` may be read."""
    if http.metrics_networks is not None:
        return http.metrics_networks
    return THIS_MACHINE if urlsplit(http.public_url).hostname in LOOPBACK else ()


def process_environment() -> Mapping[str, str]:
    """Give the environment of this process; nobody else reads it."""
    return os.environ


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings and check what can be checked without opening anything.

    Raises:
        ConfigurationError: an unknown or mistyped key (named with its source), or an unsafe combination.
    """
    environ = process_environment() if environ is None else environ
    source = path or (Path(environ[SETTINGS_FILE]) if environ.get(SETTINGS_FILE) else None)
    raw = _read_source(source) if source else {}
    merged = _merge_environment(raw, environ)
    try:
        settings = msgspec.convert(merged, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"Settings ({source or 'environment'}): {error}.") from error
    _refuse_unsafe(settings)
    return settings


def listening_at(settings: Settings, host: str | None, port: int | None) -> Settings:
    """Answer the settings with another address to listen at; None leaves it as it is.

    Raises:
        ConfigurationError: the combination is unsafe, as when it had stood in the file.
    """
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    moved = msgspec.structs.replace(settings, http=msgspec.structs.replace(settings.http, **given))
    _refuse_unsafe(moved)
    return moved


def environment_without_settings() -> dict[str, str]:
    """Answer this process's variables but those that are settings: for a process that gets its own from a file."""
    kept = process_environment().items()
    return {name: value for name, value in kept if not name.startswith(PREFIX) and name != SETTINGS_FILE}


def _read_source(source: Path) -> dict[str, Any]:
    if not source.is_file():
        raise ConfigurationError(f"There is no settings file {source}; name it with --settings or {SETTINGS_FILE}.")
    return read_toml(source)


def _path(type_: type[Any], value: Any) -> Any:
    if type_ is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"Expected a text, the {type_.__name__}")


def _merge_environment(raw: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    merged: dict[str, Any] = {area: dict(table) if isinstance(table, dict) else table for area, table in raw.items()}
    for name, value in environ.items():
        if not name.startswith(PREFIX):
            continue
        area, separator, key = name.removeprefix(PREFIX).lower().partition("__")
        if not separator or not key:
            raise ConfigurationError(f"{name}: a setting in the environment is named {PREFIX}AREA__KEY.")
        table = merged.setdefault(area, {})
        if not isinstance(table, dict):
            raise ConfigurationError(f"{name}: {area} is not a table in the settings file.")
        table[key] = _read_value(name, value)
    return merged


def _read_value(name: str, value: str) -> Any:
    if not value.startswith(("[", "{")):
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{name}: a list or table is given as JSON: {error}.") from error


def _refuse_unsafe(settings: Settings) -> None:
    loopback = settings.http.host in LOOPBACK
    if settings.faults.crash_point and not (loopback and settings.oauth.development_issuer):
        raise ConfigurationError("faults.crash_point belongs to tests: loopback, with the development issuer.")
    if settings.http.debug and not loopback:
        raise ConfigurationError("http.debug is on while http.host is public; switch one of them off.")
    for network in settings.http.metrics_networks or ():
        try:
            ip_network(network)
        except ValueError as error:
            raise ConfigurationError(f"http.metrics_networks: {error}; write it as 10.1.0.0/16.") from None
    if settings.oauth.development_issuer and not loopback:
        raise ConfigurationError(
            "oauth.development_issuer is on while http.host is public; name an outside issuer and its jwks_url."
        )
    if not settings.oauth.development_issuer and settings.oauth.jwks_url is None:
        raise ConfigurationError("oauth.jwks_url is missing; an outside issuer needs it.")
    if settings.partners.base_urls and settings.partners.environment != "simulator":
        raise ConfigurationError("partners.base_urls is for simulators only; set addresses in partners/<partner>.toml.")
