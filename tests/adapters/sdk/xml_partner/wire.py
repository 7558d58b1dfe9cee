"""The messages, in the company's own names."""

from __future__ import annotations

from enum import StrEnum
from zoneinfo import ZoneInfo

from adapters.sdk.errors import ProtocolError
from adapters.sdk.records import Rental, ReservationRequest
from adapters.sdk.xml_codec import Element
from catalogue.values import Money

NAMESPACE = "http://www.opentravel.org/OTA/2003/05"
ZONE = "Asia/Shanghai"
"""The stations' clock; times carry no offset."""


class Availability(StrEnum):
    AVAILABLE = "Available"
    ON_REQUEST = "OnRequest"


class Reserved(StrEnum):
    RESERVED = "Reserved"
    CANCELLED = "Cancelled"


def tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def node(name: str, *children: Element, text: str = "", **attributes: str) -> Element:
    return Element(name=tag(name), attributes=attributes, children=list(children), text=text)


def core(rental: Rental) -> Element:
    zone = ZoneInfo(ZONE)
    return node(
        "VehRentalCore",
        node("PickUpLocation", LocationCode=rental.pick_up_station),
        node("ReturnLocation", LocationCode=rental.drop_off_station),
        PickUpDateTime=f"{rental.pick_up_at.astimezone(zone):%Y-%m-%dT%H:%M:%S}",
        ReturnDateTime=f"{rental.drop_off_at.astimezone(zone):%Y-%m-%dT%H:%M:%S}",
    )


def rental_of(element: Element) -> Rental:
    return Rental(
        pick_up_station=element.one(tag("PickUpLocation")).attribute("LocationCode"),
        drop_off_station=element.one(tag("ReturnLocation")).attribute("LocationCode"),
        pick_up_at=element.instant("PickUpDateTime", ZONE),
        drop_off_at=element.instant("ReturnDateTime", ZONE),
    )


def avail_rq(rental: Rental) -> Element:
    return node("OTA_VehAvailRateRQ", node("VehAvailRQCore", core(rental), Status="Available"), Version="1.0")


def res_rq(request: ReservationRequest, rental: Rental) -> Element:
    traveller = request.traveller
    name = node(
        "PersonName",
        node("GivenName", text=traveller.given_name or ""),
        node("Surname", text=traveller.family_name or ""),
    )
    return node(
        "OTA_VehResRQ",
        node("VehResRQCore", core(rental), node("Customer", node("Primary", name))),
        node("VehResRQInfo", node("Reference", Type="16", ID=request.offer_token)),
        EchoToken=request.key,
        Version="1.0",
    )


def ret_rq(key: str) -> Element:
    inner = node("VehRetResRQCore", node("UniqueID", Type="36", ID=key))
    return node("OTA_VehRetResRQ", inner, EchoToken=key, Version="1.0")


def cancel_rq(key: str, reference: str) -> Element:
    inner = node("VehCancelRQCore", node("UniqueID", Type="14", ID=reference), CancelType="Book")
    return node("OTA_VehCancelRQ", inner, EchoToken=key, Version="1.0")


def error_code(document: Element) -> str | None:
    """The code of the first error; None when the document says that it succeeded, and only that."""
    errors = document.find(tag("Errors"))
    if (errors is None) == (document.find(tag("Success")) is None):
        raise ProtocolError("The document says neither success nor errors, or both.")
    return None if errors is None else errors.all(tag("Error"))[0].attribute("Code")


def total(element: Element) -> Money:
    return element.one(tag("TotalCharge")).money("EstimatedTotalAmount", "CurrencyCode")
