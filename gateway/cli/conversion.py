"""``gateway conversion``: what one thing becomes in another by the published contracts, and whether these are sound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import update_wrapper
from pathlib import Path
from typing import Any

import click
import msgspec

from catalogue.calendar import local_date
from catalogue.conversion import ConversionContract
from catalogue.conversion_files import read_contracts
from catalogue.conversion_lints import contract_faults
from catalogue.conversion_quotes import ConversionQuote, Occasion, quote
from catalogue.conversion_routes import MOST_HOPS, Route, Routes, routes
from catalogue.errors import ConversionRefusedError
from catalogue.lints import Finding, lint
from config.clock import SystemClock
from gateway.cli.catalogue_files import read_files
from gateway.cli.context import CommandContext, json_option, show
from gateway.cli.conversion_desk import desk_commands

FOUND_A_PROBLEM = 1

file_option = click.option(
    "--file",
    "files",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="Read contracts from this file instead of the configuration; several are read together.",
)


_QUESTION = (
    click.argument("from_commodity", metavar="FROM"),
    click.argument("to_commodity", metavar="TO"),
    click.argument("quantity", type=click.IntRange(min=1)),
    click.option("--date", "on", type=click.DateTime(["%Y-%m-%d"]), help="Day of the conversion (default: today)."),
    click.option("--region", help="Region of the member, where contracts have one."),
    click.option("--linked", multiple=True, help="An enrolment that the member has."),
    file_option,
)


class Asked(msgspec.Struct, frozen=True):
    """What quote and route are asked: the contracts to go by, and the occasion."""

    contracts: tuple[ConversionContract, ...]
    from_commodity: str
    to_commodity: str
    quantity: int
    occasion: Occasion


class Refusal(msgspec.Struct, frozen=True):
    """A refusal as JSON: the reason, the sentence, and facts as the nearest quantity."""

    refused: str
    message: str
    facts: dict[str, str | int | None]


def _question(function: Callable[..., int]) -> Any:
    """Give a command the arguments of a question and hand them on as `Asked`."""

    def wrapped(
        context: CommandContext,
        from_commodity: str,
        to_commodity: str,
        quantity: int,
        on: datetime | None,
        files: tuple[Path, ...],
        **rest: Any,
    ) -> int:
        contracts, today = _contracts(context, files)
        occasion = Occasion(on.date() if on else today, rest.pop("region"), frozenset(rest.pop("linked")))
        return function(Asked(contracts, from_commodity, to_commodity, quantity, occasion), **rest)

    asking: Any = click.pass_obj(update_wrapper(wrapped, function))
    for option in reversed(_QUESTION):
        asking = option(asking)
    return asking


@click.group("conversion")
def command() -> None:
    """Quote and check conversions."""


@command.command("quote")
@_question
@json_option
def quote_quantity(asked: Asked, as_json: bool) -> int:
    """Convert QUANTITY of FROM to TO by the contract in force, with the arithmetic; exit code 1 when it is refused.

    FROM and TO are commodities, such as PTS and MILES:skyward. Money is in minor units of its currency.
    """
    pair = (asked.from_commodity, asked.to_commodity)
    contracts = [one for one in asked.contracts if one.pair == pair]
    if not contracts:
        return _refuse(_unknown(asked), as_json)
    try:
        found = quote(contracts, asked.quantity, asked.occasion)
    except ConversionRefusedError as refused:
        return _refuse(refused, as_json)
    show(found, as_json=as_json, lines=lambda: _quote_lines(found))
    return 0


@command.command("route")
@_question
@click.option("--hops", type=click.IntRange(1, MOST_HOPS), default=MOST_HOPS, help="Conversions in a row at most.")
@json_option
def best_route(asked: Asked, hops: int, as_json: bool) -> int:
    """Find the best legal way from FROM to TO for up to QUANTITY; exit code 1 when there is none.

    Every leg is shown with its arithmetic, then the other ways, then those that are refused and why.
    """
    found = routes(asked.contracts, asked.from_commodity, asked.to_commodity, asked.quantity, asked.occasion, hops=hops)
    show(found, as_json=as_json, lines=lambda: _route_lines(asked, found))
    return 0 if found.best else FOUND_A_PROBLEM


@command.command("lint")
@file_option
@json_option
@click.pass_obj
def lint_contracts(context: CommandContext, files: tuple[Path, ...], as_json: bool) -> int:
    """Check contracts: round trips that gain, gaps and overlaps in dates, limits nobody can use, open bonus units.

    Exit code 1 when anything is found.
    """
    findings = _findings_of(files) if files else _configured(context)
    lines = [f"{one.severity}: {one.file}: {one.key}: {one.message}; {one.fix}." for one in findings]
    show(findings, as_json=as_json, lines=lambda: lines or ["The conversion contracts are sound."])
    return FOUND_A_PROBLEM if findings else 0


for one in desk_commands:
    command.add_command(one)


def _contracts(context: CommandContext, files: tuple[Path, ...]) -> tuple[tuple[ConversionContract, ...], date]:
    if files:
        today = local_date(SystemClock().now(), "UTC")
        return tuple(contract for path in files for contract in read_contracts(path)), today
    catalogue = read_files(context.load())
    return catalogue.conversions, catalogue.programme.today(SystemClock().now())


def _configured(context: CommandContext) -> list[Finding]:
    return [one for one in lint(read_files(context.load())) if one.file.startswith("conversions/")]


def _findings_of(files: tuple[Path, ...]) -> list[Finding]:
    contracts = {path: read_contracts(path) for path in files}
    names = {one.id: path.name for path, found in contracts.items() for one in found}
    faults = contract_faults([one for found in contracts.values() for one in found])
    return [
        Finding(severity=one.severity, file=names[one.contract.id], key=one.key, message=one.message, fix=one.fix)
        for one in faults
    ]


def _unknown(asked: Asked) -> ConversionRefusedError:
    targets = sorted({one.to_commodity for one in asked.contracts if one.from_commodity == asked.from_commodity})
    known = f"it becomes {', '.join(targets)}" if targets else "no contract begins there"
    return ConversionRefusedError(
        f"No contract converts {asked.from_commodity} into {asked.to_commodity}; {known}.", reason="no_contract"
    )


def _refuse(refused: ConversionRefusedError, as_json: bool) -> int:
    facts = {name: value for name, value in refused.facts.items() if name != "reason"}
    refusal = Refusal(str(refused.facts["reason"]), refused.message, facts)
    show(refusal, as_json=as_json, lines=lambda: [f"Refused ({refusal.refused}): {refusal.message}"])
    return FOUND_A_PROBLEM


def _quote_lines(found: ConversionQuote) -> list[str]:
    due = "not stated" if found.due_date is None else f"by {found.due_date}"
    return [
        f"{found.contract_id} version {found.version} ({found.source or 'no source named'})",
        *(f"  {step}" for step in found.steps),
        f"  arrives: {due}",
        f"{found.from_quantity} {found.from_commodity} give {found.to_quantity} {found.to_commodity}.",
    ]


def _route_lines(asked: Asked, found: Routes) -> list[str]:
    lines: list[str] = []
    for number, route in enumerate(found.found, 1):
        lines += _way_lines(f"Way {number}" if number > 1 else "Best way", route)
    lines += [f"Refused: {' > '.join(one.path)} ({one.reason}): {one.message}" for one in found.blocked]
    return lines or [f"No contracts lead from {asked.from_commodity} to {asked.to_commodity}."]


def _way_lines(title: str, route: Route) -> list[str]:
    first, last = route.legs[0], route.legs[-1]
    path = " > ".join([*(leg.from_commodity for leg in route.legs), last.to_commodity])
    lines = [f"{title}: {path}"]
    for number, (leg, ordered) in enumerate(zip(route.legs, route.ordered_dates, strict=True), 1):
        lines.append(f"  leg {number}, ordered {ordered}:")
        lines += [f"    {line}" for line in _quote_lines(leg)]
    lines += [f"  stays: {one.quantity} {one.commodity}" for one in route.left]
    return [*lines, f"  {route.from_quantity} {first.from_commodity} give {route.to_quantity} {last.to_commodity}."]
