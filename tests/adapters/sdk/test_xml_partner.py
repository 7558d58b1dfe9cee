"""A partner that speaks XML, held to what every adapter is held to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.sdk.manifest import Profile, read_manifest
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import OfferRequest, Rental, ReservationRequest, Traveller
from adapters.sdk.registry import AdapterPackage
from adapters.sdk.testing import xml_faults
from adapters.sdk.testing.bench import Subject, open_bench, requested_at
from adapters.sdk.testing.examination import examine
from adapters.sdk.testing.simulator import Simulator
from adapters.sdk.xml_codec import decode_xml, encode_xml
from catalogue.values import Money
from config.clock import SystemClock
from tests.adapters.sdk import xml_partner
from tests.adapters.sdk.xml_partner import simulator, wire
from tests.adapters.sdk.xml_partner.adapter import OK, RESERVE

FOLDER = Path(xml_partner.__file__).parent
PACKAGE = AdapterPackage(
    name="xml_partner",
    manifest=read_manifest(FOLDER / "manifest.toml"),
    create=xml_partner.create,
    folder=FOLDER,
    module=xml_partner.__name__,
)
RENTAL = Rental(
    pick_up_station="PVG-T2",
    drop_off_station="SHA-T1",
    pick_up_at=datetime(2026, 12, 1, 2, 0, tzinfo=UTC),
    drop_off_at=datetime(2026, 12, 3, 2, 0, tzinfo=UTC),
)


async def make_request(adapter: Any, key: str) -> ReservationRequest:
    (offer,) = await adapter.quote_offers(OfferRequest(service=RENTAL, currency="CNY"))
    return ReservationRequest(
        key=key,
        service=RENTAL,
        offer_token=offer.token,
        price=offer.price,
        traveller=Traveller(given_name="Wei & <Co>", family_name="Liu"),
        requested_at=requested_at(SystemClock()),
    )


def bookings(partner: Simulator, key: str) -> int:
    held = partner.book.get("bookings", key)
    return int(held is not None and not held.cancelled)


def refusal(status: int, code: str | None, request: ReservationRequest) -> bytes | None:
    """Write a refusal as the company does."""
    if code in (None, OK):
        return None
    errors = wire.node("Errors", wire.node("Error", Type="3", Code=code or ""))
    return encode_xml(wire.node("OTA_VehResRS", errors, EchoToken=request.key))


SUBJECT = Subject(
    package=PACKAGE,
    create_simulator=simulator.create_simulator,
    make_request=make_request,
    bookings=bookings,
    commit_operation="reserve",
    commit_answers=RESERVE,
    refusal=refusal,
    offer_request=OfferRequest(service=RENTAL, currency="CNY"),
    credentials={"api_key": "throw-away"},
)


def test_its_profile_follows_from_its_facts() -> None:
    assert PACKAGE.manifest.profile is Profile.C


async def test_it_conforms() -> None:
    report = await examine(PACKAGE, subject=SUBJECT)
    assert report.broken() == ["documented", "fixtures_sourced"], "an example in the tests has neither"
    assert report.grade == "gold"


async def test_only_what_is_available_is_offered_and_a_rate_that_is_none_refused() -> None:
    async with open_bench(SUBJECT) as bench:
        offers = await bench.adapter.quote_offers(OfferRequest(service=RENTAL, currency="CNY"))
        assert [(offer.title, offer.price) for offer in offers] == [("A small car", Money(28800, "CNY"))]
        assert await bench.adapter.quote_offers(OfferRequest(service=RENTAL, currency="EUR")) == ()
        request = msgspec.structs.replace(await bench.request("refused"), offer_token="rate-none")
        result = await bench.reserve(request)
        assert (result.outcome, result.code) == (Outcome.NO, "437")


@pytest.mark.parametrize("spoil", [xml_faults.entities, xml_faults.attribute_twice, xml_faults.deep])
def test_the_faults_spoil_xml_and_leave_the_rest_alone(spoil: Any) -> None:
    honest = b'<?xml version="1.0" encoding="UTF-8"?><a xmlns="urn:x" k="12.50"><b>key-0001</b></a>'
    spoilt = spoil(honest)
    assert spoilt is not None
    with pytest.raises(Exception, match="answer"):
        decode_xml(spoilt)
    assert spoil(b'{"a": 1}') is None


def test_the_faults_change_echoes_and_amounts() -> None:
    honest = b'<?xml version="1.0" encoding="UTF-8"?><a xmlns="urn:x" k="12.50"><b>key-0001</b></a>'
    assert xml_faults.echo_changed(honest, {"key-0001"}) == honest.replace(b"key-0001", b"key-0000")
    assert xml_faults.amounts_changed(honest) == honest.replace(b"12.50", b"112.50")
    assert xml_faults.values(honest) == {"12.50", "key-0001"}
    assert xml_faults.values(b'{"a": "b"}') == set()


def test_a_document_that_says_both_is_believed_in_neither() -> None:
    both = wire.node("R", wire.node("Success"), wire.node("Errors", wire.node("Error", Code="1")))
    for document in (both, wire.node("R")):
        with pytest.raises(Exception, match="neither success nor errors"):
            wire.error_code(document)
