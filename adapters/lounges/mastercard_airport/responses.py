"""What each documented answer proves, as data. Whatever is not listed here is UNKNOWN. Pure.

Source: the client generated in Mastercard/loyalty-airport-reference-app, read 2026-11-28: four statuses of errors with
one form of body. Its reason codes are an open list; ``Recoverable`` says whether asking again may help. Every call only
reads, so that nothing is ever granted by one.
"""

from __future__ import annotations

from adapters.lounges.mastercard_airport.wire import Errors
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import Outcome, ResponseRule, ResponseTable

RECOVERABLE, FINAL = "recoverable", "final"

_STATUSES = (400, 401, 404, 500)


def _rule(status: int, code: str | None, outcome: Outcome) -> ResponseRule:
    return ResponseRule(status=status, code=code, outcome=outcome, source=f"loyalty-airport-reference-app, {status}")


READ = ResponseTable(
    _rule(200, None, Outcome.OK),
    *(_rule(status, RECOVERABLE, Outcome.BUSY) for status in _STATUSES),
    *(_rule(status, FINAL, Outcome.NO) for status in _STATUSES if status != 500),
    _rule(500, FINAL, Outcome.UNKNOWN),
)
"""Of every call; the code is `error_code`'s."""


def error_code(answer: PartnerAnswer) -> str | None:
    """Say whether an error is recoverable or final; None for a good status, another body, or when faults disagree."""
    if answer.status < 300:
        return None
    try:
        said = {item.recoverable for item in decode(answer.body, Errors).errors.error}
    except ProtocolError:
        return None
    return None if len(said) != 1 else RECOVERABLE if said.pop() else FINAL
