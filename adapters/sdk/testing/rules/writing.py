"""Rules about granting a benefit: what an adapter says that it did is what it did."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from adapters.sdk.calls import PartnerAnswer, PartnerCall
from adapters.sdk.context import open_context
from adapters.sdk.errors import ManifestError
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import ReservationRequest, StepResult
from adapters.sdk.registry import AdapterPackage, check_declared
from adapters.sdk.testing.bench import Bench, Subject, open_bench, reserve
from adapters.sdk.testing.faults import COMMITS, MODES
from adapters.sdk.testing.probe import ProbeClient
from adapters.sdk.testing.rules.rule import NotRunError, RuleBrokenError, require, require_none
from config.clock import SystemClock
from config.secrets import Secret

FAULT_SECONDS = 5.0
"""How long a waiting fault waits: longer than anybody's patience here."""
PATIENCE_SECONDS = 0.5
WAITING = ("commit_then_hang", "hang_then_commit", "slow_header", "slow_body", "endless", "early_100")
FAULTS = tuple(mode for mode in MODES if mode != "none")


async def declared_is_implemented(bench: Bench) -> None:
    """The manifest's capabilities equal those implemented; exactly one step commits."""
    try:
        check_declared(bench.subject.package, bench.adapter)
    except ManifestError as error:
        raise RuleBrokenError(error.message) from error


async def declared_without_bench(package: AdapterPackage) -> None:
    """Hold what can be made without a simulator against the manifest, where it can be made."""
    given = {name: Secret("conformance-kit") for name in package.manifest.credentials}
    try:
        context = open_context(
            partner="bench",
            manifest=package.manifest,
            base_url="http://127.0.0.1:9",
            credentials=given,
            options={},
            clock=SystemClock(),
        )
        adapter = package.create(context)
    except Exception as error:
        raise NotRunError("without a simulator it cannot be made") from error
    try:
        check_declared(package, adapter)
    except ManifestError as error:
        raise RuleBrokenError(error.message) from error
    finally:
        await context.client.aclose()


async def honest_answer_is_ok(bench: Bench) -> None:
    """Without a fault the reservation is granted, once."""
    request = await bench.request("honest")
    result = await bench.reserve(request)
    wanted = (Outcome.OK, Outcome.PENDING) if bench.manifest.facts.batch else (Outcome.OK,)
    require(
        result.outcome in wanted, f"without any fault the reservation was {result.outcome} ({result.code}) and not ok"
    )
    require(bench.bookings(request) == bench.granted(), f"the book holds {bench.bookings(request)} for the key")


async def repeat_has_one_effect(bench: Bench) -> None:
    """A repeat with the same key leaves one booking, and is answered as the manifest declares."""
    request = await bench.request("repeat")
    first = await bench.reserve(request)
    require(first.outcome is Outcome.OK, f"the first reservation was {first.outcome} ({first.code})")
    if bench.manifest.facts.on_repeat == "again":
        return
    second = await bench.reserve(request)
    require(bench.bookings(request) == bench.granted(), f"one key holds {bench.bookings(request)} bookings")
    if bench.manifest.facts.on_repeat == "replay":
        same = (second.outcome, second.partner_reference) == (Outcome.OK, first.partner_reference)
        require(
            same,
            f"on_repeat is replay, and the repeat was {second.outcome} ({second.code}), not the first answer again",
        )
    else:
        require(second.outcome is not Outcome.NO, "a refused repeat was taken for a refusal of the benefit")


async def key_limits_are_true(bench: Bench) -> None:
    """A key of the greatest declared length, of the last letters of the alphabet, is accepted."""
    facts = bench.manifest.facts.key
    key = (facts.alphabet or "z")[-1:] * (facts.max_length or 30)
    result, _ = await reserve(bench.adapter, await bench.subject.make_request(bench.adapter, key))
    wanted = (Outcome.OK, Outcome.PENDING)
    require(
        result.outcome in wanted,
        f"a key of {len(key)} characters, as facts.key allows, was {result.outcome} ({result.code})",
    )


async def fault_never_misleads(subject: Subject, modes: tuple[str, ...] = FAULTS) -> None:
    """Whatever the partner does to the commit, the outcome claims only what is true in the partner's book."""
    faults = [await _fault(subject, mode) for mode in modes if mode not in WAITING]
    faults += await asyncio.gather(*(_fault(subject, mode) for mode in modes if mode in WAITING))
    require_none([fault for fault in faults if fault])


async def _fault(subject: Subject, mode: str) -> str | None:
    async with open_bench(subject) as bench:
        request = await bench.request(f"fault{mode}")
        if mode in WAITING:
            bench.client.patience[subject.commit_operation] = PATIENCE_SECONDS
        bench.simulator.faults.plan(subject.commit_operation, mode, seconds=FAULT_SECONDS)
        try:
            result = await bench.reserve(request)
        except Exception as error:  # noqa: BLE001 - that an adapter raises whatever it likes is what is looked for
            return f"{mode}: run_step raised {type(error).__name__}"
        booked = bench.bookings(request)
        met = [call.fault for call in bench.simulator.calls if call.fault]
        if met != [mode]:
            return f"{mode}: not met once by the operation {subject.commit_operation!r} (met: {met})"
        if result.outcome in _allowed(subject, mode) and not (mode == "lying_200" and booked):
            return None
        return f"{mode}: run_step said {result.outcome} ({result.code}) with {booked} bookings in the partner's book"


def _allowed(subject: Subject, mode: str) -> set[Outcome]:
    if mode == "lying_200":
        return {Outcome.UNKNOWN if subject.reads_back else Outcome.OK}
    allowed = {Outcome.UNKNOWN}
    if mode in subject.harmless_modes:
        allowed |= {Outcome.OK, Outcome.PENDING}
    if mode not in COMMITS:
        allowed |= {Outcome.BUSY}
    return allowed


