"""The floor of partner calls: HTTP/1.1 over bare streams, both ends, for answers whose length is told.

``python -m tests.bench.raw_http`` serves one fixed answer on a free port, which it prints, until its input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator

BODY = b'{"state":"confirmed","reference":"P-1","key":"rdm_00000000000000000000000001"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
REQUEST = (
    b"POST /reservations HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
)


@contextlib.contextmanager
def partner() -> Iterator[int]:
    """Serve from a process of its own, whose processor time is not ours; gives the port."""
    command = [sys.executable, "-m", "tests.bench.raw_http"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()


class RawClient:
    """Keeps its connections and takes any that is free."""

    def __init__(self, port: int) -> None:
        """Connect on demand."""
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, body: bytes) -> bytes:
        """Post a body and give the answer's."""
        reader, writer = self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(REQUEST % (len(body), body))
        answer = await reader.readexactly(await _head(reader))
        self._free.append((reader, writer))
        return answer

    def close(self) -> None:
        """Close every connection."""
        for _, writer in self._free:
            writer.close()


async def _head(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])


async def _serve() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await reader.readexactly(await _head(reader))
            writer.write(ANSWER)
    writer.close()


if __name__ == "__main__":
    asyncio.run(_serve())
