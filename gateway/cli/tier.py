"""``gateway tier``: which status leads where, and why."""

from __future__ import annotations

from datetime import date, datetime

import click

from catalogue.lints import lint
from catalogue.tier_match import Explanation, HeldStatus, Provenance, explain
from config.clock import SystemClock
from config.settings import Settings
from gateway.cli.catalogue_files import read_files
from gateway.cli.context import CommandContext, json_option, show


@click.group("tier")
def command() -> None:
    """Explain and check tier matches."""


@command.command("explain")
@click.argument("programme")
@click.argument("tier")
@click.argument("to_programme")
@click.option("--provenance", type=click.Choice([one.value for one in Provenance]), default="earned")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="Day of the match (default: today).")
@click.option("--locale", default="en", help="en or zh-CN.")
@json_option
@click.pass_obj
def explain_path(
    context: CommandContext,
    programme: str,
    tier: str,
    to_programme: str,
    provenance: str,
    on: datetime | None,
    locale: str,
    as_json: bool,
) -> int:
    """Say what TIER of PROGRAMME gives in TO_PROGRAMME; exit code 1 when it gives nothing."""
    settings = context.load()
    found = explained(
        settings, programme, tier, to_programme, Provenance(provenance), on.date() if on else None, locale
    )
    show(found, as_json=as_json, lines=lambda: [*found.path, f"Granted: {found.granted_tier or 'nothing'}"])
    return 0 if found.edge is not None else 1


@command.command("lint")
@json_option
@click.pass_obj
def lint_edges(context: CommandContext, as_json: bool) -> int:
    """Check the edges of the tier graph; exit code 1 when anything is found."""
    findings = [one for one in lint(read_files(context.load())) if one.file.startswith("tier_matches/")]
    lines = [f"{one.severity}: {one.file}: {one.key}: {one.message}; {one.fix}." for one in findings]
    show(findings, as_json=as_json, lines=lambda: lines or ["The tier graph is sound."])
    return 1 if findings else 0


def explained(
    settings: Settings,
    programme: str,
    tier: str,
    to_programme: str,
    provenance: Provenance,
    on_date: date | None,
    locale: str,
) -> Explanation:
    """Explain by the files, for a status held since the day itself."""
    catalogue = read_files(settings)
    day = on_date or catalogue.programme.today(SystemClock().now())
    status = HeldStatus(
        programme=programme, tier=tier, provenance=provenance, valid_from_date=day, edge_id="command-line"
    )
    return explain(catalogue.tier_matches, status, to_programme, day, locale=locale)
