"""``gateway tier``: the people's side: requests that raised a signal, challenges, and the partners' daily files."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from pathlib import Path

import click
import msgspec
from sqlalchemy import Connection

from catalogue import challenge_store, match_store
from catalogue.challenge_store import StoredChallenge
from catalogue.match_store import StoredMatch
from config.clock import SystemClock
from config.database import Operation, T
from config.settings import Settings
from gateway.cli.catalogue_files import read_files
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.services import tier_desk
from gateway.services.reported_status import TEXTS
from gateway.services.tier_desk import Batch

_day = click.DateTime(["%Y-%m-%d"])


class WrittenBatch(msgspec.Struct, frozen=True):
    """A partner's file as written; ``waiting`` are grants without a linked account."""

    partner: str
    day: date
    rows: int
    waiting: tuple[str, ...]
    file: str


@click.command("reviews")
@json_option
@click.pass_obj
def reviews(context: CommandContext, as_json: bool) -> None:
    """List the requests that raised a signal and wait for a person, oldest first."""
    settings = context.load()
    found = context.run(_read(settings, match_store.open_reviews))
    texts = {one.id: one.text.en for one in read_files(settings).tier_matches.signals} | TEXTS
    show(found, as_json=as_json, lines=lambda: [_review(one, texts) for one in found] or ["Nothing waits."])


@click.command("decide")
@click.argument("match_id")
@click.option("--approve/--refuse", required=True, help="Grant the request, or refuse it.")
@click.option("--by", required=True, help="Who decides, as the records will show.")
@json_option
@click.pass_obj
def decide(context: CommandContext, match_id: str, approve: bool, by: str, as_json: bool) -> None:
    """Grant or refuse the request MATCH_ID; what it rests on is judged again today."""
    settings = context.load()
    operation = partial(
        tier_desk.decide,
        catalogue=read_files(settings),
        match_id=match_id,
        approve=approve,
        by=by,
        now=SystemClock().now(),
    )
    decided = context.run(_write(settings, operation))
    show(decided, as_json=as_json, lines=lambda: [f"{decided.id}: {decided.state} by {decided.decided_by}."])


@click.command("progress")
@click.argument("match_id")
@click.argument("total", type=click.IntRange(min=0))
@click.option("--on", type=_day, help="Day up to which it was counted (default: today).")
@json_option
@click.pass_obj
def progress(context: CommandContext, match_id: str, total: int, on: datetime | None, as_json: bool) -> None:
    """Record the TOTAL done so far of the challenge that the match MATCH_ID began."""
    settings = context.load()
    now = SystemClock().now()
    day = on.date() if on else read_files(settings).programme.today(now)
    operation = partial(challenge_store.tell_progress, match_id=match_id, progress=total, on_date=day, at=now)
    told = context.run(_write(settings, operation))
    show(told, as_json=as_json, lines=lambda: [_challenge(told)])


@click.command("settle")
@click.option("--date", "on", type=_day, help="Business day (default: today).")
@json_option
@click.pass_obj
def settle(context: CommandContext, on: datetime | None, as_json: bool) -> None:
    """Close the challenges whose deadline is over; a second run finds nothing."""
    settings = context.load()
    now = SystemClock().now()
    day = on.date() if on else read_files(settings).programme.today(now)
    settled = context.run(_write(settings, partial(challenge_store.settle_challenges, on_date=day, at=now)))
    show(settled, as_json=as_json, lines=lambda: [_challenge(one) for one in settled] or ["No challenge is over."])


@click.command("batch")
@click.option("--date", "on", type=_day, required=True, help="Business day of the grants.")
@click.option("--partner", "only", help="One partner (default: every partner with a programme).")
@json_option
@click.pass_obj
def batch(context: CommandContext, on: datetime, only: str | None, as_json: bool) -> None:
    """Write the files that tell partners which tiers were granted on a day; running it again writes the same."""
    settings = context.load()
    catalogue = read_files(settings)
    partners = [one.partner for one in catalogue.tier_matches.ladders if one.partner is not None]
    named = sorted(set(partners)) if only is None else [only]

    def made(connection: Connection) -> list[Batch]:
        return [tier_desk.batch(connection, catalogue, partner, on.date()) for partner in named]

    folder = settings.folders.exports / "tier-matches"
    written = [_write_batch(folder, one) for one in context.run(_read(settings, made))]
    show(written, as_json=as_json, lines=lambda: [_written(one) for one in written])


desk_commands = (reviews, decide, progress, settle, batch)
"""The commands that the group ``gateway tier`` takes from here."""


async def _read(settings: Settings, operation: Operation[T]) -> T:
    async with open_database(settings) as database:
        return await database.read(operation)


async def _write(settings: Settings, operation: Operation[T]) -> T:
    async with open_database(settings) as database:
        return await database.write(operation)


def _write_batch(folder: Path, one: Batch) -> WrittenBatch:
    """Write a file under another name first, so that nobody picks up half of one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.partner}_{one.day.isoformat()}.csv"
    working = path.with_suffix(".part")
    working.write_bytes(one.content)
    working.replace(path)
    return WrittenBatch(one.partner, one.day, one.rows, one.waiting, str(path))


def _review(one: StoredMatch, texts: dict[str, str]) -> str:
    why = " ".join(texts.get(signal, signal) for signal in one.signals)
    what = f"{one.from_programme} {one.from_tier} to {one.to_programme} {one.to_tier or ''}".rstrip()
    return f"{one.id}: member {one.member_id}: {what} ({one.edge_id}), asked {one.requested_at:%Y-%m-%d %H:%M}Z: {why}"


def _challenge(one: StoredChallenge) -> str:
    terms = one.challenge
    done = f"{terms.progress} of {terms.target} by {terms.deadline_date}"
    return f"{one.match_id}: {terms.programme} {terms.tier}: {one.outcome}, {done}."


def _written(one: WrittenBatch) -> str:
    waiting = f"; {len(one.waiting)} wait for a linked account" if one.waiting else ""
    return f"{one.partner} {one.day}: {one.rows} grants in {one.file}{waiting}."
