"""``gateway tier``: which status leads where, and why; what people decide, and what partners are told."""

from __future__ import annotations

from datetime import date, datetime

import click
import msgspec

from catalogue.lints import lint
from catalogue.tier_match import Explanation, HeldStatus, Ladder, Provenance, TierGraph, explain, level_on
from catalogue.tier_match_texts import granted_text
from config.clock import SystemClock
from config.settings import Settings
from gateway.cli.catalogue_files import read_files
from gateway.cli.context import CommandContext, json_option, show
from gateway.cli.tier_desk import desk_commands


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
    """Say what TIER of PROGRAMME gives in TO_PROGRAMME, a programme or an alliance; exit code 1 when it gives nothing.

    Names are compared letter by letter; `gateway tier list` shows them.
    """
    settings = context.load()
    found = explained(
        settings, programme, tier, to_programme, Provenance(provenance), on.date() if on else None, locale
    )
    show(found, as_json=as_json, lines=lambda: [*found.path, _verdict(found, locale)])
    return 0 if found.refusal is None else 1


@command.command("list")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="Day of the levels (default: today).")
@json_option
@click.pass_obj
def list_tiers(context: CommandContext, on: datetime | None, as_json: bool) -> None:
    """List every programme and alliance, its tiers, and the levels that these have on a day."""
    catalogue = read_files(context.load())
    day = on.date() if on else catalogue.programme.today(SystemClock().now())
    shown = [_listed(catalogue.tier_matches, ladder, day) for ladder in catalogue.tier_matches.ladders]
    show(shown, as_json=as_json, lines=lambda: [_line(one) for one in shown])


@command.command("lint")
@json_option
@click.pass_obj
def lint_edges(context: CommandContext, as_json: bool) -> int:
    """Check the tier graph; exit code 1 when there is an error or a warning.

    Notes are what the sources leave open (days, levels, terms): it is known, and never answered.
    """
    findings = [one for one in lint(read_files(context.load())) if one.file.startswith("tier_matches/")]
    wrong = [one for one in findings if one.severity != "note"]
    lines = [f"{one.severity}: {one.file}: {one.key}: {one.message}; {one.fix}." for one in findings]
    end = f"{len(wrong)} findings." if wrong else "The tier graph is sound."
    show(findings, as_json=as_json, lines=lambda: [*lines, end])
    return 1 if wrong else 0


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


for one in desk_commands:
    command.add_command(one)


class ListedLevel(msgspec.Struct, frozen=True):
    """The level of a tier in an alliance on a day, or why none is answered."""

    alliance: str
    level: str | None
    refusal: str | None
    inferred: bool


class ListedProgramme(msgspec.Struct, frozen=True):
    """A programme or an alliance; tiers are listed lowest first, with their levels."""

    programme: str
    name: str | None
    alliance: bool
    partner: str | None
    tiers: dict[str, list[ListedLevel]]


def _listed(graph: TierGraph, ladder: Ladder, day: date) -> ListedProgramme:
    def levels(tier: str) -> list[ListedLevel]:
        hubs = dict.fromkeys(row.alliance for row in graph.levels_of(ladder.programme, tier))
        found = [(hub, level_on(graph, ladder.programme, tier, hub, day)) for hub in hubs]
        return [ListedLevel(hub, one.level, one.refusal, one.inferred) for hub, one in found]

    tiers = {tier: levels(tier) for tier in ladder.tiers}
    return ListedProgramme(ladder.programme, ladder.name, ladder.alliance, ladder.partner, tiers)


def _line(one: ListedProgramme) -> str:
    def shown(level: ListedLevel) -> str:
        return f"{level.alliance}: {level.level or level.refusal}{' (inferred)' if level.inferred else ''}"

    tiers = [
        f"{tier} ({', '.join(shown(level) for level in levels)})" if levels else tier
        for tier, levels in one.tiers.items()
    ]
    name = f" ({one.name})" if one.name else ""
    return f"{one.programme}{name}: {', '.join(tiers) or 'no tier is known'}"


def _verdict(found: Explanation, locale: str) -> str:
    if found.level is not None:
        return f"Level: {found.level}{' (inferred)' if found.inferred else ''}"
    granted = [granted_text(edge, locale) for edge in found.edges]
    return f"Granted: {'; '.join(granted) or 'nothing'}"
