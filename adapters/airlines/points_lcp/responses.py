"""P: what each documented answer proves, as data. What is not listed is UNKNOWN.

Nothing can have been credited by a validation or an order, so their documented refusals are all definite. On the
credit a refusal is definite only where the documentation says that the request could not be completed; in particular

- 401 is not listed for it: the nonce of a first copy that was credited makes a second copy "unauthorised";
- `MV_ALREADY_USED` proves that some credit exists for the validation, perhaps ours: look up, never void.

Sources: the platform's reference manual, "HTTP Status Codes", "Errors" and "Using Orders", and the API reference,
"Create an MV", "Create a Credit", "Orders" (github.com/Points/Loyalty-Commerce-Platform, read 2026-11-21).
"""

from __future__ import annotations

from adapters.airlines.points_lcp.wire import CreditStatus, OrderStatus
from adapters.sdk.outcomes import LookUpAnswer, Outcome, ResponseRule, ResponseTable

ERRORS = "reference manual, Errors"
STATUSES = "reference manual, HTTP Status Codes"
CREATE_MV = "API reference, Create an MV"
LP_REVERSAL = "loyalty partner API reference, Transaction Reversal"
BATCH = "reference manual, Real-time vs Batch"


def _rule(status: int, code: str | None, outcome: Outcome, source: str) -> ResponseRule:
    return ResponseRule(status=status, code=code, outcome=outcome, source=source)


VALIDATE_MEMBER = ResponseTable(
    _rule(201, "success", Outcome.OK, CREATE_MV),
    _rule(422, "INELIGIBLE", Outcome.NO, CREATE_MV),
    _rule(422, "MAXIMUM_ATTEMPTS_EXCEEDED", Outcome.NO, CREATE_MV),
    _rule(422, "UNKNOWN_MEMBER", Outcome.NO, CREATE_MV),
    _rule(502, "INVALID_UPSTREAM_RESPONSE", Outcome.BUSY, f"{CREATE_MV}: a validation moves nothing"),
    _rule(400, None, Outcome.NO, STATUSES),
    _rule(401, "UNAUTHORIZED", Outcome.NO, ERRORS),
    _rule(404, "NOT_FOUND", Outcome.NO, f"{ERRORS}: no such programme, or not permitted"),
    _rule(415, "UNSUPPORTED_MEDIA_TYPE", Outcome.NO, ERRORS),
)
"""``POST /v1/lps/{programme}/mvs/``; the code of a 201 is the status in its body."""

CHECK_MEMBER = ResponseTable(
    _rule(201, "success", Outcome.OK, CREATE_MV),
    _rule(422, "INELIGIBLE", Outcome.NO, CREATE_MV),
    _rule(422, "MAXIMUM_ATTEMPTS_EXCEEDED", Outcome.NO, CREATE_MV),
    _rule(422, "UNKNOWN_MEMBER", Outcome.NO, CREATE_MV),
    _rule(502, "INVALID_UPSTREAM_RESPONSE", Outcome.BUSY, f"{CREATE_MV}: a validation moves nothing"),
)
"""The same call where only the member is in question: that we, or our form, were refused says nothing of him."""

CREATE_ORDER = ResponseTable(
    _rule(201, "initial", Outcome.OK, "reference manual, Create an Order"),
    _rule(422, "VALUE_NOT_UNIQUE", Outcome.UNKNOWN, f"{ERRORS}: our key is known there; look up"),
    _rule(422, None, Outcome.NO, STATUSES),
    _rule(400, None, Outcome.NO, STATUSES),
    _rule(401, "UNAUTHORIZED", Outcome.NO, ERRORS),
    _rule(415, "UNSUPPORTED_MEDIA_TYPE", Outcome.NO, ERRORS),
)
"""``POST /v1/orders/``; the code of a 201 is the status in its body."""

CREDIT = ResponseTable(
    _rule(201, CreditStatus.SUCCESS, Outcome.OK, "API reference, Credits: status"),
    _rule(201, CreditStatus.FAILURE, Outcome.NO, "reference manual, Create the Debit or Credit: the programme refused"),
    _rule(201, CreditStatus.PENDING, Outcome.PENDING, BATCH),
    _rule(201, CreditStatus.SYSTEM_ERROR, Outcome.UNKNOWN, "reference manual: investigated later"),
    _rule(422, "INELIGIBLE", Outcome.NO, f"{ERRORS} and {STATUSES}: could not be completed"),
    _rule(422, "MV_ALREADY_USED", Outcome.UNKNOWN, f"{ERRORS}: a credit exists for it, perhaps ours; look up"),
)
"""``POST /v1/lps/{programme}/credits/``; the code of a 201 is the status in its body."""

