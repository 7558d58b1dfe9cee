"""What the typed services have in common: days, guests, stays, spans."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from adapters.sdk.records import Mileage, Rental, Ride, Service, Stay, Visit
from catalogue.entitlements_windows import Use
from gateway.redemption.services import (
    airport_of,
    guests_of,
    quantity_of,
    service_date,
    service_span,
    stay_of,
    use_of,
)

DAY = date(2026, 12, 1)
AT = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
STAY = Stay(check_in_date=DAY, check_out_date=DAY + timedelta(days=2), property_id="90000001", city="Shanghai")
VISIT = Visit(airport="LHR", lounge_id="L1", visit_date=DAY, guests=2)
RENTAL = Rental(pick_up_station="PVG-1", drop_off_station="PVG-1", pick_up_at=AT, drop_off_at=AT + timedelta(days=1))
RIDE = Ride(pick_up="a", drop_off="b", pick_up_at=AT)
MILES = Mileage(account="1", quantity=500)


@pytest.mark.parametrize(
    ("service", "day", "stay", "airport", "guests", "quantity"),
    [
        (STAY, DAY, "90000001:2026-12-01", None, 0, 1),
        (Stay(check_in_date=DAY, check_out_date=DAY, city="Shanghai"), DAY, "Shanghai:2026-12-01", None, 0, 1),
        (VISIT, DAY, "LHR:2026-12-01", "LHR", 2, 3),
        (RENTAL, DAY, "PVG-1:2026-12-01", None, 0, 1),
        (RIDE, DAY, "", None, 0, 1),
        (MILES, None, "", None, 0, 500),
    ],
)
def test_what_rules_ask_of_a_service(
    service: Service, day: date | None, stay: str, airport: str | None, guests: int, quantity: int
) -> None:
    assert service_date(service) == day
    assert (stay_of(service), airport_of(service)) == (stay, airport)
    assert (guests_of(service), quantity_of(service)) == (guests, quantity)
    other = date(2026, 11, 22)
    assert use_of(service, other, "trip") == Use(service_date=day or other, stay=stay, trip="trip", guests=guests)


def test_a_day_lasts_by_the_clock_of_its_place() -> None:
    tokyo = (datetime(2026, 11, 30, 15, tzinfo=UTC), datetime(2026, 12, 1, 15, tzinfo=UTC))
    assert service_span(VISIT, "Asia/Tokyo") == service_span(STAY, "Asia/Tokyo") == tokyo
    assert service_span(VISIT, "Europe/London") == (
        datetime(2026, 12, 1, tzinfo=UTC),
        datetime(2026, 12, 2, tzinfo=UTC),
    )


def test_what_begins_at_an_instant_is_over_once_it_has_begun() -> None:
    assert service_span(RENTAL, "Asia/Tokyo") == service_span(RIDE, "Asia/Tokyo") == (AT, AT)
    assert service_span(MILES, "Asia/Tokyo") is None


def test_nothing_is_known_of_a_kind_that_only_a_later_version_knows_and_it_has_no_price() -> None:
    assert (service_date(None), service_span(None, "Asia/Tokyo"), airport_of(None), guests_of(None)) == (None,) * 3 + (
        0,
    )
    with pytest.raises(AssertionError):
        quantity_of(None)
