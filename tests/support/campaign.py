"""A campaign: redemptions and trips at partners of every profile while processes die, until all is quiet.

Seeded, so that a failure is repeated by its seed. `Campaign.run` raises AssertionError when an invariant is broken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, partial
from random import Random
from typing import Any, TypeVar, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.capabilities import LooksUp
from adapters.sdk.records import Visit
from catalogue.benefits import PayWith
from catalogue.identifiers import Identifiers
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from catalogue.values import Money
from config.database import Database, Operation
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from config.settings import RedemptionSettings
from gateway.partners import Partners
from gateway.redemption import reversal_store, store
from gateway.redemption.effects import Effects
from gateway.redemption.engine import Engine
from gateway.redemption.intake import Intake
from gateway.redemption.observer import Observer
from gateway.redemption.orders import Order, Result
from gateway.redemption.records import POINTS, Quote, Redemption
from gateway.redemption.reversal_engine import ReversalEngine
from gateway.redemption.seams import Seams
from gateway.redemption.states import HOLDING, TERMINAL, Event, ReversalState, State
from gateway.redemption.sweeper import Sweeper
from gateway.redemption.tables import claims, redemptions, reversals
from gateway.services.itineraries import Policy, _place
from settlement import ledger
from settlement.audit import audit
from settlement.contracts import PartnerContract, read_contract
from tests.support.clocks import ManualClock
from tests.support.faulty_partners import FACTS, LINES, CrashError, Ledger, Life
from tests.support.partners import connected
from tests.support.room import MEMBER, PARTNER, open_member

T = TypeVar("T")
OPENING = 1_000_000
FENCED_OR_WINDOWED = frozenset("ABDF")
"""Profiles whose late requests are harmless for ever; those of the others end with the partner's closed file."""
CRASH = 0.004
SINGLES, TRIPS, ROUNDS = 12, 4, 60


@cache
def world() -> tuple[Catalogue, dict[str, PartnerContract]]:
    """The packaged catalogue, and the lounge's contract for a partner of each profile."""
    files = read_partner_files(PACKAGED_FOLDER)
    contract = read_contract(PACKAGED_FOLDER / "partners" / f"{PARTNER}.toml", files[PARTNER])
    contracts = {f"partner-{one}": msgspec.structs.replace(contract, partner=f"partner-{one}") for one in FACTS}
    return load_catalogue(PACKAGED_FOLDER, tuple(files)), contracts


class FragileDatabase:
    """A database whose process may die right before a transaction or right after its commit."""

    def __init__(self, inner: Database, life: Life, dice: Random) -> None:
        self.inner, self.life, self.dice = inner, life, dice
        self.crashing = True

    async def write(self, operation: Operation[T], *, short: bool = False) -> T:
        """Write, or die before or after."""
        self._maybe_die()
        result = await self.inner.write(operation, short=short)
        self._maybe_die()
        return result

    async def read(self, operation: Operation[T]) -> T:
        """Read, unless dead."""
        self.life.check()
        return await self.inner.read(operation)

    def _maybe_die(self) -> None:
        self.life.check()
        if self.crashing and self.dice.random() < CRASH:
            self.life.die()


class Process:
    """One process of the gateway around the shared database and the partners' ledgers."""

    def __init__(self, database: Database, clock: ManualClock, dice: Random, ledgers: dict[str, Ledger]) -> None:
        catalogue, contracts = world()
        self.life = Life()
        self.database = FragileDatabase(database, self.life, dice)
        self.clock = clock
        self.partners = Partners()
        for profile, ledger_ in ledgers.items():
            name, line = f"partner-{profile}", LINES[profile](ledger_, self.life)
            self.partners[name] = connected(line, partner=name, facts=FACTS[profile], deadline_seconds=0.001)
            assert self.partners[name].manifest.profile == profile
        self.identifiers = Identifiers(clock)
        self.effects = Effects(catalogue, contracts, self.identifiers)
        settings = RedemptionSettings(lease_margin_seconds=0.0)
        fragile = cast("Database", self.database)
        seams = Seams(fragile, clock, self.partners, self.effects, self.identifiers, settings)
        self.intake = Intake(seams, catalogue)
        self.engine = Engine(seams, jitter=dice.random)
        self.reversals = ReversalEngine(seams, jitter=dice.random)
        self.observer = Observer(seams)
        self.sweeper = Sweeper(fragile, clock, self.engine, self.reversals, settings)

    async def sweep(self) -> None:
        """Sweep once; when the process dies, everything it had under way dies with it."""
        try:
            await self.sweeper.sweep()
        finally:
            await asyncio.gather(*self.sweeper._running.values(), return_exceptions=True)


