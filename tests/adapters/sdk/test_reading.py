"""Reading calls judged by a table: what is OK comes back, everything else is raised by what must happen next."""

from __future__ import annotations

import pytest

from adapters.sdk.calls import CallFailure, PartnerAnswer
from adapters.sdk.errors import (
    AuthenticationError,
    OutcomeUnknownError,
    PartnerUnavailableError,
    ProtocolError,
    RejectedError,
)
from adapters.sdk.outcomes import Outcome, ResponseRule, ResponseTable
from adapters.sdk.reading import require_ok

TABLE = ResponseTable(
    ResponseRule(200, None, Outcome.OK, "test"),
    ResponseRule(401, "who", Outcome.NO, "test"),
    ResponseRule(404, "gone", Outcome.NO, "test"),
    ResponseRule(503, None, Outcome.BUSY, "test"),
)


def answer(status: int) -> PartnerAnswer:
    return PartnerAnswer(status=status, headers={}, body=b"")


def test_what_the_table_calls_ok_comes_back() -> None:
    assert require_ok(answer(200), TABLE, None).status == 200


@pytest.mark.parametrize(
    ("result", "code", "error"),
    [
        (answer(401), "who", AuthenticationError),
        (answer(401), None, ProtocolError),
        (answer(404), "gone", RejectedError),
        (answer(404), "other", ProtocolError),
        (answer(503), None, PartnerUnavailableError),
        (answer(500), None, ProtocolError),
        (CallFailure(Outcome.NOT_SENT, "connect"), None, PartnerUnavailableError),
        (CallFailure(Outcome.NOT_SENT, "authentication:status_401"), None, AuthenticationError),
        (CallFailure(Outcome.UNKNOWN, "deadline"), None, OutcomeUnknownError),
    ],
)
def test_the_rest_is_raised(result: PartnerAnswer | CallFailure, code: str | None, error: type[Exception]) -> None:
    with pytest.raises(error):
        require_ok(result, TABLE, code)
