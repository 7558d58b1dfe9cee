"""``gateway adapter try`` and ``record``: one operation against a simulator or a sandbox, never a live partner."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from adapters.sdk.context import open_context
from adapters.sdk.registry import AdapterPackage, load_named
from adapters.sdk.testing.bench import open_bench
from adapters.sdk.testing.examination import make_subject
from adapters.sdk.testing.probe import ProbeClient
from adapters.sdk.testing.recording import fixture
from adapters.sdk.testing.showing import shown_value
from adapters.sdk.testing.trial import Place, ShownCall, Trial, attempt, bench_place, shown
from config.clock import SystemClock
from config.errors import ConfigurationError
from config.partner_files import PartnerEnvironment, PartnerFile, read_partner_files
from config.secrets import Secret, resolve_secret
from config.settings import Settings, process_environment
from gateway.cli.context import CommandContext, json_option, show

SIMULATOR, SANDBOX, LIVE = "simulator", "sandbox", "live"
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True)
class Asked:
    """What is to be tried, and where."""

    name: str
    operation: str
    fields: dict[str, str]
    against: str
    partner: str | None
    folders: tuple[Path, ...]


class Tried(msgspec.Struct, frozen=True):
    """What came of a trial, redacted."""

    operation: str
    against: str
    before: list[ShownCall]
    calls: list[ShownCall]
    result: Any


def where_and_what(command: Decorated) -> Decorated:
    """Add the arguments and options that both commands take."""
    for add in (
        click.option("--folder", "folders", multiple=True, type=click.Path(path_type=Path), help="Extra packages."),
        click.option("--partner", help="Partner file whose sandbox is spoken to."),
        click.option(
            "--against",
            type=click.Choice([SIMULATOR, SANDBOX, LIVE]),
            default=SIMULATOR,
            show_default=True,
            help="The package's own simulator, or a partner's sandbox; live is refused.",
        ),
        click.argument("fields", nargs=-1, metavar="[FIELD=VALUE]..."),
        click.argument("operation"),
        click.argument("name"),
    ):
        command = add(command)
    return command


@click.command("try")
@where_and_what
@json_option
@click.pass_obj
def attempt_one(context: CommandContext, /, as_json: bool, fields: tuple[str, ...], **given: Any) -> None:
    """Try OPERATION of the adapter NAME once: request, answer and result are shown, redacted.

    Operations: quote, search, reserve, look_up, cancel, fence, statement, usage, validate, status, grant, voucher,
    debit, reverse_credit, reverse_debit, read_account. FIELD is one of the service's, key, traveller.email and the
    like, date, account, part, partner_reference. Against the simulator a reservation is made first (a member linked)
    where the operation is about one; alone=true leaves that out.
    """
    asked = Asked(fields=_pairs(fields), **given)
    trial, secrets = asyncio.run(_try(context.load(), asked))
    tried = Tried(
        operation=asked.operation,
        against=asked.against,
        before=[shown(each, secrets) for each in trial.before],
        calls=[shown(each, secrets) for each in trial.made],
        result=shown_value(msgspec.to_builtins(trial.result), secrets),
    )
    show(tried, as_json=as_json, lines=lambda: _lines(tried))


@click.command("record")
@where_and_what
@click.option("--redact-allow", default="", metavar="FIELD,...", help="Fields of the answer whose values are kept.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The fixture's new file.")
@click.pass_obj
def record(context: CommandContext, /, fields: tuple[str, ...], redact_allow: str, to: Path, **given: Any) -> None:
    """Try OPERATION of the adapter NAME once and keep its last answer as a fixture.

    Every value of the answer is replaced by a placeholder of its type, but those of the fields that are allowed.
    """
    if to.exists():
        raise ConfigurationError(f"{to} is there already; a fixture is not written over.")
    asked = Asked(fields=_pairs(fields), **given)
    allowed = [name.strip() for name in redact_allow.split(",") if name.strip()]
    trial, _ = asyncio.run(_try(context.load(), asked))
    day = SystemClock().now().date().isoformat()
    source = f"recorded from the {asked.against} of {asked.partner or asked.name}, {asked.operation}, read {day}"
    text = json.dumps(fixture(trial, allowed, source=source), indent=2, ensure_ascii=False)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text + "\n", encoding="utf-8")
    click.echo(f"Wrote {to}. Look at it, and say in its source what the condition is.")


async def _try(settings: Settings, asked: Asked) -> tuple[Trial, tuple[str, ...]]:
    if asked.against == LIVE:
        raise ConfigurationError("live is refused: nothing is tried by hand where members' benefits are booked.")
    package = load_named(asked.name, (*settings.folders.adapters, *asked.folders))
    if asked.against == SANDBOX:
        async with _sandbox(settings, package, asked.partner) as (place, secrets):
            return await attempt(place, asked.operation, asked.fields), secrets
    if asked.partner is not None:
        raise ConfigurationError("--partner names a sandbox's partner; say --against sandbox, or leave it out.")
    async with open_bench(make_subject(package)) as bench:
        member = bench.subject.account_request
        factors = () if member is None else tuple(factor.reveal() for factor in member.factors.values())
        secrets = (*bench.subject.credentials.values(), *factors)
        return await attempt(bench_place(bench), asked.operation, asked.fields), secrets


@asynccontextmanager
async def _sandbox(
    settings: Settings, package: AdapterPackage, partner: str | None
) -> AsyncIterator[tuple[Place, tuple[str, ...]]]:
    """Connect to the sandbox that a partner's file names, and to nothing else."""
    files = read_partner_files(settings.folders.configuration)
    file, environment = sandbox_of(files, package, partner)
    kinds, environ = package.manifest.credentials, process_environment()
    credentials: dict[str, Secret] = {
        name: resolve_secret(reference, environ, masked=kinds.get(name) == "secret")
        for name, reference in environment.credentials.items()
    }
    context = open_context(
        partner=file.partner.id,
        manifest=package.manifest,
        base_url=environment.base_url,
        credentials=credentials,
        options=file.options,
        clock=SystemClock(),
        client_type=ProbeClient,
    )
    assert isinstance(context.client, ProbeClient)
    try:
        place = Place(
            adapter=package.create(context),
            client=context.client,
            manifest=package.manifest,
            subject=make_subject(package),
            clock=context.clock,
            fresh=False,
        )
        yield place, tuple(each.reveal() for name, each in credentials.items() if kinds.get(name) == "secret")
    finally:
        await context.client.aclose()


