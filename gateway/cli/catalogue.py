"""``gateway catalogue``: the catalogue as code, from files that are reviewed to the version that is served."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from catalogue import versions
from catalogue.loader import read_texts
from catalogue.versions import Application
from config import migrate
from config.clock import SystemClock
from config.database import Operation
from config.partner_files import read_partner_files
from config.settings import Settings
from gateway.cli.catalogue_display import budget_lines, history_lines, plan_lines
from gateway.cli.catalogue_schema import stale_schemas, write_schemas
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.services import budgets

T = TypeVar("T")
override_option = click.option(
    "--override", "overridden", multiple=True, metavar="THING", help="Set the objections to this thing aside."
)


@click.group("catalogue")
def command() -> None:
    """Compare the catalogue's files with what is served, and apply them."""


@command.command("plan")
@override_option
@json_option
@click.pass_obj
def plan(context: CommandContext, overridden: tuple[str, ...], as_json: bool) -> int:
    """Show what applying the files would change, key by key, and what stands against it.

    Exit code 0: nothing would change. 1: something would, or something stands against it. 2: the files cannot be used.
    """
    settings = context.load()
    texts, partners = _files(settings)
    given: dict[str, Any] = {
        "texts": texts, "partners": partners, "at": SystemClock().now(), "overridden": overridden,
    }  # fmt: skip
    made = context.run(_planned(settings, partial(versions.plan, **given), partial(versions.plan_of_nothing, **given)))
    show(made, as_json=as_json, lines=lambda: plan_lines(made))
    return 0 if made.is_empty else 1


@command.command("apply")
@override_option
@click.option("--reason", help="Why; needed with --override, and kept with the version.")
@click.option("--by", default=getpass.getuser, help="Who applies it (default: the user of this machine).")
@click.option("--expect", metavar="HASH", help="The target that `plan` showed; any other content is refused.")
@json_option
@click.pass_obj
def apply(
    context: CommandContext,
    overridden: tuple[str, ...],
    reason: str | None,
    by: str,
    expect: str | None,
    as_json: bool,
) -> None:
    """Make the files the version that is served, in one transaction; serving processes take it up by themselves.

    Exit code 0: applied, or there was nothing to do. 1: refused, and nothing was changed. 2: the files cannot be used.
    """
    settings = context.load()
    texts, partners = _files(settings)
    operation = partial(
        versions.apply,
        texts=texts,
        partners=partners,
        at=SystemClock().now(),
        by=by,
        reason=reason,
        overridden=overridden,
        expected=expect,
    )
    done = context.run(_write(settings, operation))
    show(done, as_json=as_json, lines=lambda: _applied_lines(done))


@command.command("history")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@json_option
@click.pass_obj
def history(context: CommandContext, limit: int, as_json: bool) -> None:
    """List the versions that were applied, newest first: when, by whom, why."""
    found = context.run(_read(context.load(), partial(versions.history, limit=limit)))
    show(found, as_json=as_json, lines=lambda: history_lines(found))


@command.command("export")
@click.argument("number", type=click.IntRange(min=1))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.pass_obj
def export(context: CommandContext, number: int, folder: Path) -> None:
    """Write the files of version NUMBER into an empty FOLDER, as they were applied."""
    if folder.exists() and any(folder.iterdir()):
        raise click.BadParameter("the folder is not empty", param_hint="FOLDER")
    texts = context.run(_read(context.load(), partial(versions.texts_of, number=number)))
    if not texts:
        raise click.BadParameter(f"there is no version {number}", param_hint="NUMBER")
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    click.echo(f"Version {number}: {len(texts)} files in {folder}.")


@command.command("budgets")
@json_option
@click.pass_obj
def show_budgets(context: CommandContext, as_json: bool) -> int:
    """Show what is taken of each budget, period by period; exit code 1 when one is used up."""
    found = context.run(_read(context.load(), budgets.standing))
    show(found, as_json=as_json, lines=lambda: budget_lines(found))
    return 1 if any(one.remaining <= 0 for one in found) else 0


@command.command("schema")
@click.option("--check", is_flag=True, help="Only say whether they are current; exit code 1 when they are not.")
@click.pass_obj
def schema(context: CommandContext, check: bool) -> int:
    """Write the JSON Schema of every kind of file into ``schemas/`` of the configuration folder, for editors."""
    folder = context.load().folders.configuration / "schemas"
    if not check:
        names = write_schemas(folder)
        click.echo(f"{len(names)} schemas in {folder}.")
        return 0
    stale = stale_schemas(folder)
    click.echo("\n".join(f"Not current: {folder / name}" for name in stale) or "The schemas are current.")
    return 1 if stale else 0


def _files(settings: Settings) -> tuple[dict[str, str], tuple[str, ...]]:
    folder = settings.folders.configuration
    return read_texts(folder), tuple(read_partner_files(folder))


async def _planned(settings: Settings, operation: Operation[T], unborn: Callable[[], T]) -> T:
    """Read, or answer for a database that has no schema yet, which a comparison must not make."""
    async with open_database(settings, any_schema=True) as database:
        if await migrate.current_revision(database) is None:
            return unborn()
    return await _read(settings, operation)


async def _write(settings: Settings, operation: Operation[T]) -> T:
    async with open_database(settings, upgrade=settings.database.upgrade_on_start) as database:
        return await database.write(operation)


async def _read(settings: Settings, operation: Operation[T]) -> T:
    async with open_database(settings) as database:
        return await database.read(operation)


def _applied_lines(done: Application) -> list[str]:
    if not done.is_new:
        return [f"Nothing to do: version {done.number} says the same."]
    return [*plan_lines(done.plan), f"Applied as version {done.number}."]
