"""What each documented answer proves, as data. Whatever is not listed here is UNKNOWN. Pure.

Source: amadeus4dev/amadeus-open-api-specification, Transfer Search, Book and Management, read 2026-11-28: per operation
a status and a list of codes. Code 11, "unable to process", says nothing of what was done: on a booking it is not listed
here, nor is 21934, a time-out on the partner's side.
"""

from __future__ import annotations

from collections.abc import Iterable

from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import Outcome, ResponseRule, ResponseTable
from adapters.transfers.amadeus_transfers.wire import Errors

_SOURCE = "Amadeus Transfer"

SEARCH_REFUSALS = (
    *(450, 477, 530, 531, 534, 830, 1533, 1876, 1929, 2038, 2323, 2668, 3337, 4926, 5095, 6323, 9385, 10192),
    *(10479, 10578, 11257, 12668, 12669, 13114, 15566, 23883, 24198, 32171, 32800, 32803, 32949, 32986, 32987),
    *(33891, 34120, 34499, 34543, 34604, 34649, 37296),
)
"""Codes of a refused search: something in it is missing, not valid or not served."""

BOOK_REFUSALS = (
    *(391, 477, 693, 830, 1143, 1149, 1426, 1535, 4926, 11041, 11257, 12237, 15566, 23883, 25862, 27599, 28926),
    *(32171, 32804, 34120, 34497, 34502, 34649, 37576, 38597, 45514),
)
"""Codes of a refused booking: each names a field of the request that is missing or not valid."""


def _rule(operation: str, status: int, code: int | None, outcome: Outcome) -> ResponseRule:
    text = None if code is None else str(code)
    return ResponseRule(status=status, code=text, outcome=outcome, source=f"{_SOURCE} {operation} {status} {text}")


def _refusals(operation: str, status: int, codes: Iterable[int]) -> tuple[ResponseRule, ...]:
    return tuple(_rule(operation, status, code, Outcome.NO) for code in codes)


SEARCH = ResponseTable(
    _rule("Search", 200, None, Outcome.OK),
    *_refusals("Search", 400, SEARCH_REFUSALS),
    _rule("Search", 400, 11, Outcome.BUSY),
    _rule("Search", 400, 21934, Outcome.BUSY),
    _rule("Search", 401, 20, Outcome.NO),
    _rule("Search", 500, 141, Outcome.BUSY),
)
"""A reading call: what could not be processed changed nothing and may be tried again."""

BOOK = ResponseTable(
    _rule("Book", 201, None, Outcome.OK),
    *_refusals("Book", 400, BOOK_REFUSALS),
    _rule("Book", 400, 11, Outcome.UNKNOWN),
    _rule("Book", 401, 20, Outcome.NO),
    _rule("Book", 500, 141, Outcome.UNKNOWN),
)
"""The commit; OK needs the echo check besides."""

CANCEL = ResponseTable(
    _rule("Management", 200, None, Outcome.OK),
    _rule("Management", 400, 32171, Outcome.NO),
    _rule("Management", 401, 20, Outcome.BUSY),
    _rule("Management", 404, 1797, Outcome.UNKNOWN),
    _rule("Management", 500, 141, Outcome.UNKNOWN),
)
"""Cancelling; the body of a 200 says whether it was. 401: nothing was cancelled, ask again. 404 of a ride that was
confirmed to us proves nothing: it may be gone, or cancelled already."""

TABLES = {"search": SEARCH, "book": BOOK, "cancel": CANCEL}
"""Every table by the name of its operation in `calls`."""


def error_code(answer: PartnerAnswer) -> str | None:
    """Read the code that decides; None for a good status, another body, or several different codes."""
    if answer.status < 300:
        return None
    try:
        codes = {item.code for item in decode(answer.body, Errors).errors}
    except ProtocolError:
        return None
    return str(codes.pop()) if len(codes) == 1 else None
