"""``gateway config``: whether what operators wrote can be used, before anything starts."""

from __future__ import annotations

import click
import msgspec

from adapters.sdk.probation import deaths
from adapters.sdk.registry import discover
from catalogue.lints import lint
from catalogue.loader import load_catalogue
from config.engines import is_sqlite
from config.partner_files import read_partner_files
from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, show
from gateway.oauth.clients import read_clients
from settlement.contracts import read_contract


class Report(msgspec.Struct, frozen=True):
    """What was read, and what an operator should look at."""

    partners: list[str]
    benefits: list[str]
    catalogue_version: str
    warnings: list[str]


@click.group("config")
def command() -> None:
    """Look at the configuration."""


@command.command("check")
@json_option
@click.pass_obj
def check(context: CommandContext, as_json: bool) -> int:
    """Read every file that start-up reads; exit code 2 names the first fault, 1 says that there are warnings."""
    report = examine(context.load())
    show(report, as_json=as_json, lines=lambda: _lines(report))
    return 1 if report.warnings else 0


def examine(settings: Settings) -> Report:
    """Read settings, partners, contracts, catalogue, clients and adapters.

    Raises:
        ConfigurationError: names the file and the key.
    """
    is_sqlite(settings.database)
    folder = settings.folders.configuration
    files = read_partner_files(folder)
    for partner, file in files.items():
        read_contract(folder / "partners" / f"{partner}.toml", file)
    catalogue = load_catalogue(folder, partners=tuple(files))
    read_clients(settings.oauth.clients_file)
    found = discover(settings.folders.adapters, fatal=deaths(settings.folders.adapters))
    warnings = [
        f"{one.file}: {one.key}: {one.message}; {one.fix}." for one in lint(catalogue) if one.severity != "note"
    ]
    warnings += [f"adapter {name}: {problem}" for name, problem in found.problems.items()]
    named = {file.partner.adapter: partner for partner, file in files.items() if file.partner.enabled}
    warnings += [f"partner {named[one]}: no adapter {one!r}" for one in sorted(set(named) - set(found.packages))]
    return Report(sorted(files), sorted(catalogue.benefits), catalogue.version, warnings)


def _lines(report: Report) -> list[str]:
    return [
        f"Partners: {', '.join(report.partners)}",
        f"Benefits: {', '.join(report.benefits)}",
        f"Catalogue: {report.catalogue_version}",
        *(f"Warning: {warning}" for warning in report.warnings),
        "The configuration can be used." if not report.warnings else f"{len(report.warnings)} warnings.",
    ]
