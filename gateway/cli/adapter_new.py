"""``gateway adapter new``: a package to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from adapters.sdk.registry import candidates
from adapters.sdk.scaffold import SEGMENTS, make_package
from config.clock import SystemClock
from gateway.cli.context import CommandContext


@click.command("new")
@click.argument("name")
@click.option("--segment", type=click.Choice(sorted(SEGMENTS)), required=True, help="What the partner sells.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="The folder above the new one; this one by default.",
)
@click.pass_obj
def new(context: CommandContext, name: str, segment: str, into: Path) -> None:
    """Make a package for the adapter NAME that keeps every rule at once: simulator, fixtures and tests included."""
    taken = {found for found, _ in candidates(context.load().folders.adapters)}
    root = make_package(name, segment, into, today=SystemClock().now().date(), taken=taken)
    click.echo(f"Made {root}. Next:")
    click.echo(f"  gateway adapter check {name} --folder {root}")
    click.echo(f"  python -m pytest {root}")
