"""Moves redemptions: prepare in one transaction, speak to the partner with none open, record in another.

`Engine.advance` is safe to call at any time, from any process, for any redemption: a lease lets one caller at a time
speak to the partner, every change is guarded, every effect has a derived key. Whatever a crash leaves behind is due
again for `gateway.redemption.sweeper` when its lease has ended.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

from adapters.sdk.capabilities import Fences, LooksUp, Reserves
from config.errors import DatabaseError
from config.observability import get_logger
from config.side_by_side import About
from gateway.redemption import lease_store, store
from gateway.redemption.endings import Endings
from gateway.redemption.ordering import Ordering
from gateway.redemption.orders import FENCE, LOOK_UP, Begun, Concluded, Order, Result, raised
from gateway.redemption.patience import Patience
from gateway.redemption.recording import Recording
from gateway.redemption.records import Redemption
from gateway.redemption.recovery import Recovery
from gateway.redemption.seams import Seams
from gateway.redemption.states import Event
from settlement.ledger import Held

T = TypeVar("T")
log = get_logger(__name__)


class Engine:
    """Advances redemptions until they wait for something outside."""

    def __init__(self, seams: Seams, jitter: Callable[[], float] = random.random) -> None:
        """Keep the seams; nothing is opened."""
        self._database = seams.database
        self._clock = seams.clock
        self._partners = seams.partners
        self._identifiers = seams.identifiers
        self._crash = seams.crash
        patience = Patience(seams.settings, jitter)
        self._endings = Endings(seams)
        self._ordering = Ordering(seams, self._endings, patience)
        self._recording = Recording(seams, self._endings, self._ordering, patience)
        self._recovery = Recovery()
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, redemption_id: str) -> asyncio.Task[None]:
        """Begin to advance a redemption in the background; the caller may wait as long as it likes."""
        return self.spawn(self.advance(redemption_id), redemption_id)

    def start_itinerary(self, itinerary_id: str) -> asyncio.Task[None]:
        """Begin to advance the legs of an itinerary, one after the other, in the background."""
        return self.spawn(self._advance_legs(itinerary_id), itinerary_id)

    def spawn(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T | None]:
        """Run work of this room in the background; `close` waits for it and a failure is logged (and gives None)."""
        task = asyncio.create_task(self._watched(work, name), name=f"advance {name}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def to_its_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work that goes on when its caller is cancelled: what is ordered on disk has to be called as well."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _advance_legs(self, itinerary_id: str) -> None:
        for leg in await self._database.read(partial(store.legs, itinerary_id=itinerary_id)):
            await self.advance(leg.id)

    async def close(self) -> None:
        """Wait for the calls under way, and those they lead to: each ends by its own deadline."""
        while self._running:
            await asyncio.wait(set(self._running))

    async def _watched(self, work: Coroutine[Any, Any, T], name: str) -> T | None:
        try:
            return await work
        except Exception:
            # The lease ends by itself and the sweeper goes on from what is written down.
            log.exception("redemption.advance_failed", subject=name)
            return None

    def order(self, redemption: Redemption, held: Held | None) -> Begun | None:
        """Order the first call of a redemption that is about to be written down; None when there is none to make.

        ``held``: what was just held for it.

        `gateway.redemption.intake.Intake.take_in_and_order` writes both in one transaction. Nothing is sent before that
        is on disk: then give what this answers to `go_on`.
        """
        self._crash.reach("taken_in")
        owner, began = self._identifiers.new("attempt"), self._clock.monotonic()
        order = self._ordering.opening(redemption, owner, held)
        return None if order is None else Begun(order, owner, began)

    def go_on(self, begun: Begun) -> asyncio.Task[Concluded | None]:
        """Make the call that `order` wrote down and go on from there, in the background.

        It gives how the redemption stands when that is known without another look.
        """
        return self.spawn(self._carry_on(begun.order, begun.owner, begun.began), begun.order.redemption.id)

    async def advance(self, redemption_id: str) -> None:
        """Do everything for a redemption that can be done now; returns when it is terminal or waits."""
        owner = self._identifiers.new("attempt")
        began = self._clock.monotonic()
        self._crash.reach("taken_in")
        order = await self._database.write(partial(self._prepare, redemption_id, owner), short=True)
        await self._carry_on(order, owner, began)

    async def _carry_on(self, order: Order | Concluded | None, owner: str, began: float) -> Concluded | None:
        while isinstance(order, Order):
            if self._clock.monotonic() - began > order.lease.total_seconds():
                # This process was asleep: somebody else may be speaking to the partner by now.
                late = order.redemption.id
                log.warning("redemption.call_too_late", redemption_id=late, operation=order.operation)
                return None
            self._crash.reach("attempt_written")
            result = await self._call(order)
            self._crash.reach("answer_read")
            began = self._clock.monotonic()
            partner = order.redemption.partner
            order = await self._recorded(order, result, owner)
            if self._recovery.is_back(partner, result):
                await self._hasten(partner)
        self._crash.reach("answer_recorded")
        return order

    async def _recorded(self, order: Order, result: Result, owner: str) -> Order | Concluded | None:
        """Write down what a call led to.

        Nobody knows what became of a transaction whose connection was lost. What the commit step answered is then
        written once more, for it may be told only once: should it be on disk, the redemption has moved on, and it is
        dropped as what comes late.
        """
        record = About(order.redemption.member_id, partial(self._record, order, result, owner))
        try:
            return await self._database.write(record, short=True)
        except DatabaseError as error:
            if type(error) is not DatabaseError or order.step is None or not order.step.commit:
                raise
            log.warning("redemption.recorded_again", redemption_id=order.redemption.id, reason=error.message)
        return await self._database.write(record, short=True)

    def _prepare(self, redemption_id: str, owner: str, connection: Connection) -> Order | None:
        return self._ordering.prepare(connection, redemption_id, owner)

    async def wake(self) -> None:
        """Look soon at what waits for partners that are out or have just come back: see `recovery`."""
        for partner, at_most in self._recovery.to_wake(self._clock.monotonic()).items():
            operation = partial(lease_store.hasten, partner=partner, now=self._clock.now(), at_most=at_most)
            await self._database.write(operation)

    async def _hasten(self, partner: str) -> None:
        """Look now at what waits for a partner that is back; what fails here costs patience, and no answer in hand."""
        operation = partial(lease_store.hasten, partner=partner, now=self._clock.now())
        try:
            found = await self._database.write(operation)
        except DatabaseError as error:
            log.warning("redemption.not_hastened", partner=partner, reason=error.message)
        else:
            log.info("redemption.partner_is_back", partner=partner, waiting=found)

    async def _call(self, order: Order) -> Result:
        """Speak to the partner; whatever an adapter raises against its contract is an unknown outcome."""
        redemption = order.redemption
        adapter = self._partners[redemption.partner].adapter
        request = redemption.request()
        try:
            if order.operation == LOOK_UP:
                return await cast("LooksUp", adapter).look_up(request)
            if order.operation == FENCE:
                return await cast("Fences", adapter).fence(request)
            return await cast("Reserves", adapter).run_step(order.operation, request)
        except Exception as error:
            log.exception("adapter.raised", partner=redemption.partner, operation=order.operation)
            return raised(order, error)

    def _record(self, order: Order, result: Result, owner: str, connection: Connection) -> Order | Concluded | None:
        return self._recording.record(connection, order, result, owner)

    def settle(
        self,
        connection: Connection,
        redemption_id: str,
        event: Event,
        detail: str,
        partner_reference: str | None = None,
    ) -> bool:
        """End an undecided redemption by a partner's closed file or by people; see `Endings.settle`."""
        return self._endings.settle(connection, redemption_id, event, detail, partner_reference)
