"""The contract as an OpenAPI 3.1 document, made from the wire types and the response tables.

``python -m adapters.direct.published`` writes ``docs/direct-contract.openapi.json``; a test keeps the two equal.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from adapters.direct import published_links, responses, wire
from adapters.direct.mapping import EVENT_KINDS
from adapters.sdk.manifest import Manifest, read_manifest
from adapters.sdk.outcomes import Outcome, ResponseTable

JSON = "application/json"
ORIGIN = "https://partner.example"
REFERENCE = "#/components/schemas/{name}"
KEY_PATTERN = "^[A-Za-z0-9_-]{8,64}$"
DECIMAL = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?$"
TYPES = (
    wire.OffersQuery, wire.OffersAnswer, wire.ReserveBody, wire.Reservation, wire.CancelBody, wire.Refusal, wire.Event,
    wire.Voucher, wire.ReversalBody, wire.Reversal, wire.MemberQuery, wire.MemberAnswer, wire.MemberStatus,
    wire.LinkedMember, wire.GrantBody, wire.Grant, wire.SearchQuery, wire.SearchAnswer,
)  # fmt: skip
ELSEWHERE = {
    "reserve": {409: ("key_reused",)},
    "look_up": {404: ("not_found",)},
    "cancel": {404: ("not_found",)},
    "search_offers": {501: (responses.NOT_OFFERED,)},
    "grant_status": {409: ("key_reused",)},
    "fetch_voucher": {404: ("not_found",), 501: (responses.NOT_OFFERED,)},
    "reverse": {404: ("not_found",), 409: ("key_reused",), 501: (responses.NOT_OFFERED,)},
    "validate_member": {501: (responses.NOT_OFFERED,)},
    "report_status": {501: (responses.NOT_OFFERED,)},
}
"""Codes that no table needs: they decide nothing about a write, or mean that nothing is there."""
MEANINGS = {
    200: "As it is now, also when it is asked again.",
    201: "It is new.",
    400: "Malformed: nothing was done.",
    401: "No token, or one that has ended: nothing was done. A new one is fetched, once.",
    404: "There is no such thing.",
    409: "Refused: the code says why, `key` repeats the key.",
    429: "Busy: nothing was done. `Retry-After` is honoured up to 15 minutes.",
    501: "We have chosen not to serve this endpoint.",
    503: "Busy: nothing was done. `Retry-After` is honoured up to 15 minutes.",
}


def contract_document(manifest: Manifest) -> dict[str, Any]:
    """Make the document.

    Args:
        manifest: of this adapter: key, limits and version are taken from it.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Direct partner contract",
            "version": "1.0.0",
            "summary": "What a partner of the Partner Benefits Gateway serves.",
            "description": _about(manifest),
            "license": {"name": "Published to be implemented", "identifier": "CC0-1.0"},
        },
        "servers": [{"url": "{origin}", "variables": {"origin": {"default": ORIGIN}}}],
        "security": [{"client_credentials": ["benefits"]}],
        "paths": {
            "/oauth/token": {"post": _token()},
            **published_links.paths(ORIGIN),
            "/v1/offers": {"post": _offers()},
            "/v1/offers/search": {"post": _search()},
            "/v1/reservations/{key}": {"parameters": [_key()], "put": _reserve(), "get": _look_up()},
            "/v1/reservations/{key}/fence": {"parameters": [_key()], "post": _fence()},
            "/v1/reservations/{key}/cancel": {"parameters": [_key()], "post": _cancel()},
            "/v1/reservations/{key}/voucher": {"parameters": [_key()], "get": _voucher()},
            "/v1/reservations/{key}/reversals/{reversal}": {
                "parameters": [_key(), {**_key(), "name": "reversal"}],
                "put": _reverse(),
            },
            "/v1/status-grants/{key}": {"parameters": [_key()], "put": _grant()},
            "/v1/members/validate": {"post": _validate_member()},
            "/v1/members/{account}/status": {"parameters": [_account()], "get": _report_status()},
            "/v1/statements/{date}": {"get": _statement()},
        },
        "webhooks": {kind: {"post": _webhook(kind)} for kind in sorted(EVENT_KINDS)},
        "components": {"schemas": _schemas(), "securitySchemes": _schemes()},
    }