DEBIT = ResponseTable(
    _rule(201, CreditStatus.SUCCESS, Outcome.OK, "API reference, Debits: status"),
    _rule(201, CreditStatus.FAILURE, Outcome.NO, "reference manual, Create the Debit or Credit: the programme refused"),
    _rule(201, CreditStatus.PENDING, Outcome.PENDING, BATCH),
    _rule(201, CreditStatus.SYSTEM_ERROR, Outcome.UNKNOWN, "reference manual: investigated later"),
    _rule(422, "INELIGIBLE", Outcome.NO, f"{ERRORS} and {STATUSES}: could not be completed"),
    _rule(422, "MV_ALREADY_USED", Outcome.UNKNOWN, f"{ERRORS}: a debit exists for it, perhaps ours; look up"),
)
"""``POST /v1/lps/{programme}/debits/``."""

REVERSE = ResponseTable(
    _rule(200, "success", Outcome.OK, LP_REVERSAL),
    _rule(400, "failure", Outcome.NO, f"{LP_REVERSAL}: no such transaction, or more than it was"),
)
"""A reversal in the form that the platform documents between itself and a programme; the path is contractual."""

READ = ResponseTable(
    _rule(200, None, Outcome.OK, STATUSES),
    _rule(404, "NOT_FOUND", Outcome.NO, f"{ERRORS}; may be stale: Multiple Data Centers"),
)
"""``GET`` of an order or credit; NO means only "not seen here"."""

_ISSUED, _REFUSED, _UNKNOWN = LookUpAnswer.ISSUED, LookUpAnswer.REFUSED, LookUpAnswer.UNKNOWN
_FACTS: dict[CreditStatus | None, LookUpAnswer] = {
    CreditStatus.SUCCESS: _ISSUED,
    CreditStatus.FAILURE: _REFUSED,
    CreditStatus.PENDING: LookUpAnswer.PENDING,
    CreditStatus.SYSTEM_ERROR: _UNKNOWN,
}
LOOK_UP: dict[OrderStatus, dict[CreditStatus | None, LookUpAnswer]] = {
    OrderStatus.INITIAL: {None: LookUpAnswer.NOT_FOUND, **_FACTS},
    OrderStatus.STATUS_PENDING: {None: LookUpAnswer.NOT_FOUND, **_FACTS},
    OrderStatus.CREDIT_PENDING: _FACTS,
    OrderStatus.CREDIT_ERROR: _FACTS,
    OrderStatus.COMPLETE: {CreditStatus.SUCCESS: _ISSUED},
    OrderStatus.CREDIT_FAILED: {CreditStatus.FAILURE: _REFUSED},
    OrderStatus.REVERSED: {CreditStatus.SUCCESS: LookUpAnswer.CANCELLED},
}
"""What an order's status and its credit's status (None: no credit seen) prove together.

The order's status is a summary that follows the credit late or not at all, so a provisional one never outweighs the
credit; a final one that contradicts it, and every combination that is not here, is UNKNOWN.
"""


_OF_DEBITS = {
    OrderStatus.CREDIT_PENDING: OrderStatus.DEBIT_PENDING,
    OrderStatus.CREDIT_ERROR: OrderStatus.DEBIT_ERROR,
    OrderStatus.CREDIT_FAILED: OrderStatus.DEBIT_FAILED,
}
DEBIT_LOOK_UP = {_OF_DEBITS.get(order, order): facts for order, facts in LOOK_UP.items()}
"""The same of an order with a debit: a status of credits contradicts it, as one of debits does a credit."""


def decide(table: ResponseTable, status: int, codes: tuple[str, ...]) -> Outcome:
    """Decide an error answer that may carry several codes: all must prove the same, or it is UNKNOWN."""
    outcomes = {table.decide(status, code) for code in codes}
    return outcomes.pop() if len(outcomes) == 1 else Outcome.UNKNOWN


def conclude(order: OrderStatus, credit: CreditStatus | None, direction: str = "credit") -> LookUpAnswer:
    """Conclude a look-up from `LOOK_UP`, or of a debit from `DEBIT_LOOK_UP`."""
    table = LOOK_UP if direction == "credit" else DEBIT_LOOK_UP
    return table.get(order, {}).get(credit, LookUpAnswer.UNKNOWN)
