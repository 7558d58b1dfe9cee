"""``gateway demo``: Mr Liu's journey on this machine, with real processes, a real night and a closing table."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from config.clock import SystemClock
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from gateway.cli.context import CommandContext
from gateway.demo.run import run_demo
from gateway.demo.telling import Teller, as_json
from gateway.demo.world import World

PLAIN_WIDTH = 120
"""Columns of the tables where there is no terminal to ask."""


@click.command("demo")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("var/demo"), show_default=True)
@click.option("--database", help="An empty database of its own instead of an embedded one (postgresql://...).")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same offers and kills.")
@click.option("--kill-gateway", "kills", type=click.IntRange(0, 3), default=0, help="Kill -9 it so often on the way.")
@click.option("--json", "json_wanted", is_flag=True, help="Print the closing table as JSON; progress goes to stderr.")
@click.pass_obj
def command(
    context: CommandContext, folder: Path, database: str | None, seed: int, kills: int, json_wanted: bool
) -> int:
    """Run the whole journey: simulators, gateway, six steps, settlement, closing table.

    Everything it writes is below --folder, which is emptied first. Exit code 1 when anything is not as promised.
    """
    context.load()
    clock = SystemClock()
    console = Console(stderr=json_wanted, soft_wrap=True)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    teller = Teller(console, clock)
    world = World(folder, read_partner_files(PACKAGED_FOLDER), seed, database)
    outcome = context.run(run_demo(world, teller, clock, kills=kills))
    if json_wanted:
        click.echo(as_json(outcome.checks, outcome.night.files, outcome.kills))
    else:
        teller.closing(outcome.checks, outcome.night.positions, outcome.night.files)
    return 0 if outcome.holds else 1
