"""What may be asked of a partner: a service of the benefit's kind that can take place."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from adapters.sdk.records import Rental, Ride, Service, Stay, Visit
from catalogue.benefits import Benefit, Payment, Vertical, Way
from catalogue.texts import Text
from config.errors import RuleError
from gateway.services.wishes import KINDS, check_service

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
STAY = Stay(check_in_date=date(2026, 12, 1), check_out_date=date(2026, 12, 2), city="SHA")
VISIT = Visit(airport="PVG", lounge_id="T2", visit_date=date(2026, 12, 1))
RENTAL = Rental(pick_up_station="PVG", drop_off_station="SHA", pick_up_at=LATER, drop_off_at=LATER + timedelta(days=1))
RIDE = Ride(pick_up="浦东机场", drop_off="外滩", pick_up_at=LATER)
GOOD: dict[Vertical, Service] = {
    Vertical.HOTEL: STAY,
    Vertical.LOUNGE: VISIT,
    Vertical.RENTAL_CAR: RENTAL,
    Vertical.TRANSFER: RIDE,
}


def benefit(vertical: Vertical) -> Benefit:
    return Benefit(
        id="it",
        version=1,
        announced_date=date(2026, 1, 1),
        effective_from_date=date(2026, 1, 1),
        vertical=vertical,
        partner="p",
        way=Way.PURCHASE,
        title=Text(zh_cn="它", en="It"),
        description=Text(zh_cn="它", en="It"),
        payment=Payment(free=True),
    )


def pointer(vertical: Vertical, service: Service) -> Any:
    with pytest.raises(RuleError) as refused:
        check_service(benefit(vertical), service, NOW)
    assert refused.value.message.endswith(".")
    return refused.value.facts["pointer"]


@pytest.mark.parametrize("vertical", sorted(GOOD))
def test_each_vertical_takes_its_own_kind_and_no_other(vertical: Vertical) -> None:
    check_service(benefit(vertical), GOOD[vertical], NOW)
    for other, service in GOOD.items():
        if other is not vertical:
            assert pointer(vertical, service) == "/service/kind"


def test_what_no_service_describes_yet_cannot_be_quoted() -> None:
    assert set(Vertical) - set(KINDS) == {Vertical.FLIGHT}
    assert pointer(Vertical.FLIGHT, RIDE) == "/service/kind"


@pytest.mark.parametrize(
    ("vertical", "change", "place"),
    [
        (Vertical.HOTEL, {"city": ""}, "city"),
        (Vertical.HOTEL, {"city": None}, "property_id"),
        (Vertical.HOTEL, {"adults": 9}, "adults"),
        (Vertical.HOTEL, {"check_out_date": date(2026, 12, 1)}, "check_out_date"),
        (Vertical.LOUNGE, {"airport": "pvg"}, "airport"),
        (Vertical.LOUNGE, {"lounge_id": "a/b"}, "lounge_id"),
        (Vertical.LOUNGE, {"visit_date": date(2026, 11, 20)}, "visit_date"),
        (Vertical.LOUNGE, {"visit_date": date(2028, 11, 22)}, "visit_date"),
        (Vertical.RENTAL_CAR, {"pick_up_station": "../x"}, "pick_up_station"),
        (Vertical.RENTAL_CAR, {"drop_off_at": LATER}, "drop_off_at"),
        (Vertical.RENTAL_CAR, {"pick_up_at": LATER.replace(tzinfo=None)}, "pick_up_at"),
        (Vertical.RENTAL_CAR, {"driver_birth_date": date(2011, 1, 1)}, "driver_birth_date"),
        (Vertical.RENTAL_CAR, {"driver_birth_date": date(1900, 1, 1)}, "driver_birth_date"),
        (Vertical.TRANSFER, {"passengers": 0}, "passengers"),
        (Vertical.TRANSFER, {"drop_off": ""}, "drop_off"),
        (Vertical.TRANSFER, {"pick_up_at": NOW - timedelta(days=2)}, "pick_up_at"),
        (Vertical.TRANSFER, {"pick_up_at": LATER.replace(tzinfo=None)}, "pick_up_at"),
    ],
)
def test_what_cannot_be_names_its_place(vertical: Vertical, change: dict[str, Any], place: str) -> None:
    assert pointer(vertical, msgspec.structs.replace(GOOD[vertical], **change)) == f"/service/{place}"


def test_a_day_that_goes_on_somewhere_on_earth_is_not_over() -> None:
    check_service(benefit(Vertical.LOUNGE), msgspec.structs.replace(VISIT, visit_date=date(2026, 11, 21)), NOW)
