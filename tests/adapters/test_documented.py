"""Every operation and error that a partner documents is dealt with: used or not, mapped or deliberately not known.

The partners' own files are read in place (see `tests.support.referee`); the Points platform's is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.airlines.points_lcp import responses as points
from adapters.hotels.expedia_rapid import responses as rapid
from adapters.lounges.mastercard_airport import responses as airport
from adapters.rental_cars.duffel_cars import responses as duffel
from adapters.sdk.outcomes import ResponseTable
from adapters.transfers.amadeus_transfers import responses as amadeus
from tests.adapters.airlines.points_lcp.test_published import DOCUMENT as POINTS
from tests.adapters.airlines.points_lcp.test_published import documented as documented_by_points
from tests.architecture.sources import PROJECT
from tests.support.referee import load_published

Documented = set[tuple[int, str | None]]
PARTNERS = PROJECT / "adapters"

USED: dict[tuple[str, str], ResponseTable] = {
    ("expedia-rapid.yaml", "getAvailability"): rapid.AVAILABILITY,
    ("expedia-rapid.yaml", "priceCheck"): rapid.PRICE_CHECK,
    ("expedia-rapid.yaml", "postItinerary"): rapid.BOOK,
    ("expedia-rapid.yaml", "getReservation"): rapid.RETRIEVE,
    ("expedia-rapid.yaml", "getReservationByItineraryId"): rapid.RETRIEVE,
    ("expedia-rapid.yaml", "deleteRoom"): rapid.CANCEL,
    ("duffel-cars.yaml", "searchCars"): duffel.SEARCH,
    ("duffel-cars.yaml", "createCarQuote"): duffel.QUOTE,
    ("duffel-cars.yaml", "createCarBooking"): duffel.BOOK,
    ("duffel-cars.yaml", "getCarBooking"): duffel.GET,
    ("duffel-cars.yaml", "cancelCarBooking"): duffel.CANCEL,
    ("amadeus-transfer-search.yaml", "getTransferOffers"): amadeus.SEARCH,
    ("amadeus-transfer-book.yaml", "createTransferOrder"): amadeus.BOOK,
    ("amadeus-transfer-management.yaml", "cancelTransfer"): amadeus.CANCEL,
    **{
        ("mastercard-airport-lounge.yaml", f"loyaltyAirport{name}Get"): airport.READ
        for name in ("DigitalMembershipCards", "Entitlements", "Lounges", "LoungesLoungeCode", "Visits")
    },
}
"""Operations that an adapter calls, with the table that judges them."""

WRAPPERS = {"invalid_input"}
"""Codes that hold others, which decide: `rapid.error_code`."""

DELIBERATELY_UNKNOWN: dict[tuple[str, int, str | None], str] = {
    ("credit", 400, None): "a second copy of a request that was granted may be refused as malformed; look up",
    ("credit", 401, "UNAUTHORIZED"): "the nonce of a first copy that was credited makes a second one this; look up",
    ("credit", 404, "NOT_FOUND"): "not documented as refusing a credit; look up",
    ("credit", 415, "UNSUPPORTED_MEDIA_TYPE"): "what we send is always JSON: whatever answers so is not trusted",
    ("credit", 422, "MV_LP_MISMATCH"): "the validation is of the same programme always; look up",
    ("credit", 500, "INTERNAL_SERVER_ERROR"): "the credit may exist",
    ("credit", 502, "INVALID_UPSTREAM_RESPONSE"): "the programme may have credited",
    ("create_order", 500, "INTERNAL_SERVER_ERROR"): "an order may exist; it is empty and harms nobody, tried again",
    ("validate_member", 500, "INTERNAL_SERVER_ERROR"): "nothing is proved; a validation moves nothing, tried again",
    ("get_order", 401, "UNAUTHORIZED"): "a read that is refused proves nothing of the credit",
    ("get_order", 500, "INTERNAL_SERVER_ERROR"): "a read that fails proves nothing of the credit",
    ("get_credit", 401, "UNAUTHORIZED"): "a read that is refused proves nothing of the credit",
    ("get_credit", 500, "INTERNAL_SERVER_ERROR"): "a read that fails proves nothing of the credit",
}
"""Documented errors of used operations that have no rule, each with the reason; code None: every code of the status."""


def unlisted(operation: str, table: ResponseTable, documented: Iterable[tuple[int, str | None]]) -> list[str]:
    """Name the documented answers of an operation that have neither a rule nor a reason."""
    rules = {(rule.status, rule.code) for rule in table.rules}
    known = {*rules, *((status, code) for name, status, code in DELIBERATELY_UNKNOWN if name == operation)}
    statuses = {status for status, _ in rules}
    return [
        f"{operation} {status} {code}"
        for status, code in sorted(documented, key=str)
        if (status, code) not in known and (status, None) not in known
        if not (code is None and status in statuses)
    ]


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from objects(each)


def codes_of(answer: dict[str, Any]) -> set[str]:
    """Find the error codes that an answer documents: by examples, or by a table in its description."""
    found = set(re.findall(r"^(\d+) +\|", answer.get("description", ""), re.MULTILINE))
    for content in (answer.get("content") or {}).values():
        shown = [*(content.get("examples") or {}).values(), content.get("example")]
        for each in objects(shown):
            if isinstance(each.get("type"), str) and "message" in each and "code" not in each:
                found.add(each["type"])
            if isinstance(each.get("code"), str) and "type" in each:
                found.add(each["code"])
    return found - WRAPPERS


def operations(published: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for item in published["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "operationId" in operation
    }


def documented(published: dict[str, Any], operation: str) -> Documented:
    """List what an operation documents as (status, code); code None where a status has none."""
    found: Documented = set()
    for status, given in operations(published)[operation]["responses"].items():
        answer = given
        if "$ref" in given:
            name = given["$ref"].rpartition("/")[2]
            answer = (published.get("responses") or published["components"]["responses"])[name]
        if status != "default":
            codes: Iterable[str | None] = codes_of(answer) or {None}
            found |= {(int(status), code) for code in codes}
    return found


@pytest.mark.parametrize(("file", "operation"), USED)
def test_every_documented_answer_has_a_rule_or_a_reason(file: str, operation: str) -> None:
    found = documented(load_published(file), operation)
    assert len({status for status, _ in found}) >= 3, "the file was read"
    assert unlisted(operation, USED[file, operation], found) == []


@pytest.mark.parametrize("file", ["expedia-rapid.yaml", "duffel-cars.yaml"])
def test_codes_are_found_where_the_file_has_them(file: str) -> None:
    published = load_published(file)
    used = [operation for name, operation in USED if name == file]
    assert all(any(code for _, code in documented(published, operation)) for operation in used)


POINTS_TABLES = {
    "validate_member": points.VALIDATE_MEMBER,
    "create_order": points.CREATE_ORDER,
    "credit": points.CREDIT,
    "get_order": points.READ,
    "get_credit": points.READ,
}


@pytest.mark.parametrize("operation", POINTS_TABLES)
def test_every_documented_error_of_points_has_a_rule_or_a_reason(operation: str) -> None:
    assert unlisted(operation, POINTS_TABLES[operation], documented_by_points(operation)) == []


def test_no_reason_is_left_over() -> None:
    for name, status, code in DELIBERATELY_UNKNOWN:
        assert any(status == each and code in (None, given) for each, given in documented_by_points(name))
        assert (status, code) not in {(rule.status, rule.code) for rule in POINTS_TABLES[name].rules}


READMES = {
    "expedia-rapid.yaml": "hotels/expedia_rapid",
    "duffel-cars.yaml": "rental_cars/duffel_cars",
    "mastercard-airport-lounge.yaml": "lounges/mastercard_airport",
    **{f"amadeus-{name}.yaml": "transfers/amadeus_transfers"
       for name in ("authorization", "transfer-search", "transfer-book", "transfer-management")},
}  # fmt: skip


def readme(folder: str) -> str:
    return (Path(PARTNERS) / folder / "README.md").read_text(encoding="utf-8").partition("## The published API")[2]


@pytest.mark.parametrize("file", READMES)
def test_the_readme_says_of_each_operation_whether_it_is_used(file: str) -> None:
    text = readme(READMES[file])
    missing = [name for name in operations(load_published(file)) if f"`{name}`" not in text]
    assert missing == []


def test_the_readme_of_points_says_it_too() -> None:
    text = readme("airlines/points_lcp")
    assert [name for name in operations(POINTS) if f"`{name}`" not in text] == []
