"""``gateway restored``: make a database that was restored from an older backup safe, before it is served."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import partial

import click
import msgspec

from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, show
from gateway.redemption.restored import Restored, Suspect, make_safe
from gateway.schemas.common import Instant
from gateway.wiring import open_gateway

NEXT = {
    "look_up": "looked up first",
    "raise_fence": "taken back by its key",
    "resubmit": "sent again under its key",
    "cancel": "asked again, as a repeat",
    "give_to_people": "given to people",
    "wait": "waits",
}
"""What becomes of what may have been sent, in words."""


def instant(text: str) -> datetime:
    """Read an instant, which has to bring its offset: a time zone that is guessed would be hours off.

    Raises:
        BadParameter: it does not.
    """
    try:
        return msgspec.convert(text, Instant).astimezone(UTC)
    except msgspec.ValidationError as error:
        told = f"{text!r} is no instant with its offset, such as 2026-11-22T08:30:00Z."
        raise click.BadParameter(told) from error


@click.command("restored")
@click.option("--lost-since", required=True, type=instant, help="The instant of the backup, with its offset.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@json_option
@click.pass_obj
def command(context: CommandContext, lost_since: datetime, dry_run: bool, as_json: bool) -> None:
    """Make a database that was restored from an older backup safe, once, before it is served.

    What the backup has as held may have been sent since then: it is looked up, fenced, sent again under the same key or
    given to people, by what its partner can do. The same goes for cancellations, and quotes that nobody has used end.
    No partner is asked yet. A second time changes nothing.
    """
    done = context.run(_make_safe(context.load(), lost_since, dry_run))
    show(done, as_json=as_json, lines=lambda: _lines(done, dry_run))


async def _make_safe(settings: Settings, lost_since: datetime, dry_run: bool) -> Restored:
    gateway = await open_gateway(settings)
    try:
        work = partial(
            make_safe,
            partners=gateway.partners,
            effects=gateway.effects,
            lost_since=lost_since,
            now=gateway.clock.now(),
            dry_run=dry_run,
        )
        return await (gateway.database.read(work) if dry_run else gateway.database.write(work))
    finally:
        await gateway.close()


def _lines(done: Restored, dry_run: bool) -> list[str]:
    lines = [f"Lost since {done.lost_since:%Y-%m-%d %H:%M:%S} UTC.{' Nothing is changed.' if dry_run else ''}"]
    for what, found in (("redemptions", done.redemptions), ("cancellations", done.reversals)):
        lines += _counts(what, found)
        lines += [f"  {one.id}  at {one.partner} as {one.partner_key}: {NEXT[one.next_step]}" for one in found]
    if done.goes_on:
        lines.append(f"Held at partners to which nothing is sent, and going on: {', '.join(done.goes_on)}")
    return [
        *lines,
        f"Unused quotes that end: {done.quotes_ended}; an app that repeats a request has to quote anew.",
        "Left to people: gateway manual list, and what partners granted and this database does not know: after",
        "gateway settlement run for each lost day the open breaks missing_ours of gateway settlement breaks.",
    ]


def _counts(what: str, found: tuple[Suspect, ...]) -> list[str]:
    """Count by partner and by what is done next."""
    if not found:
        return [f"No {what} may have been sent."]
    counted = Counter((one.partner, one.next_step) for one in found)
    return [f"{partner}: {what} {NEXT[step]}: {count}" for (partner, step), count in sorted(counted.items())]
