"""ST-20: the partner's closed file ends what nobody else can: a redemption given to people."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest

from adapters.sdk.manifest import Facts
from adapters.sdk.records import StatementLine
from adapters.sdk.statement_file import parse_statement, write_statement
from catalogue.values import Money
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
from tests.support.partners import PlainPartner, connected, granted_then_lost
from tests.support.room import OPENING, PARTNER, Room, open_room


class Night:
    """A redemption that went to people, and the partner's night after it."""

    def __init__(self, room: Room, redemption: Redemption, folder: Path) -> None:
        self.room, self.redemption, self.folder = room, redemption, folder
        path = PACKAGED_FOLDER / "partners" / f"{PARTNER}.toml"
        self.contract: PartnerContract = read_contract(path, read_partner_files(PACKAGED_FOLDER)[PARTNER])
        self.day = business_date_of(self.contract.day, redemption.requested_at)

    async def take_in(self, day: date, *statuses: str, refund: int | None = None) -> None:
        """Send a file that says these things of the redemption, and perhaps gives something back."""
        told = [("visit", 12_000, status) for status in statuses]
        told += [] if refund is None else [("refund", -refund, "refunded")]
        lines = [
            StatementLine(
                row=1,
                reference=self.redemption.partner_key,
                partner_reference="P-1",
                kind=kind,
                service_date=date(2026, 12, 1),
                quantity=1,
                amount=Money(amount, "CNY"),
                status=status,
            )
            for kind, amount, status in told
        ]
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
    await night.take_in(night.day, "used")
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
    await night.take_in(night.day, "failed")
    assert await night.end(await night.reconcile(night.day)) == [True]
    assert await night.state() is State.VOIDED
    assert await night.room.balance() == (OPENING, 0)
    assert await night.room.database.read(partial(break_store.list_breaks)) == []


@pytest.mark.parametrize(("refund", "state"), [(12_000, State.VOIDED), (5_000, State.CAPTURED)])
async def test_what_was_booked_and_given_back_whole_is_not_charged(night: Night, refund: int, state: State) -> None:
    await night.take_in(night.day, "booked", refund=refund)
    assert await night.end(await night.reconcile(night.day)) == [True]
    assert await night.state() is state


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
    await night.take_in(night.day, "used")
    report = await night.reconcile(night.day)
    await night.end(report)
    late = SettledByFile(night.redemption.id, night.redemption.partner_key, False, None, None)
    again = await night.room.database.write(partial(settle_by_file, engine=night.room.engine, item=late))
    assert again is False
    assert await night.state() is State.CAPTURED
