"""What the typed services of a redemption have in common, for rules that do not care which it is. Pure."""

from __future__ import annotations

from datetime import date

from adapters.sdk.records import Mileage, Rental, Ride, Service, Stay, Visit


def service_date(service: Service) -> date | None:
    """Answer the local date on which a service begins; None for miles, which have none."""
    match service:
        case Stay(check_in_date=day) | Visit(visit_date=day):
            return day
        case Rental(pick_up_at=instant) | Ride(pick_up_at=instant):
            return instant.date()
        case Mileage():
            return None


def guests_of(service: Service) -> int:
    """Count the guests that a service was booked for."""
    return service.guests if isinstance(service, Visit) else 0


def quantity_of(service: Service) -> int:
    """Count what the partner will be owed for: miles, visitors, or one service."""
    if isinstance(service, Mileage):
        return service.quantity
    return 1 + guests_of(service)
