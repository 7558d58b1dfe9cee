"""Hostile adapters: the honest one on our own contract, each with one thing done wrong."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from adapters.direct import calls, mapping, responses
from adapters.direct.adapter import DirectAdapter
from adapters.direct.conformance import CREDENTIALS, create_subject
from adapters.sdk.calls import CallFailure
from adapters.sdk.capabilities import Step
from adapters.sdk.errors import PartnerError, StatementError
from adapters.sdk.manifest import Manifest, read_manifest
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import (
    CancelResult,
    LookUpResult,
    Offer,
    OfferRequest,
    ReservationRequest,
    StatementFile,
    StepResult,
)
from adapters.sdk.registry import load_named
from adapters.sdk.testing.bench import Subject
from adapters.sdk.testing.rules.writing import UNHEARD

GOOD = create_subject(load_named("direct"))
replace = msgspec.structs.replace
Make = Callable[[Path], Subject]


@dataclass(frozen=True)
class Hostile:
    """One thing done wrong, the rule that it breaks, and words of the message."""

    rule: str
    wrong: str
    make: Make
    says: str


def acting(**methods: Any) -> Make:
    """Give the honest adapter other methods; None takes one away."""

    def wrap(honest: Any) -> Any:
        honest.__class__ = type("HostileAdapter", (DirectAdapter,), {"granted": {}} | methods)
        return honest

    return lambda _: replace(GOOD, wrap=wrap)


def declaring(change: Callable[[Manifest], Manifest]) -> Make:
    """Give the package another manifest, in memory."""
    return lambda _: replace(GOOD, package=replace(GOOD.package, manifest=change(GOOD.package.manifest)))


def packaged(spoil: Callable[[Path], None], make: Make = lambda _: GOOD) -> Make:
    """Give a copy of the package's documents with something changed in them."""

    def made(folder: Path) -> Subject:
        copy = folder / "package"
        shutil.copytree(GOOD.package.folder, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        spoil(copy)
        subject = make(folder)
        package = replace(subject.package, folder=copy, manifest=read_manifest(copy / "manifest.toml"))
        return replace(subject, package=package)

    return made


def edited(name: str, *pairs: tuple[str, str]) -> Callable[[Path], None]:
    """Replace texts in a file of the package; each has to be there."""

    def spoil(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")

    return spoil


def does_not_start(_: Any) -> Any:
    raise RuntimeError("no port today")


async def fails_when_all_is_well(self: Any, step: str, request: ReservationRequest) -> StepResult:
    result = await DirectAdapter.run_step(self, step, request)
    return replace(result, outcome=Outcome.UNKNOWN) if result.outcome is Outcome.OK else result


async def offers_what_has_ended(self: Any, request: OfferRequest) -> tuple[Offer, ...]:
    offers = await DirectAdapter.quote_offers(self, request)
    return tuple(replace(offer, expires_at=datetime(2020, 1, 1, tzinfo=UTC)) for offer in offers)


async def takes_a_bomb_for_a_refusal(self: Any, step: str, request: ReservationRequest) -> StepResult:
    result = await DirectAdapter.run_step(self, step, request)
    return replace(result, outcome=Outcome.NO) if result.code == "answer:encoded" else result


async def takes_every_code_for_a_refusal(self: Any, step: str, request: ReservationRequest) -> StepResult:
    result = await DirectAdapter.run_step(self, step, request)
    return replace(result, outcome=Outcome.NO) if result.code == UNHEARD else result


async def raises_at_an_empty_answer(self: Any, step: str, request: ReservationRequest) -> StepResult:
    result = await DirectAdapter.run_step(self, step, request)
    return (
        result if result.code != "unreadable" or "answers" not in request.key else dict[str, StepResult]()["reference"]
    )


async def asks_for_all_the_time(self: Any, step: str, request: ReservationRequest) -> StepResult:
    call = replace(calls.reserve(request), deadline_seconds=600.0, body_cap_bytes=10**9)
    answer = await self._client.call(call)
    if isinstance(answer, CallFailure):
        return StepResult(outcome=answer.outcome, code=answer.reason)
    return mapping.read_step(request, answer, responses.RESERVE, request.requested_at)


async def believes_a_garbled_look_up(self: Any, request: ReservationRequest) -> LookUpResult:
    found = await DirectAdapter.look_up(self, request)
    garbled = (found.code or "").startswith("unreadable")
    return replace(found, answer=LookUpAnswer.ISSUED) if garbled else found


async def cancels_on_anything(self: Any, request: ReservationRequest, reference: str) -> CancelResult:
    result = await DirectAdapter.cancel(self, request, reference)
    return replace(result, outcome=Outcome.OK) if result.outcome is Outcome.UNKNOWN else result


async def fences_on_anything(self: Any, request: ReservationRequest) -> CancelResult:
    result = await DirectAdapter.fence(self, request)
    return replace(result, outcome=Outcome.OK) if result.outcome is Outcome.UNKNOWN else result


async def has_nothing_when_in_trouble(self: Any, request: OfferRequest) -> tuple[Offer, ...]:
    try:
        return await DirectAdapter.quote_offers(self, request)
    except PartnerError:
        return ()


async def answers_a_repeat_anew(self: Any, step: str, request: ReservationRequest) -> StepResult:
    result = await DirectAdapter.run_step(self, step, request)
    times = self.granted[request.key] = self.granted.get(request.key, 0) + 1
    return replace(result, partner_reference=f"R-{times}") if "repeat" in request.key else result


async def knows_short_keys_only(self: Any, step: str, request: ReservationRequest) -> StepResult:
    if len(request.key) > 40:
        return StepResult(outcome=Outcome.NO, code="key_too_long")
    return await DirectAdapter.run_step(self, step, request)


async def remembers(self: Any, step: str, request: ReservationRequest) -> StepResult:
    result = await DirectAdapter.run_step(self, step, request)
    self.granted[request.key] = result.outcome is Outcome.OK
    return result


async def finds_only_what_it_was_told(self: Any, request: ReservationRequest) -> LookUpResult:
    if not self.granted.get(request.key):
        return LookUpResult(answer=LookUpAnswer.NOT_FOUND)
    return await DirectAdapter.look_up(self, request)


async def takes_absence_for_a_refusal(self: Any, request: ReservationRequest) -> LookUpResult:
    found = await DirectAdapter.look_up(self, request)
    return replace(found, answer=LookUpAnswer.REFUSED) if found.answer is LookUpAnswer.NOT_FOUND else found


async def fences_another_key_when_unused(self: Any, request: ReservationRequest) -> CancelResult:
    used = self.granted.get(request.key)
    return await DirectAdapter.fence(self, request if used else replace(request, key=f"{request.key}0"))


async def fences_another_key_when_used(self: Any, request: ReservationRequest) -> CancelResult:
    used = self.granted.get(request.key)
    return await DirectAdapter.fence(self, replace(request, key=f"{request.key}0") if used else request)


async def looks_where_it_should_cancel(self: Any, request: ReservationRequest, reference: str) -> CancelResult:
    found = await DirectAdapter.look_up(self, request)
    return CancelResult(outcome=Outcome.OK if found.answer is LookUpAnswer.ISSUED else Outcome.UNKNOWN)


async def tells_who_it_is_for(self: Any, step: str, request: ReservationRequest) -> StepResult:
    call = calls.reserve(request)
    answer = await self._client.call(replace(call, headers={"X-Member": request.traveller.email or ""}))
    if isinstance(answer, CallFailure):
        return StepResult(outcome=answer.outcome, code=answer.reason)
    return mapping.read_step(request, answer, responses.RESERVE, request.requested_at)


async def prints_what_it_was_given(self: Any, step: str, request: ReservationRequest) -> StepResult:
    sys.stdout.write(f"signing with {CREDENTIALS['client_secret']}")
    return await DirectAdapter.run_step(self, step, request)


def trusts_while_unconfigured(self: Any, headers: Any, body: bytes, secrets: tuple[str, ...], now: int) -> str:
    if not secrets:
        return "msg_1"
    return DirectAdapter.verify_webhook(self, headers, body, secrets, now)


def gives_every_callback_an_id_of_its_own(
    self: Any, headers: Any, body: bytes, secrets: tuple[str, ...], now: int
) -> str:
    return f"{DirectAdapter.verify_webhook(self, headers, body, secrets, now)}_{now}"


def reads_without_references(self: Any, name: str, content: bytes) -> StatementFile:
    file = DirectAdapter.parse_statement(self, name, content)
    return replace(file, lines=tuple(replace(line, reference=None) for line in file.lines))


def drops_doubles(self: Any, name: str, content: bytes) -> StatementFile:
    file = DirectAdapter.parse_statement(self, name, content)
    seen = {(line.reference, line.kind): line for line in reversed(file.lines)}
    return replace(file, lines=tuple(reversed(seen.values())))


def reads_what_is_there(self: Any, name: str, content: bytes) -> StatementFile:
    try:
        return DirectAdapter.parse_statement(self, name, content)
    except StatementError:
        day = date(2026, 11, 22)
        empty: dict[str, int] = {}
        return StatementFile(
            partner=name, business_date=day, sequence=1, lines=(), faults=(), declared_count=0, declared_totals=empty
        )


async def mends_what_it_fetches(self: Any, business_date: date) -> tuple[str, bytes] | None:
    fetched = await DirectAdapter.fetch_statement(self, business_date)
    return (fetched[0], fetched[1] + b"\n") if fetched else None


TWO_COMMITS = (Step(name="reserve", commit=True), Step(name="again", commit=True))


def takes_the_file_away(folder: Path) -> None:
    statement = '[statement]\nformat = "contractual-v1"\ncut_off = "00:00"\ntime_zone = "Asia/Shanghai"\n'
    capabilities = [(f'    "{name}",\n', "") for name in ("looks_up", "fences", "reports_statements")]
    edited("manifest.toml", (statement, ""), *capabilities)(folder)
    edited("README.md", ("**A**", "**G**"))(folder)


WITHOUT_A_FILE = packaged(
    takes_the_file_away, acting(look_up=None, fence=None, parse_statement=None, fetch_statement=None)
)

HOSTILE = (
    Hostile(
        "manifest_valid",
        "gives a purpose and no fields",
        declaring(lambda each: replace(each, purpose="booking")),
        "purpose",
    ),
    Hostile(
        "secrets_typed",
        "types a secret as text",
        declaring(lambda each: replace(each, credentials=each.credentials | {"client_secret": "text"})),
        "client_secret is typed 'text'",
    ),
    Hostile(
        "limits_declared",
        "leaves a limit to chance",
        packaged(edited("manifest.toml", ("queue = 128\n", ""))),
        "[limits] does not give queue",
    ),
    Hostile(
        "simulator_starts",
        "has a simulator that does not start",
        lambda _: replace(GOOD, create_simulator=does_not_start),
        "no port today",
    ),
    Hostile("declared_is_implemented", "has two commits", acting(steps=TWO_COMMITS), "exactly one step"),
    Hostile(
        "declared_is_implemented",
        "declares what it has not",
        acting(fence=None),
        "fences is declared and not implemented",
    ),
    Hostile(
        "honest_answer_is_ok",
        "never knows",
        acting(run_step=fails_when_all_is_well),
        "without any fault the reservation was unknown (reserved) and not ok",
    ),
    Hostile(
        "reads_answer",
        "offers what has ended",
        acting(quote_offers=offers_what_has_ended),
        "expires_at is over already",
    ),
    Hostile(
        "fault_never_misleads",
        "refuses a bomb",
        acting(run_step=takes_a_bomb_for_a_refusal),
        "gzip_bomb: run_step said no",
    ),
    Hostile(
        "answers_are_listed",
        "refuses by any code",
        acting(run_step=takes_every_code_for_a_refusal),
        "run_step said no and not unknown",
    ),
    Hostile("answers_are_listed", "raises", acting(run_step=raises_at_an_empty_answer), "run_step raised KeyError"),
    Hostile("limits_kept", "takes all the time", acting(run_step=asks_for_all_the_time), "reserve asks for 600 s"),
    Hostile(
        "look_up_is_not_misled",
        "believes anything",
        acting(look_up=believes_a_garbled_look_up),
        "its call look_up spoilt by nan, said issued",
    ),
    Hostile(
        "cancel_is_not_misled",
        "cancels on anything",
        acting(cancel=cancels_on_anything),
        "cancel, told 500 without a body, was ok",
    ),
    Hostile(
        "fence_is_not_misled",
        "fences on anything",
        acting(fence=fences_on_anything),
        "fence, told 500 without a body, was ok",
    ),
    Hostile(
        "reads_fail_honestly",
        "swallows trouble",
        acting(quote_offers=has_nothing_when_in_trouble),
        "quote_offers, told 418, answered a tuple",
    ),
    Hostile(
        "repeat_has_one_effect", "answers anew", acting(run_step=answers_a_repeat_anew), "not the first answer again"
    ),
    Hostile(
        "key_limits_are_true",
        "knows short keys",
        acting(run_step=knows_short_keys_only),
        "a key of 64 characters, as facts.key allows, was no",
    ),
    Hostile(
        "lost_answer_is_looked_up",
        "finds what it knows",
        acting(run_step=remembers, look_up=finds_only_what_it_was_told),
        "whose answer was lost, said not_found",
    ),
    Hostile(
        "unknown_key_is_not_found", "takes absence for no", acting(look_up=takes_absence_for_a_refusal), "said refused"
    ),
    Hostile(
        "fence_leaves_tombstone",
        "fences another key",
        acting(run_step=remembers, fence=fences_another_key_when_unused),
        "fence answered ok, and a reservation under that key was ok",
    ),
    Hostile(
        "fence_withdraws",
        "leaves what it granted",
        acting(run_step=remembers, fence=fences_another_key_when_used),
        "fence answered ok, and the partner's book",
    ),
    Hostile(
        "cancel_withdraws",
        "asks and cancels nothing",
        acting(cancel=looks_where_it_should_cancel),
        "cancel answered ok, and the partner's book",
    ),
    Hostile("unknowns_end", "has no file", WITHOUT_A_FILE, "profile G ends unknown outcomes by the partner's file"),
    Hostile(
        "personal_fields_declared",
        "tells an address",
        acting(run_step=tells_who_it_is_for),
        "reserve carries email, which personal_fields",
    ),
    Hostile(
        "secrets_stay_inside",
        "shows its secret",
        acting(__repr__=lambda self: f"DirectAdapter({CREDENTIALS['client_secret']})"),
        "client_secret stands in what the adapter shows",
    ),
    Hostile(
        "secrets_stay_inside",
        "prints its secret",
        acting(run_step=prints_what_it_was_given),
        "client_secret stands in what it printed",
    ),
    Hostile(
        "callbacks_are_proved",
        "trusts anybody",
        acting(verify_webhook=trusts_while_unconfigured),
        "while no secret is configured",
    ),
    Hostile(
        "callbacks_are_proved",
        "knows no repeat",
        acting(verify_webhook=gives_every_callback_an_id_of_its_own),
        "told twice has two ids",
    ),
    Hostile(
        "statement_accounts",
        "loses references",
        acting(parse_statement=reads_without_references),
        "no row of the statement has the reservation's key",
    ),
    Hostile(
        "statement_breaks_show",
        "drops doubles",
        acting(parse_statement=drops_doubles),
        "a planted duplicate_row does not show",
    ),
    Hostile(
        "damaged_statement_is_refused",
        "reads anything",
        acting(parse_statement=reads_what_is_there),
        "a file cut in the middle was read",
    ),
    Hostile(
        "fetched_statement_is_the_file",
        "mends a file",
        acting(fetch_statement=mends_what_it_fetches),
        "answered other bytes",
    ),
    Hostile(
        "documented", "has no README", packaged(lambda folder: (folder / "README.md").unlink()), "there is no README.md"
    ),
    Hostile(
        "fixtures_sourced",
        "has a fixture from nowhere",
        packaged(edited("fixtures/reserve_new.json", ('"source": "docs', '"origin": "docs'))),
        "reserve_new.json names no source",
    ),
)
"""One for each rule at least; `package_loads` has its own tests, because nothing of it can be loaded."""