UNHEARD = "zz_never_heard_of"
STATUSES = (
    *(200, 201, 202, 203, 204, 206, 207, 226, 299, 300, 301, 302, 304, 307, 400, 401, 402, 403, 404, 405, 406, 408),
    *(409, 410, 412, 415, 418, 422, 423, 425, 426, 428, 429, 451, 499, 500, 501, 502, 503, 504, 507, 511, 520, 599),
)
GARBAGE = (b"", b"{}", b"[]", b'"text"', b"null", b"0", b"<p>no", b'{"error":null}', b'{"errors":[]}')


async def answers_are_listed(bench: Bench) -> None:
    """Each answer that the response table lists is judged as it says; every other status or code is UNKNOWN."""
    step, request, honest = await _at_the_commit(bench)
    table = bench.subject.commit_answers
    faults = [
        f"the rule for {rule.status} {rule.code} names no source" for rule in table.rules if not rule.source.strip()
    ]
    told = _Told(bench, step, request)
    for rule in table.rules:
        body = bench.subject.refusal(rule.status, rule.code or UNHEARD, request)
        if body is not None and rule.status >= 300:
            faults += await told.fault(rule.status, body, {rule.outcome}, f"{rule.status} {rule.code}")
    for status in sorted({*STATUSES, *(rule.status for rule in table.rules)}):
        outcome = table.decide(status, UNHEARD)
        unproved = {Outcome.UNKNOWN} | ({outcome} & {Outcome.NO, Outcome.BUSY})
        unheard = bench.subject.refusal(status, UNHEARD, request)
        for body in (*GARBAGE, *([unheard] if unheard is not None else [])):
            faults += await told.fault(status, body, unproved, f"{status} with {body[:40]!r}")
        if status != honest.status:
            good = {rule.outcome for rule in table.rules if rule.status == status and status < 300}
            faults += await told.fault(status, honest.body, unproved | good, f"{status} with the body of a grant")
    require_none(faults[:5] + ([f"and {len(faults) - 5} more"] if len(faults) > 5 else []))


class _Told:
    """One step, told one answer after the other in the partner's place."""

    def __init__(self, bench: Bench, step: str, request: ReservationRequest) -> None:
        self._bench = bench
        self._step = step
        self._request = request

    async def fault(self, status: int, body: bytes, allowed: set[Outcome], what: str) -> list[str]:
        """Say what is wrong with the outcome of an answer; nothing when it is one of the allowed."""
        operation = self._bench.subject.commit_operation
        answer = PartnerAnswer(status=status, headers={"content-type": "application/json"}, body=body)
        self._bench.client.substitute = lambda call: answer if call.operation == operation else None
        try:
            result: StepResult = await self._bench.adapter.run_step(self._step, self._request)
        except Exception as error:  # noqa: BLE001 - that an adapter raises whatever it likes is what is looked for
            return [f"told {what}, run_step raised {type(error).__name__}"]
        if result.outcome in allowed:
            return []
        return [f"told {what}, run_step said {result.outcome} and not {' or '.join(sorted(allowed))}"]


async def _at_the_commit(bench: Bench) -> tuple[str, ReservationRequest, PartnerAnswer]:
    """Reserve honestly; answer the step that makes the granting call, its request as carried, and the answer."""
    request = await bench.request("answers")
    for step in bench.adapter.steps:
        before = len(bench.client.overheard)
        result = await bench.adapter.run_step(step.name, request)
        for each in bench.client.overheard[before:]:
            if each.call.operation == bench.subject.commit_operation and isinstance(each.answer, PartnerAnswer):
                return step.name, request, each.answer
        request = msgspec.structs.replace(request, carried={**request.carried, **result.carried})
    raise RuleBrokenError(f"no step made the call {bench.subject.commit_operation!r}")


async def limits_kept(subject: Subject, hang_seconds: float = 3.0) -> None:
    """No call that decides something asks for more time or more bytes than the manifest's, and a hanging one ends."""
    async with open_bench(subject) as bench:
        request = await bench.request("limits")
        bench.client.hurry[subject.commit_operation] = PATIENCE_SECONDS / bench.manifest.limits.deadline_seconds
        bench.simulator.faults.plan(subject.commit_operation, "commit_then_hang", seconds=hang_seconds)
        begun = asyncio.get_running_loop().time()
        _, request = await reserve(bench.adapter, request)
        took = asyncio.get_running_loop().time() - begun
        await _ask_again(bench, request)
        faults = [fault for call in bench.calls() for fault in _excess(bench.client, call)]
        if took >= hang_seconds:
            faults.append(f"a hanging partner held the work until it let go, for {took:.1f} s")
        require_none(sorted(set(faults)))


async def _ask_again(bench: Bench, request: ReservationRequest) -> None:
    declared: Any = bench.adapter
    if "looks_up" in bench.manifest.capabilities:
        await declared.look_up(request)
    if "fences" in bench.manifest.capabilities:
        await declared.fence(request)


def _excess(client: ProbeClient, call: PartnerCall) -> list[str]:
    deadline, cap = client.limits.deadline_seconds, client.limits.body_cap_bytes
    faults = []
    if call.deadline_seconds is not None and call.deadline_seconds > deadline:
        faults.append(f"{call.operation} asks for {call.deadline_seconds:g} s where the limit is {deadline:g} s")
    if call.body_cap_bytes is not None and call.body_cap_bytes > cap:
        faults.append(f"{call.operation} asks for {call.body_cap_bytes} bytes where the limit is {cap}")
    return faults
