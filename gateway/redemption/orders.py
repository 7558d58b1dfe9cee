"""One partner call that has been written down and is now to be made, and what it may bring back."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from adapters.sdk.capabilities import Step
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult, StepResult
from catalogue.voucher_store import Voucher
from gateway.redemption.plan import Situation
from gateway.redemption.records import Redemption
from settlement.ledger import Held

Result = StepResult | LookUpResult | CancelResult
LOOK_UP = "look_up"
FENCE = "fence"


class Order(msgspec.Struct, frozen=True):
    """A call to make. ``situation`` is as it was before this attempt; the call must begin within ``lease``.

    ``held``: the hold, where it was placed by who ordered this.
    """

    redemption: Redemption
    operation: str
    step: Step | None
    attempt: int
    situation: Situation
    asked_at: datetime
    lease: timedelta
    held: Held | None = None


class Begun(msgspec.Struct, frozen=True):
    """A call that is written down, who may make it, and when that began by the process's own clock."""

    order: Order
    owner: str
    began: float


class Concluded(msgspec.Struct, frozen=True):
    """How a redemption stands once an answer is recorded, and the voucher that was issued with it."""

    redemption: Redemption
    voucher: Voucher | None = None


def raised(order: Order, error: Exception) -> Result:
    """Make an unknown outcome of what an adapter raised against its contract."""
    code, message = "adapter_raised", type(error).__name__
    if order.operation == LOOK_UP:
        return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=code)
    if order.operation == FENCE:
        return CancelResult(outcome=Outcome.UNKNOWN, code=code)
    return StepResult(outcome=Outcome.UNKNOWN, code=code, message=message)


def evidence(result: Result) -> tuple[str, str | None, str | None]:
    """Put a result into the words of the attempt's row: outcome, code, message."""
    if isinstance(result, LookUpResult):
        return result.answer.value, result.code, None
    return result.outcome.value, result.code, result.message if isinstance(result, StepResult) else None


def says_issued(order: Order, result: Result) -> bool:
    """Say whether a result claims that the benefit was granted."""
    if isinstance(result, LookUpResult):
        return result.answer is LookUpAnswer.ISSUED
    if isinstance(result, CancelResult):
        return result.outcome is Outcome.NO
    return order.step is not None and order.step.commit and result.outcome is Outcome.OK
