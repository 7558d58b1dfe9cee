"""``gateway adapter``: what is installed, what it can do, and how well; making, trying and recording one."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from adapters.sdk.probation import deaths
from adapters.sdk.registry import discover, load_named, load_part
from config.settings import Settings
from gateway.cli.adapter_check import check
from gateway.cli.adapter_matrix import matrix
from gateway.cli.adapter_new import new
from gateway.cli.adapter_try import attempt_one, record
from gateway.cli.context import CommandContext, json_option, show


class AdapterFacts(msgspec.Struct, frozen=True):
    """One adapter, as its manifest says; ``profile`` follows from its facts."""

    name: str
    title: str
    segment: str
    profile: str
    capabilities: list[str]
    personal_fields: list[str]


class AdapterList(msgspec.Struct, frozen=True):
    """What was found, and what could not be loaded and why."""

    adapters: list[AdapterFacts]
    problems: dict[str, str]


@click.group("adapter")
def command() -> None:
    """Adapters that are installed."""


command.add_command(check)
command.add_command(new)
command.add_command(matrix)
command.add_command(attempt_one)
command.add_command(record)


@command.command("list")
@json_option
@click.pass_obj
def list_adapters(context: CommandContext, as_json: bool) -> int:
    """List every adapter with profile and capabilities; exit code 1 when one cannot be loaded."""
    found = installed(context.load())
    show(found, as_json=as_json, lines=lambda: _lines(found))
    return 1 if found.problems else 0


@command.command("kit", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def hold_to_the_contract(words: tuple[str, ...]) -> int:
    """Hold a partner's server to the direct contract; --help tells how."""
    module: Any = load_part(load_named("direct"), "kit.command")
    ended: int = module.kit.main(args=list(words), prog_name="gateway adapter kit", standalone_mode=False)
    return ended


def installed(settings: Settings) -> AdapterList:
    """Discover adapters as start-up does."""
    found = discover(settings.folders.adapters, fatal=deaths(settings.folders.adapters))
    facts = [
        AdapterFacts(
            name=name,
            title=package.manifest.title,
            segment=package.manifest.segment,
            profile=package.manifest.profile.value,
            capabilities=list(package.manifest.capabilities),
            personal_fields=list(package.manifest.personal_fields),
        )
        for name, package in sorted(found.packages.items())
    ]
    return AdapterList(facts, dict(found.problems))


def _lines(found: AdapterList) -> list[str]:
    width = max((len(one.name) for one in found.adapters), default=0)
    lines = [f"{one.name:<{width}}  {one.profile}  {', '.join(one.capabilities)}" for one in found.adapters]
    return lines + [f"cannot be loaded: {name}: {problem}" for name, problem in found.problems.items()]