def sandbox_of(
    files: dict[str, PartnerFile], package: AdapterPackage, partner: str | None
) -> tuple[PartnerFile, PartnerEnvironment]:
    """Find the sandbox of a partner; no other environment ever stands in for it.

    Raises:
        ConfigurationError: no such partner, it has another adapter or no sandbox, or the sandbox has the address or a
            secret of another environment.
    """
    named = [one for one, file in files.items() if file.partner.adapter == package.name]
    if partner not in named:
        known = ", ".join(sorted(named)) or "there is none"
        raise ConfigurationError(f"Whose sandbox? Give --partner; with the adapter {package.name!r}: {known}.")
    file = files[partner]
    sandbox = file.environments.get(SANDBOX)
    if sandbox is None:
        raise ConfigurationError(f"partners/{partner}.toml has no [environments.sandbox]; nothing stands in for it.")
    others = [each for one in files.values() for each in one.environments.items() if each[0] != SANDBOX]
    secret = {name for name, kind in package.manifest.credentials.items() if kind == "secret"}
    for name, other in others:
        shared = {sandbox.credentials.get(one) for one in secret} & {*other.credentials.values()}
        if _address(sandbox) == _address(other) or shared:
            raise ConfigurationError(
                f"partners/{partner}.toml: its sandbox has the address or a secret of an environment {name!r}; "
                "give the sandbox its own."
            )
    return file, sandbox


def _address(environment: PartnerEnvironment) -> str:
    return environment.base_url.rstrip("/").lower()


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    wrong = [name for name, equals, _ in pairs if not equals or not name]
    if wrong:
        raise click.BadParameter(f"{', '.join(wrong)} is not of the form FIELD=VALUE")
    return {name: value for name, _, value in pairs}


def _lines(tried: Tried) -> list[str]:
    lines = [f"{tried.operation} against the {tried.against}"]
    for title, calls in (("before it", tried.before), ("its calls", tried.calls)):
        for each in calls:
            lines += ["", f"{title}: {each.operation}", f"> {each.request}"]
            lines += [f"> {name}: {value}" for name, value in each.request_headers.items()]
            lines += [f"> {line}" for line in _document(each.request_body)]
            lines += [f"< {each.answer}", *(f"< {name}: {value}" for name, value in each.answer_headers.items())]
            lines += [f"< {line}" for line in _document(each.answer_body)]
    return [*lines, "", "result:", *_document(tried.result)]


def _document(value: Any) -> list[str]:
    return [] if value is None else json.dumps(value, indent=2, ensure_ascii=False).splitlines()
