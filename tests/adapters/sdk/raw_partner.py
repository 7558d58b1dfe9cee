"""A partner that answers with bytes a test wrote: for what no HTTP server would send."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from adapters.sdk.client import PartnerClient
from adapters.sdk.manifest import Limits
from config.clock import SystemClock

Behaviour = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawPartner:
    """Listens on loopback; the n-th request of all connections meets the n-th behaviour, the last one repeats."""

    def __init__(self, behaviours: Sequence[Behaviour], *, resets_from: int | None = None) -> None:
        """With ``resets_from``, that connection and those after it are reset unread, as soon as they are there."""
        self.behaviours = list(behaviours)
        self._resets_from = resets_from
        self.requests: list[bytes] = []
        self.connections = 0
        self.base_url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._resets_from is not None and self.connections >= self._resets_from:
            await reset(b"", reader, writer)
            return
        try:
            while True:
                request = await self._request(reader)
                behaviour = self.behaviours[min(len(self.requests), len(self.behaviours) - 1)]
                self.requests.append(request)
                await behaviour(request, reader, writer)
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        except asyncio.CancelledError:  # the test is over
            return
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        return head + await reader.readexactly(length)


@asynccontextmanager
async def raw_partner(*behaviours: Behaviour, resets_from: int | None = None) -> AsyncIterator[RawPartner]:
    """Run one."""
    partner = RawPartner(behaviours, resets_from=resets_from)
    server = await asyncio.start_server(partner.handle, "127.0.0.1", 0)
    partner.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield partner
    finally:
        server.close()


@asynccontextmanager
async def client_of(
    base_url: str, *, deadline_seconds: float = 2.0, **settings: object
) -> AsyncIterator[PartnerClient]:
    """Run a client with short limits."""
    limits = Limits(deadline_seconds=deadline_seconds, body_cap_bytes=4096, concurrency=2, queue=1)
    client = PartnerClient(base_url=base_url, limits=limits, clock=SystemClock(), **settings)  # type: ignore[arg-type]
    try:
        yield client
    finally:
        await client.aclose()


def answers(raw: bytes, *, close: bool = False) -> Behaviour:
    """Answer with these bytes."""

    async def behave(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        if close:
            writer.close()

    return behave


def ok(body: bytes = b"{}", *fields: bytes) -> Behaviour:
    """Answer 200 with a body."""
    head = b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *fields])
    return answers(head + b"\r\n\r\n" + body)


async def reset(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection instead of answering."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def close(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close the connection instead of answering."""
    writer.close()


def half_closing(raw: bytes, heard: asyncio.Queue[bytes]) -> Behaviour:
    """Send these bytes and no more, and go on listening: what the other side then says, until its end, is kept."""

    async def behave(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.write_eof()
        heard.put_nowait(await reader.read())
        writer.close()

    return behave


def late(seconds: float, behaviour: Behaviour) -> Behaviour:
    """Do it later."""

    async def behave(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await behaviour(request, reader, writer)

    return behave


def dripping(pieces: bytes, pause: float) -> Behaviour:
    """Send one byte after the other."""

    async def behave(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(bytes([piece]))
            await writer.drain()
            await asyncio.sleep(pause)

    return behave


async def endless(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send chunks until nobody takes them."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        await writer.drain()
