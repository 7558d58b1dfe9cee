"""The frame of every simulator: a partner's wire format by its own package, everything else from here.

A partner's ``simulator.py`` has ``create_simulator(options: SimulatorOptions) -> Simulator`` and gives the frame its
route handlers (Litestar, async, the partner's paths), its book and the names of its operations. The frame adds the
faults, the control endpoints below ``/_simulator`` (see `adapters.sdk.testing.control`), the call log, the statement
with its planted breaks, and the webhook queue.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from functools import cached_property
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar, Router
from litestar.datastructures import State

from adapters.sdk.statement_file import statement_name, write_statement
from adapters.sdk.testing import control
from adapters.sdk.testing.book import Book
from adapters.sdk.testing.breaks import PlannedBreak, PlantedBreak, plant
from adapters.sdk.testing.faults import App, FaultBoard, Receive, Scope, Send, inject
from adapters.sdk.testing.webhook_sender import Signer, WebhookSender, standard_signer
from config.clock import Clock, SystemClock

CALLS_KEPT = 1_000
GRACE_SECONDS = 0.5


class SimulatorOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulator is started with.

    ``credentials`` are throw-away values by the names of the manifest; what is not given has the simulator's published
    default. ``values`` are the partner's own options, as text. ``currency`` is the statement's.
    """

    partner: str
    seed: int = 1
    clock: Clock = SystemClock()
    webhook_url: str | None = None
    webhook_secret: str | None = None
    credentials: Mapping[str, str] = {}
    values: Mapping[str, str] = {}
    currency: str = "CNY"


class Operation(msgspec.Struct, frozen=True):
    """Names the calls of one kind: method, and path with ``{name}`` for a variable part."""

    name: str
    method: str
    path: str

    def fits(self, method: str, path: str) -> bool:
        """Say whether a request is of this kind."""
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(self.path))
        return method == self.method and re.fullmatch(pattern, path) is not None


class Simulator:
    """A partner that can be run. ``app`` is the whole ASGI application."""

    def __init__(
        self,
        options: SimulatorOptions,
        *,
        book: Book,
        handlers: Sequence[Any],
        operations: Sequence[Operation],
        control_handlers: Sequence[Any] = (),
        on_night: Callable[[date], int] | None = None,
        signer: Signer | None = None,
        webhooks: WebhookSender | None = None,
    ) -> None:
        """Put the frame around a partner.

        Handlers reach the frame as ``request.app.state.simulator``.

        Args:
            options: see `SimulatorOptions`.
            book: what the partner knows.
            handlers: Litestar handlers of the partner's own paths.
            operations: first fit names a call; the names are those of the adapter's `PartnerCall.operation`.
            control_handlers: further handlers below ``/_simulator``.
            on_night: settles what a batch partner queued for a business date and answers how many.
            signer: of webhooks; None takes Standard Webhooks when ``options.webhook_secret`` is set, else unsigned.
            webhooks: a sender the partner made itself, when its handlers need one.
        """
        self.options = options
        self.book = book
        self.faults = FaultBoard()
        self.webhooks = webhooks or make_sender(options, signer)
        self.calls: deque[control.SeenCall] = deque(maxlen=CALLS_KEPT)
        self.counts: Counter[str] = Counter()
        self.plan: list[PlannedBreak] = []
        self.on_night = on_night
        self._operations = tuple(operations)
        self._control_handlers = tuple(control_handlers)
        self._inner = Litestar(
            route_handlers=list(handlers),
            on_startup=[self.webhooks.start],
            on_shutdown=[self.webhooks.stop],
            state=State({"simulator": self}),
            openapi_config=None,
            logging_config=None,
        )

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the call, meet its fault if one is planned, else pass it on."""
        inner: App = self._inner  # type: ignore[assignment]
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        if scope["path"].startswith("/_simulator"):
            await self._below(scope, receive, send)  # type: ignore[arg-type]
            return
        operation = self.operation_of(scope["method"], scope["path"])
        fault = self.faults.take(operation)
        self.calls.append(control.SeenCall(operation, scope["method"], scope["path"], fault.mode if fault else None))
        self.counts[operation] += 1
        if fault is None:
            await inner(scope, receive, send)
        else:
            await inject(fault, inner, scope, receive, send)

    @cached_property
    def _below(self) -> Litestar:
        """The control paths, made when somebody first asks for one: most partners on the bench are asked for none."""
        below = Router(path="/_simulator", route_handlers=[*control.handlers(self), *self._control_handlers])
        state = State({"simulator": self})
        return Litestar(route_handlers=[below], state=state, openapi_config=None, logging_config=None)

    def operation_of(self, method: str, path: str) -> str:
        """Name a request; ``other`` when nothing fits."""
        return next((item.name for item in self._operations if item.fits(method, path)), "other")

    def statement(self, business_date: date) -> tuple[str, bytes]:
        """Write the statement of a day with the planned breaks in it; name and content."""
        lines, _ = plant(self.book.statement_lines(business_date), self.plan)
        name = statement_name(self.options.partner, business_date, 1)
        return name, write_statement(self.options.partner, business_date, 1, self.options.currency, lines)

    def planted(self, business_date: date) -> list[PlantedBreak]:
        """Answer what the day's statement has wrong on purpose."""
        return plant(self.book.statement_lines(business_date), self.plan)[1]


def make_sender(options: SimulatorOptions, signer: Signer | None = None) -> WebhookSender:
    """Make the webhook queue that the options describe."""
    if signer is None and options.webhook_secret:
        signer = standard_signer(options.webhook_secret)
    return WebhookSender(options.webhook_url, signer, options.clock)


class SimulatorServer(uvicorn.Server):
    """A server that ends at once: connections are cut, so that calls hanging by a fault do not hold it."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, cut every connection, end what still runs, then shut the application down."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        running = set(self.server_state.tasks)
        if running:
            await asyncio.wait(running, timeout=GRACE_SECONDS)
        for task in running:
            task.cancel()
        await self.lifespan.shutdown()


class _InProcess(SimulatorServer):
    """A server inside another program: it leaves the signals alone and waits without polling."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stop = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.stop.wait()


def server_config(app: App) -> uvicorn.Config:
    """Configure uvicorn as the wire faults need it."""
    return uvicorn.Config(
        app,
        interface="asgi3",
        http="h11",
        ws="none",
        lifespan="on",
        loop="asyncio",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Bind a listening socket; port 0 takes a free one.

    The protocol is named because asyncio switches Nagle's delay off for sockets that name it only.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


@asynccontextmanager
async def serve(simulator: Simulator, port: int = 0) -> AsyncIterator[str]:
    """Run a simulator in this process over real HTTP and give its base address."""
    async with serve_app(simulator.app, port) as address:
        yield address


@asynccontextmanager
async def serve_app(app: App, port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """Run any ASGI application in this process over real HTTP and give its base address."""
    listener = listen(port, host)
    server = _InProcess(server_config(app))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if task.done():
                await task
            await asyncio.sleep(0.005)
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.stop.set()
        await task
        listener.close()
