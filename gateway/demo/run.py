"""The whole demo, step after step."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, timedelta

import httpx
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.transport import make_client
from catalogue.calendar import end_of, local_date
from catalogue.tables import members
from config.clock import Clock
from config.database import Database
from config.errors import RuleError
from config.migrate import current_revision
from config.settings import DatabaseSettings
from gateway.demo import night
from gateway.demo.api import UnexpectedAnswerError
from gateway.demo.closing import AuditFigures, Check, checks
from gateway.demo.journey import Journey
from gateway.demo.night import NightStory
from gateway.demo.telling import Teller
from gateway.demo.world import World

ZONE = "Asia/Shanghai"
DAY_MARGIN = timedelta(minutes=2)
"""The journey does not begin so shortly before the partners' day ends: it has to fall into one business day."""


@dataclass
class Outcome:
    """What the demo ended with."""

    checks: list[Check] = field(default_factory=list)
    night: NightStory = field(default_factory=NightStory)
    kills: int = 0

    @property
    def holds(self) -> bool:
        """Whether everything is as promised."""
        return bool(self.checks) and all(check.holds for check in self.checks)


async def run_demo(world: World, teller: Teller, clock: Clock, *, kills: int) -> Outcome:
    """Run the journey in a world that this starts and stops.

    Raises:
        RuleError: the database given holds members.
        UnavailableError: a process did not start, or answered what the journey does not expect.
    """
    await _require_empty(world)
    today = await _whole_day(clock, teller)
    outcome = Outcome()
    http = make_client()
    try:
        await teller.step("six partner simulators and the gateway, on loopback", world.__aenter__())
        try:
            journey = Journey(world, http, clock, kills=kills)
            await _steps(journey, world, http, today, outcome, teller)
        finally:
            await world.__aexit__()
    finally:
        await http.aclose()
    outcome.kills = world.kills
    return outcome


async def _steps(
    journey: Journey, world: World, http: httpx.AsyncClient, today: date, outcome: Outcome, teller: Teller
) -> None:
    await teller.step("Mr Liu joins and earns", journey.prepare(today))
    await teller.step("1/6 one itinerary, four partners", journey.book_trip())
    await teller.step("2/6 what gold gives", journey.use_status())
    await teller.step("3/6 at the lounge", journey.visit_lounge())
    await teller.step("4/6 points into miles", journey.convert())
    await teller.step("5/6 a partner that books and never answers", journey.survive_time_out())
    await teller.step("the partner's callback is worked off", journey.close())
    await night.plant(world, http, today, outcome.night)
    await teller.step("6/6 the night, twice", night.settle(world, today, outcome.night))
    audit = await _audit(world)
    outcome.checks = checks(journey.story, outcome.night, await journey.partner_effects(), audit)


async def _audit(world: World) -> AuditFigures:
    code, output = await world.run("audit", "--json")
    if not output:
        raise UnexpectedAnswerError(f"The audit failed with exit code {code}; see {world.folder}/logs/commands.log.")
    report = json.loads(output)
    return AuditFigures(
        entries=report["counts"]["journal_entries"],
        findings=len(report["findings"]),
        open_holds=len(report["open_holds"]),
    )


async def _require_empty(world: World) -> None:
    """Refuse a database that holds members: the journey would mix with what is there."""
    if world.database_url is None:
        return
    database = await Database.open(DatabaseSettings(url=world.database_url))
    try:
        if await current_revision(database) is not None and await database.read(_any_member):
            raise RuleError("The database is not empty; give the demo one of its own.")
    finally:
        await database.close()


def _any_member(connection: Connection) -> bool:
    return connection.execute(sa.select(members.c.id).limit(1)).first() is not None


async def _whole_day(clock: Clock, teller: Teller) -> date:
    """Answer the partners' business date, waiting for the next one when this one is about to end."""
    now = clock.now()
    today = local_date(now, ZONE)
    left = end_of(today, ZONE) - now
    if left > DAY_MARGIN:
        return today
    teller.note(f"The partners' day ends in {left.seconds} s; waiting for the next one.")
    await clock.sleep(left.total_seconds() + 1)
    return local_date(clock.now(), ZONE)
