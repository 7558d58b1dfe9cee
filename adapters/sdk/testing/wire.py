"""Spoiling the wire itself: what no web framework would send. Needs uvicorn's h11 protocol behind ``send``."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]
PIECE_SECONDS = 0.05


def transport_of(send: Send) -> asyncio.Transport:
    """Find the socket's transport behind a server's ``send``, and take it over: the server adds no answer of its own.

    Raises:
        RuntimeError: another server than `adapters.sdk.testing.simulator.serve` starts.
    """
    cycle: Any = getattr(send, "__self__", None)
    found = getattr(cycle, "transport", None)
    if not isinstance(found, asyncio.Transport):
        raise RuntimeError("wire faults need uvicorn's h11 protocol")
    cycle.disconnected = True
    return found


def drop(send: Send) -> None:
    """Close the connection in the ordinary way, without an answer."""
    transport_of(send).close()


def reset(send: Send) -> None:
    """Close the connection with a reset."""
    transport = transport_of(send)
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def truncated(send: Send, status: int, body: bytes) -> None:
    """Promise the whole body, send half of it, close."""
    transport = transport_of(send)
    transport.write(_head(status, f"Content-Length: {len(body) + 1}") + body[: len(body) // 2])
    transport.close()


async def endless(send: Send, seconds: float) -> None:
    """Send chunks for as long as they are taken or the time lasts."""
    transport = transport_of(send)
    transport.write(_head(200, "Transfer-Encoding: chunked"))
    piece = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    async for _ in _ticks(transport, seconds, 0.001):
        if transport.get_write_buffer_size() < 1_000_000:
            transport.write(piece)
    transport.close()


async def slow_header(send: Send, seconds: float) -> None:
    """Send one header byte after the other, never the last."""
    transport = transport_of(send)
    head = iter(_head(200, "X-Slow: " + "s" * 4_000))
    async for _ in _ticks(transport, seconds, PIECE_SECONDS):
        transport.write(bytes([next(head, 0x73)]))
    transport.close()


async def slow_body(send: Send, status: int, body: bytes, seconds: float) -> None:
    """Send the header at once and one byte of the body after the other, never the last."""
    transport = transport_of(send)
    transport.write(_head(status, f"Content-Length: {len(body)}"))
    pieces = iter(body[:-1])
    async for _ in _ticks(transport, seconds, PIECE_SECONDS):
        piece = next(pieces, None)
        if piece is not None:
            transport.write(bytes([piece]))
    transport.close()


def half_closed(send: Send, status: int, body: bytes) -> None:
    """Promise the whole body, send half of it in a chunk, and say that nothing more will come."""
    transport = transport_of(send)
    half = body[: len(body) // 2]
    transport.write(_head(status, "Transfer-Encoding: chunked") + b"%x\r\n" % len(body) + half)
    transport.write_eof()


def many_headers(send: Send, status: int, body: bytes) -> None:
    """Send the answer behind a megabyte of header fields."""
    transport = transport_of(send)
    fields = [f"X-Field-{number}: {'y' * 20}" for number in range(25_000)]
    transport.write(_head(status, *fields, f"Content-Length: {len(body)}") + body)
    transport.close()


async def early_hints(send: Send, seconds: float) -> None:
    """Say again and again that the request may continue, never more."""
    transport = transport_of(send)
    async for _ in _ticks(transport, seconds, PIECE_SECONDS):
        transport.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    transport.close()


def smuggled(send: Send, status: int, body: bytes) -> None:
    """Give two lengths, of which one ends the answer before it begins, and leave the connection open.

    Whoever believes the wrong one takes what follows for the answer to the next request.
    """
    transport = transport_of(send)
    head = _head(status, f"Content-Length: {len(body) + 5}", "Transfer-Encoding: chunked")
    transport.write(head + b"0\r\n\r\n" + _head(status, f"Content-Length: {len(body)}") + body)


async def _ticks(transport: asyncio.Transport, seconds: float, pause: float) -> Any:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not transport.is_closing() and loop.time() < end:
        yield None
        await asyncio.sleep(pause)


def _head(status: int, *fields: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Answer", "Content-Type: application/json", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"
