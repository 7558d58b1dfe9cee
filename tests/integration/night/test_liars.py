"""A partner that says yes and books nothing is believed at once, and found out by the next file of its own book."""

from __future__ import annotations

from pathlib import Path

from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import ReservationRequest, StepResult
from config.database import Database
from gateway.redemption.states import State
from settlement import break_store
from tests.integration.night.test_undecided import Night
from tests.support.nights import row
from tests.support.partners import Book, FencingPartner
from tests.support.room import OPENING, open_room


def lie(book: Book, request: ReservationRequest) -> StepResult:
    """Say yes and book nothing."""
    return StepResult(outcome=Outcome.OK, partner_reference="P-9")


async def test_nw_20_what_a_liar_did_not_book_is_captured_and_found_by_the_night(
    database: Database, tmp_path: Path
) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    honest = await room.redeem()
    partner.scripts.append(lie)
    lied = await room.redeem()
    assert (honest.state, lied.state) == (State.CAPTURED, State.CAPTURED)
    assert await room.balance() == (OPENING - 1_200, 0)
    assert set(partner.book.issued) == {honest.partner_key}

    room.clock.advance(hours=20)
    night = Night(room, honest, tmp_path)
    await night.take_in(night.day, row(honest, "used"))
    report = await night.reconcile(night.day)
    assert report.run.summary["outcomes"] == {"matched": 1, "missing_theirs": 1}
    (found,) = await database.read(lambda connection: break_store.list_breaks(connection, state="open"))
    assert (found.item.kind, found.item.reference) == ("missing_theirs", lied.partner_key)
    assert (found.item.owner, found.item.business_date) == ("partner", night.day)

    room.clock.advance(hours=24)
    await night.reconcile(night.day)
    kept = await database.read(break_store.list_breaks)
    assert [each.item.reference for each in kept] == [lied.partner_key], "one cycle finds it, the next finds it once"
    assert (await room.get(lied.id)).state is State.CAPTURED, "people decide what becomes of it"
