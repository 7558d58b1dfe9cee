"""Uses and stock of benefits on both databases: exact under a crowd, given back once."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from functools import partial

import msgspec
import pytest

from catalogue import entitlements_store as store
from catalogue.benefits import Benefit, PayWith
from catalogue.eligibility_rules import Energy, Vehicle
from catalogue.entitlements_windows import Quota, Use
from catalogue.errors import NotEligibleError
from catalogue.loader import Catalogue
from catalogue.members import MemberInput, MemberRecord, member_context, upsert_member
from config.database import Database
from tests.integration.catalogue.conftest import AT, MEMBER, OTHER

DAY = date(2026, 12, 1)


@pytest.fixture
def rare(catalogue: Catalogue) -> Benefit:
    """A benefit of which there are three pieces."""
    benefit = catalogue.benefit("lounge-visit", AT.date())
    assert benefit is not None
    return msgspec.structs.replace(benefit, stock=3)


async def take(
    database: Database, benefit: Benefit, redemption: str, *, member_id: str = MEMBER, day: date = DAY, guests: int = 0
) -> bool:
    use = Use(service_date=day, stay="PVG", trip=redemption, guests=guests)
    return await database.write(
        lambda connection: store.take(
            connection, benefit, use, redemption_id=redemption, member_id=member_id, pay_with=PayWith.POINTS, at=AT
        )
    )


async def pieces(database: Database, benefit: Benefit) -> int:
    taken = await database.read(lambda connection: store.taken_of(connection, MEMBER, [benefit]))
    return taken[benefit.id].pieces


async def release(database: Database, redemption: str) -> bool:
    return await database.write(partial(store.release, redemption_id=redemption, at=AT))


async def test_of_a_crowd_no_more_get_a_piece_than_there_are(
    database: Database, member: MemberRecord, rare: Benefit
) -> None:
    results = await asyncio.gather(*(take(database, rare, f"rdm_{n}") for n in range(8)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, NotEligibleError)]
    assert [result for result in results if result is True] == [True] * 3
    assert [error.facts["reasons"] for error in refused] == ["sold_out"] * 5
    assert await pieces(database, rare) == 3
    live = await database.read(partial(store.live_uses, member_id=MEMBER))
    assert len(live) == 3, "who got no piece has no use either"


async def test_a_piece_given_back_can_be_had_again_and_only_once(
    database: Database, member: MemberRecord, rare: Benefit
) -> None:
    one = msgspec.structs.replace(rare, stock=1)
    assert await take(database, one, "rdm_1") is True
    assert await take(database, one, "rdm_1") is False, "the same redemption takes once"
    assert [await release(database, "rdm_1"), await release(database, "rdm_1")] == [True, False]
    assert await release(database, "rdm_unknown") is False
    assert await pieces(database, one) == 0
    assert await take(database, one, "rdm_2") is True
    with pytest.raises(NotEligibleError):
        await take(database, one, "rdm_3")


async def test_each_version_has_its_own_stock(database: Database, member: MemberRecord, rare: Benefit) -> None:
    first, second = (msgspec.structs.replace(rare, stock=1, version=version) for version in (1, 2))
    await take(database, first, "rdm_1")
    assert await pieces(database, second) == 0
    assert await take(database, second, "rdm_2") is True


async def test_a_live_benefit_counts_uses_and_no_pieces(
    database: Database, member: MemberRecord, other_member: MemberRecord, catalogue: Catalogue
) -> None:
    live = catalogue.benefit("lounge-visit", AT.date())
    assert live is not None
    await take(database, live, "rdm_1", guests=1)
    await take(database, live, "rdm_2", member_id=OTHER)
    taken = await database.read(lambda connection: store.taken_of(connection, MEMBER, [live]))
    (use,) = taken[live.id].uses
    assert (use.service_date, use.guests, use.trip, use.stay) == (DAY, 1, "rdm_1", "PVG")
    assert (taken[live.id].pieces, taken[live.id].entitlement_uses) == (0, ())


async def test_uses_by_right_are_told_apart(database: Database, member: MemberRecord, rare: Benefit) -> None:
    await take(database, rare, "rdm_1")
    use = Use(service_date=DAY + timedelta(days=1))
    await database.write(
        lambda connection: store.take(
            connection, rare, use, redemption_id="rdm_2", member_id=MEMBER, pay_with=PayWith.ENTITLEMENT, at=AT
        )
    )
    taken = (await database.read(lambda connection: store.taken_of(connection, MEMBER, [rare])))[rare.id]
    assert [one.service_date.day for one in taken.uses] == [1, 2]
    assert [one.service_date.day for one in taken.entitlement_uses] == [2]


async def test_pending_then_used_then_released(database: Database, member: MemberRecord, rare: Benefit) -> None:
    await take(database, rare, "rdm_1")
    settle = partial(store.settle, redemption_id="rdm_1", at=AT)
    await database.write(settle)
    await database.write(settle)
    (use,) = await database.read(partial(store.live_uses, member_id=MEMBER, benefit_id=rare.id))
    assert use.state == store.UseState.USED
    assert await release(database, "rdm_1") is True
    await database.write(settle)
    assert await database.read(partial(store.live_uses, member_id=MEMBER)) == (), "what was given back is not used"


async def test_what_is_not_counted_is_not_asked_for(database: Database, member: MemberRecord, rare: Benefit) -> None:
    plain = msgspec.structs.replace(
        rare, id="plain", stock="live", payment=msgspec.structs.replace(rare.payment, entitlement=None)
    )
    counted = msgspec.structs.replace(plain, id="counted", quotas=(Quota(limit=1),))
    read = await database.read(lambda connection: store.taken_of(connection, MEMBER, [plain]))
    both = await database.read(lambda connection: store.taken_of(connection, MEMBER, [plain, counted, rare]))
    assert read == {}
    assert set(both) == {"counted", rare.id}


async def test_cars_are_put_whole_and_left_alone_when_not_named(database: Database, catalogue: Catalogue) -> None:
    magotan = Vehicle("Magotan", Energy.PETROL, date(2026, 1, 5))
    electric = Vehicle("ID.4", Energy.ELECTRIC, date(2026, 3, 1))

    async def put(vehicles: dict[str, Vehicle] | None) -> tuple[Vehicle, ...]:
        given = MemberInput(external_id="crm-7", vehicles=vehicles)
        await database.write(lambda connection: upsert_member(connection, given, MEMBER, AT))
        context = await database.read(
            lambda connection: member_context(connection, catalogue.programme, MEMBER, AT.date())
        )
        return context.vehicles

    assert await put({"order-1": magotan}) == (magotan,)
    assert await put(None) == (magotan,)
    assert await put({"order-1": magotan, "order-2": electric}) == (magotan, electric)
    changed = msgspec.structs.replace(magotan, model="Magotan B9")
    assert await put({"order-1": changed, "order-2": electric}) == (changed, electric)
    assert await put({"order-2": electric}) == (electric,)
    assert await put({}) == ()