@dataclass
class Paused:
    """A process that was stopped in a call: before it (no result yet) or with the answer in its hands."""

    process: Process
    order: Order
    owner: str
    result: Result | None

    async def wake(self, database: Database) -> None:
        """Let it go on long after others took over; it dies after what it was about to do."""
        result = self.result if self.result is not None else await self.process.engine._call(self.order)
        await database.write(partial(self.process.engine._record, self.order, result, self.owner))


class Campaign:
    """One seed."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database, self.dice, self.clock = database, Random(seed), ManualClock()
        self.ledgers = {profile: Ledger(facts, self.clock, self.dice) for profile, facts in FACTS.items()}
        self.process = self._new_process()
        self.other = self._new_process()
        self.paused: list[Paused] = []
        self.hinted: set[str] = set()
        self.loosened: set[str] = set()
        self.crashes = 0

    def _new_process(self) -> Process:
        return Process(self.database, self.clock, self.dice, self.ledgers)

    async def run(self) -> None:
        """Take in, torment, calm down, close the file, judge."""
        await self._take_in()
        for _ in range(ROUNDS):
            await self._survive(self.dice.choices(self._acts(), weights=[act[0] for act in ACTS])[0]())
            await self._judge_running()
        await self._calm_down()
        await self._close_the_file()
        await self._late_arrivals()
        await self._judge()

    def _acts(self) -> list[Callable[[], Awaitable[None]]]:
        return [partial(act, self) for _, act in ACTS]

    async def _take_in(self) -> None:
        await self.database.write(partial(open_member, self.clock, OPENING))
        for _ in range(SINGLES):
            quote = await self._quote(self.dice.choice("ABCDEFG"))
            take = partial(self.process.intake.take_in, quote_id=quote.id, member_id=MEMBER)
            await self.database.write(take)
        for _ in range(TRIPS):
            quotes = [await self._quote(profile) for profile in self.dice.sample("ABCDEFG", 2)]
            policy: Policy = self.dice.choice(("all_or_nothing", "all_or_nothing", "best_effort"))
            place = partial(_place, cast("Any", self.process), MEMBER, tuple(quote.id for quote in quotes), policy)
            answer = await self.database.write(place)
            if policy == "best_effort":
                self.loosened.add(str(answer.resource_id))

    async def _quote(self, profile: str) -> Quote:
        now = self.clock.now()
        quote = Quote(
            id=self.process.identifiers.new("quote"),
            kind="benefit",
            member_id=MEMBER,
            partner=f"partner-{profile}",
            benefit_id="lounge-visit",
            benefit_version=1,
            contract_id=None,
            contract_version=None,
            pay_with=PayWith.POINTS,
            commodity=POINTS,
            quantity=self.dice.choice((600, 601, 1_200)),
            service=Visit(airport="PVG", lounge_id="L1", visit_date=date(2026, 12, 1)),
            offer_token="offer",
            title="Visit",
            price=Money(12_000, "CNY"),
            base_price=None,
            created_at=now,
            expires_at=now + timedelta(minutes=15),
        )
        await self.database.write(partial(store.add_quote, quote=quote))
        return quote

    async def _survive(self, work: Awaitable[None]) -> None:
        try:
            await work
        except CrashError:
            self.crashes += 1
            self.process = self._new_process()

    async def _all(self, *states: State) -> list[Redemption]:
        def read(connection: Connection) -> list[Redemption]:
            rows = connection.execute(store._select().order_by(redemptions.c.id)).mappings()
            return [store._from_row(row) for row in rows]

        return [one for one in await self.database.read(read) if not states or one.state in states]

    def _ledger(self, redemption: Redemption) -> Ledger:
        return self.ledgers[redemption.partner.removeprefix("partner-")]

    # What may happen

    async def advance(self) -> None:
        """Somebody works on one redemption."""
        await self.process.engine.advance(self.dice.choice(await self._all()).id)

    async def sweep(self) -> None:
        """The sweeper of one process."""
        await self.process.sweep()

    async def sweep_together(self) -> None:
        """The sweepers of two processes at once."""
        self.other.life.dead = False
        ended = await asyncio.gather(self.process.sweep(), self.other.sweep(), return_exceptions=True)
        if isinstance(ended[1], CrashError):
            self.other = self._new_process()
        if isinstance(ended[0], BaseException):
            raise ended[0]

    async def wait(self) -> None:
        """Time passes; leases of dead processes end (they are judged by the database's own clock)."""
        await asyncio.sleep(0.003)
        self.clock.advance(seconds=self.dice.choice((1, 2, 3, 5, 8, 15, 40, 150, 400)))

    async def withdraw(self) -> None:
        """The member no longer wants one."""
        chosen = self.dice.choice(await self._all())

        def ask(connection: Connection) -> State:
            store.lock(connection, chosen.id)
            current = store.must_get(connection, chosen.id)
            if current.state in HOLDING:
                store.ask_withdrawal(connection, chosen.id, self.clock.now())
            elif current.state is State.CAPTURED:
                self.process.effects.ask_reversal(connection, current, "member_cancelled", self.clock.now())
            return current.state

        if await self.database.write(ask) is State.CAPTURED and chosen.itinerary_id is not None:
            self.loosened.add(chosen.itinerary_id)

    async def deliver(self) -> None:
        """A late request arrives."""
        self.dice.choice(list(self.ledgers.values())).deliver()

    async def hint(self) -> None:
        """A partner calls back, for no reason or with one."""
        chosen = self.dice.choice(sorted(self.hinted) or [one.id for one in await self._all()])
        if await self.process.observer.look(chosen):
            self.hinted.discard(chosen)

    async def partner_cancels(self) -> None:
        """A partner takes back what was captured, and says so some time."""
        captured = [one for one in await self._all(State.CAPTURED) if LINES[one.partner[-1]].__name__ != "Line"]
        if not captured:
            return
        chosen = self.dice.choice(captured)
        partner = self._ledger(chosen)
        if not isinstance(self.process.partners[chosen.partner].adapter, LooksUp) or chosen.partner_key in partner.used:
            return
        partner.cancelled_at.setdefault(chosen.partner_key, self.clock.now())
        self.hinted.add(chosen.id)
        if chosen.itinerary_id is not None:
            self.loosened.add(chosen.itinerary_id)

    async def pause(self) -> None:
        """A process is stopped in the middle of a call, and later goes on."""
        chosen = self.dice.choice(await self._all())
        owner = self.process.identifiers.new("attempt")
        order = await self.database.write(partial(self.process.engine._prepare, chosen.id, owner))
        if order is None:
            return
        answered = self.dice.random() < 0.5
        result = await self.process.engine._call(order) if answered else None
        self.paused.append(Paused(self.process, order, owner, result))
        self.process = self._new_process()

    async def resume(self) -> None:
        """A stopped process goes on."""
        if self.paused:
            await self.paused.pop(self.dice.randrange(len(self.paused))).wake(self.database)

    # How it ends

    async def _calm_down(self) -> None:
        self._end_troubles()
        later = []
        for one in self.paused:
            if one.order.redemption.partner[-1] in FENCED_OR_WINDOWED and self.dice.random() < 0.5:
                later.append(one)
            else:
                await one.wake(self.database)
        self.paused = later
        for profile, partner in self.ledgers.items():
            while partner.in_flight and profile not in FENCED_OR_WINDOWED:
                partner.deliver()
        await self._until_quiet()

    def _end_troubles(self) -> None:
        for partner in self.ledgers.values():
            partner.troubled = False
        self.process = self._new_process()
        self.process.database.crashing = False

    async def _until_quiet(self) -> None:
        for _ in range(120):
            await asyncio.sleep(0.003)
            next_at = await self.database.read(_next_at)
            if next_at is None:
                return
            if next_at >= self.clock.now():
                self.clock.advance(seconds=(next_at - self.clock.now()).total_seconds() + 1)
            await self.process.sweep()
            await self._judge_running()
        waiting = [(one.id, one.state, one.partner) for one in await self._all() if one.next_action_at is not None]
        raise AssertionError(f"never quiet: {waiting}")

    async def _close_the_file(self) -> None:
        for one in await self._all(State.MANUAL):
            assert one.reason is not None
            issued = self._ledger(one).stands(one.partner_key)
            event = Event.FILE_SAYS_ISSUED if issued else Event.FILE_SAYS_NOT_ISSUED
            settle = partial(self.process.engine.settle, redemption_id=one.id, event=event, detail="file")
            assert await self.database.write(partial(settle, partner_reference=f"P-{one.partner_key}"))
        await self._until_quiet()

    async def _late_arrivals(self) -> None:
        for one in self.paused:
            await one.wake(self.database)
        for partner in self.ledgers.values():
            while partner.in_flight:
                partner.deliver()
        for redemption in await self._all():
            assert await self.process.observer.look(redemption.id)
        await self._until_quiet()

    # What must hold

    async def _judge_running(self) -> None:
        for one in await self._all():
            rests = one.state in TERMINAL or one.state is State.MANUAL
            assert (one.next_action_at is None) == rests, (one.id, one.state, one.next_action_at)

    async def _judge(self) -> None:
        spent = 0
        for one in await self._all():
            assert one.state in TERMINAL, (one.id, one.state)
            undone = await self._undone(one)
            spent += one.quote.quantity if one.state is State.CAPTURED and not undone else 0
            partner = self._ledger(one)
            assert partner.granted.get(one.partner_key, 0) <= 1, (one.id, one.partner, "granted twice")
            has, paid = partner.stands(one.partner_key), one.state is State.CAPTURED and not undone
            assert has == paid, (one.id, one.partner, one.state, f"member has it: {has}, has paid: {paid}")
        balance = {one.commodity: one for one in await self.database.read(self._balances)}[POINTS]
        assert (balance.available, balance.held) == (OPENING - spent, 0)
        assert (await self.database.read(partial(audit, live_hold_keys=()))).findings == ()
        assert await self.database.read(lambda c: c.execute(sa.select(claims)).all()) == []
        await self._judge_trips()

    def _balances(self, connection: Connection) -> tuple[Any, ...]:
        return ledger.balances(connection, MEMBER, at=self.clock.now())

    async def _undone(self, redemption: Redemption) -> bool:
        found = await self.database.read(partial(reversal_store.standing, redemption_id=redemption.id))
        return found is not None and found.state is ReversalState.APPLIED

    async def _judge_trips(self) -> None:
        legs: dict[str, list[Redemption]] = {}
        for one in await self._all():
            if one.itinerary_id is not None and one.itinerary_id not in self.loosened:
                legs.setdefault(one.itinerary_id, []).append(one)
        for trip in legs.values():
            standing = [one for one in trip if one.state is State.CAPTURED and not await self._undone(one)]
            if len(standing) == len(trip):
                continue
            for one in standing:
                tried = await self.database.read(partial(reversal_store.of_redemption, redemption_id=one.id))
                stuck = {ReversalState.REFUSED, ReversalState.MANUAL}
                assert tried, (one.id, "stands alone and nobody tried to undo it")
                assert tried[-1].state in stuck, (one.id, tried[-1].state)


def _next_at(connection: Connection) -> datetime | None:
    moments = [
        connection.execute(sa.select(sa.func.min(table.c.next_action_at))).scalar_one()
        for table in (redemptions, reversals)
    ]
    return min((moment for moment in moments if moment is not None), default=None)


ACTS: tuple[tuple[int, Callable[[Campaign], Awaitable[None]]], ...] = (
    (12, Campaign.advance),
    (10, Campaign.sweep),
    (3, Campaign.sweep_together),
    (10, Campaign.wait),
    (1, Campaign.withdraw),
    (4, Campaign.deliver),
    (2, Campaign.hint),
    (1, Campaign.partner_cancels),
    (3, Campaign.pause),
    (2, Campaign.resume),
)
"""What may happen, and how often."""
