"""Serve an application on a free port of this machine, with the server that ``gateway serve`` configures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from litestar import Litestar

from gateway.cli.serve import configuration, listen


class Announcing(uvicorn.Server):
    """Says when it listens, and leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@asynccontextmanager
async def serving(app: Litestar) -> AsyncIterator[int]:
    """Serve while the block lasts; gives the port."""
    server = Announcing(configuration(app))
    task = asyncio.create_task(server.serve(listen("127.0.0.1", 0)))
    await server.listening.wait()
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task
