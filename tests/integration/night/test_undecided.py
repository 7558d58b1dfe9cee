"""ST-20: the partner's closed file ends what nobody else can: a redemption given to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest

from adapters.sdk.manifest import Facts
from adapters.sdk.records import StatementLine
from adapters.sdk.statement_file import parse_statement, write_statement
from config.database import Database
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from gateway.redemption.records import Redemption
from gateway.redemption.states import State
from gateway.services.undecided import settle_by_file, waiting_for_file
from settlement import break_store
from settlement.calendar import business_date_of
from settlement.contracts import PartnerContract, read_contract
from settlement.reconciliation import RunReport, RunRequest, run
from settlement.statements import ingest
from settlement.undecided import SettledByFile
from tests.support.nights import refund, row
from tests.support.partners import PlainPartner, connected, granted_then_lost
from tests.support.room import OPENING, PARTNER, Room, open_room


class Night:
    """A redemption that went to people, and the partner's night after it."""

    def __init__(self, room: Room, redemption: Redemption, folder: Path) -> None:
        self.room, self.redemption, self.folder = room, redemption, folder
        path = PACKAGED_FOLDER / "partners" / f"{PARTNER}.toml"
        self.contract: PartnerContract = read_contract(path, read_partner_files(PACKAGED_FOLDER)[PARTNER])
        self.day = business_date_of(self.contract.day, redemption.requested_at)

    async def take_in(self, day: date, *lines: StatementLine) -> None:
        """Send a day's file."""
        content = write_statement(PARTNER, day, 1, "CNY", lines)
        at = self.room.clock.now() + timedelta(days=30)
        await self.room.database.write(lambda c: ingest(c, parse_statement, PARTNER, "day.csv", content, at))

    async def reconcile(self, day: date) -> RunReport:
        """Match a day."""
        waiting = await self.room.database.read(partial(waiting_for_file, contract=self.contract))
        request = RunRequest(partner=PARTNER, business_date=day, folder=self.folder, holder="test")
        return await run(self.room.database, self.room.clock, request, waiting)

    async def end(self, report: RunReport) -> list[bool]:
        """Do what the file says."""
        engine = self.room.engine
        return [
            await self.room.database.write(partial(settle_by_file, engine=engine, item=item)) for item in report.settled
        ]

    async def state(self) -> State:
        """Where the redemption stands."""
        return (await self.room.get(self.redemption.id)).state


@pytest.fixture
async def night(database: Database, tmp_path: Path) -> Night:
    adapter = PlainPartner()
    adapter.scripts.append(granted_then_lost)
    room = await open_room(database, skyhub_lounge=adapter)
    room.partners[PARTNER] = connected(adapter, partner=PARTNER, facts=Facts())
    redemption = await room.redeem()
    room.clock.advance(seconds=3)
    await room.sweeper.sweep()
    found = Night(room, redemption, tmp_path)
    assert await found.state() is State.MANUAL
    return found


async def test_st_20_the_file_claims_it_and_the_next_run_matches_it(night: Night) -> None:
    await night.take_in(night.day, row(night.redemption, "used"))
    first = await night.reconcile(night.day)
    assert [(item.redemption_id, item.issued) for item in first.settled] == [(night.redemption.id, True)]
    (opened,) = await night.room.database.read(partial(break_store.list_breaks, state="open"))
    assert opened.item.kind == "missing_ours"
    assert await night.end(first) == [True]
    assert await night.state() is State.CAPTURED
    assert await night.room.balance() == (OPENING - 600, 0)
    second = await night.reconcile(night.day)
    assert second.run.summary["outcomes"] == {"matched": 1}
    assert second.settled == ()
    (closed,) = await night.room.database.read(partial(break_store.list_breaks))
    assert (closed.state, closed.close_reason) == ("closed", "matched")


async def test_the_file_says_that_it_failed_and_the_points_come_back(night: Night) -> None:
    await night.take_in(night.day, row(night.redemption, "failed"))
    assert await night.end(await night.reconcile(night.day)) == [True]
    assert await night.state() is State.VOIDED
    assert await night.room.balance() == (OPENING, 0)
    assert await night.room.database.read(partial(break_store.list_breaks)) == []


