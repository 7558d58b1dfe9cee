"""``gateway programme``: the nightly jobs, and what an activity earns by the files."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, date, datetime, time

import click
import msgspec

from catalogue.programme import Earned, earn
from catalogue.values import Money
from config.clock import SystemClock
from config.settings import Settings
from gateway.cli.catalogue_files import read_files
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.services.programme_jobs import JobReport, list_jobs, run_jobs

DAY = click.DateTime(["%Y-%m-%d"])


@click.group("programme")
def command() -> None:
    """Run the programme's night, and ask its rules."""


@command.command("run-jobs")
@click.option("--date", "day", type=DAY, help="Business date, YYYY-MM-DD (default: today in the programme's zone).")
@json_option
@click.pass_obj
def run_night(context: CommandContext, day: datetime | None, as_json: bool) -> int:
    """Expire points, judge tiers at their end, warn, give bonuses; repeating a date changes nothing."""
    reports = context.run(_jobs(context.load(), day.date() if day else None))
    show(reports, as_json=as_json, lines=lambda: [_line(one) for one in reports])
    return int(any(one.failed for one in reports))


@command.command("jobs")
@json_option
@click.pass_obj
def show_jobs(context: CommandContext, as_json: bool) -> int:
    """List the newest runs; exit code 1 when one has not finished."""
    rows = context.run(_list(context.load()))
    show(rows, as_json=as_json, lines=lambda: [_run_line(row) for row in rows] or ["No job has run."])
    return int(any(row["finished_at"] is None for row in rows))


@command.command("earn")
@click.argument("activity")
@click.argument("fen", type=click.IntRange(min=0))
@click.option("--tier", help="Tier of the member (default: the entry tier).")
@click.option("--on", type=DAY, help="Day of the activity (default: today).")
@json_option
@click.pass_obj
def show_earned(
    context: CommandContext, activity: str, fen: int, tier: str | None, on: datetime | None, as_json: bool
) -> None:
    """Say what ACTIVITY of FEN (hundredths of a yuan) earns by the rules of a day."""
    found = earned(context.load(), activity, fen, tier, on.date() if on else None)
    show(found, as_json=as_json, lines=lambda: _earned_lines(found))


def earned(settings: Settings, activity: str, fen: int, tier: str | None, on_date: date | None) -> Earned:
    """Earn by the files, at noon (UTC) of a day.

    Raises:
        RuleError: nothing says what the activity earns on that day, or there is no such tier.
    """
    programme = read_files(settings).programme
    at = datetime.combine(on_date, time(4), UTC) if on_date else SystemClock().now()
    return earn(programme, activity, Money(fen, "CNY"), tier or programme.entry_tier, at)


async def _jobs(settings: Settings, day: date | None) -> tuple[JobReport, ...]:
    programme, clock = read_files(settings).programme, SystemClock()
    holder = f"{os.getpid()}-{secrets.token_hex(8)}"
    async with open_database(settings) as database:
        return await run_jobs(database, clock, programme, day or programme.today(clock.now()), holder)


async def _list(settings: Settings) -> list[dict[str, object]]:
    async with open_database(settings) as database:
        return [dict(row._mapping) for row in await database.read(list_jobs)]


def _line(report: JobReport) -> str:
    state = "done" if report.changed else "done before"
    failed = f", {len(report.failed)} left out" if report.failed else ""
    return "\n".join([f"{report.business_date} {report.job}: {report.handled} {state}{failed}", *report.failed])


def _run_line(row: dict[str, object]) -> str:
    return f"{row['business_date']} {row['job']}: {row['handled']}, {row['finished_at'] or 'not finished'}"


def _earned_lines(found: Earned) -> list[str]:
    lines = [f"{found.points} points and {found.qualifying} qualifying points by the rule {found.rule_id}."]
    if found.campaign_id:
        lines.append(f"{found.campaign_points} of the points by the campaign {found.campaign_id}.")
    return [*lines, f"They expire at {msgspec.to_builtins(found.expires_at)}."]
