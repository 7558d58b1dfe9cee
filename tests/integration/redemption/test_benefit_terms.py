"""What a benefit's terms do to a redemption: stock, quotas, rights of every window, terms that stay as sold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

import msgspec
import pytest

from adapters.sdk.records import Visit
from catalogue import entitlements_store, voucher_store
from catalogue.benefits import Benefit, EntitlementTerms, PayWith
from catalogue.benefits_cancellation import Cancellation, refund_of
from catalogue.entitlements_store import UseState
from catalogue.entitlements_windows import Quota, WindowKind, calendar_year
from catalogue.errors import EntitlementExhaustedError, NotEligibleError
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from catalogue.statuses import grant_status
from catalogue.tier_match import HeldStatus, Provenance
from config.database import Database
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from gateway.redemption import reversal_store, store
from gateway.redemption.records import POINTS, Quote
from gateway.redemption.states import State
from settlement.balances import uses_standing
from tests.support.partners import FencingPartner, no
from tests.support.room import MEMBER, PARTNER, Room, open_room

DAY = date(2026, 12, 1)
VISIT = "lounge-visit"


def changed(**terms: object) -> Callable[[Catalogue], Catalogue]:
    """A catalogue whose lounge visit has other terms."""

    def change(catalogue: Catalogue) -> Catalogue:
        (visit,) = catalogue.benefits[VISIT]
        return replaced(catalogue, msgspec.structs.replace(visit, **terms))

    return change


def replaced(catalogue: Catalogue, *versions: Benefit) -> Catalogue:
    return msgspec.structs.replace(catalogue, benefits=catalogue.benefits | {VISIT: versions})


def by_right(window: WindowKind, *, days: int | None = None, uses: int = 2) -> Callable[[Catalogue], Catalogue]:
    """A catalogue whose lounge visit is a right of gold members in some window."""

    def change(catalogue: Catalogue) -> Catalogue:
        (visit,) = catalogue.benefits[VISIT]
        terms = EntitlementTerms(uses={"gold": uses}, guests=1, window=window, days=days)
        payment = msgspec.structs.replace(visit.payment, entitlement=terms)
        return replaced(catalogue, msgspec.structs.replace(visit, payment=payment))

    return change


async def room_of(database: Database, changing: Callable[[Catalogue], Catalogue]) -> tuple[Room, FencingPartner]:
    partner = FencingPartner()
    room = await open_room(database, changing=changing, skyhub_lounge=partner)
    gold = HeldStatus(programme="host", tier="gold", provenance=Provenance.EARNED, valid_from_date=date(2026, 1, 1))
    await database.write(lambda connection: grant_status(connection, MEMBER, gold, {}, room.clock.now()))
    return room, partner


async def quote(
    room: Room, *, day: date = DAY, guests: int = 0, pay_with: PayWith = PayWith.POINTS, version: int = 1
) -> Quote:
    made = await room.quote(guests=guests)
    right = pay_with is PayWith.ENTITLEMENT
    other = msgspec.structs.replace(
        made,
        id=room.identifiers.new("quote"),
        pay_with=pay_with,
        benefit_version=version,
        commodity=f"VISIT:{VISIT}" if right else POINTS,
        quantity={PayWith.ENTITLEMENT: 1, PayWith.POINTS: 600}.get(pay_with, 0),
        service=Visit(airport="PVG", lounge_id="L1", visit_date=day, guests=guests),
    )
    await room.database.write(partial(store.add_quote, quote=other))
    return other


async def take(
    room: Room, *, day: date = DAY, guests: int = 0, pay_with: PayWith = PayWith.POINTS, version: int = 1
) -> str:
    """Quote and take in one visit; answer the redemption's id."""
    made = await quote(room, day=day, guests=guests, pay_with=pay_with, version=version)
    taken = await room.database.write(partial(room.intake.take_in, quote_id=made.id, member_id=MEMBER))
    return taken.id


