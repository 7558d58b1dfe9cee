"""Reading calls judged by a response table: an answer that is OK, or an exception by what must happen next. Pure."""

from __future__ import annotations

from adapters.sdk.answers import readable
from adapters.sdk.calls import CallFailure, PartnerAnswer
from adapters.sdk.errors import AuthenticationError, PartnerUnavailableError, ProtocolError, RejectedError
from adapters.sdk.outcomes import Outcome, ResponseTable


def require_ok(result: PartnerAnswer | CallFailure, table: ResponseTable, code: str | None) -> PartnerAnswer:
    """Give an answer that the table calls OK.

    Args:
        result: of the call.
        table: of the operation.
        code: the partner's own code, as the adapter read it from the answer.

    Raises:
        RejectedError: a documented refusal.
        PartnerUnavailableError: nothing was sent, or the partner is documented to be busy.
        OutcomeUnknownError: the answer was lost.
        AuthenticationError: a documented refusal with 401 or 403, or no token was to be had.
        ProtocolError: an answer that is not documented.
    """
    if isinstance(result, CallFailure):
        return readable(result)
    outcome = table.decide(result.status, code)
    if outcome is Outcome.OK:
        return result
    if outcome is Outcome.BUSY:
        raise PartnerUnavailableError("The partner is busy.", status=result.status, code=code)
    if outcome is Outcome.NO and result.status in {401, 403}:
        raise AuthenticationError("The partner refused our credentials.", status=result.status, code=code)
    if outcome is Outcome.NO:
        raise RejectedError("The partner refused what was asked.", status=result.status, code=code)
    raise ProtocolError("The partner gave an answer that it does not document.", status=result.status, code=code)