TOLD: dict[str, tuple[State, Callable[[Redemption], list[StatementLine]]]] = {
    "given back": (State.VOIDED, lambda one: [row(one), refund(one)]),
    "given back in parts": (State.VOIDED, lambda one: [row(one), refund(one, 5_000), refund(one, 7_000)]),
    "given back and not listed": (State.VOIDED, lambda one: [refund(one, partner_reference="R-7")]),
    "cancelled": (State.VOIDED, lambda one: [row(one), row(one, "cancelled")]),
    "cancelled, and a failed try": (
        State.VOIDED,
        lambda one: [row(one, "cancelled"), row(one, "failed", partner_reference=None)],
    ),
    "given back and booked again": (State.CAPTURED, lambda one: [row(one), refund(one), row(one)]),
    "booked again as another": (
        State.CAPTURED,
        lambda one: [row(one, partner_reference="P-0"), refund(one, partner_reference="P-0"), row(one)],
    ),
    "another failed after it": (State.CAPTURED, lambda one: [row(one), row(one, "failed", partner_reference="P-2")]),
    "given back in part": (State.CAPTURED, lambda one: [row(one), refund(one, 5_000, partner_reference="R-7")]),
    "a part given back of what is not listed": (State.MANUAL, lambda one: [refund(one, 5_000)]),
    "rows beside it": (State.MANUAL, lambda one: [row(one, kind=kind) for kind in ("fee", "guest_visit")]),
}


@pytest.mark.parametrize(("state", "told"), TOLD.values(), ids=TOLD.keys())
async def test_all_rows_of_the_key_decide_together(
    night: Night, state: State, told: Callable[[Redemption], list[StatementLine]]
) -> None:
    await night.take_in(night.day, *told(night.redemption))
    assert await night.end(await night.reconcile(night.day)) == ([] if state is State.MANUAL else [True])
    assert await night.state() is state
    found = await night.room.get(night.redemption.id)
    assert found.partner_reference == ("P-1" if state is State.CAPTURED else found.partner_reference)
    assert (
        await night.room.balance()
        == {
            State.VOIDED: (OPENING, 0),
            State.CAPTURED: (OPENING - 600, 0),
            State.MANUAL: (OPENING - 600, 600),
        }[state]
    )
    await night.room.require_clean_books()


async def test_rows_of_several_days_decide_together(night: Night) -> None:
    later, again = night.day + timedelta(days=1), night.day + timedelta(days=2)
    await night.take_in(night.day, row(night.redemption))
    await night.take_in(later, refund(night.redemption))
    await night.take_in(again, row(night.redemption, "used"))
    assert await night.end(await night.reconcile(again)) == [True]
    assert await night.state() is State.CAPTURED


async def test_what_a_later_file_denies_is_left_to_its_night(night: Night) -> None:
    later = night.day + timedelta(days=1)
    await night.take_in(night.day, row(night.redemption, "failed"))
    await night.take_in(later, row(night.redemption))
    assert (await night.reconcile(night.day)).settled == ()
    assert await night.end(await night.reconcile(later)) == [True]
    assert await night.state() is State.CAPTURED


async def test_a_part_given_back_is_no_absence(night: Night) -> None:
    closing = night.day + timedelta(days=night.contract.late_window_days)
    await night.take_in(night.day, refund(night.redemption, 5_000))
    for days in range(1, night.contract.late_window_days + 1):
        await night.take_in(night.day + timedelta(days=days))
    assert (await night.reconcile(closing)).settled == ()


async def test_absence_proves_nothing_until_late_rows_can_no_longer_come(night: Night) -> None:
    await night.take_in(night.day)
    assert (await night.reconcile(night.day)).settled == ()
    closing = night.day + timedelta(days=night.contract.late_window_days)
    assert (await night.reconcile(closing)).settled == ()
    await night.take_in(closing)
    assert (await night.reconcile(closing)).settled == ()
    for days in range(1, night.contract.late_window_days):
        await night.take_in(night.day + timedelta(days=days))
    assert await night.end(await night.reconcile(closing)) == [True]
    assert await night.state() is State.VOIDED


async def test_what_has_ended_otherwise_is_left_alone(night: Night) -> None:
    await night.take_in(night.day, row(night.redemption, "used"))
    report = await night.reconcile(night.day)
    await night.end(report)
    late = SettledByFile(night.redemption.id, night.redemption.partner_key, False, None, None)
    again = await night.room.database.write(partial(settle_by_file, engine=night.room.engine, item=late))
    assert again is False
    assert await night.state() is State.CAPTURED
