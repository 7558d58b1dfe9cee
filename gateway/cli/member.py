"""``gateway member``: where a member stands; merging and closing memberships."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import click
import msgspec
from sqlalchemy import Connection

from catalogue.programme import Programme
from config.clock import SystemClock
from gateway.cli.catalogue_files import read_files
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.schemas.programme import CloseAnswer, MergeAnswer, StandingView
from gateway.services.member_ends import close_member, merge_members
from gateway.services.members import member_of_path
from gateway.services.standing import read_standing
from settlement.accounts import POINTS
from settlement.balances import Balance, balances

T = TypeVar("T")
reason_option = click.option("--reason", required=True, help="Why; kept in the event.")


class Shown(StandingView, frozen=True, kw_only=True):
    """A standing and, as of now only, the points that the member can spend and those that are held."""

    available_points: int | None
    held_points: int | None


@click.group("member")
def command() -> None:
    """Look at members, merge and close memberships."""


@command.command("show")
@click.argument("member")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="As of this day (default: today).")
@json_option
@click.pass_obj
def show_member(context: CommandContext, member: str, on: datetime | None, as_json: bool) -> None:
    """Say where MEMBER (our id or the club's) stands: points, tier, what keeps it, the way back, points that expire."""

    def work(connection: Connection, programme: Programme, now: datetime) -> Shown:
        found = member_of_path(connection, member)
        standing = read_standing(connection, programme, member_id=found, on_date=on.date() if on else None, now=now)
        had = {one.commodity: one for one in balances(connection, found, at=now)}.get(POINTS, Balance(commodity=POINTS))
        return Shown(
            **msgspec.structs.asdict(standing),
            available_points=None if on else had.available,
            held_points=None if on else had.held,
        )

    found = _run(context, work, write=False)
    show(found, as_json=as_json, lines=lambda: _standing(found))


@command.command("merge")
@click.argument("member")
@click.argument("absorbed")
@reason_option
@json_option
@click.pass_obj
def merge(context: CommandContext, member: str, absorbed: str, reason: str, as_json: bool) -> None:
    """Merge ABSORBED into MEMBER; refused while anything of either is undecided."""

    def work(connection: Connection, programme: Programme, now: datetime) -> MergeAnswer:
        return merge_members(connection, programme, kept=member, absorbed=absorbed, reason=reason, now=now)

    found = _run(context, work, write=True)
    line = f"{found.absorbed_id} is merged into {found.member_id}: {found.points} points moved, tier {found.tier}."
    show(found, as_json=as_json, lines=lambda: [line])


@command.command("close")
@click.argument("member")
@reason_option
@click.option("--forfeit-points", is_flag=True, help="The points that are left are lost.")
@json_option
@click.pass_obj
def close(context: CommandContext, member: str, reason: str, forfeit_points: bool, as_json: bool) -> None:
    """End the membership of MEMBER; refused while anything is undecided."""

    def work(connection: Connection, _programme: Programme, now: datetime) -> CloseAnswer:
        return close_member(connection, member=member, reason=reason, forfeit_points=forfeit_points, now=now)

    found = _run(context, work, write=True)
    line = f"{found.member_id} is {found.state}; {found.forfeited_points} points are forfeited."
    show(found, as_json=as_json, lines=lambda: [line])


def _run(context: CommandContext, work: Callable[[Connection, Programme, datetime], T], *, write: bool) -> T:
    settings = context.load()
    programme, now = read_files(settings).programme, SystemClock().now()

    async def run() -> T:
        async with open_database(settings) as database:
            operation = database.write if write else database.read
            return await operation(lambda connection: work(connection, programme, now))

    return context.run(run())


def _standing(found: Shown) -> list[str]:
    until = f" until {found.valid_to_date}" if found.valid_to_date else ""
    lines = [f"{found.on_date}: {found.tier}{until}, {found.qualifying_points} qualifying points count."]
    if found.available_points is not None:
        lines.append(f"{found.available_points} points can be spent, {found.held_points} are held.")
    if found.next_tier:
        lines.append(f"{found.next_tier_missing} more raise the member to {found.next_tier}.")
    if found.ending and found.ending.missing:
        end = found.ending
        lines.append(f"{end.missing} more by {end.valid_to_date} keep {end.tier}; else {end.tier_after} follows.")
    if found.way_back:
        lines.append(f"{found.way_back.missing} more by {found.way_back.until_date} restore {found.way_back.tier}.")
    return lines + [f"{one.points} points can be spent until {one.last_date}." for one in found.expiring_points]
