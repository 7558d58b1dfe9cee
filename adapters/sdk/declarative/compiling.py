"""Checks a mapping against its manifest and makes it ready; tells every mistake with line, key and remedy. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.sdk.auth_schemes import CREDENTIALS
from adapters.sdk.capabilities import Step
from adapters.sdk.declarative import requests, rules
from adapters.sdk.declarative.compiled import Call, CompiledMapping
from adapters.sdk.declarative.fields import Known, offer_fields, reservation_fields, service_fields, usage_fields
from adapters.sdk.declarative.model import SECTIONS, Exchange, LookUp, MappingFile, MoneyAt, Quote, Usage, Withdrawal
from adapters.sdk.declarative.problems import Problems
from adapters.sdk.errors import ManifestError
from adapters.sdk.manifest import Manifest
from adapters.sdk.webhook_schemes import TIMESTAMPED
from config.errors import ConfigurationError
from config.files import parse_text
from config.toml_lines import Place

RESERVED_STEPS = frozenset({"quote_offers", "look_up", "cancel", "fence", "fetch_usage", "statement", "token"})
QUOTE_PATHS = ("offers", "token", "title", "expires_at", "refundable_until_at")
USAGE_PATHS = ("uses", "place", "used_at", "visitors", "guests")
WEBHOOK_PATHS = ("kind", "reference", "occurred_at", "id", "sequence", "partner_reference", "guests")
STATEMENT_PATH = re.compile(r"/(?!/)[^\s{}?#]*\{date\}[^\s{}#]*", re.ASCII)
EVENT_KIND = re.compile(r"[a-z_]+(\.[a-z_]+)*", re.ASCII)


def compile_mapping(
    path: str, text: str, manifest: Manifest, hooks: Mapping[str, object] | None = None
) -> CompiledMapping:
    """Read, check and compile a mapping.

    Args:
        path: the file's name, for messages.
        text: its content.
        manifest: of the same folder.
        hooks: what the package's ``hooks.py`` defines; None when there is none.

    Raises:
        ManifestError: names every mistake with file, line and key, and says what to do.
    """
    try:
        file = parse_text(path, text, MappingFile)
    except ConfigurationError as error:
        raise ManifestError(error.message, **error.facts) from error
    problems = Problems(path, text)
    _whole(file, manifest, problems)
    compiled = _Compiler(file, manifest, hooks, problems).run() if not problems.found else {}
    problems.settle()
    return CompiledMapping(
        file=file,
        steps=tuple(Step(name=step.name, commit=step.commit) for step in file.steps),
        calls=compiled,
        webhook_scheme=manifest.webhook_scheme,
    )


def _whole(file: MappingFile, manifest: Manifest, problems: Problems) -> None:
    """Check what is about the file as a whole."""
    _sections(file, manifest, problems)
    try:
        ZoneInfo(file.time_zone)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        problems.add(("time_zone",), f"{file.time_zone!r} is no time zone; write an IANA name such as Asia/Shanghai")
    if manifest.auth not in CREDENTIALS:
        problems.add(
            (), f"the manifest's auth is {manifest.auth!r}; write one of {', '.join(sorted(CREDENTIALS))} there"
        )
    elif missing := sorted(set(CREDENTIALS[manifest.auth]) - set(manifest.credentials)):
        problems.add((), f"the manifest's auth needs the credential {', '.join(missing)}; declare it in [credentials]")
    carried = frozenset(name for step in file.steps for name in step.carry)
    for name, shared in (("identity", file.identity), ("error_identity", file.error_identity), ("echo", file.echo)):
        rules.check_echo((name,), shared, reservation_fields(file.service, file.options, carried), problems)
    if file.webhook is not None:
        _webhook(file, manifest, problems)
    if file.statement is not None and file.statement.path and not STATEMENT_PATH.fullmatch(file.statement.path):
        problems.add(("statement", "path"), "a path begins with / and names the day once, as {date}; write it so")
    names = [step.name for step in file.steps]
    for number, step in enumerate(file.steps):
        if names.count(step.name) > 1 or step.name in RESERVED_STEPS or not re.fullmatch("[a-z_]+", step.name):
            problems.add(("steps", number, "name"), f"{step.name!r} is taken or no name; write another, of a-z and _")
    if file.steps and sum(step.commit for step in file.steps) != 1:
        problems.add(("steps",), "exactly one step grants the benefit; write commit = true in that one")


def _sections(file: MappingFile, manifest: Manifest, problems: Problems) -> None:
    for capability in manifest.capabilities:
        section = SECTIONS.get(capability)
        if section is None:
            problems.add((), f"the capability {capability} cannot be declared in a mapping; write it in Python")
        elif not getattr(file, section):
            problems.add((), f"the manifest declares {capability}; add [{section}] or take the capability away")
    for name, given in SECTIONS.items():
        if getattr(file, given) and name not in manifest.capabilities:
            problems.add((given,), f"declare the capability {name} in the manifest, or remove [{given}]")


def _webhook(file: MappingFile, manifest: Manifest, problems: Problems) -> None:
    webhook, scheme = file.webhook, manifest.webhook_scheme
    assert webhook is not None
    if scheme != "standard_webhooks" and not scheme.startswith(TIMESTAMPED):
        told = f"standard_webhooks or {TIMESTAMPED}<header>"
        problems.add(("webhook",), f"the manifest's webhook_scheme is {scheme!r}; write {told}, or verify in Python")
    if scheme.startswith(TIMESTAMPED) and not webhook.id:
        problems.add(("webhook",), "this scheme has no message id in a header; add id, the path to the event's")
    for name in WEBHOOK_PATHS:
        problems.path(("webhook", name), getattr(webhook, name))
    for theirs, ours in webhook.kinds.items():
        if not EVENT_KIND.fullmatch(ours):
            problems.add(("webhook", "kinds", theirs), f"{ours!r} is no kind; write one such as visit.reported")


class _Compiler:
    """Compiles call by call; problems are gathered."""

    def __init__(
        self, file: MappingFile, manifest: Manifest, hooks: Mapping[str, object] | None, problems: Problems
    ) -> None:
        self._file = file
        self._manifest = manifest
        self._hooks = hooks
        self._problems = problems

    def run(self) -> dict[str, Call]:
        return {name: self._call(name, place, exchange, known) for name, place, exchange, known in self._all()}

    def _all(self) -> Iterator[tuple[str, Place, Exchange, dict[str, Known]]]:
        file = self._file
        if file.quote is not None:
            self._quote(file.quote)
            yield "quote_offers", ("quote",), file.quote, offer_fields(file.service, file.options)
        before: set[str] = set()
        known_at_commit: frozenset[str] = frozenset()
        for number, step in enumerate(file.steps):
            known = reservation_fields(file.service, file.options, frozenset(before))
            if step.commit:
                known_at_commit = frozenset(before)
                self._commit(("steps", number), step)
            yield step.name, ("steps", number), step, known
            before |= set(step.carry)
        lost = reservation_fields(file.service, file.options, known_at_commit)
        if file.look_up is not None:
            self._by_key("look_up", file.look_up)
            yield "look_up", ("look_up",), file.look_up, lost
        if file.fence is not None:
            self._by_key("fence", file.fence)
            yield "fence", ("fence",), file.fence, lost
        if file.usage is not None:
            self._usage(file.usage)
            yield "fetch_usage", ("usage",), file.usage, usage_fields(file.options)
        if file.cancel is not None:
            late = before | set(file.look_up.carry if file.look_up else ())
            known = reservation_fields(file.service, file.options, frozenset(late))
            yield "cancel", ("cancel",), file.cancel, known | {"partner_reference": Known("text")}

    def _call(self, name: str, place: Place, exchange: Exchange, known: dict[str, Known]) -> Call:
        problems = self._problems
        request = requests.compile_request(name, place, exchange, known, self._manifest, self._hooks, problems)
        reading = rules.compile_reading(place, exchange, known, self._file, self._hooks, problems)
        if isinstance(exchange, LookUp | Withdrawal):
            self._money((*place, "refund"), exchange.refund)
        return Call(request, reading)

    def _quote(self, quote: Quote) -> None:
        problems = self._problems
        for name in QUOTE_PATHS:
            problems.path(("quote", name), getattr(quote, name))
        if bool(quote.expires_at) == (quote.expires_after_seconds > 0):
            problems.add(("quote",), "an offer ends; write either expires_at or expires_after_seconds")
        if not (quote.title or quote.untitled):
            problems.add(("quote",), "an offer has a title; write its path, or untitled with a text")
        self._money(("quote", "price"), quote.price)
        inner = service_fields(self._file.service)
        for name, path in quote.service.items():
            if name not in inner or inner[name].kind not in ("text", "integer"):
                told = ", ".join(sorted(inner))
                problems.add(("quote", "service", name), f"no text or number of a {self._file.service}; it has {told}")
            problems.path(("quote", "service", name), path)

    def _usage(self, usage: Usage) -> None:
        for name in USAGE_PATHS:
            self._problems.path(("usage", name), getattr(usage, name))
        if not (usage.visitors or usage.guests):
            self._problems.add(("usage",), "a use is of so many people; write visitors or guests, the path to it")
        if "partner_account" not in requests.named_fields(usage) and not usage.prepare:
            told = "it asks for one account and sends no {partner_account}; put it where it belongs"
            self._problems.add(("usage",), told)
        self._money(("usage", "charge"), usage.charge)

    def _money(self, place: Place, money: MoneyAt | None) -> None:
        if money is None:
            return
        for name in ("amount", "minor_units", "currency"):
            self._problems.path((*place, name), getattr(money, name))
        if bool(money.amount) == bool(money.minor_units):
            self._problems.add(place, "money is a decimal or an integer; write either amount or minor_units")

    def _commit(self, place: Place, step: Exchange) -> None:
        problems, file = self._problems, self._file
        if not (file.echo if step.echo is None else step.echo):
            problems.add(place, "a grant is believed only when it repeats what was asked; add echo, field to path")
        if file.cancel is not None and not step.reference:
            problems.add(place, "a cancel names the partner's reference; add reference, the path to it")
        if self._manifest.facts.key.field and "key" not in requests.named_fields(step) and not step.prepare:
            problems.add(place, "the manifest declares a key field and no {key} is sent; put it where it belongs")

    def _by_key(self, section: str, exchange: LookUp | Withdrawal) -> None:
        named = requests.named_fields(exchange)
        if "key" not in named and not any(name.startswith("carried.") for name in named) and not exchange.prepare:
            self._problems.add((section,), "it is about our key and sends neither {key} nor something carried; add it")
