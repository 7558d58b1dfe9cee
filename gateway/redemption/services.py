"""What the typed services of a redemption have in common, for rules that do not care which it is. Pure.

None is a service of a kind that only a later version of the code knows: nothing is known of it, and it has no price.
"""

from __future__ import annotations

from datetime import date, datetime

from adapters.sdk.records import Mileage, Rental, Ride, Service, Stay, Visit
from catalogue.calendar import end_of, start_of
from catalogue.entitlements_windows import Use


def service_date(service: Service | None) -> date | None:
    """Answer the local date on which a service begins; None for miles, which have none."""
    match service:
        case Stay(check_in_date=day) | Visit(visit_date=day):
            return day
        case Rental(pick_up_at=instant) | Ride(pick_up_at=instant):
            return instant.date()
        case Mileage() | None:
            return None


def stay_of(service: Service | None) -> str:
    """Name what makes two services one stay: the place and its first day."""
    day = service_date(service)
    match service:
        case Stay(property_id=place, city=city):
            return f"{place or city}:{day}"
        case Visit(airport=place):
            return f"{place}:{day}"
        case Rental(pick_up_station=place):
            return f"{place}:{day}"
        case Ride() | Mileage() | None:
            return ""


def airport_of(service: Service | None) -> str | None:
    """Name the airport of a service, where it has one: its clock says which day it is."""
    return service.airport if isinstance(service, Visit) else None


def use_of(service: Service | None, day: date, trip: str) -> Use:
    """Give the use that a redemption of a service adds; ``day`` counts when the service has none."""
    found = service_date(service) or day
    return Use(service_date=found, stay=stay_of(service)[:160], trip=trip, guests=guests_of(service))


def service_span(service: Service | None, time_zone: str) -> tuple[datetime, datetime] | None:
    """Answer when a service starts and when it is too late to use it; None for one without a time.

    A service of a local day starts with the day and is over with it; one at an instant is over once it has begun.
    """
    match service:
        case Stay(check_in_date=day) | Visit(visit_date=day):
            return start_of(day, time_zone), end_of(day, time_zone)
        case Rental(pick_up_at=instant) | Ride(pick_up_at=instant):
            return instant, instant
        case Mileage() | None:
            return None


def guests_of(service: Service | None) -> int:
    """Count the guests that a service was booked for."""
    return service.guests if isinstance(service, Visit) else 0


def quantity_of(service: Service | None) -> int:
    """Count what the partner will be owed for: miles, visitors, or one service."""
    assert service is not None
    if isinstance(service, Mileage):
        return service.quantity
    return 1 + guests_of(service)
