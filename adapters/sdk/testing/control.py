"""The control endpoints of every simulator, below ``/_simulator``: for tests and demonstrations, unauthenticated."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from datetime import date
from typing import Any, Protocol

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import ClientException
from litestar.params import FromPath

from adapters.sdk.testing.book import Book
from adapters.sdk.testing.breaks import PlannedBreak, PlantedBreak
from adapters.sdk.testing.faults import FaultBoard, PlannedFault


class SeenCall(msgspec.Struct, frozen=True):
    """One request that arrived, and the fault it met."""

    operation: str
    method: str
    path: str
    fault: str | None


class Controlled(Protocol):
    """What the control endpoints reach of a simulator."""

    book: Book
    faults: FaultBoard
    calls: deque[SeenCall]
    counts: Counter[str]
    plan: list[PlannedBreak]
    on_night: Callable[[date], int] | None

    def statement(self, business_date: date) -> tuple[str, bytes]:
        """Write the statement of a day."""
        ...

    def planted(self, business_date: date) -> list[PlantedBreak]:
        """Answer what the day's statement has wrong on purpose."""
        ...


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Breaks to plant; replaces the plan before it."""

    plan: tuple[PlannedBreak, ...]


class Night(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The business date whose queue is settled."""

    business_date: date


def handlers(simulator: Controlled) -> list[Any]:
    """Make the handlers of one simulator."""
    return [*_fault_handlers(simulator), *_book_handlers(simulator)]


def answer(value: object, status: int = 200) -> Response[bytes]:
    """Answer JSON."""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


async def read(request: Request[Any, Any, Any], type_: type[Any]) -> Any:
    """Read a control body.

    Raises:
        ClientException: 400, it is not of this type.
    """
    try:
        return msgspec.json.decode(await request.body(), type=type_)
    except msgspec.DecodeError as error:
        raise ClientException(str(error)) from error


def _fault_handlers(simulator: Controlled) -> list[Any]:
    @post("/faults")
    async def plan_fault(request: Request[Any, Any, Any]) -> Response[bytes]:
        fault: PlannedFault = await read(request, PlannedFault)
        try:
            simulator.faults.plan(fault.operation, fault.mode, fault.times, fault.seconds)
        except ValueError as error:
            raise ClientException(str(error)) from error
        return answer({"planned": fault.mode}, 201)

    @post("/faults/clear")
    async def clear_faults() -> Response[bytes]:
        simulator.faults.clear()
        return answer({})

    @post("/breaks")
    async def plan_breaks(request: Request[Any, Any, Any]) -> Response[bytes]:
        plan: Plan = await read(request, Plan)
        simulator.plan[:] = plan.plan
        return answer({"planned": len(simulator.plan)}, 201)

    @get("/breaks/{business_date:date}")
    async def planted_breaks(business_date: FromPath[date]) -> Response[bytes]:
        return answer({"planted": simulator.planted(business_date)})

    return [plan_fault, clear_faults, plan_breaks, planted_breaks]


def _book_handlers(simulator: Controlled) -> list[Any]:
    @get("/book")
    async def book() -> Response[bytes]:
        return answer(simulator.book.snapshot())

    @get("/calls")
    async def calls() -> Response[bytes]:
        return answer({"counts": dict(simulator.counts), "calls": list(simulator.calls)})

    @get("/statement/{business_date:date}")
    async def statement(business_date: FromPath[date]) -> Response[bytes]:
        name, content = simulator.statement(business_date)
        disposition = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type="text/csv", headers=disposition)

    @post("/night")
    async def night(request: Request[Any, Any, Any]) -> Response[bytes]:
        when: Night = await read(request, Night)
        settled = simulator.on_night(when.business_date) if simulator.on_night else 0
        return answer({"settled": settled})

    return [book, calls, statement, night]
