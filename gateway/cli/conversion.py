"""``gateway conversion``: what points become at a partner, by the published contract."""

from __future__ import annotations

from datetime import datetime

import click

from catalogue.conversion import ConversionQuote, quote
from catalogue.lints import lint
from catalogue.model import Catalogue
from config.clock import SystemClock
from config.errors import RuleError
from config.settings import Settings
from gateway.cli.catalogue_files import read_files
from gateway.cli.context import CommandContext, json_option, show


@click.group("conversion")
def command() -> None:
    """Quote and check conversions."""


@command.command("quote")
@click.argument("partner")
@click.argument("points", type=click.IntRange(min=1))
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="Day of the conversion (default: today).")
@click.option("--region", help="Region of the member, where a contract has one.")
@json_option
@click.pass_obj
def quote_points(
    context: CommandContext, partner: str, points: int, on: datetime | None, region: str | None, as_json: bool
) -> None:
    """Convert POINTS to PARTNER's currency by the contract in force, with the arithmetic."""
    found = quoted(context.load(), partner, points, on, region)
    show(found, as_json=as_json, lines=lambda: _lines(found))


@command.command("lint")
@json_option
@click.pass_obj
def lint_contracts(context: CommandContext, as_json: bool) -> int:
    """Check the contracts for round-trip gain, gaps and overlaps; exit code 1 when anything is found."""
    findings = [one for one in lint(read_files(context.load())) if one.file.startswith("conversions/")]
    lines = [f"{one.severity}: {one.file}: {one.key}: {one.message}; {one.fix}." for one in findings]
    show(findings, as_json=as_json, lines=lambda: lines or ["The conversion contracts are sound."])
    return 1 if findings else 0


def quoted(settings: Settings, partner: str, points: int, on: datetime | None, region: str | None) -> ConversionQuote:
    """Quote by the files.

    Raises:
        RuleError: no contract leads to the partner, or it does not allow this quantity.
    """
    catalogue: Catalogue = read_files(settings)
    contracts = catalogue.conversion_contracts(partner)
    if not contracts:
        raise RuleError(f"No contract converts points to {partner!r}.")
    return quote(contracts, points, on.date() if on else catalogue.programme.today(SystemClock().now()), region)


def _lines(found: ConversionQuote) -> list[str]:
    return [*found.steps, f"{found.from_quantity} points give {found.to_quantity}."]
