"""``make faults``: the campaign and the scenes on each database, with figures and a verdict."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from tests.bench.databases import postgresql, postgresql_answers
from tests.campaign.run import Outcome, Plan, campaign
from tests.campaign.scenes import Figures, scenes

KEPT = Path("var/faults.json")


@click.command()
@click.option("--redemptions", type=click.IntRange(1), default=100_000, show_default=True, help="On each database.")
@click.option("--seed", type=int, help="The same faults again; drawn and printed when it is not given.")
@click.option("--each-point", type=click.IntRange(0), default=20, show_default=True, help="Deaths at each crash point.")
@click.option("--members", type=click.IntRange(1), default=48, show_default=True)
@click.option("--share", type=click.FloatRange(0, 1), default=0.12, show_default=True, help="Of calls that fail.")
@click.option("--life-seconds", type=click.FloatRange(0.1), default=6.0, show_default=True, help="Between kills.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("var/faults"), show_default=True)
@click.option("--database", type=click.Choice(["sqlite", "postgresql", "both"]), default="both", show_default=True)
@click.option("--scenes/--no-scenes", "with_scenes", default=True, help="Measure outages too.")
def main(seed: int | None, database: str, folder: Path, with_scenes: bool, **wanted: float) -> None:
    """Run the campaign and say what broke."""
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    click.echo(f"seed {seed}")
    kept, wrong = {}, 0
    for kind in ("sqlite", "postgresql") if database == "both" else (database,):
        with _database(kind, folder) as url:
            plan = msgspec.convert(
                {**wanted, "seed": seed, "database_url": url, "folder": folder / kind}, Plan, dec_hook=_as_it_is
            )
            outcome = _run(kind, plan)
        figures: tuple[Figures, ...] = ()
        if with_scenes:
            with _database(kind, folder) as url:
                figures = asyncio.run(scenes(folder / f"{kind}-scenes", url, seed, click.echo))
        kept[kind] = {**outcome.as_facts(), "scenes": figures}
        wrong += len(outcome.wrong)
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=2))
    click.echo(f"figures are in {KEPT}; seed {seed}")
    sys.exit(1 if wrong else 0)


def _run(kind: str, plan: Plan) -> Outcome:
    click.echo(f"{kind}: {plan.redemptions} redemptions by {plan.members} members")
    began = time.monotonic()
    outcome = asyncio.run(campaign(plan, click.echo))
    outcome.seconds = time.monotonic() - began
    for line in outcome.lines():
        click.echo(line)
    return outcome


@contextlib.contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        folder.mkdir(parents=True, exist_ok=True)
        path = folder.resolve() / "campaign.db"
        for old in folder.glob("campaign.db*"):
            old.unlink()
        yield f"sqlite:///{path}"
        return
    if not postgresql_answers():
        raise click.ClickException("no PostgreSQL answers; name one in GATEWAY_TEST_POSTGRESQL, or --database sqlite")
    with postgresql() as url:
        yield url


def _as_it_is(_type: type, value: object) -> object:
    return value


if __name__ == "__main__":
    main()
