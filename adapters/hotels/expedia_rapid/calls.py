"""The calls that this adapter makes, as the partner documents them: Rapid v3 OpenAPI file, read 2026-11-22."""

from __future__ import annotations

from adapters.hotels.expedia_rapid import wire
from adapters.hotels.expedia_rapid.links import Target
from adapters.hotels.expedia_rapid.options import RapidOptions
from adapters.sdk.calls import PartnerCall
from adapters.sdk.codec import encode
from adapters.sdk.records import Stay


def availability(stay: Stay, property_ids: tuple[str, ...], currency: str, options: RapidOptions) -> PartnerCall:
    """Ask for the rates of some properties that are charged to the affiliate's account (getAvailability)."""
    return PartnerCall(
        operation="availability",
        method="GET",
        path="/v3/properties/availability",
        query=(
            ("checkin", stay.check_in_date.isoformat()),
            ("checkout", stay.check_out_date.isoformat()),
            ("currency", currency),
            ("country_code", options.country_code),
            ("language", options.language),
            ("occupancy", str(stay.adults)),
            *(("property_id", property_id) for property_id in property_ids),
            ("rate_plan_count", str(options.rates_per_property)),
            ("sales_channel", options.sales_channel),
            ("sales_environment", options.sales_environment),
            ("filter", "expedia_collect"),
        ),
        headers=_customer(options),
        deadline_seconds=options.reading_deadline_seconds,
    )


def price_check(target: Target, options: RapidOptions) -> PartnerCall:
    """Follow an offer's link (priceCheck)."""
    return PartnerCall(
        operation="price_check",
        method="GET",
        path=f"{target.path}?{target.query}",
        headers=_customer(options),
        deadline_seconds=options.reading_deadline_seconds,
    )


def book(target: Target, booking: wire.CreateItinerary, options: RapidOptions) -> PartnerCall:
    """Book by the price check's link (postItinerary); the idempotency key is ``affiliate_reference_id``."""
    return PartnerCall(
        operation="book",
        method="POST",
        path=f"{target.path}?{target.query}",
        headers=_customer(options),
        body=encode(booking),
    )


def retrieve_by_key(key: str, email: str, options: RapidOptions) -> PartnerCall:
    """Ask what is booked under our key (getReservation)."""
    return PartnerCall(
        operation="retrieve",
        method="GET",
        path="/v3/itineraries",
        query=(("affiliate_reference_id", key), ("email", email)),
        headers=_customer(options),
        deadline_seconds=options.reading_deadline_seconds,
    )


def retrieve(target: Target, email: str, options: RapidOptions) -> PartnerCall:
    """Read one itinerary by the path that holds the partner's number (getReservationByItineraryId)."""
    return PartnerCall(
        operation="retrieve",
        method="GET",
        path=target.path,
        query=(("email", email),),
        headers=_customer(options),
        deadline_seconds=options.reading_deadline_seconds,
    )


def cancel(target: Target, options: RapidOptions) -> PartnerCall:
    """Cancel a room by its link (deleteRoom)."""
    return PartnerCall(
        operation="cancel", method="DELETE", path=f"{target.path}?{target.query}", headers=_customer(options)
    )


def _customer(options: RapidOptions) -> dict[str, str]:
    return {"Customer-Ip": options.customer_ip}
