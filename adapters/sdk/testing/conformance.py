"""The conformance kit: what every adapter is held to, offline, against its own simulator over real HTTP.

A partner's test is about twelve lines: make a `Subject`, parametrise over `checks_for(subject)`, run each with
`run_check`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import msgspec

from adapters.sdk.capabilities import Reserves
from adapters.sdk.errors import ManifestError
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.registry import check_declared
from adapters.sdk.testing.bench import Bench, Subject, open_bench, reserve
from adapters.sdk.testing.breaks import PlannedBreak
from adapters.sdk.testing.faults import COMMITS, MODES

FAULT_SECONDS = 3.0
"""How long a waiting fault waits: longer than the bench's deadline."""
HONEST = frozenset({"none"})
GARBLING = frozenset({"nan", "dup_keys", "deep_json", "gzip_bomb", "truncated", "html_200", "wrong_echo", "teapot_418"})
"""Modes that spoil a look-up."""


class ConformanceError(AssertionError):
    """An adapter does not do what is required; the message says what it did."""


class Check(msgspec.Struct, frozen=True):
    """One requirement. ``needs``: the capabilities it is about; without them it does not apply."""

    name: str
    needs: frozenset[str]
    run: Callable[[Bench], Awaitable[None]]


class CheckResult(msgspec.Struct, frozen=True):
    """How a check ended; ``detail`` is empty when it passed."""

    name: str
    passed: bool
    detail: str


def checks_for(subject: Subject) -> tuple[Check, ...]:
    """Answer the checks that apply to a subject, by what its manifest declares."""
    declared = frozenset(subject.package.manifest.capabilities)
    return tuple(check for check in CHECKS if check.needs <= declared)


async def run_check(check: Check, subject: Subject) -> None:
    """Run one check on a bench of its own.

    Raises:
        ConformanceError: the requirement is not met.
    """
    async with open_bench(subject) as bench:
        await check.run(bench)


async def run_conformance(subject: Subject) -> tuple[CheckResult, ...]:
    """Run every check that applies; results are data."""
    results = []
    for check in checks_for(subject):
        try:
            await run_check(check, subject)
            results.append(CheckResult(check.name, True, ""))
        except ConformanceError as error:
            results.append(CheckResult(check.name, False, str(error)))
    return tuple(results)


async def declared_is_implemented(bench: Bench) -> None:
    """The manifest's capabilities equal those implemented; exactly one step commits."""
    try:
        check_declared(bench.subject.package, bench.adapter)
    except ManifestError as error:
        raise ConformanceError(error.message) from error


async def repeat_has_one_effect(bench: Bench) -> None:
    """A repeat with the same key leaves one booking, and is answered as the manifest declares."""
    request = await bench.request("repeat")
    first = await bench.reserve(request)
    require(first.outcome is Outcome.OK, f"the first reservation was {first.outcome} ({first.code})")
    if bench.manifest.facts.on_repeat == "again":
        return
    second = await bench.reserve(request)
    require(bench.bookings(request) == _granted(bench), f"one key holds {bench.bookings(request)} bookings")
    if bench.manifest.facts.on_repeat == "replay":
        same = (second.outcome, second.partner_reference) == (Outcome.OK, first.partner_reference)
        require(same, f"the repeat was {second.outcome} ({second.code}) and not the first answer again")
    else:
        require(second.outcome is not Outcome.NO, "a refused repeat was taken for a refusal of the benefit")


async def key_limits_are_true(bench: Bench) -> None:
    """A key of the greatest declared length, of the last letters of the alphabet, is accepted."""
    facts = bench.manifest.facts.key
    if not facts.field:
        return
    key = (facts.alphabet or "z")[-1:] * (facts.max_length or 30)
    result, _ = await reserve(bench.adapter, await bench.subject.make_request(bench.adapter, key))
    require(result.outcome is Outcome.OK, f"a key of {len(key)} characters was {result.outcome} ({result.code})")


