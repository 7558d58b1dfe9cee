"""Problem documents (RFC 9457): one table from error code to status and title, and the handlers that answer with them.

A message of a 4xx error is written for the caller and answered as the ``detail``. A 5xx tells a fixed sentence and the
request id; the message, the cause and the traceback go to the log only.

Source: RFC 9457 (read 2026-11-22): ``type``, ``title``, ``status``, ``detail``; ours: ``code``, ``request_id``,
``errors`` (``detail`` with ``pointer``, a JSON pointer as a URI fragment, or ``parameter``).
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from config.errors import GatewayError
from config.observability import get_logger
from gateway.errors import ReplayedRefusalError
from gateway.middleware.correlation import request_id_of

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:partner-benefits-gateway:problem:"
RETRY_AFTER_SECONDS = 2
RETRY_AFTER_BY_CODE = {"account_frozen": 600, "partner_disabled": 600, "partner_busy": 15}
"""What ends by people, or when a partner has recovered, is not asked for every other second."""

log = get_logger(__name__)


class Kind(NamedTuple):
    """What every problem of one code has in common."""

    status: int
    title: str


PROBLEMS: dict[str, Kind] = {
    "internal": Kind(500, "Internal error"),
    "configuration": Kind(500, "Internal error"),
    "catalogue_file": Kind(500, "Internal error"),
    "adapter_manifest": Kind(500, "Internal error"),
    "adapter_too_slow": Kind(500, "Internal error"),
    "database_refused": Kind(500, "Internal error"),
    "contract": Kind(500, "Internal error"),
    "journal_entry": Kind(500, "Internal error"),
    "ledger": Kind(500, "Internal error"),
    "no_terms_in_force": Kind(500, "Internal error"),
    "request": Kind(400, "The request cannot be served"),
    "malformed": Kind(400, "The request is malformed"),
    "idempotency_key_missing": Kind(400, "An idempotency key is needed"),
    "cursor_invalid": Kind(400, "The cursor is not valid"),
    "unauthenticated": Kind(401, "A valid access token is needed"),
    "webhook_refused": Kind(401, "The callback is not accepted"),
    "forbidden": Kind(403, "The access token does not allow this"),
    "not_found": Kind(404, "Not found"),
    "method_not_allowed": Kind(405, "The method is not allowed here"),
    "request_timeout": Kind(408, "The request took too long to arrive"),
    "conflict": Kind(409, "The state does not allow this"),
    "state_conflict": Kind(409, "The state does not allow this"),
    "idempotency_key_in_flight": Kind(409, "The first request with this key is still being worked on"),
    "replayed_refusal": Kind(409, "The first request with this key was refused"),
    "partner_refused": Kind(409, "The partner refused"),
    "partner_rejected": Kind(409, "The partner refused"),
    "exists_with_different_content": Kind(409, "It is known with another content"),
    "ledger_state": Kind(409, "The state does not allow this"),
    "run_in_progress": Kind(409, "A run is under way"),
    "body_too_large": Kind(413, "The body is too large"),
    "unsupported_media_type": Kind(415, "The media type is not taken here"),
    "rule": Kind(422, "A rule is broken"),
    "idempotency_key_reused": Kind(422, "The idempotency key was used for another request"),
    "insufficient_funds": Kind(422, "Not enough is available"),
    "quantity": Kind(422, "The quantity cannot be moved"),
    "export_refused": Kind(422, "The export is not possible"),
    "not_eligible": Kind(422, "The benefit is not open to this member"),
    "entitlement_exhausted": Kind(422, "No use of the entitlement remains"),
    "budget_exhausted": Kind(422, "The benefit is not available any more in this period"),
    "catalogue_refused": Kind(422, "The catalogue cannot change like this"),
    "rate_feed_refused": Kind(422, "The file of rates is refused"),
    "conversion_refused": Kind(422, "The conversion is not possible"),
    "tier_match_refused": Kind(422, "The tier match is not possible"),
    "voucher_refused": Kind(422, "The voucher cannot be used"),
    "bulk_file_refused": Kind(422, "The file is refused whole"),
    "quote_expired": Kind(422, "The quote has ended"),
    "quote_used": Kind(422, "The quote was used"),
    "link_refused": Kind(422, "The account cannot be linked"),
    "points_at_risk": Kind(422, "Too much is undecided at this partner"),
    "statement_refused": Kind(422, "The statement file is refused"),
    "partner": Kind(502, "The partner gave no usable answer"),
    "partner_authentication": Kind(502, "The partner gave no usable answer"),
    "partner_protocol": Kind(502, "The partner gave no usable answer"),
    "partner_unknown": Kind(502, "The partner gave no usable answer"),
    "unavailable": Kind(503, "Not available now"),
    "database": Kind(503, "Not available now"),
    "database_busy": Kind(503, "Too much is under way"),
    "database_full": Kind(503, "Not available now"),
    "database_disk": Kind(503, "Not available now"),
    "database_stopped": Kind(503, "Nothing is written until the process is started again"),
    "lease_lost": Kind(503, "Not available now"),
    "account_frozen": Kind(503, "An account is stopped until its balance is cleared up"),
    "rate_unavailable": Kind(503, "Not available now"),
    "partner_disabled": Kind(503, "The partner is switched off"),
    "partner_busy": Kind(503, "Too much is under way at the partner"),
    "partner_unavailable": Kind(503, "The partner is not available now"),
}
"""Every error code there is; a test walks the error trees of all packages and compares."""

HTTP_CODES = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    415: "unsupported_media_type",
}
"""The code of an error that the framework itself raises, by status."""

_HIDDEN = {
    500: "Something went wrong inside the gateway. Name the request id to its operators.",
    502: "The partner did not answer in a way that can be trusted.",
    503: "Nothing was changed. The same request later may work.",
}


_GONE = "client disconnected prematurely"
"""What the framework says when the connection ends inside a body; nobody is there to read the answer."""


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place of the input that is wrong: ``pointer`` into the body, or the name of a ``parameter``."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document; further members name what the error is about, for example a redemption."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: tuple[FieldError, ...] = ()


def kind_of(code: str) -> Kind:
    """Look a code up; one that is not in the table is an internal error."""
    return PROBLEMS.get(code, PROBLEMS["internal"])


def problem_response(
    code: str,
    detail: str,
    request_id: str,
    *,
    errors: tuple[FieldError, ...] = (),
    facts: Mapping[str, str | int | None] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response[dict[str, Any]]:
    """Make the answer of a code; a 5xx takes the fixed sentence and no facts."""
    kind = kind_of(code)
    hidden = _HIDDEN.get(kind.status)
    problem = Problem(TYPE_PREFIX + code, kind.title, kind.status, hidden or detail, code, request_id, errors)
    shown = {name: value for name, value in (facts or {}).items() if value is not None} if not hidden else {}
    document = {**shown, **msgspec.to_builtins(problem)}
    sent = dict(headers or {})
    if kind.status == 503:
        sent.setdefault("Retry-After", str(RETRY_AFTER_BY_CODE.get(code, RETRY_AFTER_SECONDS)))
    if kind.status == 401:
        sent.setdefault("WWW-Authenticate", 'Bearer error="invalid_token"')
    if kind.status == 403:
        sent.setdefault("WWW-Authenticate", 'Bearer error="insufficient_scope"')
    return Response(document, status_code=kind.status, media_type=MEDIA_TYPE, headers=sent)


def answer_gateway_error(request: Request[Any, Any, Any], error: GatewayError) -> Response[dict[str, Any]]:
    """Answer an error that the gateway raised on purpose; 5xx are logged: a fault of ours with its cause.

    That a partner or the database did not answer is the normal night: one line tells it.
    """
    code = error.refusal if isinstance(error, ReplayedRefusalError) else error.code
    headers = {"Idempotent-Replayed": "true"} if isinstance(error, ReplayedRefusalError) else {}
    status = kind_of(code).status
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request failed", error_code=code, exc_info=error)
    elif status > HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request failed", error_code=code, reason=error.message)
    facts = dict(error.facts)
    pointer = facts.pop("pointer", None)
    errors = () if pointer is None else (FieldError(error.message, pointer=f"#{pointer}"),)
    return problem_response(
        code, error.message, request_id_of(request.scope), errors=errors, facts=facts, headers=headers
    )


def answer_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    """Answer an error that the framework raised: no route, wrong method, bad parameter, body too large."""
    status = error.status_code
    code = HTTP_CODES.get(status, "request" if status < 500 else "internal")
    if error.detail == _GONE:
        log.info("the caller went away before the body was there")
    elif status >= 500:
        log.error("request failed", error_code=code, exc_info=error)
    errors = _parameter_errors(error) if isinstance(error, ValidationException) else ()
    detail = errors[0].detail if errors else HTTPStatus(kind_of(code).status).description or kind_of(code).title
    return problem_response(code, detail, request_id_of(request.scope), errors=errors, headers=error.headers or {})


def answer_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """Answer a fault of ours: everything to the log, nothing to the caller."""
    log.error("unexpected error", exc_info=error)
    return problem_response("internal", "", request_id_of(request.scope))


def _parameter_errors(error: ValidationException) -> tuple[FieldError, ...]:
    found = error.extra if isinstance(error.extra, list) else []
    return tuple(
        FieldError(str(item.get("message", "is not valid")), parameter=item.get("key"))
        for item in found
        if isinstance(item, dict)
    )
