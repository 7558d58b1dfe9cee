"""``gateway serve``: the API, the sweeper and the inbox worker in one process."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import AsyncExitStack

import click
import uvicorn
from litestar import Litestar

from config.errors import UnavailableError
from config.partner_files import read_partner_files
from config.settings import Settings, listening_at
from gateway.app import create_app
from gateway.cli.context import CommandContext
from gateway.demo.simulators import start_simulators
from gateway.isolation import Watchdog
from gateway.wiring import open_gateway

GRACE_SECONDS = 20
"""How long requests under way may take after the signal to stop; longer than the interactive wait."""


class ReadyServer(uvicorn.Server):
    """Prints one line when it listens, so that whoever started it need not guess."""

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Start, then say where."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            bound = [sock.getsockname() for server in self.servers for sock in server.sockets]
            where = ", ".join(f"http://{address[0]}:{address[1]}" for address in bound)
            click.echo(f"ready: {where}")


@click.command("serve")
@click.option("--host", help="Address to listen on (default: http.host).")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on (default: http.port).")
@click.option("--with-simulators", is_flag=True, help="Start the partners' simulators too, where their files say.")
@click.pass_obj
def command(context: CommandContext, host: str | None, port: int | None, with_simulators: bool) -> None:
    """Serve the API; stops cleanly on SIGTERM and SIGINT."""
    settings = listening_at(context.load(quiet=False), host, port)
    listening = listen(settings.http.host, settings.http.port)
    # The server raises the signal that stopped it once more when it is done; what it leaves open is still to be closed.
    signal.signal(signal.SIGTERM, lambda *_: None)
    context.run(_serve(settings, listening, with_simulators=with_simulators))


def listen(host: str, port: int) -> list[socket.socket]:
    """Take the address before anything else is done; the server begins to answer there when it is ready.

    Raises:
        UnavailableError: it is in use, or is none of this machine's.
    """
    taken: list[socket.socket] = []
    try:
        for family, kind, number, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            taken.append(socket.socket(family, kind, number))
            taken[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                taken[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            taken[-1].bind(address)
    except OSError as error:
        for one in taken:
            one.close()
        raise UnavailableError(
            f"Cannot listen at {host}, port {port}: {error.strerror}. Stop what listens there, or choose with"
            " --host and --port (http.host, http.port)."
        ) from error
    return taken


async def _serve(settings: Settings, listening: list[socket.socket], *, with_simulators: bool) -> None:
    async with AsyncExitStack() as closing:
        for one in listening:
            closing.callback(one.close)
        if with_simulators:
            await start_simulators(
                closing,
                read_partner_files(settings.folders.configuration),
                gateway_url=settings.http.public_url,
                logs=settings.folders.data / "logs",
                seed=1,
                fixed_ports=True,
                adapters=settings.folders.adapters,
            )
        await _serve_gateway(settings, listening)


async def _serve_gateway(settings: Settings, listening: list[socket.socket]) -> None:
    gateway = await open_gateway(settings)
    try:
        with Watchdog(gateway.plugin_folders).watching(asyncio.get_running_loop()):
            await ReadyServer(configuration(create_app(gateway, workers=True))).serve(listening)
    finally:
        await gateway.close()


def configuration(app: Litestar) -> uvicorn.Config:
    """Configure the server: our logging, no server banner, slow clients cut, a clean stop."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        lifespan="on",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=16_384,
        limit_concurrency=1_000,
    )