async def lost_answer_is_looked_up(bench: Bench) -> None:
    """A booking whose answer is lost is UNKNOWN, and the look-up by our key finds exactly one."""
    request = await bench.request("lost")
    bench.simulator.faults.plan(bench.subject.commit_operation, "commit_then_reset", seconds=FAULT_SECONDS)
    result, request = await reserve(bench.adapter, request)
    require(result.outcome is Outcome.UNKNOWN, f"a lost answer was {result.outcome} ({result.code})")
    found = await bench.adapter.look_up(request)
    wanted = (LookUpAnswer.ISSUED, LookUpAnswer.PENDING) if bench.manifest.facts.batch else (LookUpAnswer.ISSUED,)
    require(found.answer in wanted, f"the look-up said {found.answer} ({found.code})")
    require(bench.bookings(request) == 1, f"the key holds {bench.bookings(request)} bookings")


async def unknown_key_is_not_found(bench: Bench) -> None:
    """A key that the partner never saw is NOT_FOUND: neither issued nor refused."""
    request = await bench.request("neverseen")
    found = await bench.adapter.look_up(request)
    require(found.answer is LookUpAnswer.NOT_FOUND, f"the look-up said {found.answer} ({found.code})")


async def fence_leaves_tombstone(bench: Bench) -> None:
    """After a fence on a key that was never used, a late copy of the request is refused."""
    request = await bench.request("fence")
    fenced = await bench.adapter.fence(request)
    require(fenced.outcome is Outcome.OK, f"the fence was {fenced.outcome} ({fenced.code})")
    late = await bench.reserve(request)
    require(late.outcome is Outcome.NO, f"a reservation behind the fence was {late.outcome} ({late.code})")
    require(bench.bookings(request) == 0, "a benefit was granted behind the fence")


async def fence_withdraws(bench: Bench) -> None:
    """A fence on a granted key withdraws the benefit, and the look-up says so; a second fence is no fault."""
    request = await bench.request("withdraw")
    await bench.reserve(request)
    for _ in range(2):
        fenced = await bench.adapter.fence(request)
        require(fenced.outcome is Outcome.OK, f"the fence was {fenced.outcome} ({fenced.code})")
    found = await bench.adapter.look_up(request)
    require(found.answer is LookUpAnswer.CANCELLED, f"the look-up said {found.answer} ({found.code})")
    require(bench.bookings(request) == 0, "the benefit stands")


async def cancel_withdraws(bench: Bench) -> None:
    """A cancel by the partner's reference withdraws the benefit."""
    result, request = await reserve(bench.adapter, await bench.request("cancel"))
    require(result.partner_reference is not None, f"no partner reference to cancel ({result.outcome}, {result.code})")
    cancelled = await bench.adapter.cancel(request, result.partner_reference)
    require(cancelled.outcome is Outcome.OK, f"the cancel was {cancelled.outcome} ({cancelled.code})")
    require(bench.bookings(request) == 0, "the benefit stands")


async def statement_round_trip(bench: Bench) -> None:
    """The partner's file of the day holds the reservation, and a planted break shows in it.

    A partner that issues nothing knows no key of ours: its file holds the use itself.
    """
    request = await bench.request("statement")
    await bench.reserve(request)
    bench.subject.use(bench.simulator, request)
    name, content = bench.simulator.statement(bench.today())
    honest = bench.adapter.parse_statement(name, content)
    wanted = None if bench.manifest.facts.issues_nothing else request.key
    require(wanted in {line.reference for line in honest.lines}, "the reservation is not in the statement")
    require(not honest.faults, f"row faults: {honest.faults}")
    bench.simulator.plan[:] = [PlannedBreak("missing_row", wanted)]
    spoilt = bench.adapter.parse_statement(*bench.simulator.statement(bench.today()))
    require(len(spoilt.lines) == len(honest.lines) - 1, "a missing row was not missed")


async def fetched_statement_is_the_file(bench: Bench) -> None:
    """The fetched file is the partner's file, byte for byte; a name comes with it."""
    await bench.reserve(await bench.request("fetch"))
    fetched = await bench.adapter.fetch_statement(bench.today())
    require(fetched is not None, "no statement was fetched")
    name, content = fetched
    require(content == bench.simulator.statement(bench.today())[1], "the fetched file has other bytes")
    require(bool(name), "the fetched file has no name")


