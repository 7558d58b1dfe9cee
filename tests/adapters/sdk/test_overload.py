"""What a partner that is slow, down or coming back costs, as logic: clocks stand still and calls are counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.client import TRIES, PartnerClient
from adapters.sdk.guards import RetryBudget
from adapters.sdk.manifest import Limits
from adapters.sdk.outcomes import Outcome
from tests.support.clocks import ManualClock

CALL = PartnerCall(operation="look_up", method="GET", path="/v1/things/1")
Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


class Network:
    """Counts what reaches the partner, and answers as a test says."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.sent = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        return await self.answer(request)


async def well(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=_body())


async def broken(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(500, content=_body())


async def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


async def _body() -> AsyncIterator[bytes]:
    yield b"{}"


@asynccontextmanager
async def client_over(
    network: Network, clock: ManualClock, *, concurrency: int = 2, queue: int = 8
) -> AsyncIterator[PartnerClient]:
    limits = Limits(deadline_seconds=10, concurrency=concurrency, queue=queue)
    http = httpx.AsyncClient(transport=httpx.MockTransport(network))
    client = PartnerClient(base_url="http://fake.test", limits=limits, clock=clock, http=http)
    yield client
    await client.aclose()


async def test_op_02_half_of_twenty_opens_and_three_probes_close_it() -> None:
    clock, network = ManualClock(), Network(broken)
    async with client_over(network, clock) as client:
        for _ in range(20):
            await client.call(CALL)
        assert client.breaker.state == "open"
        assert await client.call(CALL) == CallFailure(Outcome.NOT_SENT, "breaker_open")
        clock.advance(seconds=30)
        assert client.breaker.state == "probing"
        network.answer = well
        for _ in range(3):
            assert isinstance(await client.call(CALL), PartnerAnswer)
        assert client.breaker.state == "closed"
    assert network.sent == 23


async def test_op_02_a_scout_every_ten_seconds_finds_a_partner_that_is_back() -> None:
    clock, network = ManualClock(), Network(broken)
    async with client_over(network, clock) as client:
        for _ in range(20):
            await client.call(CALL)
        sent = []
        for _ in range(8):
            clock.advance(seconds=3)
            network.sent = 0
            await client.call(CALL)
            sent.append(network.sent)
        assert sent == [0, 0, 0, 1, 0, 0, 0, 1]
        assert (client.breaker.state, client.turns_away) == ("open", True)
        clock.advance(seconds=6)
        assert client.breaker.state == "probing", "a scout that failed must not keep it open longer"
        await client.call(CALL)
        assert client.breaker.state == "open"
        network.answer = well
        clock.advance(seconds=10)
        assert isinstance(await client.call(CALL), PartnerAnswer)
        assert client.breaker.state == "probing"
        for _ in range(3):
            assert client.breaker.state == "probing"
            await client.call(CALL)
        assert client.breaker.state == "closed"


async def test_op_02_an_outcome_that_nobody_knows_counts_as_a_failure() -> None:
    async def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("gone", request=request)

    async with client_over(Network(lost), ManualClock()) as client:
        for _ in range(20):
            assert await client.call(CALL) == CallFailure(Outcome.UNKNOWN, "lost:ReadError")
        assert client.breaker.state == "open"


async def test_op_03_an_outage_adds_at_most_a_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even with a breaker that never opens; what was saved in quiet times may be spent once."""
    clock, network = ManualClock(), Network(unreachable)
    async with client_over(network, clock) as client:
        monkeypatch.setattr(client.breaker, "allow", lambda: 1)
        for _ in range(100):
            await client.call(CALL)
        in_the_first_hundred, client.retries.refused = network.sent, 0
        for _ in range(1000):
            assert await client.call(CALL) == CallFailure(Outcome.NOT_SENT, "connect")
        sent = network.sent - in_the_first_hundred
        assert 1000 < sent <= 1101
        assert client.retries.calls + client.retries.repeats == network.sent
        assert client.retries.refused >= 900
    assert in_the_first_hundred <= 100 + 10 + 10


async def test_op_03_with_the_breaker_an_outage_of_ten_minutes_is_fewer_calls_than_without_it() -> None:
    clock, network = ManualClock(), Network(unreachable)
    async with client_over(network, clock) as client:
        for _ in range(600):
            await client.call(CALL)
            clock.advance(seconds=1)
    assert network.sent <= 600


async def test_a_call_that_was_not_sent_is_tried_at_most_three_times() -> None:
    network = Network(unreachable)
    async with client_over(network, ManualClock()) as client:
        await client.call(CALL)
        assert (network.sent, client.retries.repeats) == (TRIES, TRIES - 1)


def test_the_budget_saves_no_more_than_its_reserve() -> None:
    budget = RetryBudget(share=0.5, reserve=2)
    for _ in range(100):
        budget.earn()
    assert [budget.spend() for _ in range(4)] == [True, True, False, False]
    budget.earn()
    assert not budget.spend()
    budget.earn()
    assert budget.spend()
    assert (budget.calls, budget.repeats, budget.refused) == (102, 3, 3)


async def test_op_04_what_waited_past_its_deadline_never_reaches_the_partner() -> None:
    clock, gate = ManualClock(), asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        await gate.wait()
        return await well(request)

    network = Network(slow)
    async with client_over(network, clock, concurrency=1) as client:
        first = asyncio.create_task(client.call(CALL))
        waiting = [asyncio.create_task(client.call(CALL)) for _ in range(3)]
        while not network.sent:  # noqa: ASYNC110
            await asyncio.sleep(0)
        clock.advance(seconds=11)
        gate.set()
        results = await asyncio.gather(*waiting)
        assert results == [CallFailure(Outcome.NOT_SENT, "deadline")] * 3
        assert isinstance(await first, PartnerAnswer)
        assert client.breaker.state == "closed"
    assert network.sent == 1


async def test_op_05_what_finds_no_place_is_told_at_once_and_the_rest_is_served() -> None:
    clock, gate = ManualClock(), asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        await gate.wait()
        return await well(request)

    async with client_over(Network(slow), clock, concurrency=2, queue=2) as client:
        calls = [asyncio.create_task(client.call(CALL)) for _ in range(20)]
        while sum(task.done() for task in calls) < 16:  # noqa: ASYNC110
            await asyncio.sleep(0)
        done, under_way = [one for one in calls if one.done()], [one for one in calls if not one.done()]
        assert {task.result() for task in done} == {CallFailure(Outcome.NOT_SENT, "bulkhead")}
        assert (len(under_way), client.turns_away) == (4, True)
        gate.set()
        assert all(isinstance(answer, PartnerAnswer) for answer in await asyncio.gather(*under_way))
        assert not client.turns_away


async def test_op_06_after_an_outage_it_is_as_before_without_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, network = ManualClock(), Network(unreachable)
    async with client_over(network, clock) as client:
        for _ in range(300):
            await client.call(CALL)
            clock.advance(seconds=1)
        network.answer = well
        served_after = 0
        while not isinstance(await client.call(CALL), PartnerAnswer) or client.breaker.state != "closed":
            clock.advance(seconds=1)
            served_after += 1
        assert served_after <= 60
        assert all([isinstance(await client.call(CALL), PartnerAnswer) for _ in range(50)])
