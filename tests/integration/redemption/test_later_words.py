"""OP-08, word by word: what is asked for in words of a later version is left to it, and all else goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sdk.records import StatementLine
from catalogue.conversion_caps import Used
from catalogue.values import Rate
from config.database import Database
from config.errors import NotFoundError
from gateway.cli.audit import live_hold_keys
from gateway.edge_tables import webhook_inbox
from gateway.errors import TransitionError
from gateway.operations.alarms import list_alarms
from gateway.redemption import people, reversal_store, store
from gateway.redemption.conversion_usage import conversions_used
from gateway.redemption.people import Finding
from gateway.redemption.records import Redemption
from gateway.redemption.states import ReversalState, State
from gateway.redemption.tables import quotes, reversals
from gateway.services.conversion_corrections import list_corrections
from gateway.services.conversions import read_conversion
from gateway.services.undecided import settle_by_file
from settlement.audit import audit
from settlement.undecided import SettledByFile
from tests.integration.redemption.test_conversion_corrections import PACKAGED, converted, corrected, open_club
from tests.integration.redemption.test_hints import open_with_inbox, receive, states
from tests.integration.redemption.test_people import says, waiting, with_people
from tests.support.later import LATER, Writing, any_word, change, kept, widen
from tests.support.nights import FilingPartner, nights_of, refund, row
from tests.support.partners import CAPABILITIES, FencingPartner, LookingUpPartner, granted_then_lost
from tests.support.room import MEMBER, OPENING, Room, open_room

DAY = date(2026, 11, 22)
WORDS: dict[str, Callable[[str], Writing]] = {
    "kind of service": partial(widen, quotes, "service", kind="balloon"),
    "word of a service": partial(widen, quotes, "service", guests="many"),
    "way to pay": partial(change, quotes, pay_with="instalments"),
    "kind of quote": partial(change, quotes, kind="gift"),
}
"""What a later version may write into a quote."""
words = pytest.mark.parametrize("write", WORDS.values(), ids=WORDS.keys())
unknown_kind = WORDS["kind of service"]


class LookingFiler(LookingUpPartner, FilingPartner):
    """Tells by key what became of a reservation, and accounts in files."""


CAPABILITIES[LookingFiler] = ("reserves", "looks_up", "reports_statements")


async def lost_ones(room: Room, partner: FencingPartner, count: int) -> list[Redemption]:
    """Redeem at a partner whose answers are lost."""
    partner.scripts.extend([granted_then_lost] * count)
    return [await room.redeem() for _ in range(count)]


@words
async def test_op_08_an_undecided_one_is_left_to_the_version_that_understands_it(
    database: Database, write: Callable[[str], Writing]
) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    mine, theirs = await lost_ones(room, partner, 2)
    await database.write(write(theirs.quote.id))
    before = await database.read(partial(kept, theirs.id))
    for minutes in (2, 2, 60):
        room.clock.advance(minutes=minutes)
        await room.sweeper.sweep()
    for issued in (True, False):
        item = SettledByFile(
            theirs.id, theirs.partner_key, issued=issued, statement_line_id="row", partner_reference="P-1"
        )
        assert not await database.write(partial(settle_by_file, engine=room.engine, item=item))
    assert await database.read(partial(kept, theirs.id)) == before
    assert (await room.get(mine.id)).state is State.CAPTURED
    assert (partner.calls, set(partner.keys[2:])) == (["book", "book", "look_up"], set())
    shown = await room.get(theirs.id)
    assert (shown.newer, shown.state, shown.quote.quantity) == (True, State.UNKNOWN, 600)
    report = await database.read(lambda connection: audit(connection, live_hold_keys=live_hold_keys(connection)))
    assert (report.findings, report.open_holds) == ((), (f"{theirs.id}:hold",))


@words
async def test_op_08_such_a_quote_is_not_redeemed_here(database: Database, write: Callable[[str], Writing]) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    quote = await room.quote()
    await database.write(write(quote.id))
    with pytest.raises(NotFoundError):
        await database.write(partial(room.intake.take_in, quote_id=quote.id, member_id=MEMBER))


async def test_op_08_a_callback_about_an_ended_one_is_kept_for_the_version_that_understands_it(
    database: Database,
) -> None:
    room, partner, worker = await open_with_inbox(database)
    mine, theirs = [await room.redeem() for _ in range(2)]
    await database.write(unknown_kind(theirs.quote.id))
    before = await database.read(partial(kept, theirs.id))
    partner.book.cancelled |= {mine.partner_key, theirs.partner_key}
    for number, one in enumerate((theirs, mine)):
        await receive(room, f"m{number}", one.partner_key.encode())
    await worker.work()
    assert await states(database) == [("waiting", 1), ("done", 0)]
    reasons = sa.select(webhook_inbox.c.reason).where(webhook_inbox.c.state == "waiting")
    assert "later version" in await database.read(lambda connection: connection.execute(reasons).scalar_one())
    assert await database.read(partial(kept, theirs.id)) == before
    assert await room.balance() == (OPENING - 600, 0)


async def test_op_08_people_do_not_undo_it_here(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    theirs = await room.redeem()
    await database.write(unknown_kind(theirs.quote.id))
    before = await database.read(partial(kept, theirs.id))
    finding = Finding("undone", "the desk says so", "ann")
    open_case = partial(people.open_undoing, finding=finding, points=None, now=room.clock.now())
    with pytest.raises(TransitionError, match="later version"):
        await database.write(partial(open_case, redemption_id=theirs.id))
    decide = partial(people.decide, engine=room.engine, effects=room.effects, finding=finding, now=room.clock.now())
    with pytest.raises(TransitionError, match="later version"):
        await database.write(partial(decide, case_id=f"{theirs.id}:reverse:1"))
    assert await database.read(partial(kept, theirs.id)) == before


async def test_op_08_people_see_a_case_of_it_and_do_not_end_it_here(database: Database) -> None:
    room, redemption_id = await with_people(database)
    await database.write(unknown_kind((await room.get(redemption_id)).quote.id))
    before = await database.read(partial(kept, redemption_id))
    assert [case.id for case in await waiting(room)] == [redemption_id]
    with pytest.raises(TransitionError, match="later version"):
        await says(room, redemption_id, "issued", "ann")
    assert await database.read(partial(kept, redemption_id)) == before


def taken_back(one: Redemption) -> StatementLine:
    return refund(one)


def not_shown(one: Redemption) -> StatementLine:
    return row(one, "no_show")


@pytest.mark.parametrize("adapter", [FilingPartner, LookingFiler], ids=["files decide", "is asked"])
@pytest.mark.parametrize(("told", "alarm"), [(taken_back, "file_not_booked"), (not_shown, "no_show_not_booked")])
async def test_op_08_the_night_goes_on_without_it_and_tells_people(
    database: Database,
    database_url: str,
    tmp_path: Path,
    adapter: Callable[[], FilingPartner],
    told: Callable[[Redemption], StatementLine],
    alarm: str,
) -> None:
    partner = adapter()
    room = await open_room(database, skyhub_lounge=partner)
    mine, theirs, other = [await room.redeem() for _ in range(3)]
    await database.write(unknown_kind(theirs.quote.id))
    before = await database.read(partial(kept, theirs.id))
    if isinstance(partner, LookingFiler) and told is taken_back:
        partner.book.cancelled |= {mine.partner_key, theirs.partner_key, other.partner_key}
    async with nights_of(room, database_url, tmp_path) as nights:
        night = await nights.run(DAY, *(told(one) for one in (mine, theirs, other)))
    assert night.bundle is not None
    assert night.bundle.control.detail_lines >= 3
    assert await database.read(partial(kept, theirs.id)) == before
    found = await database.read(partial(list_alarms, limit=10))
    assert [(one.kind, one.subject) for one in found] == [(alarm, theirs.id)]
    assert "later version" in found[0].facts["reason"]
    back = [await database.read(partial(reversal_store.of_redemption, redemption_id=one.id)) for one in (mine, other)]
    assert [len(one) for one in back] == ([1, 1] if told is taken_back else [0, 0])
    await room.require_clean_books()


async def test_op_08_a_reversal_of_a_later_version_is_not_ended_by_what_the_partner_tells(database: Database) -> None:
    await database.write(lambda connection: any_word(connection, reversals))
    partner = LookingUpPartner()
    room = await open_room(database, skyhub_lounge=partner)
    theirs = await room.redeem()
    ask = partial(reversal_store.ask, redemption=theirs, quantity=600, reason="asked", at=room.clock.now())
    await database.write(ask)
    await database.write(change(reversals, theirs.id, state=LATER))
    partner.book.cancelled.add(theirs.partner_key)
    before = await database.read(partial(kept, theirs.id))
    assert not await room.observer.look(theirs.id)
    found = await database.read(partial(kept, theirs.id))
    assert [one for one in found if "observe" not in one] == before
    (read,) = await database.read(partial(reversal_store.of_redemption, redemption_id=theirs.id))
    move = partial(reversal_store.move, reversal=read, state=ReversalState.APPLIED, at=room.clock.now())
    with pytest.raises(TransitionError, match="moved on"):
        await database.write(move)
    assert await room.balance() == (OPENING - 600, 0)


async def test_op_08_a_conversion_that_is_not_understood_hides_no_other(database: Database) -> None:
    catalogue = corrected(*PACKAGED.conversions, rate=Rate(1, 1), bonus=None)
    room = await open_club(database, catalogue)
    mine, theirs = await converted(room, 1_000, 800), await converted(room, 500, 400)
    await database.write(change(quotes, theirs.quote.id, service={"kind": "balloon"}))
    assert [one.refund.conversion_id for one in await list_corrections(database, catalogue)] == [mine.id]
    used = await database.read(partial(conversions_used, catalogue=catalogue, member_id=MEMBER))
    today, pair = catalogue.programme.today(room.clock.now()), catalogue.conversions[0].pair
    assert set(used) == {Used(today, *pair, 1_000, 800), Used(today, *pair, 500, 0)}
    listed = await database.read(partial(store.of_member, member_id=MEMBER, before=None, limit=9, kind="conversion"))
    assert {one.id: one.newer for one in listed} == {mine.id: False, theirs.id: True}
    read = partial(read_conversion, catalogue=catalogue, now=room.clock.now())
    assert (await database.read(partial(read, redemption_id=mine.id))).to_quantity == 800
    with pytest.raises(TransitionError, match="later version"):
        await database.read(partial(read, redemption_id=theirs.id))
