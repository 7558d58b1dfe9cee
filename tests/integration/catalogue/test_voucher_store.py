"""Vouchers on both databases: issued once, consumed once, inside their validity, at their partner."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial

import msgspec
import pytest

from catalogue import voucher_store
from catalogue.errors import VoucherRefusedError
from catalogue.members import MemberRecord
from catalogue.voucher_store import NewVoucher, Voucher
from catalogue.vouchers import VoucherState, make_code, show_code
from config.database import Database, RefusedByDatabaseError
from tests.integration.catalogue.conftest import AT, MEMBER

NEW = NewVoucher(
    id="vch_00000000000000000000000001",
    redemption_id="rdm_00000000000000000000000001",
    member_id=MEMBER,
    partner="skyhub-lounge",
    benefit_id="lounge-visit",
    benefit_version=1,
    code=make_code(bytes(range(16))),
    valid_from_at=AT,
    valid_to_at=AT + timedelta(days=1),
    guests_allowed=1,
    undo_minutes=10,
)


async def issue(database: Database, new: NewVoucher = NEW) -> Voucher:
    return await database.write(lambda connection: voucher_store.issue_voucher(connection, new, AT))


async def consume(
    database: Database, *, code: str = NEW.code, partner: str = "skyhub-lounge", guests: int = 1, at: datetime = AT
) -> Voucher:
    return await database.write(
        lambda connection: voucher_store.consume_voucher(
            connection, partner, code, location="PVG T2", guests=guests, at=at
        )
    )


async def void(database: Database) -> bool:
    return await database.write(lambda connection: voucher_store.void_voucher(connection, NEW.redemption_id, AT))


async def refused(attempt: object) -> str:
    with pytest.raises(VoucherRefusedError) as caught:
        await attempt  # type: ignore[misc]
    return str(caught.value.facts["reason"])


async def test_issuing_again_answers_the_first_voucher(database: Database, member: MemberRecord) -> None:
    first = await issue(database)
    other = msgspec.structs.replace(NEW, id="vch_00000000000000000000000009", code=make_code(bytes(16)))
    again = await issue(database, other)
    assert again == first
    assert (first.code, first.state, first.version) == (NEW.code, VoucherState.ISSUED, 1)
    listed = await database.read(lambda connection: voucher_store.member_vouchers(connection, MEMBER))
    assert listed == (first,)


async def test_one_code_is_never_two_vouchers(database: Database, member: MemberRecord) -> None:
    await issue(database)
    clash = msgspec.structs.replace(NEW, id="vch_2", redemption_id="rdm_2")
    with pytest.raises(RefusedByDatabaseError):
        await issue(database, clash)


async def test_a_code_without_its_check_character_is_not_issued(database: Database, member: MemberRecord) -> None:
    with pytest.raises(ValueError, match="not a voucher code"):
        await issue(database, msgspec.structs.replace(NEW, code="AAAAAAAAAAAA"))


async def test_verify_changes_nothing_and_forgives_how_it_is_typed(database: Database, member: MemberRecord) -> None:
    voucher = await issue(database)
    typed = f" {show_code(NEW.code).lower().replace('-', ' - ')} "
    for _ in range(2):
        shown = await database.read(
            lambda connection: voucher_store.verify_voucher(connection, "skyhub-lounge", typed, AT)
        )
        assert shown == voucher


async def test_consumed_once_and_what_the_desk_said_is_kept(database: Database, member: MemberRecord) -> None:
    await issue(database)
    used = await consume(database)
    assert (used.state, used.consumed_at, used.consumed_location, used.consumed_guests, used.version) == (
        VoucherState.CONSUMED,
        AT,
        "PVG T2",
        1,
        2,
    )
    assert await refused(consume(database)) == "consumed"
    assert await database.read(lambda connection: voucher_store.voucher_of(connection, NEW.redemption_id)) == used


async def test_of_many_desks_at_once_exactly_one_wins(database: Database, member: MemberRecord) -> None:
    await issue(database)
    results = await asyncio.gather(*(consume(database) for _ in range(6)), return_exceptions=True)
    won = [result for result in results if isinstance(result, Voucher)]
    lost = [result.facts["reason"] for result in results if isinstance(result, VoucherRefusedError)]
    assert len(won) == 1
    assert lost == ["consumed"] * 5


async def test_consume_and_void_at_once_never_both_win(database: Database, member: MemberRecord) -> None:
    await issue(database)
    consumed, voided = await asyncio.gather(consume(database), void(database), return_exceptions=True)
    final = await database.read(lambda connection: voucher_store.voucher_of(connection, NEW.redemption_id))
    assert final is not None
    if isinstance(consumed, Voucher):
        assert (final.state, voided) == (VoucherState.CONSUMED, False)
    else:
        assert isinstance(consumed, VoucherRefusedError)
        assert (final.state, voided, consumed.facts["reason"]) == (VoucherState.VOID, True, "void")


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [(-1, "not_yet_valid"), (0, None), (86_399, None), (86_400, "expired")],
)
async def test_only_inside_its_validity(
    database: Database, member: MemberRecord, seconds: int, reason: str | None
) -> None:
    await issue(database)
    at = AT + timedelta(seconds=seconds)
    if reason is None:
        assert (await consume(database, at=at)).consumed_at == at
    else:
        assert await refused(consume(database, at=at)) == reason


async def test_another_partners_voucher_is_unknown(database: Database, member: MemberRecord) -> None:
    await issue(database)
    assert await refused(consume(database, partner="expedia-rapid")) == "unknown"
    assert await refused(consume(database, code=make_code(bytes(16)))) == "unknown"
    assert await refused(consume(database, code=NEW.code[1:] + NEW.code[0])) == "mistyped"


@pytest.mark.parametrize("guests", [-1, 2])
async def test_guests_are_those_the_voucher_admits(database: Database, member: MemberRecord, guests: int) -> None:
    await issue(database)
    assert await refused(consume(database, guests=guests)) == "too_many_guests"
    assert (await consume(database, guests=0)).consumed_guests == 0


async def test_a_void_voucher_is_refused_and_a_consumed_one_is_not_voided(
    database: Database, member: MemberRecord
) -> None:
    assert await void(database) is False, "there is none yet"
    await issue(database)
    assert await void(database) is True
    assert await void(database) is True
    assert await refused(consume(database)) == "void"


async def test_voiding_after_use_says_so(database: Database, member: MemberRecord) -> None:
    await issue(database)
    await consume(database)
    assert await void(database) is False


async def test_expiry_marks_only_what_ended_unused(database: Database, member: MemberRecord) -> None:
    await issue(database)
    end = NEW.valid_to_at
    for at, count in ((end - timedelta(microseconds=1), 0), (end, 1), (end, 0)):
        assert count == await database.write(partial(voucher_store.expire_vouchers, at=at))
    assert await refused(consume(database, at=AT)) == "expired", "an expired voucher does not come back"


async def unconsume(
    database: Database, *, code: str = NEW.code, partner: str = "skyhub-lounge", at: datetime = AT
) -> Voucher:
    return await database.write(lambda connection: voucher_store.unconsume_voucher(connection, partner, code, at))


async def events(database: Database) -> list[str]:
    found = await database.read(partial(voucher_store.voucher_history, voucher_id=NEW.id))
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    return [one.event for one in found]


async def test_a_consumption_is_taken_back_and_stays_visible(database: Database, member: MemberRecord) -> None:
    await issue(database)
    await consume(database)
    back = await unconsume(database, at=AT + timedelta(minutes=9, seconds=59))
    assert (back.state, back.consumed_at, back.consumed_location, back.consumed_guests, back.version) == (
        VoucherState.ISSUED, None, None, None, 3,
    )  # fmt: skip
    again = await consume(database, guests=0, at=AT + timedelta(minutes=12))
    assert (again.state, again.consumed_guests) == (VoucherState.CONSUMED, 0)
    assert await events(database) == ["issued", "consumed", "unconsumed", "consumed"]
    (_, first, _, second) = await database.read(partial(voucher_store.voucher_history, voucher_id=NEW.id))
    assert [(one.location, one.guests) for one in (first, second)] == [("PVG T2", 1), ("PVG T2", 0)]


async def test_taking_back_is_for_a_short_while_by_the_same_partner(database: Database, member: MemberRecord) -> None:
    await issue(database)
    assert await refused(unconsume(database)) == "not_consumed"
    await consume(database)
    assert await refused(unconsume(database, partner="expedia-rapid")) == "unknown"
    assert await refused(unconsume(database, code="nonsense")) == "mistyped"
    assert await refused(unconsume(database, at=AT + timedelta(minutes=10))) == "too_late"
    assert await events(database) == ["issued", "consumed"]


async def test_of_many_that_take_back_at_once_one_does(database: Database, member: MemberRecord) -> None:
    await issue(database)
    await consume(database)
    results = await asyncio.gather(*(unconsume(database) for _ in range(5)), return_exceptions=True)
    assert len([result for result in results if isinstance(result, Voucher)]) == 1
    reasons = [result.facts["reason"] for result in results if isinstance(result, VoucherRefusedError)]
    assert reasons == ["not_consumed"] * 4


async def test_without_minutes_nothing_is_taken_back(database: Database, member: MemberRecord) -> None:
    await issue(database, msgspec.structs.replace(NEW, undo_minutes=0))
    await consume(database)
    assert await refused(unconsume(database)) == "too_late"


async def test_expiry_in_steps_is_remembered(database: Database, member: MemberRecord) -> None:
    await issue(database)
    second = msgspec.structs.replace(NEW, id="vch_2", redemption_id="rdm_2", code=make_code(bytes(16)))
    await issue(database, second)
    counts = [await database.write(partial(voucher_store.expire_vouchers, at=NEW.valid_to_at, limit=1)) for _ in "abc"]
    assert counts == [1, 1, 0]
    assert await events(database) == ["issued", "expired"]