async def undo(room: Room, redemption_id: str) -> None:
    """Let the partner undo a captured redemption whole."""
    redemption = await room.get(redemption_id)
    ask = partial(reversal_store.ask, redemption=redemption, quantity=redemption.quote.quantity, reason="test")
    await room.database.write(lambda connection: ask(connection, at=room.clock.now()))
    await room.reversals.advance(redemption_id, 1)


async def uses(room: Room) -> list[tuple[date, str]]:
    found = await room.database.read(partial(entitlements_store.live_uses, member_id=MEMBER))
    return [(use.service_date, use.state) for use in found]


async def refused(room: Room, code: str, **asked: object) -> None:
    held = await room.balance()
    with pytest.raises(NotEligibleError) as error:
        await take(room, **asked)  # type: ignore[arg-type]
    assert error.value.facts["reasons"] == code
    assert await room.balance() == held, "a refusal holds nothing"


async def test_the_last_piece_goes_to_one_and_comes_back_when_the_partner_refuses(database: Database) -> None:
    room, partner = await room_of(database, changed(stock=1))
    partner.scripts.append(no)
    first = await take(room)
    await refused(room, "sold_out")
    await room.engine.advance(first)
    assert (await room.get(first)).state is State.VOIDED
    second = await take(room)
    await room.engine.advance(second)
    assert (await room.get(second)).state is State.CAPTURED
    assert await uses(room) == [(DAY, UseState.USED)]
    await refused(room, "sold_out")
    await undo(room, second)
    assert await uses(room) == []
    await take(room)
    await room.require_clean_books()


async def test_of_a_crowd_one_gets_the_last_piece(database: Database) -> None:
    room, _ = await room_of(database, changed(stock=1))
    quotes = [await quote(room) for _ in range(4)]
    attempts = (database.write(partial(room.intake.take_in, quote_id=one.id, member_id=MEMBER)) for one in quotes)
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert [isinstance(result, NotEligibleError) for result in results].count(True) == 3
    assert await room.balance() == (10_000 - 600, 600)


async def test_a_quota_counts_what_is_under_way_and_forgets_what_was_given_back(database: Database) -> None:
    monthly = Quota(limit=2, window=WindowKind.CALENDAR_MONTH)
    room, partner = await room_of(database, changed(quotas=(monthly,)))
    first = await take(room)
    await take(room, day=DAY + timedelta(days=3))
    await refused(room, "quota_reached", day=DAY + timedelta(days=30))
    await take(room, day=DAY + timedelta(days=31))
    partner.scripts.append(no)
    await room.engine.advance(first)
    await take(room, day=DAY + timedelta(days=30))
    await room.require_clean_books()


async def test_quotas_of_one_member_do_not_race(database: Database) -> None:
    """Nothing is held for what is paid at the partner, so that no ledger account puts the attempts in a row."""
    room, _ = await room_of(database, changed(quotas=(Quota(limit=1),)))
    quotes = [await quote(room, pay_with=PayWith.AT_PARTNER) for _ in range(4)]
    attempts = (database.write(partial(room.intake.take_in, quote_id=one.id, member_id=MEMBER)) for one in quotes)
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert [isinstance(result, NotEligibleError) for result in results].count(True) == 3


async def test_a_quota_of_visitors_counts_guests(database: Database) -> None:
    room, _ = await room_of(database, changed(quotas=(Quota(limit=3, counts="visitors"),)))
    await take(room, guests=1)
    await refused(room, "quota_reached", guests=1)
    await take(room)


RIGHT = PayWith.ENTITLEMENT


async def test_next_years_visit_is_a_use_of_next_years_right(database: Database) -> None:
    room, _ = await room_of(database, by_right(WindowKind.CALENDAR_YEAR))
    for day in (DAY, date(2027, 1, 5), date(2027, 2, 5)):
        await room.engine.advance(await take(room, day=day, pay_with=RIGHT))
    standing = []
    for year in (2026, 2027):
        ends_at = calendar_year(date(year, 1, 1)).ends_at("Asia/Shanghai")
        read = partial(uses_standing, member_id=MEMBER, benefit_id=VISIT, window_end_at=ends_at)
        found = await database.read(read)
        standing.append((found.granted, found.available, found.held))
    assert standing == [(2, 1, 0), (2, 0, 0)]
    with pytest.raises(EntitlementExhaustedError):
        await take(room, day=date(2027, 3, 5), pay_with=RIGHT)
    await take(room, day=date(2026, 12, 24), pay_with=RIGHT)
    await room.require_clean_books()


