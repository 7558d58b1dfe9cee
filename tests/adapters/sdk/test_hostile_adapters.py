"""Each check of the kit is failed by an adapter that does wrong what the check is about."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult, ReservationRequest, StatementFile, StepResult
from adapters.sdk.testing.conformance import CHECKS, ConformanceError, run_check, run_conformance
from tests.adapters.direct.subject import SUBJECT


class Hostile:
    """Passes everything on to the honest adapter, unless a subclass knows better."""

    def __init__(self, honest: Any) -> None:
        self._honest = honest
        self.steps = honest.steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._honest, name)

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        result: StepResult = await self._honest.run_step(step, request)
        return result

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        result: LookUpResult = await self._honest.look_up(request)
        return result


class WithoutFence(Hostile):
    """Declares a fence and has none."""

    def __getattr__(self, name: str) -> Any:
        if name == "fence":
            raise AttributeError(name)
        return super().__getattr__(name)


class TwoCommits(Hostile):
    """Has two steps that commit."""

    def __init__(self, honest: Any) -> None:
        super().__init__(honest)
        self.steps = honest.steps * 2


class Optimist(Hostile):
    """Takes whatever comes for a grant."""

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        await super().run_step(step, request)
        return StepResult(outcome=Outcome.OK, partner_reference="R-1")


class Pessimist(Hostile):
    """Takes what is not known for a refusal."""

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        result = await super().run_step(step, request)
        return StepResult(outcome=Outcome.NO) if result.outcome is Outcome.UNKNOWN else result


class Coward(Hostile):
    """Never knows anything."""

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        await super().run_step(step, request)
        return StepResult(outcome=Outcome.UNKNOWN)


class FreshKeys(Hostile):
    """Makes a new key for each attempt."""

    attempts = 0

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        self.attempts += 1
        return await super().run_step(step, msgspec.structs.replace(request, key=f"{request.key}{self.attempts}"))


class ShortKeys(Hostile):
    """Cuts long keys off, so that two may become one."""

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        if len(request.key) > 40:
            return StepResult(outcome=Outcome.NO, code="key_too_long")
        return await super().run_step(step, request)


class Forgetful(Hostile):
    """Finds nothing, ever."""

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        await super().look_up(request)
        return LookUpResult(answer=LookUpAnswer.NOT_FOUND)


class Credulous(Hostile):
    """Finds everything."""

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        await super().look_up(request)
        return LookUpResult(answer=LookUpAnswer.ISSUED)


class PaperFence(Hostile):
    """Says that it fenced and cancelled, and asked nobody."""

    async def fence(self, request: ReservationRequest) -> CancelResult:
        return CancelResult(outcome=Outcome.OK)

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        return CancelResult(outcome=Outcome.OK)


class LosesRows(Hostile):
    """Reads a statement without its rows, and fetches one with a byte more."""

    def parse_statement(self, name: str, content: bytes) -> StatementFile:
        file: StatementFile = self._honest.parse_statement(name, content)
        return msgspec.structs.replace(file, lines=())

    async def fetch_statement(self, business_date: Any) -> tuple[str, bytes] | None:
        fetched = await self._honest.fetch_statement(business_date)
        return (fetched[0], fetched[1] + b"\n") if fetched else None


CAUGHT = [
    (WithoutFence, "declared_is_implemented"),
    (TwoCommits, "declared_is_implemented"),
    (Coward, "honest_answer_is_ok"),
    (FreshKeys, "honest_answer_is_ok"),
    (FreshKeys, "repeat_has_one_effect"),
    (ShortKeys, "key_limits_are_true"),
    (Pessimist, "lost_answer_is_looked_up"),
    (Forgetful, "lost_answer_is_looked_up"),
    (Credulous, "unknown_key_is_not_found"),
    (PaperFence, "fence_leaves_tombstone"),
    (PaperFence, "fence_withdraws"),
    (PaperFence, "cancel_withdraws"),
    (LosesRows, "statement_round_trip"),
    (LosesRows, "fetched_statement_is_the_file"),
    (Optimist, "fault_never_misleads[error_500_before]"),
    (Optimist, "fault_never_misleads[wrong_echo]"),
    (Pessimist, "fault_never_misleads[commit_then_reset]"),
    (Coward, "fault_never_misleads[lying_200]"),
    (Forgetful, "look_up_is_not_misled[nan]"),
    (Credulous, "look_up_is_not_misled[html_200]"),
]


@pytest.mark.parametrize(("hostile", "name"), CAUGHT, ids=lambda value: getattr(value, "__name__", value))
async def test_a_hostile_adapter_is_caught(hostile: type[Hostile], name: str) -> None:
    check = next(check for check in CHECKS if check.name == name)
    with pytest.raises(ConformanceError):
        await run_check(check, msgspec.structs.replace(SUBJECT, wrap=hostile))


def test_every_kind_of_check_has_a_hostile_adapter() -> None:
    assert {check.name.partition("[")[0] for check in CHECKS} == {name.partition("[")[0] for _, name in CAUGHT}


async def test_results_are_data_that_name_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.sdk.testing.conformance.CHECKS", CHECKS[:3])
    results = await run_conformance(msgspec.structs.replace(SUBJECT, wrap=Coward))
    assert [(result.name, result.passed) for result in results] == [
        ("declared_is_implemented", True),
        ("honest_answer_is_ok", False),
        ("repeat_has_one_effect", False),
    ]
    assert "unknown" in results[1].detail
