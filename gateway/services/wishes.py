"""What may be asked of a partner: a service of the benefit's own kind that can take place. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import NoReturn

from adapters.sdk.records import Rental, Ride, Service, Stay, Visit
from catalogue.benefits import Benefit, Vertical
from config.errors import RuleError
from gateway.redemption.services import service_date

KINDS: dict[Vertical, type[Service]] = {
    Vertical.HOTEL: Stay,
    Vertical.LOUNGE: Visit,
    Vertical.RENTAL_CAR: Rental,
    Vertical.TRANSFER: Ride,
}
"""The service that a benefit of each vertical is about; a vertical that is not here cannot be quoted yet."""

MAX_DAYS_AHEAD = 500
MAX_NIGHTS = 28
MAX_ADULTS = 8
MAX_GUESTS = 20
MAX_PASSENGERS = 16
MIN_DRIVER_YEARS, MAX_DRIVER_YEARS = 16, 110

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._\-]{0,63}", re.ASCII)
_AIRPORT = re.compile(r"[A-Z]{3}", re.ASCII)
_WEST_OF_EVERYBODY = timedelta(hours=12)


def check_service(benefit: Benefit, service: Service, now: datetime) -> None:
    """Refuse a service that is not what the benefit gives, or that cannot take place.

    Raises:
        RuleError: says what is wrong; ``pointer`` names the place in the body of the request.
    """
    wanted = KINDS.get(benefit.vertical)
    if wanted is None or not isinstance(service, wanted):
        kind = wanted.__struct_config__.tag if wanted is not None else None
        told = f"name a service of the kind {kind!r}" if kind else "it cannot be quoted yet"
        _refuse("kind", f"The benefit {benefit.id!r} is of the vertical {benefit.vertical.value!r}: {told}.")
    match service:
        case Stay():
            _check_stay(service)
        case Visit():
            _check_visit(service)
        case Rental():
            _check_rental(service)
        case Ride():
            _check_ride(service)
    _check_day(_DATES[type(service)], service_date(service), now)


_DATES = {Stay: "check_in_date", Visit: "visit_date", Rental: "pick_up_at", Ride: "pick_up_at"}


def _check_stay(stay: Stay) -> None:
    if stay.property_id is None and stay.city is None:
        _refuse("property_id", "A stay names a property or a city.")
    if stay.property_id is not None:
        _check_name("property_id", stay.property_id)
    if stay.city is not None and not 1 <= len(stay.city) <= 80:
        _refuse("city", "A city has 1 to 80 characters.")
    if not 1 <= (stay.check_out_date - stay.check_in_date).days <= MAX_NIGHTS:
        _refuse("check_out_date", f"A stay has 1 to {MAX_NIGHTS} nights.")
    _check_number("adults", stay.adults, 1, MAX_ADULTS)


def _check_visit(visit: Visit) -> None:
    if not _AIRPORT.fullmatch(visit.airport):
        _refuse("airport", "An airport is named by its IATA code, for example 'PVG'.")
    _check_name("lounge_id", visit.lounge_id)
    _check_number("guests", visit.guests, 0, MAX_GUESTS)


def _check_rental(rental: Rental) -> None:
    _check_name("pick_up_station", rental.pick_up_station)
    _check_name("drop_off_station", rental.drop_off_station)
    _check_instant("pick_up_at", rental.pick_up_at)
    _check_instant("drop_off_at", rental.drop_off_at)
    if rental.drop_off_at <= rental.pick_up_at:
        _refuse("drop_off_at", "A car is brought back after it was fetched.")
    if rental.driver_birth_date is not None:
        years = rental.pick_up_at.year - rental.driver_birth_date.year
        _check_number("driver_birth_date", years, MIN_DRIVER_YEARS, MAX_DRIVER_YEARS)


def _check_ride(ride: Ride) -> None:
    for place, text in (("pick_up", ride.pick_up), ("drop_off", ride.drop_off)):
        if not 1 <= len(text) <= 200:
            _refuse(place, "A place has 1 to 200 characters.")
    _check_instant("pick_up_at", ride.pick_up_at)
    _check_number("passengers", ride.passengers, 1, MAX_PASSENGERS)


def _check_day(place: str, day: date | None, now: datetime) -> None:
    """Refuse a day that has ended everywhere on earth, and one too far ahead to be sold."""
    assert day is not None
    if day < (now - _WEST_OF_EVERYBODY).date():
        _refuse(place, f"The day of the service, {day}, is over.")
    if day > (now + timedelta(days=MAX_DAYS_AHEAD)).date():
        _refuse(place, f"The day of the service, {day}, is more than {MAX_DAYS_AHEAD} days ahead.")


def _check_name(place: str, text: str) -> None:
    if not _NAME.fullmatch(text):
        _refuse(place, "An id has 1 to 64 letters, digits, spaces, points, hyphens or underscores.")


def _check_number(place: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        _refuse(place, f"The number of {place} is {least} to {most}.")


def _check_instant(place: str, instant: datetime) -> None:
    if instant.tzinfo is None:
        _refuse(place, "An instant has an offset, for example '2026-12-20T08:00:00Z'.")


def _refuse(place: str, message: str) -> NoReturn:
    raise RuleError(message, pointer=f"/service/{place}")
