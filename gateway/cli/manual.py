"""``gateway manual``: what only people can end."""

from __future__ import annotations

from functools import partial
from typing import cast, get_args

import click
import msgspec

from config.clock import SystemClock
from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.redemption import people
from gateway.redemption.people import Finding, ManualCase, Outcome, Proposal
from gateway.wiring import open_gateway

AT_ONCE = 1000
"""As many cases as a person wants to see at once; more are a matter for the API."""


class Said(msgspec.Struct, frozen=True):
    """Where a case stands after what was said."""

    id: str
    ended: bool
    proposal: Proposal | None


@click.group("manual")
def command() -> None:
    """End what only people can end: two of them, with evidence."""


@command.command("list")
@click.option("--partner", help="Only this partner's.")
@json_option
@click.pass_obj
def list_cases(context: CommandContext, partner: str | None, as_json: bool) -> None:
    """List the redemptions and reversals that wait for people."""
    found = context.run(_cases(context.load(), partner))
    show(found, as_json=as_json, lines=lambda: [_line(case) for case in found] or ["Nothing waits for people."])


@command.command("decide")
@click.argument("case_id")
@click.option("--outcome", type=click.Choice(get_args(Outcome)), required=True, help="What became of it.")
@click.option("--evidence", required=True, help="How that was found out; kept with the decision.")
@click.option("--by", required=True, help="Who says so; a second person has to say the same.")
@click.option("--partner-reference", help="The partner's own reference, when it gave one.")
@json_option
@click.pass_obj
def decide(
    context: CommandContext,
    case_id: str,
    outcome: str,
    evidence: str,
    by: str,
    partner_reference: str | None,
    as_json: bool,
) -> None:
    """Say what became of the case CASE_ID; it ends when two people have said the same."""
    finding = Finding(cast("Outcome", outcome), evidence, by, partner_reference)
    said = context.run(_decide(context.load(), case_id, finding))
    words = "has ended" if said.ended else f"waits for a second person to say {outcome}"
    show(said, as_json=as_json, lines=lambda: [f"{case_id} {words}."])


@command.command("undo")
@click.argument("redemption_id")
@click.option("--points", type=click.IntRange(min=1), help="Only give so many points back; the benefit stands.")
@click.option("--evidence", required=True, help="How it was found out; kept with the decision.")
@click.option("--by", required=True, help="Who says so; a second person has to decide the case.")
@json_option
@click.pass_obj
def undo(
    context: CommandContext, redemption_id: str, points: int | None, evidence: str, by: str, as_json: bool
) -> None:
    """Open a case to take back the captured redemption REDEMPTION_ID; a second person decides it."""
    case = context.run(_undo(context.load(), redemption_id, Finding("undone", evidence, by), points))
    show(case, as_json=as_json, lines=lambda: [f"{case.id} waits for a second person to say undone."])


async def _undo(settings: Settings, redemption_id: str, finding: Finding, points: int | None) -> ManualCase:
    async with open_database(settings) as database:
        now = SystemClock().now()
        operation = partial(people.open_undoing, redemption_id=redemption_id, finding=finding, points=points, now=now)
        return await database.write(operation)


async def _cases(settings: Settings, partner: str | None) -> list[ManualCase]:
    async with open_database(settings) as database:
        return await database.read(partial(people.cases, limit=AT_ONCE, partner=partner))


async def _decide(settings: Settings, case_id: str, finding: Finding) -> Said:
    gateway = await open_gateway(settings)
    try:
        decide_it = partial(
            people.decide,
            engine=gateway.engine,
            effects=gateway.effects,
            case_id=case_id,
            finding=finding,
            now=gateway.clock.now(),
        )
        waiting = await gateway.database.write(decide_it)
    finally:
        await gateway.close()
    return Said(case_id, waiting is None, waiting)


def _line(case: ManualCase) -> str:
    said = "nobody has said anything yet"
    if case.proposal is not None:
        said = f"{case.proposal.proposed_by} says {case.proposal.outcome}: {case.proposal.evidence}"
    what = f"{case.quantity} {case.commodity} at {case.partner} as {case.partner_key}"
    return f"{case.id}  since {case.since_at:%Y-%m-%d %H:%M} UTC  {what} ({case.reason}); {said}"
