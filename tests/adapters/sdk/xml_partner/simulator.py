"""The company over real HTTP, with a memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from adapters.sdk.currencies import decimal_text
from adapters.sdk.errors import ProtocolError
from adapters.sdk.records import StatementLine
from adapters.sdk.testing.book import Book
from adapters.sdk.testing.simulator import Operation, Simulator, SimulatorOptions
from adapters.sdk.xml_codec import CONTENT_TYPE, Element, decode_xml, encode_xml
from catalogue.values import Money
from tests.adapters.sdk.xml_partner import wire
from tests.adapters.sdk.xml_partner.wire import node, tag

OPERATIONS = (
    Operation("quote_offers", "POST", "/ota/avail"),
    Operation("reserve", "POST", "/ota/reserve"),
    Operation("look_up", "POST", "/ota/retrieve"),
    Operation("cancel", "POST", "/ota/cancel"),
    Operation("statement", "GET", "/contract/statements/{date}"),
)
PRICE = 28_800
AnyRequest = Request[Any, Any, Any]


class Booked(msgspec.Struct, frozen=True):
    """One booking: its message as it is answered, and whether it stands."""

    key: str
    reference: str
    segment: bytes
    placed_at: datetime
    cancelled: bool = False


class Bookings(Book):
    """Bookings by key."""

    def statement_lines(self, business_date: date) -> Sequence[StatementLine]:
        zone = ZoneInfo(wire.ZONE)
        return [_line(row) for row in self.rows("bookings") if row.placed_at.astimezone(zone).date() == business_date]


def create_simulator(options: SimulatorOptions) -> Simulator:
    return Simulator(options, book=Bookings(), handlers=_handlers(), operations=OPERATIONS)


def _handlers() -> list[Any]:
    @post("/ota/avail")
    async def avail(request: AnyRequest) -> Response[bytes]:
        document = decode_xml(await request.body(), tag("OTA_VehAvailRateRQ"))
        rental = document.one(tag("VehAvailRQCore"), tag("VehRentalCore"))
        cars = [_car("city", "A small car", PRICE, "Available"), _car("none", "A rare car", 1, "OnRequest")]
        vendor = node("VehVendorAvails", node("VehVendorAvail", node("VehAvails", *cars)))
        return _answer(node("OTA_VehAvailRateRS", node("Success"), node("VehAvailRSCore", rental, vendor)))

    @post("/ota/reserve")
    async def reserve(request: AnyRequest) -> Response[bytes]:
        document = decode_xml(await request.body(), tag("OTA_VehResRQ"))
        key, book = document.attribute("EchoToken"), request.app.state.simulator.book
        held: Booked | None = book.get("bookings", key)
        if held is None:
            offered = document.one(tag("VehResRQInfo"), tag("Reference")).attribute("ID")
            if offered != "rate-city":
                return _refused("OTA_VehResRS", key, "437")
            rental, reference = document.one(tag("VehResRQCore"), tag("VehRentalCore")), f"R{abs(hash(key)) % 10**9}"
            segment = node("VehSegmentCore", node("ConfID", Type="14", ID=reference), rental, _charge(PRICE))
            now = request.app.state.simulator.options.clock.now()
            held = Booked(key, reference, encode_xml(segment), now)
            book.put("bookings", key, held)
        return _booked("OTA_VehResRS", "VehResRSCore", held)

    @post("/ota/retrieve")
    async def retrieve(request: AnyRequest) -> Response[bytes]:
        key = decode_xml(await request.body(), tag("OTA_VehRetResRQ")).attribute("EchoToken")
        held = request.app.state.simulator.book.get("bookings", key)
        return _booked("OTA_VehRetResRS", "VehRetResRSCore", held) if held else _refused("OTA_VehRetResRS", key, "97")

    @post("/ota/cancel")
    async def cancel(request: AnyRequest) -> Response[bytes]:
        document = decode_xml(await request.body(), tag("OTA_VehCancelRQ"))
        key, book = document.attribute("EchoToken"), request.app.state.simulator.book
        held: Booked | None = book.get("bookings", key)
        reference = document.one(tag("VehCancelRQCore"), tag("UniqueID")).attribute("ID")
        if held is None or held.reference != reference:
            return _refused("OTA_VehCancelRS", key, "97")
        book.put("bookings", key, msgspec.structs.replace(held, cancelled=True))
        inner = node("VehCancelRSCore", CancelStatus="Cancelled")
        return _answer(node("OTA_VehCancelRS", node("Success"), inner, EchoToken=key))

    @get("/contract/statements/{business_date:date}")
    async def statement(request: AnyRequest, business_date: FromPath[date]) -> Response[bytes]:
        return Response(request.app.state.simulator.statement(business_date)[1], media_type="text/csv")

    return [avail, reserve, retrieve, cancel, statement]


def _line(booked: Booked) -> StatementLine:
    return StatementLine(
        row=0,
        reference=booked.key,
        partner_reference=booked.reference,
        kind="rental",
        service_date=wire.rental_of(decode_xml(booked.segment).one(tag("VehRentalCore"))).pick_up_at.date(),
        quantity=1,
        amount=Money(PRICE, "CNY"),
        status="cancelled" if booked.cancelled else "booked",
    )


def _car(name: str, title: str, price: int, status: str) -> Element:
    vehicle = node("Vehicle", node("VehMakeModel", Name=title), AirConditionInd="true")
    inner = node(
        "VehAvailCore", vehicle, _charge(price), node("Reference", Type="16", ID=f"rate-{name}"), Status=status
    )
    return node("VehAvail", inner)


def _charge(amount: int) -> Element:
    return node("TotalCharge", EstimatedTotalAmount=decimal_text(amount, "CNY"), CurrencyCode="CNY")


def _booked(root: str, core: str, held: Booked) -> Response[bytes]:
    status = "Cancelled" if held.cancelled else "Reserved"
    reservation = node("VehReservation", decode_xml(held.segment), ReservationStatus=status)
    return _answer(node(root, node("Success"), node(core, reservation), EchoToken=held.key))


def _refused(root: str, key: str, code: str) -> Response[bytes]:
    return _answer(node(root, node("Errors", node("Error", Type="3", Code=code)), EchoToken=key))


def _answer(document: Element) -> Response[bytes]:
    try:
        return Response(encode_xml(document), status_code=200, media_type=CONTENT_TYPE)
    except ProtocolError:
        return Response(b"", status_code=500)