async def test_a_right_of_rolling_days(database: Database) -> None:
    room, partner = await room_of(database, by_right(WindowKind.ROLLING_DAYS, days=30))
    first = await take(room, day=DAY, pay_with=RIGHT)
    await take(room, day=DAY + timedelta(days=29), pay_with=RIGHT)
    for within in (1, 15, 29):
        with pytest.raises(EntitlementExhaustedError):
            await take(room, day=DAY + timedelta(days=within), pay_with=RIGHT)
    await take(room, day=DAY + timedelta(days=30), pay_with=RIGHT)
    partner.scripts.append(no)
    await room.engine.advance(first)
    await room.engine.advance(await take(room, day=DAY, pay_with=RIGHT))
    assert [day for day, _ in await uses(room)] == [DAY, DAY + timedelta(days=29), DAY + timedelta(days=30)]
    await room.require_clean_books()


async def test_a_right_per_stay(database: Database) -> None:
    room, _ = await room_of(database, by_right(WindowKind.STAY, uses=1))
    await take(room, day=DAY, pay_with=RIGHT)
    with pytest.raises(EntitlementExhaustedError):
        await take(room, day=DAY, pay_with=RIGHT)
    await take(room, day=DAY + timedelta(days=1), pay_with=RIGHT)
    await room.require_clean_books()


async def test_rolling_rights_do_not_race(database: Database) -> None:
    room, _ = await room_of(database, by_right(WindowKind.ROLLING_DAYS, days=30))
    quotes = [await quote(room, day=DAY + timedelta(days=count), pay_with=RIGHT) for count in range(5)]
    attempts = (database.write(partial(room.intake.take_in, quote_id=one.id, member_id=MEMBER)) for one in quotes)
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert [isinstance(result, EntitlementExhaustedError) for result in results].count(True) == 3
    assert len(await uses(room)) == 2


async def test_what_is_held_keeps_the_terms_it_was_sold_under(database: Database) -> None:
    """Version 2 takes effect between the sale and the visit: price, refund and voucher stay those of version 1."""

    def change(catalogue: Catalogue) -> Catalogue:
        (first,) = catalogue.benefits[VISIT]
        second = msgspec.structs.replace(
            first,
            version=2,
            announced_date=date(2026, 11, 1),
            effective_from_date=date(2026, 11, 25),
            cancellation=Cancellation(),
            voucher=None,
            stock=0,
        )
        return replaced(catalogue, first, second)

    room, _ = await room_of(database, change)
    sold = await quote(room, version=1)
    room.clock.advance(minutes=5)
    taken = await database.write(partial(room.intake.take_in, quote_id=sold.id, member_id=MEMBER))
    await room.engine.advance(taken.id)
    redemption = await room.get(taken.id)
    voucher = await database.read(partial(voucher_store.voucher_of, redemption_id=taken.id))
    assert voucher is not None
    assert (redemption.quote.benefit_version, voucher.benefit_version) == (1, 1)
    assert (voucher.partner, voucher.undo_minutes) == (PARTNER, 10)
    catalogue = change(load_catalogue(PACKAGED_FOLDER, tuple(read_partner_files(PACKAGED_FOLDER))))
    in_force = catalogue.benefit(VISIT, date(2026, 11, 26))
    held = catalogue.benefit_version(VISIT, redemption.quote.benefit_version or 0)
    assert in_force is not None
    assert held is not None
    now = room.clock.now()
    starts = now + timedelta(days=5)
    assert refund_of(held.cancellation, 600, starts, now) == 600
    assert refund_of(in_force.cancellation, 600, starts, now) == 0
    await refused(room, "sold_out", version=2)
