"""The simulator frame: control endpoints over real HTTP, faults, planted breaks, webhooks, and the command."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import msgspec
import pytest

from adapters.direct.conformance import create_subject
from adapters.direct.simulator import create_simulator
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import StatementLine
from adapters.sdk.registry import load_named
from adapters.sdk.statement_file import parse_statement
from adapters.sdk.testing.bench import Bench, open_bench
from adapters.sdk.testing.breaks import PlannedBreak, plant
from adapters.sdk.testing.faults import MODES, FaultBoard
from adapters.sdk.testing.simulator import Operation, SimulatorOptions, serve
from adapters.sdk.testing.webhook_sender import WebhookSender, standard_signer
from adapters.sdk.transport import make_client
from adapters.sdk.webhooks import verify
from catalogue.values import Money
from config.clock import SystemClock
from tests.adapters.sdk.raw_partner import answers, ok, raw_partner

SUBJECT = create_subject(load_named("direct"))

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with open_bench(SUBJECT) as opened:
        yield opened


@pytest.fixture
async def control(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    http = make_client()
    http.base_url = bench.adapter._client.base_url + "/_simulator"
    async with http:
        yield http


async def test_faults_are_planned_over_http(bench: Bench, control: httpx.AsyncClient) -> None:
    planned = await control.post("/faults", json={"operation": "reserve", "mode": "busy_429", "times": 2})
    assert planned.status_code == 201
    request = await bench.request("x")
    outcomes = [(await bench.reserve(request)).outcome for _ in range(3)]
    assert outcomes == [Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.OK]


@pytest.mark.parametrize(
    "body",
    [
        b'{"operation":"reserve","mode":"explode"}',
        b'{"operation":"reserve"}',
        b"x",
        b'{"operation":"a","mode":"nan","why":1}',
    ],
)
async def test_a_plan_that_is_none_is_refused(control: httpx.AsyncClient, body: bytes) -> None:
    assert (await control.post("/faults", content=body)).status_code == 400


async def test_plans_are_cleared(bench: Bench, control: httpx.AsyncClient) -> None:
    await control.post("/faults", json={"operation": "*", "mode": "error_500_before", "times": 99})
    await control.post("/faults/clear")
    assert (await bench.reserve(await bench.request("x"))).outcome is Outcome.OK


async def test_book_and_calls_can_be_read(bench: Bench, control: httpx.AsyncClient) -> None:
    request = await bench.request("seen")
    await bench.reserve(request)
    book = (await control.get("/book")).json()
    assert book["reservations"][request.key]["reservation"]["status"] == "reserved"
    calls = (await control.get("/calls")).json()
    assert calls["counts"] == {"token": 1, "quote_offers": 1, "reserve": 1}
    assert calls["calls"][-1] == {
        "operation": "reserve",
        "method": "PUT",
        "path": f"/v1/reservations/{request.key}",
        "fault": None,
    }


async def test_breaks_are_planned_and_the_answer_key_is_given(bench: Bench, control: httpx.AsyncClient) -> None:
    for name in ("one", "two"):
        await bench.reserve(await bench.request(name))
    plan = [{"kind": "amount_changed"}, {"kind": "missing_row"}]
    assert (await control.post("/breaks", json={"plan": plan})).json() == {"planned": 2}
    day = bench.today().isoformat()
    planted = (await control.get(f"/breaks/{day}")).json()["planted"]
    assert [(item["kind"], item["reference"]) for item in planted] == [
        ("amount_changed", bench.key("one")),
        ("missing_row", bench.key("two")),
    ]
    answer = await control.get(f"/statement/{day}")
    assert answer.headers["content-disposition"] == f'attachment; filename="skyhub-lounge_{day}_1.csv"'
    (line,) = parse_statement("f.csv", answer.content).lines
    assert line.amount == Money(24700, "CNY")


async def test_night_settles_nothing_for_a_partner_without_batch(control: httpx.AsyncClient) -> None:
    assert (await control.post("/night", json={"business_date": "2026-11-22"})).json() == {"settled": 0}


async def test_nw_20_a_liar_answers_and_books_nothing(bench: Bench) -> None:
    request = await bench.request("liar")
    bench.simulator.faults.plan("reserve", "lying_200")
    assert (await bench.reserve(request)).outcome is Outcome.OK
    assert (await bench.adapter.look_up(request)).answer is LookUpAnswer.NOT_FOUND


async def test_nw_04_a_request_may_be_done_after_the_caller_has_gone(bench: Bench) -> None:
    request = await bench.request("late")
    bench.simulator.faults.plan("reserve", "hang_then_commit", seconds=30)
    assert (await bench.reserve(request)).outcome is Outcome.UNKNOWN
    for _ in range(100):
        if bench.bookings(request):
            break
        await asyncio.sleep(0.01)
    assert (await bench.adapter.look_up(request)).answer is LookUpAnswer.ISSUED


async def test_the_same_seed_gives_the_same_offers_and_references() -> None:
    seen = []
    for _ in range(2):
        async with open_bench(SUBJECT) as bench:
            seen.append((await bench.reserve(await bench.request("seed"))).partner_reference)
    assert seen[0] == seen[1] is not None


def test_a_board_hands_out_plans_in_order_and_by_operation() -> None:
    board = FaultBoard()
    board.plan("a", "nan", times=2)
    board.plan("*", "html_200")
    taken = [board.take(operation) for operation in ("b", "a", "a", "a")]
    assert [item.mode if item else None for item in taken] == ["html_200", "nan", "nan", None]


def test_the_modes_that_are_promised_are_there() -> None:
    promised = (
        "none commit_then_hang commit_then_reset hang_then_commit error_500_before error_500_after_commit busy_429 "
        "truncated endless slow_header slow_body html_200 nan dup_keys lying_200 wrong_echo"
    )
    assert set(promised.split()) <= set(MODES)


@pytest.mark.parametrize(
    ("method", "path", "fits"),
    [("PUT", "/v1/r/a-b", True), ("PUT", "/v1/r/a/b", False), ("GET", "/v1/r/a", False), ("PUT", "/v1xr/a", False)],
)
def test_operations_fit_by_method_and_path(method: str, path: str, fits: bool) -> None:
    assert Operation("reserve", "PUT", "/v1/r/{key}").fits(method, path) is fits


def line(number: int, amount: int | None = 100) -> StatementLine:
    return StatementLine(
        row=number,
        reference=f"k{number}",
        partner_reference=f"p{number}",
        kind="visit",
        service_date=date(2026, 11, 22),
        quantity=1,
        amount=None if amount is None else Money(amount, "CNY"),
        status="used",
    )


ROWS = [line(1, None), line(2), line(3), line(4), line(5)]


def test_each_kind_of_break_spoils_one_row() -> None:
    kinds = ["missing_row", "amount_changed", "duplicate_row", "status_changed", "extra_row"]
    spoilt, planted = plant(ROWS, [PlannedBreak(kind) for kind in kinds])  # type: ignore[arg-type]
    assert [item.kind for item in planted] == kinds
    assert [item.reference for item in planted] == ["k1", "k2", "k3", "k4", "unknown-5"]
    assert [(item.reference, item.status) for item in spoilt] == [
        ("k2", "used"),
        ("k3", "used"),
        ("k3", "used"),
        ("k4", "cancelled"),
        ("k5", "used"),
        ("unknown-5", "used"),
    ]
    assert spoilt[0].amount == Money(800, "CNY")


def test_a_break_may_name_its_row_and_no_row_is_spoilt_twice() -> None:
    plan = [
        PlannedBreak("missing_row", "k4"),
        PlannedBreak("amount_changed", "k4"),
        PlannedBreak("amount_changed", "k1"),
    ]
    spoilt, planted = plant(ROWS, plan)
    assert [item.reference for item in planted] == ["k4"]
    assert spoilt == [row for row in ROWS if row.reference != "k4"]


async def test_webhooks_are_sent_again_until_taken_and_in_order() -> None:
    refuse = answers(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
    async with raw_partner(refuse, ok(), ok()) as gateway:
        sender = WebhookSender(gateway.base_url + "/hook", standard_signer(SECRET), SystemClock())
        await sender.start()
        sender.send("msg_1", b'{"n":1}')
        sender.send("msg_2", b'{"n":2}')
        for _ in range(300):
            if len(sender.delivered) == 2:
                break
            await asyncio.sleep(0.01)
        await sender.stop()
    assert sender.delivered == ["msg_1", "msg_2"]
    assert [raw.rpartition(b"\r\n\r\n")[2] for raw in gateway.requests] == [b'{"n":1}', b'{"n":1}', b'{"n":2}']
    headers = dict(row.decode().lower().split(": ", 1) for row in gateway.requests[0].split(b"\r\n")[1:-2])
    original = gateway.requests[0].decode().split("webhook-signature: ")[1].split("\r\n")[0]
    headers["webhook-signature"] = original
    assert verify(headers, b'{"n":1}', (SECRET,), int(headers["webhook-timestamp"])) == "msg_1"


async def test_a_visit_report_sends_a_signed_webhook() -> None:
    async with raw_partner(ok()) as gateway:
        options = SimulatorOptions(
            partner="skyhub-lounge", webhook_url=gateway.base_url + "/hook", webhook_secret=SECRET
        )
        simulator = create_simulator(options)
        subject = msgspec.structs.replace(SUBJECT, create_simulator=lambda _: simulator)
        async with open_bench(subject) as bench:
            request = await bench.request("visit")
            await bench.reserve(request)
            http = make_client()
            report: Any = await http.post(
                bench.adapter._client.base_url + "/_simulator/visits", json={"key": request.key, "guests": 2}
            )
            await http.aclose()
            for _ in range(200):
                if simulator.webhooks.delivered:
                    break
                await asyncio.sleep(0.01)
    assert report.status_code == 200
    body = gateway.requests[0].rpartition(b"\r\n\r\n")[2]
    event = json.loads(body)
    assert (event["type"], event["sequence"], event["reservation"]["guests"]) == ("visit.reported", 1, 2)


async def test_the_command_serves_on_a_free_port_and_says_where() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "adapters.sdk.testing.simulate",
        "adapters.direct.simulator",
        "--partner",
        "skyhub-lounge",
        "--credential",
        "client_id=c",
        "--option",
        "capacity=1",
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    ready = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    base_url = ready.split()[-1]
    assert ready == f"simulator skyhub-lounge listens on {base_url}\n"
    async with make_client() as http:
        assert (await http.get(base_url + "/_simulator/book")).json() == {}
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) in (0, -15)


async def test_serving_ends_at_once_although_a_call_hangs() -> None:
    loop = asyncio.get_running_loop()
    simulator = create_simulator(SimulatorOptions(partner="p"))
    simulator.faults.plan("*", "commit_then_hang", seconds=60)
    async with make_client() as http:
        async with serve(simulator) as base_url:
            task = asyncio.create_task(http.get(base_url + "/v1/reservations/x"))
            await asyncio.sleep(0.1)
            started = loop.time()
        assert loop.time() - started < 2
        with pytest.raises(httpx.HTTPError):
            await task
