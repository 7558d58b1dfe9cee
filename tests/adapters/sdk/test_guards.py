"""Bulkhead and breaker."""

from __future__ import annotations

import asyncio

import pytest

from adapters.sdk.guards import Breaker, Bulkhead, BulkheadFullError
from tests.support.clocks import ManualClock


def pass_one(breaker: Breaker, succeeded: bool | None) -> None:
    """Let one call out and take its result."""
    ticket = breaker.allow()
    assert ticket is not None
    breaker.record(ticket, succeeded)


def opened(clock: ManualClock) -> Breaker:
    breaker = Breaker(clock)
    for number in range(20):
        pass_one(breaker, number % 2 == 0)
    return breaker


def test_half_of_the_last_20_opens_it() -> None:
    assert opened(ManualClock()).is_open


def test_fewer_than_half_or_fewer_than_20_do_not() -> None:
    breaker = Breaker(ManualClock())
    for number in range(100):
        pass_one(breaker, number % 20 >= 9)
    assert not breaker.is_open
    fresh = Breaker(ManualClock())
    for _ in range(19):
        pass_one(fresh, False)
    assert not fresh.is_open


def test_what_says_nothing_does_not_count() -> None:
    breaker = Breaker(ManualClock())
    for _ in range(100):
        pass_one(breaker, None)
    assert not breaker.is_open


def test_it_stays_shut_to_all_but_scouts_for_30_seconds_then_lets_3_probes_through() -> None:
    clock = ManualClock()
    breaker = opened(clock)
    clock.advance(seconds=9.9)
    assert not breaker.allow()
    clock.advance(seconds=20)
    assert [breaker.allow() is not None for _ in range(4)] == [True, False, False, False]
    clock.advance(seconds=0.1)
    assert [breaker.allow() is not None for _ in range(4)] == [True, True, True, False]


def test_three_good_probes_close_it() -> None:
    clock = ManualClock()
    breaker = opened(clock)
    clock.advance(seconds=30)
    for _ in range(3):
        pass_one(breaker, True)
    assert not breaker.is_open


def test_one_bad_probe_opens_it_for_another_30_seconds() -> None:
    clock = ManualClock()
    breaker = opened(clock)
    clock.advance(seconds=30)
    pass_one(breaker, False)
    clock.advance(seconds=29)
    assert breaker.state == "open"
    clock.advance(seconds=1)
    assert [breaker.allow() is not None for _ in range(4)] == [True, True, True, False]


def test_a_probe_that_says_nothing_gives_its_place_back() -> None:
    clock = ManualClock()
    breaker = opened(clock)
    clock.advance(seconds=30)
    for _ in range(10):
        pass_one(breaker, None)
    assert breaker.is_open


def test_what_was_sent_before_it_opened_neither_closes_it_nor_keeps_it_open() -> None:
    clock = ManualClock()
    breaker = Breaker(clock)
    late = [breaker.allow() for _ in range(4)]
    for number in range(20):
        pass_one(breaker, number % 2 == 0)
    assert breaker.is_open
    for ticket in late[:3]:
        assert ticket is not None
        breaker.record(ticket, True)
    assert breaker.is_open
    clock.advance(seconds=29)
    assert late[3] is not None
    breaker.record(late[3], False)
    clock.advance(seconds=1)
    assert [breaker.allow() is not None for _ in range(4)] == [True, True, True, False]


async def test_a_bulkhead_never_runs_more_than_its_slots() -> None:
    bulkhead, running, most = Bulkhead(3, 20), 0, 0

    async def work() -> None:
        nonlocal running, most
        async with bulkhead.slot():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001)
            running -= 1

    await asyncio.gather(*(work() for _ in range(20)))
    assert (most, running) == (3, 0)


async def test_a_full_queue_turns_away_and_frees_up_again() -> None:
    bulkhead, gate = Bulkhead(1, 1), asyncio.Event()

    async def work() -> None:
        async with bulkhead.slot():
            await gate.wait()

    tasks = [asyncio.create_task(work()) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(BulkheadFullError):
        await work()
    gate.set()
    await asyncio.gather(*tasks)
    await work()


async def test_who_is_cancelled_while_waiting_leaves_the_queue() -> None:
    bulkhead, gate = Bulkhead(1, 1), asyncio.Event()

    async def work() -> None:
        async with bulkhead.slot():
            await gate.wait()

    first, second = asyncio.create_task(work()), asyncio.create_task(work())
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    third = asyncio.create_task(work())
    gate.set()
    await asyncio.gather(first, third)
