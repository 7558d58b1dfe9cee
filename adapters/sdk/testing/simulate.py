"""``python -m adapters.sdk.testing.simulate MODULE --partner ID --port N``: run one simulator until told to stop."""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
import sys
from pathlib import Path
from typing import Any

import click
import uvicorn

from adapters.sdk.registry import load_named, load_part
from adapters.sdk.testing.simulator import Simulator, SimulatorOptions, SimulatorServer, listen, server_config


@click.command()
@click.argument("module")
@click.option("--partner", required=True, help="Partner id, as in the partner's file.")
@click.option("--port", type=int, default=0, show_default=True, help="0 takes a free one.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same offers.")
@click.option("--webhook-url", help="Where webhooks go; none are sent without it.")
@click.option("--webhook-secret", help="Throw-away secret that signs them.")
@click.option("--currency", default="CNY", show_default=True, help="Of the statement.")
@click.option("--credential", "credentials", multiple=True, metavar="NAME=VALUE", help="Throw-away credential.")
@click.option(
    "--stop-with-stdin", is_flag=True, help="Stop when standard input ends: with the process that started it."
)
@click.option(
    "--adapters",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of packages; MODULE is then the adapter's name.",
)
@click.option("--option", "values", multiple=True, metavar="NAME=VALUE", help="The simulator's own option.")
def simulate(module: str, port: int, stop_with_stdin: bool, adapters: Path | None, **given: Any) -> None:
    """Run the simulator in MODULE (for example adapters.direct.simulator) and print one line when it is ready."""
    credentials, values = _pairs(given.pop("credentials")), _pairs(given.pop("values"))
    options = SimulatorOptions(credentials=credentials, values=values, **given)
    part = (
        importlib.import_module(module) if adapters is None else load_part(load_named(module, [adapters]), "simulator")
    )
    if part is None:
        raise click.UsageError(f"The adapter {module} has no simulator.py.")
    simulator: Simulator = part.create_simulator(options)
    server = _Announcing(server_config(simulator.app), options.partner, stop_with_stdin=stop_with_stdin)
    server.run(sockets=[listen(port)])


class _Announcing(SimulatorServer):
    """A server that says on one line when and where it answers."""

    def __init__(self, config: uvicorn.Config, partner: str, *, stop_with_stdin: bool) -> None:
        super().__init__(config)
        self._partner = partner
        self._stop_with_stdin = stop_with_stdin

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            click.echo(f"simulator {self._partner} listens on http://127.0.0.1:{listener.getsockname()[1]}")
        sys.stdout.flush()
        if self._stop_with_stdin:
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._read_stdin)

    def _read_stdin(self) -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self.should_exit = True


def _pairs(items: tuple[str, ...]) -> dict[str, str]:
    pairs = [item.partition("=") for item in items]
    wrong = [name for name, separator, _ in pairs if not separator]
    if wrong:
        raise click.BadParameter(f"{', '.join(wrong)} is not of the form NAME=VALUE")
    return {name: value for name, _, value in pairs}


if __name__ == "__main__":
    simulate()
