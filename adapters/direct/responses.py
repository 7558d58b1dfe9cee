"""Documented answers of the contract, as data; what is not here is UNKNOWN. Pure."""

from __future__ import annotations

from adapters.sdk.outcomes import LookUpAnswer, Outcome, ResponseRule, ResponseTable

_CONTRACT = "docs/direct-contract.md, version 1, "


def _rule(status: int, code: str, outcome: Outcome, section: str) -> ResponseRule:
    return ResponseRule(status=status, code=code, outcome=outcome, source=_CONTRACT + section)


_NOT_PROCESSED = (
    _rule(429, "busy", Outcome.BUSY, "Not processed"),
    _rule(503, "busy", Outcome.BUSY, "Not processed"),
    _rule(401, "unauthenticated", Outcome.BUSY, "Not processed"),
)

RESERVE = ResponseTable(
    _rule(201, "reserved", Outcome.OK, "Reserve"),
    _rule(200, "reserved", Outcome.OK, "Reserve, repeat"),
    _rule(200, "used", Outcome.OK, "Reserve, repeat"),
    _rule(200, "cancelled", Outcome.NO, "Reserve, repeat after a cancellation"),
    _rule(409, "fenced", Outcome.NO, "Fence"),
    _rule(409, "sold_out", Outcome.NO, "Reserve, refusals"),
    _rule(409, "offer_expired", Outcome.NO, "Reserve, refusals"),
    _rule(409, "price_changed", Outcome.NO, "Reserve, refusals"),
    _rule(404, "unknown_offer", Outcome.NO, "Reserve, refusals"),
    *_NOT_PROCESSED,
)
"""A key that was used for another content (409 ``key_reused``) is not listed on purpose: it is looked up."""

CANCEL = ResponseTable(
    _rule(200, "cancelled", Outcome.OK, "Cancel"),
    _rule(200, "fenced", Outcome.OK, "Cancel, after a fence"),
    _rule(409, "already_used", Outcome.NO, "Cancel, refusals"),
    _rule(409, "too_late", Outcome.NO, "Cancel, refusals"),
    *_NOT_PROCESSED,
)

FENCE = ResponseTable(
    _rule(200, "fenced", Outcome.OK, "Fence"),
    _rule(409, "already_used", Outcome.NO, "Fence, refusals"),
    *_NOT_PROCESSED,
)

REVERSED = "reversed"
REVERSE = ResponseTable(
    _rule(201, REVERSED, Outcome.OK, "Reversals"),
    _rule(200, REVERSED, Outcome.OK, "Reversals, repeat"),
    _rule(409, "more_than_original", Outcome.NO, "Reversals, refusals"),
    _rule(409, "not_enough_points", Outcome.NO, "Reversals, refusals"),
    *_NOT_PROCESSED,
)
"""A reversal's key that was used for another content (409 ``key_reused``) is not listed on purpose."""

GRANTED = "granted"
GRANT = ResponseTable(
    _rule(201, GRANTED, Outcome.OK, "Status grants"),
    _rule(200, GRANTED, Outcome.OK, "Status grants, repeat"),
    _rule(404, "unknown_account", Outcome.NO, "Status grants, refusals"),
    _rule(409, "unknown_tier", Outcome.NO, "Status grants, refusals"),
    _rule(409, "higher_tier_held", Outcome.NO, "Status grants, refusals"),
    _rule(501, "not_offered", Outcome.NO, "Status grants: nothing is granted by request"),
    *_NOT_PROCESSED,
)
"""A key that was used for another grant (409 ``key_reused``) is not listed on purpose."""

VALID, NOT_VALID = "valid", "not_valid"
NOT_OFFERED = "not_offered"
"""Code of 501: the partner serves no such endpoint, which the contract lets it choose."""

VALIDATE_MEMBER = ResponseTable(
    _rule(200, VALID, Outcome.OK, "Members"),
    _rule(200, NOT_VALID, Outcome.NO, "Members"),
    *_NOT_PROCESSED,
)
"""``POST /v1/members/validate``; the code of a 200 is what its ``valid`` says."""

LOOK_UP = {
    "reserved": LookUpAnswer.ISSUED,
    "used": LookUpAnswer.ISSUED,
    "cancelled": LookUpAnswer.CANCELLED,
    "fenced": LookUpAnswer.CANCELLED,
}
"""A reservation's status to what it proves; 404 ``not_found`` is NOT_FOUND."""
