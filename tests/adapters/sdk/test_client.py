"""The partner client against a raw socket: what is provably not sent, what is unknown, and what is never done."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from datetime import datetime

import aiohttp
import msgspec
import pytest

from adapters.sdk.auth import ApiKey
from adapters.sdk.calls import CallFailure, Exchange, PartnerAnswer, PartnerCall
from adapters.sdk.client import PartnerClient
from adapters.sdk.manifest import Limits
from adapters.sdk.outcomes import Outcome
from adapters.sdk.transport import PartnerTransport, make_client
from config.clock import SystemClock
from config.secrets import Secret
from tests.adapters.sdk.raw_partner import (
    Behaviour,
    answers,
    client_of,
    close,
    dripping,
    endless,
    half_closing,
    late,
    ok,
    raw_partner,
    reset,
)

PUT = PartnerCall(operation="reserve", method="PUT", path="/v1/things/1", body=b'{"a":1}')
GET = PartnerCall(operation="look_up", method="GET", path="/v1/things/1")

FAILS = answers(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")


def outcome(result: PartnerAnswer | CallFailure) -> Outcome | int:
    return result.outcome if isinstance(result, CallFailure) else result.status


async def test_an_answer_comes_back_whole_with_lower_case_headers() -> None:
    async with raw_partner(ok(b'{"x":1}', b"X-Thing: 7")) as partner, client_of(partner.base_url) as client:
        answer = await client.call(PUT)
    assert isinstance(answer, PartnerAnswer)
    assert (answer.status, answer.body, answer.headers["x-thing"]) == (200, b'{"x":1}', "7")


async def test_the_request_says_what_it_must_and_nothing_of_cookies() -> None:
    behaviours = ok(b"{}", b"Set-Cookie: session=1; Path=/")
    key = ApiKey(Secret("k"), prefix="Bearer ")
    async with (
        raw_partner(behaviours) as partner,
        client_of(partner.base_url, request_id=lambda: "req_1", authenticator=key) as client,
    ):
        call = msgspec.structs.replace(PUT, query=(("q", "a b&c"), ("z", "é~")))
        await client.call(call)
        await client.call(call)
    first, second = partner.requests
    assert first.startswith(b"PUT /v1/things/1?q=a%20b%26c&z=%C3%A9~ HTTP/1.1\r\n")
    for line in (
        b"x-request-id: req_1",
        b"accept-encoding: identity",
        b"authorization: bearer k",
        b"content-type: application/json",
    ):
        assert line in first.lower()
    assert b"cookie" not in second.lower()
    assert partner.connections == 1


async def test_nw_01_a_closed_port_is_not_sent_after_three_tries(unused_port: int) -> None:
    async with client_of(f"http://127.0.0.1:{unused_port}") as client:
        assert await client.call(PUT) == CallFailure(Outcome.NOT_SENT, "connect")


async def test_nw_01_an_unknown_name_is_not_sent() -> None:
    async with client_of("http://partner.invalid") as client:
        assert await client.call(PUT) == CallFailure(Outcome.NOT_SENT, "connect")


async def test_nw_01_what_was_not_sent_is_tried_again_and_then_counts() -> None:
    class ComesUp(ApiKey):
        tries = 0

        async def authenticate(
            self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
        ) -> PartnerCall | CallFailure:
            self.tries += 1
            return CallFailure(Outcome.NOT_SENT, "connect") if self.tries < 3 else call

    authenticator = ComesUp(Secret("k"))
    async with raw_partner(ok()) as partner, client_of(partner.base_url, authenticator=authenticator) as client:
        assert outcome(await client.call(PUT)) == 200
    assert (authenticator.tries, len(partner.requests)) == (3, 1)


@pytest.mark.parametrize("call", [PUT, GET], ids=["put", "get"])
@pytest.mark.parametrize("behaviour", [reset, close], ids=["reset", "close"])
async def test_nw_02_nw_05_a_lost_connection_is_unknown_and_never_sent_again(
    call: PartnerCall, behaviour: Behaviour
) -> None:
    async with raw_partner(ok(), behaviour) as partner, client_of(partner.base_url) as client:
        await client.call(call)
        assert outcome(await client.call(call)) is Outcome.UNKNOWN
    assert len(partner.requests) == 2


@pytest.mark.parametrize("call", [PUT, GET], ids=["put", "get"])
async def test_nw_02_a_connection_that_is_reset_before_anything_is_read_is_unknown(call: PartnerCall) -> None:
    async with raw_partner(ok(), resets_from=1) as partner, client_of(partner.base_url) as client:
        assert outcome(await client.call(call)) is Outcome.UNKNOWN
    assert (partner.connections, partner.requests) == (1, []), "it may have been read, so it is not sent again"


async def test_nw_04_a_late_answer_is_unknown_at_the_deadline() -> None:
    loop = asyncio.get_running_loop()
    async with raw_partner(late(5, ok())) as partner, client_of(partner.base_url, deadline_seconds=0.3) as client:
        started = loop.time()
        assert await client.call(PUT) == CallFailure(Outcome.UNKNOWN, "deadline")
        assert loop.time() - started < 2


async def test_nw_06_a_500_is_handed_on_for_the_table_to_judge() -> None:
    async with raw_partner(FAILS) as partner, client_of(partner.base_url) as client:
        assert outcome(await client.call(PUT)) == 500
    assert len(partner.requests) == 1


HEAD = b"HTTP/1.1 200 OK\r\n"
SLOW = {
    "slow_header": dripping(HEAD + b"X: " + b"y" * 500, 0.02),
    "slow_body": dripping(HEAD + b"Content-Length: 500\r\n\r\n" + b"y" * 500, 0.02),
}


@pytest.mark.parametrize("kind", SLOW)
async def test_nw_09_a_dripping_partner_is_cut_at_the_deadline(kind: str) -> None:
    loop = asyncio.get_running_loop()
    async with raw_partner(SLOW[kind]) as partner, client_of(partner.base_url, deadline_seconds=0.5) as client:
        started = loop.time()
        assert await client.call(PUT) == CallFailure(Outcome.UNKNOWN, "deadline")
        assert loop.time() - started < 2


BROKEN = {
    "nw_10_truncated": answers(HEAD + b"Content-Length: 50\r\n\r\n{}", close=True),
    "nw_10_truncated_chunk": answers(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", close=True),
    "nw_10_bad_chunk": answers(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n", close=True),
    "nw_14_megabyte_header": answers(HEAD + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n", close=True),
    "nw_14_many_headers": answers(HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(50_000)) + b"\r\n", close=True),
    "nw_14_not_http": answers(b"SSH-2.0-thing\r\n\r\n", close=True),
    "nw_22_two_lengths": answers(
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", close=True
    ),
    "nw_14_only_100_continue": answers(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, close=True),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_broken_answers_are_unknown_and_raise_nothing(kind: str) -> None:
    async with raw_partner(BROKEN[kind]) as partner, client_of(partner.base_url) as client:
        result = await client.call(PUT)
    assert outcome(result) is Outcome.UNKNOWN, result
    assert len(partner.requests) == 1


HALVES = {
    "in_a_header": HEAD + b"Content-Len",
    "in_a_body": HEAD + b"Content-Length: 50\r\n\r\n{}",
    "in_a_chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "between_chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
}


@pytest.mark.parametrize("kind", HALVES)
async def test_nw_11_a_partner_that_half_closes_is_unknown_and_leaves_no_socket_open(kind: str) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    http = make_client()
    async with (
        raw_partner(half_closing(HALVES[kind], heard), ok()) as partner,
        client_of(partner.base_url, http=http) as client,
    ):
        assert outcome(await client.call(PUT)) is Outcome.UNKNOWN
        assert await asyncio.wait_for(heard.get(), 2) == b"", "we close our half, too"
        assert isinstance(http._transport, PartnerTransport)
        session = http._transport.client
        assert isinstance(session, aiohttp.ClientSession)
        connector = session.connector
        assert isinstance(connector, aiohttp.TCPConnector)
        assert (len(connector._acquired), sum(map(len, connector._conns.values()))) == (0, 0)
        assert outcome(await client.call(GET)) == 200
    assert (partner.connections, len(partner.requests)) == (2, 2)


async def test_nw_12_an_endless_body_is_cut_at_the_cap() -> None:
    async with raw_partner(endless) as partner, client_of(partner.base_url) as client:
        tracemalloc.start()
        result = await client.call(PUT)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert result == CallFailure(Outcome.UNKNOWN, "answer:too_large")
    assert peak < 5 * 1024 * 1024


async def test_nw_13_an_encoded_answer_is_refused_unread() -> None:
    bomb = gzip.compress(b"0" * 1_000_000)
    async with raw_partner(ok(bomb, b"Content-Encoding: gzip")) as partner, client_of(partner.base_url) as client:
        assert await client.call(PUT) == CallFailure(Outcome.UNKNOWN, "answer:encoded")


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    redirect = answers(b"HTTP/1.1 302 Go\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
    async with raw_partner(redirect) as partner, client_of(partner.base_url) as client:
        assert outcome(await client.call(GET)) == 302
    assert len(partner.requests) == 1


async def test_nw_23_the_connection_of_a_timed_out_call_is_never_used_again() -> None:
    behaviours = late(0.4, ok(b'{"late":true}')), ok(b'{"late":false}')
    async with raw_partner(*behaviours) as partner, client_of(partner.base_url, deadline_seconds=0.2) as client:
        assert outcome(await client.call(PUT)) is Outcome.UNKNOWN
        await asyncio.sleep(0.3)
        answer = await client.call(GET)
    assert isinstance(answer, PartnerAnswer)
    assert answer.body == b'{"late":false}'
    assert partner.connections == 2


async def test_the_bulkhead_turns_away_what_neither_runs_nor_waits() -> None:
    async with raw_partner(late(0.3, ok())) as partner, client_of(partner.base_url) as client:
        results = await asyncio.gather(*(client.call(GET) for _ in range(5)))
    assert results.count(CallFailure(Outcome.NOT_SENT, "bulkhead")) == 2
    assert len(partner.requests) == 3
    assert not client.breaker.is_open


async def test_waiting_for_a_slot_until_the_deadline_is_not_sent() -> None:
    limits = Limits(deadline_seconds=0.3, concurrency=1, queue=5)
    async with raw_partner(late(5, ok())) as partner:
        client = PartnerClient(base_url=partner.base_url, limits=limits, clock=SystemClock())
        hurried = msgspec.structs.replace(PUT, deadline_seconds=0.1)
        results = await asyncio.gather(client.call(PUT), client.call(hurried))
        await client.aclose()
    assert [outcome(result) for result in results] == [Outcome.UNKNOWN, Outcome.NOT_SENT]


async def test_an_open_breaker_sends_nothing() -> None:
    async with raw_partner(FAILS) as partner, client_of(partner.base_url) as client:
        for _ in range(20):
            await client.call(GET)
        assert await client.call(GET) == CallFailure(Outcome.NOT_SENT, "breaker_open")
    assert len(partner.requests) == 20


async def test_an_undeclared_personal_field_is_not_sent() -> None:
    call = msgspec.structs.replace(PUT, body=b'{"guest":{"givenName":"Wei","email":"wei@example.org"}}')
    async with raw_partner(ok()) as partner:
        async with client_of(partner.base_url, personal_fields=("email",)) as client:
            assert await client.call(call) == CallFailure(Outcome.NOT_SENT, "undeclared_personal_field:given_name")
        async with client_of(partner.base_url, personal_fields=("email", "given_name")) as client:
            assert outcome(await client.call(call)) == 200
    assert len(partner.requests) == 1


async def test_a_cancelled_call_leaves_the_client_usable() -> None:
    async with raw_partner(late(5, ok()), ok()) as partner, client_of(partner.base_url) as client:
        task = asyncio.create_task(client.call(PUT))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert outcome(await client.call(GET)) == 200


SMUGGLED = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"of":"nobody"}'
BOTH = HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
ANOMALIES = {
    "both lengths, the rest by one of them": BOTH + b"2\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "both lengths, the chunks first": HEAD
    + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    + SMUGGLED,
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + SMUGGLED,
    "an answer to nothing": HEAD + b"Content-Length: 2\r\n\r\n{}" + SMUGGLED,
    "an answer to nothing behind chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "bytes behind the answer": HEAD + b"Content-Length: 2\r\n\r\n{}xxxx",
}
"""Answers that hold more than one, or that two readers would cut differently; the connection is kept open."""


@pytest.mark.parametrize("kind", ANOMALIES)
async def test_nw_22_after_an_anomaly_the_next_answer_is_nobody_else_s(kind: str) -> None:
    own = ok(b'{"of":"the second"}')
    async with raw_partner(answers(ANOMALIES[kind]), own) as partner, client_of(partner.base_url) as client:
        first = await client.call(PUT)
        second = await client.call(GET)
    assert isinstance(second, PartnerAnswer), (first, second)
    assert second.body == b'{"of":"the second"}'
    assert (partner.connections, len(partner.requests)) == (2, 2), "the first connection is not used again"


async def test_nw_22_what_comes_after_the_answer_was_read_is_nobody_s() -> None:
    sent = asyncio.Event()

    async def then_more(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: 2\r\n\r\n{}")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(SMUGGLED)
        await writer.drain()
        sent.set()

    own = ok(b'{"of":"the second"}')
    async with raw_partner(then_more, own) as partner, client_of(partner.base_url) as client:
        assert outcome(await client.call(PUT)) == 200
        await sent.wait()
        await asyncio.sleep(0.05)
        second = await client.call(GET)
    assert isinstance(second, PartnerAnswer)
    assert second.body == b'{"of":"the second"}'
    assert partner.connections == 2
