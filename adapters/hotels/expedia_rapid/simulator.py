"""The simulated partner: Rapid's wire format over real HTTP, kept by `simulator_book`, worded by `simulator_answers`.

Where the documentation leaves a choice, this one takes the worse for us: stock and price are judged before the key.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.params import FromPath

from adapters.hotels.expedia_rapid import simulator_answers as answers
from adapters.hotels.expedia_rapid.simulator_book import (
    CURRENCIES,
    EARLY_READS,
    ROOMS,
    Itinerary,
    Magic,
    RapidBook,
    Selection,
)
from adapters.hotels.expedia_rapid.wire import CreateItinerary
from adapters.sdk.auth import ean_header
from adapters.sdk.testing.simulator import Operation, Simulator, SimulatorOptions

CREDENTIALS = {"api_key": "rapid-simulator-key", "shared_secret": "rapid-simulator-secret"}
"""Published throw-away values, used when a simulator is started without credentials."""
CLOCK_WINDOW_SECONDS = 300
"""Timestamps are taken up to five minutes off (Rapid, Signature authentication, read 2026-11-22)."""

OPERATIONS = (
    Operation("availability", "GET", "/v3/properties/availability"),
    Operation("price_check", "GET", "/v3/properties/{property_id}/rooms/{room_id}/rates/{rate_id}"),
    Operation("book", "POST", "/v3/itineraries"),
    Operation("retrieve", "GET", "/v3/itineraries"),
    Operation("retrieve", "GET", "/v3/itineraries/{itinerary_id}"),
    Operation("cancel", "DELETE", "/v3/itineraries/{itinerary_id}/rooms/{room_id}"),
    Operation("statement", "GET", "/contract/statements/{business_date}"),
)

Answer = tuple[int, Any]
_AUTHORIZATION = re.compile(r"EAN apikey=([^,]+),signature=([0-9a-f]{128}),timestamp=([0-9]{1,12})", re.ASCII)
_KEY = re.compile(r"[^<>()&]{3,28}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_INVALID = "An invalid request was sent in, please check the nested errors."
AnyRequest = Request[Any, Any, Any]


def create_simulator(options: SimulatorOptions) -> Simulator:
    """Make the simulated partner; see `SimulatorOptions`. It sends no webhooks."""
    book = RapidBook(options.seed)
    partner = RapidPartner(options, book)
    simulator = Simulator(
        options, book=book, handlers=[*_handlers(partner)], operations=OPERATIONS, control_handlers=()
    )
    partner.statement = simulator.statement
    return simulator


class RapidPartner:
    """The partner's rules: each method answers one operation as (status, body)."""

    def __init__(self, options: SimulatorOptions, book: RapidBook) -> None:
        """Take the book; nothing is booked yet."""
        self._options = options
        self._book = book
        self._credentials = {**CREDENTIALS, **options.credentials}
        self.statement: Callable[[date], tuple[str, bytes]] | None = None

    def refuses(self, request: AnyRequest) -> Answer | None:
        """Check the signature and its age; None when they are right."""
        match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        now = int(self._now().timestamp())
        if match is not None and match[1] == self._credentials["api_key"]:
            stamp = int(match[3])
            right = ean_header(match[1], self._credentials["shared_secret"], stamp)
            if hmac.compare_digest(right, match[0]) and abs(now - stamp) <= CLOCK_WINDOW_SECONDS:
                return None
        return 401, answers.error_body("request_unauthenticated", "The signature is missing, wrong or too old.")

    def availability(self, request: AnyRequest) -> Answer:
        """Answer both rooms of each property that was asked for, without those that are gone."""
        query = request.query_params
        currency, stay = query.get("currency", ""), _stay(query.get("checkin"), query.get("checkout"))
        if stay is None:
            return _invalid("checkin.invalid_date_format", "The dates are not a stay.")
        if currency not in CURRENCIES or not query.get("occupancy", "").isdecimal():
            return _invalid("currency.invalid", "The currency or the occupancy is not known here.")
        hotels = []
        for property_id in query.getall("property_id", []):
            found = [
                self._book.select(property_id, room, stay, int(query["occupancy"]), currency) for room, *_ in ROOMS
            ]
            left = [(selection, count) for selection in found if (count := self._book.free_rooms(selection)) > 0]
            if left:
                hotels.append(answers.availability(self._book.seed, left, self._now()))
        return 200, hotels

    def price_check(self, request: AnyRequest, property_id: str, room_id: str) -> Answer:
        """Check the price of the selection that the link's token stands for."""
        selection = self._selection(request, "price_check")
        if selection is None or (selection.property_id, selection.room_id) != (property_id, room_id):
            return _invalid("link.invalid", "Link is invalid.")
        status = "available"
        if selection.property_id == Magic.SOLD_OUT_AT_CHECK or self._book.free_rooms(selection) < 1:
            status = "sold_out"
        elif selection.property_id == Magic.PRICE_CHANGED_AT_CHECK:
            status = "price_changed"
            raised = {"amount": selection.amount + selection.amount // 10, "billed": selection.billed * 11 // 10}
            selection = msgspec.structs.replace(selection, **raised)
        return 200, answers.price_check(self._book.seed, status, selection, self._now())

    def book(self, request: AnyRequest, body: bytes) -> Answer:
        """Book: stock and price first, then the key, then the itinerary."""
        selection = self._selection(request, "book")
        if selection is None or "customer-ip" not in request.headers:
            return _invalid("link.invalid", "Link is invalid.")
        try:
            wanted = msgspec.json.decode(body, type=CreateItinerary)
        except msgspec.DecodeError:
            return _invalid("body.invalid", "The body cannot be read.")
        refusal = self._refuses_booking(wanted, selection)
        if refusal is not None:
            return refusal
        itinerary = Itinerary(
            itinerary_id=self._book.next_id(wanted.affiliate_reference_id),
            key=wanted.affiliate_reference_id,
            email=wanted.email,
            phone={"country_code": wanted.phone.country_code, "number": wanted.phone.number},
            given_name=wanted.rooms[0].given_name,
            family_name=wanted.rooms[0].family_name,
            selection=selection,
            created_at=self._now(),
        )
        self._book.keep(itinerary)
        return 201, answers.creation(self._book.seed, itinerary)

    def _refuses_booking(self, wanted: CreateItinerary, selection: Selection) -> Answer | None:
        if not _KEY.fullmatch(wanted.affiliate_reference_id) or not _EMAIL.fullmatch(wanted.email):
            return _invalid("affiliate_reference_id.invalid", "The reference or the e-mail is not valid.")
        if len(wanted.rooms) != 1 or [payment.type for payment in wanted.payments] != ["affiliate_collect"]:
            return _invalid("payments.invalid", "One room on the affiliate's account is what is sold here.")
        if selection.property_id == Magic.PRICE_MISMATCH_AT_BOOK:
            return 409, answers.error_body("price_mismatch", "The price is another by now.")
        if selection.property_id == Magic.GONE_AT_BOOK or self._book.free_rooms(selection) < 1:
            return 410, answers.error_body("rooms_unavailable", "One or more requested rooms are unavailable.")
        if self._book.by_key(wanted.affiliate_reference_id) is not None:
            return _invalid("duplicate_itinerary", "An itinerary already exists with this affiliate reference id.")
        return None

    def retrieve_by_key(self, request: AnyRequest) -> Answer:
        """Answer the itinerary under our key, if the e-mail is its own; an empty list otherwise."""
        email = request.query_params.get("email", "")
        if not _EMAIL.fullmatch(email):
            return _invalid("email.invalid", "Customer email address is invalid.")
        itinerary = self._book.by_key(request.query_params.get("affiliate_reference_id", ""))
        if itinerary is None or itinerary.email != email:
            return 200, []
        status, body = self._shown(itinerary)
        return (200, []) if status == 404 else (status, [body])

    def retrieve(self, request: AnyRequest, itinerary_id: str) -> Answer:
        """Answer one itinerary, to whoever has its link or its e-mail."""
        itinerary = self._book.by_id(itinerary_id)
        token = answers.read_token(self._book.seed, request.query_params.get("token", ""), "retrieve", self._now())
        known = token is not None and token.reference == itinerary_id
        if itinerary is None or not (known or request.query_params.get("email") == itinerary.email):
            return 404, answers.error_body("resource_not_found", "Itinerary was not found with provided request.")
        return self._shown(itinerary)

    def _shown(self, itinerary: Itinerary) -> Answer:
        early = itinerary.reads < EARLY_READS
        self._book.keep(msgspec.structs.replace(itinerary, reads=itinerary.reads + 1))
        where = itinerary.selection.property_id
        if early and where == Magic.NOT_LISTED_YET:
            return 404, answers.error_body("resource_not_found", "Itinerary was not found with provided request.")
        if early and where == Magic.NOT_READABLE_YET:
            return 200, answers.stub_body(itinerary)
        return 206 if where == Magic.PARTIAL_RETRIEVE else 200, answers.itinerary_body(self._book.seed, itinerary)

    def cancel(self, request: AnyRequest, itinerary_id: str) -> Answer:
        """Cancel the room of an itinerary by its link."""
        token = answers.read_token(self._book.seed, request.query_params.get("token", ""), "cancel", self._now())
        itinerary = self._book.by_id(itinerary_id)
        if token is None or token.reference != itinerary_id:
            return _invalid("link.invalid", "Link is invalid.")
        if itinerary is None:
            return 404, answers.error_body("resource_not_found", "Itinerary was not found with provided request.")
        if itinerary.cancelled_at is not None:
            return 400, answers.error_body("room_already_cancelled", "Room is already cancelled.")
        where = itinerary.selection.property_id
        if where != Magic.CANCEL_ACCEPTED_AND_LOST:
            self._book.keep(msgspec.structs.replace(itinerary, cancelled_at=self._now()))
        accepted = where in {Magic.CANCEL_ACCEPTED_AND_DONE, Magic.CANCEL_ACCEPTED_AND_LOST}
        return 202 if accepted else 204, None

    def _selection(self, request: AnyRequest, purpose: str) -> Selection | None:
        token = answers.read_token(self._book.seed, request.query_params.get("token", ""), purpose, self._now())
        return token.selection if token else None

    def _now(self) -> datetime:
        return self._options.clock.now().astimezone(UTC)


def _invalid(kind: str, message: str) -> Answer:
    return 400, answers.error_body("invalid_input", _INVALID, (kind, message))


def _stay(check_in: str | None, check_out: str | None) -> tuple[date, date] | None:
    try:
        stay = date.fromisoformat(check_in or ""), date.fromisoformat(check_out or "")
    except ValueError:
        return None
    return stay if stay[0] < stay[1] else None


def _respond(answer: Answer) -> Response[bytes]:
    status, body = answer
    content = b"" if body is None else msgspec.json.encode(body)
    return Response(content, status_code=status, media_type="application/json")


def _handlers(partner: RapidPartner) -> list[Any]:
    """Make the routes; each checks the signature first."""

    def guarded(request: AnyRequest, answer: Callable[[], Answer]) -> Response[bytes]:
        return _respond(partner.refuses(request) or answer())

    @get("/v3/properties/availability")
    async def availability(request: AnyRequest) -> Response[bytes]:
        return guarded(request, lambda: partner.availability(request))

    @get("/v3/properties/{property_id:str}/rooms/{room_id:str}/rates/{rate_id:str}")
    async def price_check(request: AnyRequest, property_id: FromPath[str], room_id: FromPath[str]) -> Response[bytes]:
        return guarded(request, lambda: partner.price_check(request, property_id, room_id))

    @post("/v3/itineraries")
    async def book(request: AnyRequest) -> Response[bytes]:
        body = await request.body()
        return guarded(request, lambda: partner.book(request, body))

    @get("/v3/itineraries")
    async def retrieve_by_key(request: AnyRequest) -> Response[bytes]:
        return guarded(request, lambda: partner.retrieve_by_key(request))

    @get("/v3/itineraries/{itinerary_id:str}")
    async def retrieve(request: AnyRequest, itinerary_id: FromPath[str]) -> Response[bytes]:
        return guarded(request, lambda: partner.retrieve(request, itinerary_id))

    @delete("/v3/itineraries/{itinerary_id:str}/rooms/{room_id:str}", status_code=202)
    async def cancel(request: AnyRequest, itinerary_id: FromPath[str]) -> Response[bytes]:
        return guarded(request, lambda: partner.cancel(request, itinerary_id))

    @get("/contract/statements/{business_date:date}")
    async def statement(request: AnyRequest, business_date: FromPath[date]) -> Response[bytes]:
        refusal = partner.refuses(request)
        if refusal is not None or partner.statement is None:
            return _respond(refusal or (404, None))
        return Response(partner.statement(business_date)[1], media_type="text/csv")

    return [availability, price_check, book, retrieve_by_key, retrieve, cancel, statement]