def _about(manifest: Manifest) -> str:
    limits = manifest.limits
    return (
        "The rules in words are in `docs/direct-contract.md`. Answers are at most "
        f"{limits.body_cap_bytes} bytes, not compressed, within {limits.deadline_seconds:g} seconds. Fields that are "
        "not named here are ignored. An answer whose status and code are not listed is an unknown outcome: we look up."
    )


def _token() -> dict[str, Any]:
    form = published_links.token_form()
    return {
        "operationId": "token",
        "summary": "Give tokens, ours (RFC 6749, section 4.4) or a member's (4.1 and 6), to a client proved by Basic",
        "security": [{"basic": []}],
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": form}}},
        "responses": {
            "200": _answer("A token.", {"$ref": "#/components/schemas/Token"}),
            "400": _answer(
                "Another grant, or `invalid_grant`: a code or token that holds no more.",
                {"type": "object"},
            ),
            "401": _answer("The client is not known or its secret is wrong.", {"type": "object"}),
        },
    }


def _offers() -> dict[str, Any]:
    return _operation(
        "quote_offers", "Price a service, best first", ResponseTable(), "OffersQuery", {200: "OffersAnswer"}
    )


def _search() -> dict[str, Any]:
    summary = "Say what there is at a place and time, each thing with its offer; not every partner serves this"
    return _operation("search_offers", summary, ResponseTable(), "SearchQuery", {200: "SearchAnswer"})


def _reserve() -> dict[str, Any]:
    summary = "Reserve under our key; the key is judged before anything else"
    return _operation("reserve", summary, responses.RESERVE, "ReserveBody", {200: "Issued", 201: "Issued"})


def _look_up() -> dict[str, Any]:
    return _operation("look_up", "Tell what became of a key, never from a stale copy", ResponseTable(), None, {200: ""})


def _fence() -> dict[str, Any]:
    return _operation("fence", "Kill a key for ever, seen before or not", responses.FENCE, "", {200: ""})


def _cancel() -> dict[str, Any]:
    return _operation("cancel", "Cancel what was reserved", responses.CANCEL, "CancelBody", {200: ""})


def _voucher() -> dict[str, Any]:
    summary = "Show your own voucher of what is reserved; not every partner serves this"
    return _operation("fetch_voucher", summary, ResponseTable(), None, {200: "Voucher"})


def _reverse() -> dict[str, Any]:
    summary = "Take back points of a mileage, whole or in part, once for each reversal; not every partner serves this"
    return _operation("reverse", summary, responses.REVERSE, "ReversalBody", {200: "Reversal", 201: "Reversal"})


def _grant() -> dict[str, Any]:
    summary = "Give an account a tier, once for each key; not every partner serves this"
    return _operation("grant_status", summary, responses.GRANT, "GrantBody", {200: "Grant", 201: "Grant"})


def _validate_member() -> dict[str, Any]:
    summary = "Say whether an account is the member's; not every partner serves this"
    return _operation("validate_member", summary, ResponseTable(), "MemberQuery", {200: "MemberAnswer"})


def _report_status() -> dict[str, Any]:
    summary = "Tell the tier of an account as it is now; not every partner serves this"
    return _operation("report_status", summary, ResponseTable(), None, {200: "MemberStatus"})


def _statement() -> dict[str, Any]:
    day = {"name": "date", "in": "path", "required": True, "schema": {"type": "string", "format": "date"}}
    sequence = {"description": "1, one more for each correction.", "schema": {"type": "integer", "minimum": 1}}
    return {
        "operationId": "statement",
        "summary": "Account for a business day: CSV in the contractual format, with control totals",
        "parameters": [day],
        "responses": {
            "200": {
                "description": "The day's file; a day without rows is a header and a trailer.",
                "headers": {"Statement-Sequence": sequence},
                "content": {"text/csv": {"schema": {"type": "string"}}},
            },
            "401": _refusal(401, ("unauthenticated",)),
            "404": {"description": "There is none yet."},
        },
    }


def _webhook(kind: str) -> dict[str, Any]:
    headers = [
        _header("webhook-id", {"type": "string", "pattern": "^[!-\\-/-~]{1,128}$"}),
        _header("webhook-timestamp", {"type": "string", "pattern": "^[0-9]{1,12}$"}),
        _header(
            "webhook-signature", {"type": "string", "pattern": "^v1,[A-Za-z0-9+/]+={0,2}( v1,[A-Za-z0-9+/]+={0,2})*$"}
        ),
    ]
    schema = {"allOf": [{"$ref": "#/components/schemas/Event"}, {"properties": {"type": {"const": kind}}}]}
    return {
        "operationId": kind.replace(".", "_"),
        "summary": "Signed by Standard Webhooks, sent again until we answer 2xx; a reason to look, never a proof",
        "security": [],
        "parameters": headers,
        "requestBody": {"required": True, "content": {JSON: {"schema": schema}}},
        "responses": {"2XX": {"description": "Taken."}, "401": {"description": "The signature is not right."}},
    }


