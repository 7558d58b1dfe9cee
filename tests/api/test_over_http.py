"""Over a real socket: what a test client cannot send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.app import create_app
from gateway.wiring import open_gateway
from tests.api.conftest import StandingClock, settings_for
from tests.api.serving import serving


@pytest.fixture
async def port(sqlite_url: str, tmp_path: Path, clock: StandingClock) -> AsyncIterator[int]:
    """The application behind the server that `gateway serve` configures."""
    gateway = await open_gateway(settings_for(sqlite_url, tmp_path), clock, environ={})
    try:
        async with serving(create_app(gateway)) as found:
            yield found
    finally:
        await gateway.close()


async def talk(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send parts, then read until the other side ends or is silent for two seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
    received = b""
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(2):
            while chunk := await reader.read(65_536):
                received += chunk
    writer.close()
    return received


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: gateway", "Connection: close", *lines, "", ""]).encode()


async def test_wh_15_a_chunked_flood_is_cut_at_the_limit(port: int) -> None:
    chunk = b"c350\r\n" + b"x" * 50_000 + b"\r\n"
    answer = await talk(port, head("/v1/webhooks/skyhub-lounge", "Transfer-Encoding: chunked"), *[chunk] * 3)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer


async def test_a_body_that_never_comes_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.controllers.webhooks.READ_SECONDS", 0.05)
    answer = await talk(port, head("/v1/webhooks/skyhub-lounge", "Content-Length: 10"), b"{")
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: -1",),
        ("Transfer-Encoding: chunked, gzip",),
    ],
)
async def test_in_09_ambiguous_lengths_are_refused(port: int, lines: tuple[str, ...]) -> None:
    answer = await talk(port, head("/v1/webhooks/skyhub-lounge", *lines), b"12345")
    assert answer.startswith(b"HTTP/1.1 400 "), answer[:80]


async def test_no_server_banner_and_a_request_id_on_every_answer(port: int) -> None:
    answer = await talk(port, b"GET /nothing HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"\r\nserver:" not in answer.lower()
    assert b"\r\nx-request-id: req_" in answer.lower()
