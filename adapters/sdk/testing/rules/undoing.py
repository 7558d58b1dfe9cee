"""Rules about looking up, cancelling and fencing: how an unknown outcome comes to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from adapters.sdk.calls import CallFailure, PartnerAnswer
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult
from adapters.sdk.testing.bench import Bench, Subject, open_bench, reserve
from adapters.sdk.testing.rules.rule import require, require_none
from adapters.sdk.testing.rules.writing import FAULT_SECONDS

GARBLING = ("nan", "dup_keys", "deep_json", "gzip_bomb", "truncated", "html_200", "wrong_echo", "teapot_418")
"""Modes that spoil a look-up."""


def spoilt(status: int, body: bytes) -> PartnerAnswer:
    """Make an answer that no partner documents."""
    return PartnerAnswer(status=status, headers={"content-type": "application/json"}, body=body)


NONSENSE: tuple[PartnerAnswer | CallFailure, ...] = (
    CallFailure(Outcome.UNKNOWN, "lost:ReadError"),
    CallFailure(Outcome.NOT_SENT, "connect"),
    spoilt(200, b"<!doctype html><p>Back soon."),
    spoilt(200, b'{"rating":NaN}'),
    spoilt(200, b"[" * 200 + b"]" * 200),
    spoilt(200, b'"text"'),
    spoilt(302, b""),
    spoilt(418, b"{}"),
    spoilt(500, b""),
    spoilt(599, b'{"error":{"code":"zz_never_heard_of"}}'),
)
"""What proves nothing, whoever is asked."""


def answered(answer: PartnerAnswer | CallFailure) -> str:
    """Say in a few words what an adapter was told in the partner's place."""
    if isinstance(answer, CallFailure):
        return answer.reason
    return f"{answer.status} with {answer.body[:20]!r}" if answer.body else f"{answer.status} without a body"


async def lost_answer_is_looked_up(bench: Bench) -> None:
    """A booking whose answer is lost is UNKNOWN, and the look-up by our key finds exactly one."""
    request = await bench.request("lost")
    bench.simulator.faults.plan(bench.subject.commit_operation, "commit_then_reset", seconds=FAULT_SECONDS)
    result, request = await reserve(bench.adapter, request)
    require(result.outcome is Outcome.UNKNOWN, f"a lost answer was {result.outcome} ({result.code})")
    found = await bench.adapter.look_up(request)
    wanted = (LookUpAnswer.ISSUED, LookUpAnswer.PENDING) if bench.manifest.facts.batch else (LookUpAnswer.ISSUED,)
    told = f"look_up, after a grant whose answer was lost, said {found.answer} ({found.code}) and not issued"
    require(found.answer in wanted, told)
    require(bench.bookings(request) == 1, f"the key holds {bench.bookings(request)} bookings")


async def unknown_key_is_not_found(bench: Bench) -> None:
    """A key that the partner never saw is NOT_FOUND: neither issued nor refused."""
    found = await bench.adapter.look_up(await bench.request("neverseen"))
    told = f"look_up, asked for a key that the partner never saw, said {found.answer} ({found.code}) and not not_found"
    require(found.answer is LookUpAnswer.NOT_FOUND, told)


async def look_up_is_not_misled(subject: Subject, modes: tuple[str, ...] = GARBLING) -> None:
    """A spoilt answer to the look-up proves nothing."""
    async with open_bench(subject) as bench:
        result, request = await reserve(bench.adapter, await bench.request("lookup"))
        require(
            result.outcome in (Outcome.OK, Outcome.PENDING), f"the reservation was {result.outcome} ({result.code})"
        )
        faults = []
        for operation in subject.look_up_operations:
            for mode in modes:
                bench.simulator.faults.plan(operation, mode, seconds=FAULT_SECONDS)
                found = await bench.adapter.look_up(request)
                bench.simulator.faults.clear()
                harmless = mode in subject.harmless_look_up_modes
                if found.answer is not LookUpAnswer.UNKNOWN and not harmless:
                    said = f"said {found.answer} ({found.code}) and not unknown"
                    faults.append(f"look_up, its call {operation} spoilt by {mode}, {said}")
        require_none(faults)


async def fence_leaves_tombstone(bench: Bench) -> None:
    """After a fence on a key that was never used, a late copy of the request is refused."""
    request = await bench.request("fence")
    fenced = await bench.adapter.fence(request)
    require(fenced.outcome is Outcome.OK, f"the fence was {fenced.outcome} ({fenced.code})")
    late = await bench.reserve(request)
    require(
        late.outcome is Outcome.NO,
        f"fence answered ok, and a reservation under that key was {late.outcome} ({late.code}) and not no",
    )
    require(bench.bookings(request) == 0, "a benefit was granted behind the fence")


async def fence_withdraws(bench: Bench) -> None:
    """A fence on a granted key withdraws the benefit, and the look-up says so; a second fence is no fault."""
    request = await bench.request("withdraw")
    await bench.reserve(request)
    for _ in range(2):
        fenced = await bench.adapter.fence(request)
        require(fenced.outcome is Outcome.OK, f"the fence was {fenced.outcome} ({fenced.code})")
    require(bench.bookings(request) == 0, "fence answered ok, and the partner's book still holds the benefit")
    if "looks_up" in bench.manifest.capabilities:
        found = await bench.adapter.look_up(request)
        require(found.answer is LookUpAnswer.CANCELLED, f"the look-up said {found.answer} ({found.code})")


async def cancel_withdraws(bench: Bench) -> None:
    """A cancel by the partner's reference withdraws the benefit."""
    result, request = await reserve(bench.adapter, await bench.request("cancel"))
    require(result.partner_reference is not None, f"no partner reference to cancel ({result.outcome}, {result.code})")
    cancelled = await bench.adapter.cancel(request, result.partner_reference)
    require(cancelled.outcome is Outcome.OK, f"the cancel was {cancelled.outcome} ({cancelled.code})")
    require(bench.bookings(request) == 0, "cancel answered ok, and the partner's book still holds the benefit")


async def cancel_is_not_misled(bench: Bench) -> None:
    """Nonsense in answer to a cancel proves neither that it was cancelled nor that it stands."""
    result, request = await reserve(bench.adapter, await bench.request("cancelnonsense"))
    reference = result.partner_reference or ""
    await _undo_is_not_misled(bench, "cancel", lambda: bench.adapter.cancel(request, reference))


async def fence_is_not_misled(bench: Bench) -> None:
    """Nonsense in answer to a fence proves neither that the key is dead nor that the benefit stands."""
    request = await bench.request("fencenonsense")
    await _undo_is_not_misled(bench, "fence", lambda: bench.adapter.fence(request))


async def _undo_is_not_misled(bench: Bench, what: str, undo: Callable[[], Awaitable[CancelResult]]) -> None:
    faults = []
    for answer in NONSENSE:
        bench.client.substitute = lambda call, answer=answer: answer  # type: ignore[misc]
        said = answered(answer)
        try:
            result = await undo()
        except Exception as error:  # noqa: BLE001 - that an adapter raises whatever it likes is what is looked for
            faults.append(f"{what}, told {said}, raised {type(error).__name__}")
            continue
        if result.outcome in (Outcome.OK, Outcome.NO, Outcome.PENDING):
            faults.append(f"{what}, told {said}, was {result.outcome} ({result.code}) and not unknown")
    require_none(faults)