def _operation(name: str, summary: str, table: ResponseTable, body: str | None, good: dict[int, str]) -> dict[str, Any]:
    answers = {
        str(status): _answer(MEANINGS[status], {"$ref": f"#/components/schemas/{schema or 'Reservation'}"})
        for status, schema in good.items()
    }
    for status, codes in sorted(_codes(name, table).items()):
        answers[str(status)] = _refusal(status, codes)
    found: dict[str, Any] = {"operationId": name, "summary": summary, "responses": answers}
    if body is not None:
        schema = {"$ref": f"#/components/schemas/{body}"} if body else {"type": "object"}
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return found


def _codes(name: str, table: ResponseTable) -> dict[int, tuple[str, ...]]:
    """Gather the codes of every refusal: of the table, those that decide nothing, and those of every operation."""
    found: dict[int, list[str]] = {400: ["malformed"], 401: ["unauthenticated"], 429: ["busy"], 503: ["busy"]}
    for rule in table.rules:
        if rule.status >= 300 and rule.outcome is not Outcome.BUSY:
            found.setdefault(rule.status, []).append(str(rule.code))
    for status, codes in ELSEWHERE.get(name, {}).items():
        found.setdefault(status, []).extend(codes)
    return {status: tuple(codes) for status, codes in found.items()}


def _refusal(status: int, codes: tuple[str, ...]) -> dict[str, Any]:
    code = {"type": "object", "properties": {"code": {"enum": list(codes)}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Refusal"}, {"properties": {"error": code}}]}
    answer = _answer(MEANINGS[status], schema)
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}}}
    return answer


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": schema}}}


def _key() -> dict[str, Any]:
    schema = {"type": "string", "pattern": KEY_PATTERN}
    return {"name": "key", "in": "path", "required": True, "description": "Ours.", "schema": schema}


def _account() -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 64}
    return {"name": "account", "in": "path", "required": True, "description": "Yours.", "schema": schema}


def _header(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": True, "schema": schema}


def _schemas() -> dict[str, Any]:
    """Take the wire types' schemas, and say what a type alone cannot: how amounts look, what an issued one carries."""
    _, found = msgspec.json.schema_components(TYPES, ref_template=REFERENCE)
    schemas = dict(found)
    schemas["Amount"]["properties"]["amount"]["pattern"] = DECIMAL
    schemas["Amount"]["properties"]["currency"]["pattern"] = "^[A-Z]{3}$"
    schemas["ReserveBody"]["properties"]["requested_at"]["format"] = "date-time"
    schemas["Issued"] = {
        "description": "A reservation that was made: it repeats what was asked for, exactly.",
        "allOf": [
            {"$ref": "#/components/schemas/Reservation"},
            {"required": ["reference", "offer", "service", "price"]},
        ],
    }
    schemas["Token"] = {
        "type": "object",
        "required": ["access_token", "token_type"],
        "properties": {
            "access_token": {"type": "string", "minLength": 1},
            "token_type": {"type": "string", "pattern": "^[Bb]earer$"},
            "expires_in": {"type": "integer", "minimum": 1},
            "refresh_token": {"type": "string", "minLength": 1, "description": "A member's; a new one each time."},
            "refresh_expires_in": {"type": "integer", "minimum": 1, "description": "Until he is asked again."},
            "scope": {"type": "string"},
        },
    }
    return dict(sorted(schemas.items()))


def _schemes() -> dict[str, Any]:
    flow = {"tokenUrl": f"{ORIGIN}/oauth/token", "scopes": {"benefits": "Everything of this contract."}}
    return {
        "basic": {"type": "http", "scheme": "basic"},
        "client_credentials": {"type": "oauth2", "flows": {"clientCredentials": flow}},
        **published_links.schemes(ORIGIN),
    }


def written(document: dict[str, Any]) -> str:
    """Write the document; the same one gives the same text."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the document to standard output."""
    sys.stdout.write(written(contract_document(read_manifest(Path(__file__).with_name("manifest.toml")))))


if __name__ == "__main__":
    main()
