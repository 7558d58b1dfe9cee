"""What a statement file may do to redemptions: end those given to people, make us look at ended ones, and no more."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import CancelResult, ReservationRequest, StatementLine
from adapters.sdk.statement_file import parse_statement, write_statement
from catalogue.values import Money
from config.database import Database
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from gateway.operations.alarms import Alarms
from gateway.operations.switches import read_switch
from gateway.redemption import reversal_store
from gateway.redemption.records import Redemption
from gateway.redemption.states import State
from gateway.redemption.suspicions import doubled
from gateway.redemption.tables import claims
from gateway.services.undecided import (
    contradicted_by_file,
    granted_twice_by_file,
    settle_by_file,
    waiting_for_file,
)
from settlement.contracts import PartnerContract, read_contract
from settlement.errors import ObligationError
from settlement.statements import ingest
from settlement.tables import settlement_lines
from settlement.undecided import SettledByFile, settled_by_file
from tests.support.partners import CAPABILITIES, FencingPartner, connected, lost, no
from tests.support.plans import plans
from tests.support.room import OPENING, PARTNER, Room, open_room

DAY = date(2026, 11, 22)


def contract() -> PartnerContract:
    path = PACKAGED_FOLDER / "partners" / f"{PARTNER}.toml"
    return read_contract(path, read_partner_files(PACKAGED_FOLDER)[PARTNER])


async def take_in(room: Room, redemption: Redemption, status: str, day: date = DAY, kind: str = "visit") -> None:
    line = StatementLine(
        row=1,
        reference=redemption.partner_key,
        partner_reference="P-1",
        kind=kind,
        service_date=date(2026, 12, 1),
        quantity=1,
        amount=Money(-12_000 if kind == "refund" else 12_000, "CNY"),
        status=status,
    )
    content = write_statement(PARTNER, day, 1, "CNY", [line])
    at = room.clock.now() + timedelta(days=30)
    await room.database.write(lambda c: ingest(c, parse_statement, PARTNER, f"{day}.csv", content, at))


async def contradicted(room: Room) -> tuple[str, ...]:
    return await room.database.read(partial(contradicted_by_file, partner=PARTNER, business_date=DAY))


async def test_a_row_that_says_what_we_say_wakes_nobody(database: Database) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    await take_in(room, redemption, "used")
    assert await contradicted(room) == ()


@pytest.mark.parametrize(("kind", "status"), [("visit", "cancelled"), ("refund", "refunded")])
async def test_what_was_taken_back_is_asked_about_until_the_points_are_back(
    database: Database, kind: str, status: str
) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    await take_in(room, redemption, status, kind=kind)
    assert await contradicted(room) == (redemption.id,)
    assert await room.observer.look(redemption.id)
    assert await room.balance() == (OPENING - 600, 0)
    partner.book.cancelled.add(redemption.partner_key)
    assert await room.observer.look(redemption.id)
    assert await contradicted(room) == ()
    assert await room.balance() == (OPENING, 0)


async def test_a_row_that_claims_a_voided_redemption_has_it_looked_at(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(no)
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    await take_in(room, redemption, "used")
    assert await contradicted(room) == (redemption.id,)
    partner.book.issued[redemption.partner_key] = 1
    assert await room.observer.look(redemption.id)
    assert await contradicted(room) == ()
    assert await room.database.read(lambda c: len(c.execute(sa.select(claims)).all())) == 1


async def test_a_refusal_in_the_file_ends_nothing_that_may_still_be_sent(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(lost)
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    assert redemption.state is State.UNKNOWN
    said = SettledByFile(redemption.id, redemption.partner_key, False, "sln_1", None)
    assert not await database.write(partial(settle_by_file, engine=room.engine, item=said))
    said = SettledByFile(redemption.id, redemption.partner_key, True, "sln_1", "P-9")
    assert await database.write(partial(settle_by_file, engine=room.engine, item=said))
    found = await room.get(redemption.id)
    assert (found.state, found.partner_reference) == (State.CAPTURED, "P-9")


async def test_a_refusal_of_yesterday_does_not_speak_of_today_s_try(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.extend([lost, lost])
    room = await open_room(database, skyhub_lounge=partner)
    room.partners[PARTNER] = connected(partner, partner=PARTNER)
    room.clock.advance(hours=13, minutes=58)
    redemption = await room.redeem()
    room.clock.advance(minutes=5)
    await room.sweeper.sweep()
    await take_in(room, redemption, "failed")
    (waiting,) = await database.read(partial(waiting_for_file, contract=contract()))
    assert (waiting.business_date, waiting.last_sent_date) == (DAY, DAY + timedelta(days=1))
    decided = partial(settled_by_file, partner=PARTNER, business_date=DAY + timedelta(days=1), undecided=(waiting,))
    assert await database.read(decided) == ()
    await take_in(room, redemption, "failed", DAY + timedelta(days=1))
    assert [item.issued for item in await database.read(decided)] == [False]


async def test_one_that_cannot_be_booked_stops_no_other(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    partner = FencingPartner()
    partner.scripts.append(lost)
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()

    def unpriced(*_: object) -> None:
        raise ObligationError("no terms")

    monkeypatch.setattr(room.engine._endings._effects, "captured", unpriced)
    said = SettledByFile(redemption.id, redemption.partner_key, True, "sln_1", None)
    assert not await database.write(partial(settle_by_file, engine=room.engine, item=said))
    assert (await room.get(redemption.id)).state is State.MANUAL
    assert not await database.write(partial(settle_by_file, engine=room.engine, item=said))
    assert (await room.get(redemption.id)).state is State.MANUAL


class KeepingPartner(FencingPartner):
    """Keeps a part of its price when it is cancelled."""

    async def fence(self, request: ReservationRequest) -> CancelResult:
        await super().fence(request)
        return CancelResult(outcome=Outcome.OK, refund=Money(9_000, "CNY"))


CAPABILITIES[KeepingPartner] = CAPABILITIES[FencingPartner]


async def test_what_a_partner_keeps_of_its_price_is_a_fee(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=KeepingPartner())
    redemption = await room.redeem()
    ask = partial(reversal_store.ask, redemption=redemption, quantity=600, reason="test", at=room.clock.now())
    await database.write(ask)
    await room.sweeper.sweep()
    line = settlement_lines.c
    query = sa.select(line.kind, line.gross).order_by(line.kind)
    found = await database.read(lambda c: [tuple(row) for row in c.execute(query)])
    assert found == [("cancel_fee", 3_000), ("purchase", 12_000), ("refund", -12_000)]
    assert await room.balance() == (OPENING, 0)
    await room.require_clean_books()


async def listed(
    room: Room,
    redemption: Redemption,
    day: date,
    *references: str | None,
    status: str = "used",
    guests: tuple[str, ...] = (),
) -> None:
    """Take in a day's file that lists a redemption once for each of the partner's references, and guests besides."""
    rows = [
        StatementLine(
            row=number,
            reference=redemption.partner_key,
            partner_reference=reference,
            kind="guest_visit" if reference in guests else "visit",
            service_date=date(2026, 12, 1),
            quantity=1,
            amount=Money(12_000, "CNY"),
            status=status,
        )
        for number, reference in enumerate((*references, *guests), start=1)
    ]
    content = write_statement(PARTNER, day, 1, "CNY", rows)
    at = room.clock.now() + timedelta(days=30)
    await room.database.write(lambda c: ingest(c, parse_statement, PARTNER, f"{day}.csv", content, at))


async def twice(room: Room, day: date = DAY) -> dict[str, int]:
    return await room.database.read(partial(granted_twice_by_file, partner=PARTNER, business_date=day))


async def test_nw_24_two_bookings_under_one_key_are_found_in_the_file(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    redemption, other = await room.redeem(), await room.redeem()
    await listed(room, redemption, DAY, "P-1", "P-2")
    assert await twice(room) == {redemption.id: 2}
    assert await twice(room, DAY + timedelta(days=1)) == {}
    await listed(room, other, DAY + timedelta(days=1), "P-3")
    await listed(room, other, DAY + timedelta(days=2), "P-4")
    assert await twice(room, DAY + timedelta(days=2)) == {other.id: 2}, "over two days' files"


async def test_nw_24_one_booking_listed_twice_or_cancelled_since_is_one(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    redemption = await room.redeem()
    await listed(room, redemption, DAY, "P-1", "P-1", None)
    assert await twice(room) == {}
    await listed(room, redemption, DAY + timedelta(days=1), "P-1", status="cancelled")
    await listed(room, redemption, DAY + timedelta(days=2), "P-2")
    assert await twice(room, DAY + timedelta(days=2)) == {}


async def test_nw_24_a_guest_s_row_of_its_own_is_no_second_booking(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    redemption = await room.redeem()
    await listed(room, redemption, DAY, "P-1", guests=("G-1",))
    assert await twice(room) == {}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_was_granted_twice_is_looked_for_once_a_row(database: Database) -> None:
    """Row by row of the file: with the rows inside the redemptions, a night of 14,000 rows took minutes."""
    find = partial(granted_twice_by_file, partner=PARTNER, business_date=DAY)
    ((_, plan),) = (await database.read(partial(plans, operation=find))).items()
    assert "statement_lines" in plan[0], plan
    assert "ix_redemptions_folded_key" in plan[-2], plan


async def test_nw_24_what_the_file_shows_switches_repeats_off(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    redemption = await room.redeem()
    at = room.clock.now()
    tell = partial(doubled, alarms=Alarms(room.identifiers), partner=PARTNER, redemption_id=redemption.id, at=at)
    assert await database.write(partial(tell, evidence="the statement shows 2"))
    assert not await database.write(partial(tell, evidence="the statement shows 2"))
    switch = await database.read(partial(read_switch, partner=PARTNER))
    assert (switch.distrusted, switch.disabled) == (True, False)
