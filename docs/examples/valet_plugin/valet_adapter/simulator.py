"""The partner over real HTTP, with a memory. Published throw-away key: ``valet-simulator-key``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.records import StatementLine
from adapters.sdk.testing.book import Book
from adapters.sdk.testing.control import answer
from adapters.sdk.testing.simulator import Operation, Simulator, SimulatorOptions
from catalogue.values import Money
from valet_adapter import wire

AnyRequest = Request[Any, Any, Any]
FARE_FEN, FARE_LIFE = 18_800, timedelta(minutes=15)
ZONE = ZoneInfo("Asia/Shanghai")
OPERATIONS = (
    Operation("quote_offers", "POST", "/v2/fares"),
    Operation("reserve", "POST", "/v2/jobs"),
    Operation("look_up", "GET", "/v2/jobs/{key}"),
    Operation("fence", "POST", "/v2/jobs/{key}/kill"),
    Operation("cancel", "POST", "/v2/jobs/{key}/cancel"),
    Operation("statement", "GET", "/v2/statements/{date}"),
)


class Held(msgspec.Struct, frozen=True):
    """One key: the job, and when it was placed."""

    job: wire.Job
    placed_at: datetime | None = None
    body: wire.JobBody | None = None


class Jobs(Book):
    """Jobs by key."""

    def statement_lines(self, business_date: date) -> Sequence[StatementLine]:
        """Give a row for each job on the day that it was placed."""
        return [_line(held) for held in self.rows("jobs") if _placed_on(held, business_date)]


class Office:
    """What the partner does, without HTTP."""

    def __init__(self, options: SimulatorOptions, book: Jobs) -> None:
        """Take options and book."""
        self.options = options
        self.book = book
        self.key = options.credentials.get("api_key", "valet-simulator-key")

    def place(self, body: wire.JobBody) -> tuple[int, object]:
        """Place a job; the key is judged before anything else."""
        held: Held | None = self.book.get("jobs", body.job_key)
        if held is not None and held.job.state is wire.State.DEAD:
            return 409, wire.Fault("dead_key", body.job_key)
        if held is not None:
            same = held.body == body
            return (200, held.job) if same else (409, wire.Fault("other_job", body.job_key))
        if body.trip.origin.startswith("nowhere"):
            return 409, wire.Fault("no_driver", body.job_key)
        number = hashlib.sha256(f"{self.options.seed}|{body.job_key}".encode()).hexdigest()[:10]
        job = wire.Job(body.job_key, wire.State.OPEN, f"J{number}", body.trip, body.fare)
        self.book.put("jobs", body.job_key, Held(job, self.options.clock.now(), body))
        return 201, job

    def kill(self, key: str) -> tuple[int, object]:
        """Kill a key for ever, seen before or not."""
        job = wire.Job(key, wire.State.DEAD)
        self.book.put("jobs", key, Held(job))
        return 200, job

    def cancel(self, key: str) -> tuple[int, object]:
        """Cancel a job."""
        held: Held | None = self.book.get("jobs", key)
        if held is None:
            return 404, wire.Fault("unknown_key", key)
        job = held.job
        if job.state is wire.State.OPEN:
            job = msgspec.structs.replace(job, state=wire.State.CANCELLED)
            self.book.put("jobs", key, msgspec.structs.replace(held, job=job))
        return 200, job


def create_simulator(options: SimulatorOptions) -> Simulator:
    """Make the partner."""
    book = Jobs()
    return Simulator(options, book=book, handlers=_handlers(Office(options, book)), operations=OPERATIONS)


def _handlers(office: Office) -> list[Any]:
    @post("/v2/fares")
    async def fares(request: AnyRequest) -> Response[bytes]:
        query = decode(await request.body(), wire.FareQuery)
        until = office.options.clock.now().replace(microsecond=0) + FARE_LIFE
        return answer(wire.FareAnswer("fare-1", wire.Fare(FARE_FEN * query.trip.seats, query.currency), until))

    @post("/v2/jobs")
    async def place(request: AnyRequest) -> Response[bytes]:
        if request.headers.get("x-valet-key") != office.key:
            return answer(wire.Fault("who_are_you"), 401)
        try:
            status, value = office.place(decode(await request.body(), wire.JobBody))
        except ProtocolError as error:
            return answer(wire.Fault(error.message), 400)
        return answer(value, status)

    @get("/v2/jobs/{key:str}")
    async def look_up(key: FromPath[str]) -> Response[bytes]:
        held: Held | None = office.book.get("jobs", key)
        return answer(held.job) if held else answer(wire.Fault("unknown_key", key), 404)

    @post("/v2/jobs/{key:str}/kill")
    async def kill(key: FromPath[str]) -> Response[bytes]:
        status, value = office.kill(key)
        return answer(value, status)

    @post("/v2/jobs/{key:str}/cancel")
    async def cancel(key: FromPath[str]) -> Response[bytes]:
        status, value = office.cancel(key)
        return answer(value, status)

    @get("/v2/statements/{business_date:date}")
    async def statement(request: AnyRequest, business_date: FromPath[date]) -> Response[bytes]:
        frame: Simulator = request.app.state.simulator
        return Response(frame.statement(business_date)[1], media_type="text/csv")

    return [fares, place, look_up, kill, cancel, statement]


def _placed_on(held: Held, day: date) -> bool:
    return held.placed_at is not None and held.placed_at.astimezone(ZONE).date() == day


def _line(held: Held) -> StatementLine:
    job = held.job
    assert job.trip is not None
    assert job.fare is not None
    return StatementLine(
        row=0,
        reference=job.job_key,
        partner_reference=job.job_id,
        kind="ride",
        service_date=job.trip.at.astimezone(ZONE).date(),
        quantity=1,
        amount=Money(job.fare.fen, job.fare.currency),
        status="cancelled" if job.state is wire.State.CANCELLED else "booked",
    )
