"""TLS in front of a simulated partner; while there is a storm, some handshakes meet a certificate that is no good."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

from tests.campaign.storm import Storm
from tests.support.certificates import DAY, Authority

AUTHORITY = "authority"
STRANGER = "stranger"
HOST = "127.0.0.1"
BAD_SHARE = 0.3
MET = "bad_certificate"
_CHUNK = 65_536


class Wardrobe:
    """Certificates of one partner: the true one, and three that no client may take for it."""

    def __init__(self, folder: Path) -> None:
        """Make them; the file of the authority that signs is ``<folder>/authority.pem``."""
        authority, stranger = Authority(folder, AUTHORITY), Authority(folder, STRANGER)
        self.true = _context(folder, authority.issue(HOST))
        self.bad = (
            _context(folder, authority.issue("127.0.0.2")),
            _context(folder, authority.issue(HOST, ends=-timedelta(hours=1))),
            _context(folder, stranger.issue(HOST, ends=DAY)),
        )


def _context(folder: Path, issued: tuple[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    path = folder / "worn.pem"
    path.write_text("".join(reversed(issued)), encoding="ascii")
    context.load_cert_chain(path)
    return context


@asynccontextmanager
async def veil(address: str, storm: Storm, seed: str, folder: Path) -> AsyncIterator[str]:
    """Stand in front of a partner's plain address and give the one that speaks TLS."""
    wardrobe, dice = Wardrobe(folder), Random(f"{seed} veil")

    def dress(handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        if storm.is_mixed and dice.random() < BAD_SHARE:
            storm.meet(MET)
            handshake.context = dice.choice(wardrobe.bad)

    wardrobe.true.sni_callback = dress
    port = int(address.rpartition(":")[2])
    server = await asyncio.start_server(
        lambda reader, writer: _between(reader, writer, port), HOST, 0, ssl=wardrobe.true
    )
    async with server:
        yield f"https://{HOST}:{server.sockets[0].getsockname()[1]}"


async def _between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Pass on what both sides say until one of them ends; what ends roughly on one side does so on the other."""
    try:
        inner_reader, inner_writer = await asyncio.open_connection(HOST, port)
    except OSError:
        writer.transport.abort()
        return
    ways = [
        asyncio.create_task(_pass_on(reader, inner_writer)),
        asyncio.create_task(_pass_on(inner_reader, writer)),
    ]
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in ways:
        way.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*ways)
    for end in (writer, inner_writer):
        end.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while got := await reader.read(_CHUNK):
            writer.write(got)
            await writer.drain()
    except OSError:
        writer.transport.abort()
