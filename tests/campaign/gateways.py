"""The gateways of a campaign: started through the nursery, watched, killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, field

from gateway.demo.simulators import stop
from tests.campaign.club import Club

READY_SECONDS = 60.0
CRASH_POINT = "GATEWAY__FAULTS__CRASH_POINT"


@dataclass
class Life:
    """One gateway process from its start to its end."""

    number: int
    pid: int
    ended: asyncio.Future[int]

    def send(self, what: signal.Signals) -> None:
        """Send a signal, if it still lives."""
        if not self.ended.done():
            os.kill(self.pid, what)


@dataclass
class Gateways:
    """Starts gateways; use as a context manager: at its end all are dead."""

    club: Club
    nursery: str = "tests.campaign.nursery"
    _process: Process | None = None
    _reader: asyncio.Task[None] | None = None
    _started: dict[str, asyncio.Future[int]] = field(default_factory=dict)
    _ended: dict[str, asyncio.Future[int]] = field(default_factory=dict)
    _starts: int = 0

    async def __aenter__(self) -> Gateways:
        """Start the nursery."""
        with self.club.log("nursery").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.nursery, stdin=PIPE, stdout=PIPE, stderr=log
            )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the nursery, which kills what it started."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            await stop(self._process)
        if self._reader is not None:
            await self._reader

    async def start(self, number: int, **environment: str) -> Life:
        """Start one gateway and wait until it answers, or has ended before that."""
        life = await self._fork(number, ("serve",), f"gateway-{number}", environment)
        await self._until_ready(life)
        return life

    async def command(self, *words: str, **environment: str) -> int:
        """Run one of the gateway's commands to its end, in a process of its own; answer how that ended."""
        life = await self._fork(0, words, "commands", environment)
        return await life.ended

    async def _fork(self, number: int, words: tuple[str, ...], log: str, environment: dict[str, str]) -> Life:
        assert self._process is not None
        assert self._process.stdin is not None
        self._starts += 1
        name = f"{number}.{self._starts}"
        loop = asyncio.get_running_loop()
        self._started[name], self._ended[name] = loop.create_future(), loop.create_future()
        asked = {
            "start": name,
            "arguments": ["--settings", str(self.club.settings_file(number)), *words],
            "environment": environment,
            "log": str(self.club.log(log)),
        }
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        return Life(number, await self._started[name], self._ended[name])

    async def _until_ready(self, life: Life) -> None:
        port = self.club.ports[life.number]
        async with asyncio.timeout(READY_SECONDS):
            while not life.ended.done() and not await answers(port):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            if "started" in told:
                self._started.pop(told["started"]).set_result(told["pid"])
            else:
                self._ended.pop(told["ended"]).set_result(told["status"])


async def answers(port: int) -> bool:
    """Say whether a gateway is ready."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        await writer.drain()
        status = await reader.readline()
        writer.close()
    except OSError:
        return False
    return b" 200 " in status