async def fault_never_misleads(mode: str, bench: Bench) -> None:
    """Whatever the partner does to the commit, the outcome claims only what is true in the partner's book."""
    request = await bench.request(f"fault{mode.replace('_', '')}")
    bench.simulator.faults.plan(bench.subject.commit_operation, mode, seconds=FAULT_SECONDS)
    result = await bench.reserve(request)
    booked = bench.bookings(request)
    met = [call.fault for call in bench.simulator.calls if call.fault]
    require(met == [mode], f"the fault was not met by {bench.subject.commit_operation}: {met}")
    if mode == "lying_200":
        wanted = Outcome.UNKNOWN if bench.subject.reads_back else Outcome.OK
        require(result.outcome is wanted and booked == 0, f"a liar was {result.outcome} with {booked} bookings")
        return
    allowed = {Outcome.UNKNOWN}
    if mode in bench.subject.harmless_modes:
        allowed |= {Outcome.OK, Outcome.PENDING}
    if mode not in COMMITS:
        allowed |= {Outcome.BUSY}
    require(result.outcome in allowed, f"{mode} gave {result.outcome} ({result.code}) with {booked} bookings")


async def honest_answer_is_ok(bench: Bench) -> None:
    """Without a fault the reservation is granted, once."""
    request = await bench.request("honest")
    result = await bench.reserve(request)
    wanted = (Outcome.OK, Outcome.PENDING) if bench.manifest.facts.batch else (Outcome.OK,)
    require(result.outcome in wanted, f"an honest answer was {result.outcome} ({result.code})")
    require(bench.bookings(request) == _granted(bench), f"the book holds {bench.bookings(request)}")


async def look_up_is_not_misled(mode: str, bench: Bench) -> None:
    """A spoilt answer to the look-up proves nothing."""
    result, request = await reserve(bench.adapter, await bench.request(f"lookup{mode.replace('_', '')}"))
    require(result.outcome in (Outcome.OK, Outcome.PENDING), f"the reservation was {result.outcome} ({result.code})")
    bench.simulator.faults.plan(bench.subject.look_up_operation, mode, seconds=FAULT_SECONDS)
    found = await bench.adapter.look_up(request)
    allowed = {LookUpAnswer.UNKNOWN}
    if mode in bench.subject.harmless_modes:
        allowed |= {LookUpAnswer.ISSUED, LookUpAnswer.PENDING, LookUpAnswer.NOT_FOUND}
    require(found.answer in allowed, f"{mode} made the look-up say {found.answer} ({found.code})")


def require(holds: bool, otherwise: str) -> None:
    """Raise unless it holds."""
    if not holds:
        raise ConformanceError(otherwise)


def _granted(bench: Bench) -> int:
    """Count the bookings that a granted reservation leaves at the partner."""
    return 0 if bench.manifest.facts.issues_nothing else 1


def commit_step(adapter: Reserves) -> str:
    """Name the one step that commits."""
    return next(step.name for step in adapter.steps if step.commit)


_RESERVES = frozenset({"reserves"})
_LOOKS_UP = frozenset({"reserves", "looks_up"})
_FENCES = frozenset({"reserves", "fences"})
_STATEMENTS = frozenset({"reserves", "reports_statements"})

CHECKS: tuple[Check, ...] = (
    Check("declared_is_implemented", frozenset(), declared_is_implemented),
    Check("honest_answer_is_ok", _RESERVES, honest_answer_is_ok),
    Check("repeat_has_one_effect", _RESERVES, repeat_has_one_effect),
    Check("key_limits_are_true", _RESERVES, key_limits_are_true),
    Check("lost_answer_is_looked_up", _LOOKS_UP, lost_answer_is_looked_up),
    Check("unknown_key_is_not_found", _LOOKS_UP, unknown_key_is_not_found),
    Check("fence_leaves_tombstone", _FENCES, fence_leaves_tombstone),
    Check("fence_withdraws", _FENCES | _LOOKS_UP, fence_withdraws),
    Check("cancel_withdraws", _RESERVES | {"cancels"}, cancel_withdraws),
    Check("statement_round_trip", _STATEMENTS, statement_round_trip),
    Check("fetched_statement_is_the_file", _STATEMENTS, fetched_statement_is_the_file),
    *(
        Check(f"fault_never_misleads[{mode}]", _RESERVES, partial(fault_never_misleads, mode))
        for mode in MODES
        if mode not in HONEST
    ),
    *(
        Check(f"look_up_is_not_misled[{mode}]", _LOOKS_UP, partial(look_up_is_not_misled, mode))
        for mode in sorted(GARBLING)
    ),
)
"""Every check. Each is shown to fail by a hostile adapter in the SDK's own tests."""
