"""The adapter and its simulator over real HTTP: what ends how, and that nothing is ever credited twice."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.testing.faults import COMMITS, MODES
from tests.adapters.airlines.points_lcp.conftest import Partner, reservation, running

SHANGHAI = ZoneInfo("Asia/Shanghai")


async def test_miles_are_credited_once_and_found_again(partner: Partner) -> None:
    request, result = await partner.run(reservation())
    assert (result.outcome, result.code) == (Outcome.OK, "success")
    assert set(request.carried) == {"member_validation", "order", "credit"}
    found = await partner.adapter.look_up(request)
    assert (found.answer, found.partner_reference) == (LookUpAnswer.ISSUED, result.partner_reference)
    assert [credit.amount for credit in partner.credits()] == [2000]


@pytest.mark.parametrize(
    ("account", "outcome", "code"),
    [
        ("80010000", Outcome.NO, "UNKNOWN_MEMBER"),
        ("80010001", Outcome.NO, "INELIGIBLE"),
        ("80010002", Outcome.NO, "MAXIMUM_ATTEMPTS_EXCEEDED"),
        ("80010003", Outcome.BUSY, "INVALID_UPSTREAM_RESPONSE"),
    ],
)
async def test_who_is_no_member_gets_no_order(partner: Partner, account: str, outcome: Outcome, code: str) -> None:
    _, result = await partner.run(reservation(account=account))
    assert (result.outcome, result.code) == (outcome, code)
    assert partner.simulator.book.rows("orders") == ()


async def ends(partner: Partner, amount: int) -> tuple[Outcome, LookUpAnswer, LookUpAnswer]:
    """Answer what the credit says, what a look-up says, and what it says after the night."""
    request, result = await partner.run(reservation(quantity=amount))
    before = await partner.adapter.look_up(request)
    await partner.night(datetime.now(SHANGHAI).date())
    after = await partner.adapter.look_up(request)
    assert len(partner.credits()) == 1
    return result.outcome, before.answer, after.answer


ISSUED, REFUSED, PENDING, NOT_KNOWN = (
    LookUpAnswer.ISSUED,
    LookUpAnswer.REFUSED,
    LookUpAnswer.PENDING,
    LookUpAnswer.UNKNOWN,
)


class TestSandboxAmounts:
    """Source: API reference, Create a Credit, Sandbox mode (credit column), read 2026-11-21."""

    async def test_91_succeeds(self, partner: Partner) -> None:
        assert await ends(partner, 91) == (Outcome.OK, ISSUED, ISSUED)

    async def test_92_is_a_system_error(self, partner: Partner) -> None:
        assert await ends(partner, 92) == (Outcome.UNKNOWN, NOT_KNOWN, NOT_KNOWN)

    async def test_93_fails(self, partner: Partner) -> None:
        assert await ends(partner, 93) == (Outcome.NO, REFUSED, REFUSED)

    async def test_94_stays_pending(self, partner: Partner) -> None:
        assert await ends(partner, 94) == (Outcome.PENDING, PENDING, PENDING)

    async def test_95_is_pending_then_succeeds(self, partner: Partner) -> None:
        assert await ends(partner, 95) == (Outcome.PENDING, PENDING, ISSUED)

    async def test_96_is_pending_then_fails(self, partner: Partner) -> None:
        assert await ends(partner, 96) == (Outcome.PENDING, PENDING, REFUSED)

    async def test_97_is_a_system_error(self, partner: Partner) -> None:
        assert await ends(partner, 97) == (Outcome.UNKNOWN, NOT_KNOWN, NOT_KNOWN)

    async def test_98_fails(self, partner: Partner) -> None:
        assert await ends(partner, 98) == (Outcome.NO, REFUSED, REFUSED)

    async def test_99_fails(self, partner: Partner) -> None:
        assert await ends(partner, 99) == (Outcome.NO, REFUSED, REFUSED)

    async def test_any_other_succeeds(self, partner: Partner) -> None:
        assert await ends(partner, 90) == (Outcome.OK, ISSUED, ISSUED)


async def test_what_waits_for_the_night_is_issued_by_it(batch_partner: Partner) -> None:
    request, result = await batch_partner.run(reservation())
    assert (result.outcome, result.partner_reference) == (Outcome.PENDING, None)
    assert (await batch_partner.adapter.look_up(request)).answer is PENDING
    assert await batch_partner.night(datetime.now(SHANGHAI).date()) == 1
    found = await batch_partner.adapter.look_up(request)
    assert found.answer is ISSUED
    assert found.partner_reference
    assert await batch_partner.night(datetime.now(SHANGHAI).date()) == 0


QUICK_SECONDS = 1.5
"""A deadline that an answer without a fault keeps on a busy machine too."""

LOST = sorted(COMMITS - {"none", "hang_then_commit"})


@pytest.mark.parametrize("mode", LOST)
async def test_a_credit_whose_answer_is_lost_is_found_by_its_order(mode: str) -> None:
    async with running(deadline_seconds=QUICK_SECONDS) as partner:
        request, _ = await partner.run(reservation(), until="create_order")
        partner.simulator.faults.plan("credit", mode, seconds=3.0)
        result = await partner.adapter.run_step("credit", request)
        assert result.outcome is Outcome.UNKNOWN
        found = await partner.adapter.look_up(request)
        assert found.answer is ISSUED
        assert len(partner.credits()) == 1
        again = await partner.adapter.run_step("credit", request)
        assert (again.outcome, again.code) == (Outcome.UNKNOWN, "MV_ALREADY_USED")
        assert len(partner.credits()) == 1


@pytest.mark.parametrize("mode", sorted(set(MODES) - COMMITS - {"none", "lying_200"}))
async def test_a_credit_that_was_not_made_is_not_found_and_not_refused(mode: str) -> None:
    async with running(deadline_seconds=QUICK_SECONDS) as partner:
        request, _ = await partner.run(reservation(), until="create_order")
        partner.simulator.faults.plan("credit", mode, seconds=3.0)
        result = await partner.adapter.run_step("credit", request)
        assert result.outcome is Outcome.UNKNOWN
        assert (await partner.adapter.look_up(request)).answer is LookUpAnswer.NOT_FOUND
        assert partner.credits() == ()


async def test_a_credit_that_comes_late_is_found_once_it_is_there() -> None:
    async with running(deadline_seconds=QUICK_SECONDS) as partner:
        request, _ = await partner.run(reservation(), until="create_order")
        partner.simulator.faults.plan("credit", "hang_then_commit", seconds=2.0)
        assert (await partner.adapter.run_step("credit", request)).outcome is Outcome.UNKNOWN
        answer = LookUpAnswer.NOT_FOUND
        for _ in range(200):
            answer = (await partner.adapter.look_up(request)).answer
            if answer is not LookUpAnswer.NOT_FOUND:
                break
            await partner.simulator.options.clock.sleep(0.05)
        assert answer is ISSUED


async def test_a_partner_that_lies_is_believed_until_the_look_up() -> None:
    async with running() as partner:
        request, _ = await partner.run(reservation(), until="create_order")
        partner.simulator.faults.plan("credit", "lying_200")
        result = await partner.adapter.run_step("credit", request)
        carried = msgspec.structs.replace(request, carried={**request.carried, **result.carried})
        assert result.outcome is Outcome.OK
        assert (await partner.adapter.look_up(carried)).answer is LookUpAnswer.NOT_FOUND
        assert partner.simulator.webhooks.sent == []


@pytest.mark.parametrize("step", ["validate_member", "create_order"])
@pytest.mark.parametrize("mode", ["commit_then_reset", "error_500_before", "truncated", "dup_keys", "wrong_echo"])
async def test_a_spoilt_preparation_is_never_taken_for_done(step: str, mode: str) -> None:
    async with running(deadline_seconds=QUICK_SECONDS) as partner:
        partner.simulator.faults.plan(step, mode, seconds=3.0)
        request, result = await partner.run(reservation())
        assert result.outcome is not Outcome.OK
        assert partner.credits() == ()
        retried, done = await partner.run(request)
        assert done.outcome is Outcome.OK
        assert (await partner.adapter.look_up(retried)).answer is ISSUED
        assert len(partner.credits()) == 1


@pytest.mark.parametrize(
    "mode", ["commit_then_reset", "error_500_before", "html_200", "truncated", "nan", "wrong_amount", "slow_body"]
)
async def test_a_spoilt_look_up_proves_nothing(mode: str) -> None:
    async with running(deadline_seconds=QUICK_SECONDS) as partner:
        request, _ = await partner.run(reservation())
        partner.simulator.faults.plan("get_credit", mode, seconds=3.0)
        spoilt = await partner.adapter.look_up(request)
        assert spoilt.answer is NOT_KNOWN
        assert (await partner.adapter.look_up(request)).answer is ISSUED


async def test_an_investigated_system_error_ends_as_it_was_decided(partner: Partner) -> None:
    request, _ = await partner.run(reservation(quantity=92))
    book = partner.simulator.book
    credit = partner.credits()[0]
    assert (await partner.adapter.look_up(request)).answer is NOT_KNOWN
    now = datetime.now(UTC)
    book.decide(credit, "success", now, now.date())  # type: ignore[attr-defined]
    assert (await partner.adapter.look_up(request)).answer is ISSUED


async def test_a_stale_read_is_not_found_and_later_issued(partner: Partner) -> None:
    request, _ = await partner.run(reservation())
    orders = partner.simulator.book._tables["orders"]
    replica, hidden = dict(orders), dict(orders)
    hidden.clear()
    partner.simulator.book._tables["orders"] = hidden
    stale = await partner.adapter.look_up(request)
    partner.simulator.book._tables["orders"] = replica
    assert (stale.answer, stale.code) == (LookUpAnswer.NOT_FOUND, "NOT_FOUND")
    assert (await partner.adapter.look_up(request)).answer is ISSUED


async def test_each_redemption_has_its_own_order_and_credit(partner: Partner) -> None:
    requests = [(await partner.run(reservation(key=f"rdm_{number}", quantity=1000 + number)))[0] for number in range(3)]
    answers = [await partner.adapter.look_up(request) for request in requests]
    assert {answer.answer for answer in answers} == {ISSUED}
    assert len({answer.partner_reference for answer in answers}) == 3
    crossed = msgspec.structs.replace(requests[0], carried=requests[1].carried)
    assert (await partner.adapter.look_up(crossed)).code == "wrong_echo"
