"""The example lounge: two files of TOML, no Python, held to what every adapter is held to."""

from __future__ import annotations

import time

import msgspec

from adapters.direct.conformance import VISIT, make_request
from adapters.sdk.manifest import Profile
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import OfferRequest, Stay
from adapters.sdk.testing.bench import open_bench, reserve
from adapters.sdk.testing.examination import examine
from adapters.sdk.testing.rules.catalogue import RULES
from adapters.sdk.testing.rules.rule import Status
from catalogue.values import Money
from tests.adapters.sdk.declarative.subject import EXAMPLES, PACKAGE, SUBJECT

FOLDER = EXAMPLES / "harbour_lounge"


def test_it_is_under_eighty_lines_and_no_python() -> None:
    assert sorted(path.name for path in FOLDER.iterdir() if path.is_file()) == ["manifest.toml", "mapping.toml"]
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in FOLDER.glob("*.toml")) < 80


def test_its_profile_is_the_strongest() -> None:
    assert PACKAGE.manifest.profile is Profile.A


async def test_it_conforms() -> None:
    report = await examine(PACKAGE, subject=SUBJECT)
    assert report.broken() == ["documented", "fixtures_sourced"], "a folder of two files has neither"
    assert report.grade == "gold"
    undeclared = {rule.id for rule in RULES if rule.needs - set(PACKAGE.manifest.capabilities)}
    assert {each.id for each in report.results if each.status is Status.NOT_APPLICABLE} == undeclared
    assert "callbacks_are_proved" not in undeclared


async def test_its_callbacks_are_read_as_the_partner_means_them() -> None:
    async with open_bench(SUBJECT) as bench:
        request = await bench.request("callback")
        await bench.reserve(request)
        SUBJECT.use(bench.simulator, request)
        headers, body = SUBJECT.callback(bench.simulator, request)
        message_id = bench.adapter.verify_webhook(headers, body, (SUBJECT.webhook_secret,), int(time.time()))
        event = bench.adapter.read_webhook(message_id, body)
        assert (event.kind, event.reference, event.guests) == ("visit.reported", request.key, 1)
        assert event.sequence is not None
        assert event.partner_reference is not None


async def test_it_quotes_refuses_and_cancels_with_the_refund() -> None:
    async with open_bench(SUBJECT) as bench:
        (offer,) = await bench.adapter.quote_offers(OfferRequest(service=VISIT, currency="CNY", partner_tier="gold"))
        assert offer.price == Money(24000, "CNY")
        full = msgspec.structs.replace(VISIT, lounge_id="full-1")
        refused = await bench.reserve(await make_request(bench.adapter, bench.key("full"), full))
        assert (refused.outcome, refused.code) == (Outcome.NO, "sold_out")
        result, request = await reserve(bench.adapter, await bench.request("refund"))
        assert result.partner_reference is not None
        cancelled = await bench.adapter.cancel(request, result.partner_reference)
        assert (cancelled.outcome, cancelled.refund) == (Outcome.OK, Money(24000, "CNY"))
        found = await bench.adapter.look_up(request)
        assert (found.answer, found.refund) == (LookUpAnswer.CANCELLED, Money(24000, "CNY"))
        fenced = await bench.request("fenced")
        assert (await bench.adapter.fence(fenced)).outcome is Outcome.OK
        found = await bench.adapter.look_up(fenced)
        assert (found.answer, found.refund) == (LookUpAnswer.CANCELLED, None)


async def test_a_key_of_another_content_is_left_to_the_look_up() -> None:
    async with open_bench(SUBJECT) as bench:
        request = await bench.request("reused")
        await bench.reserve(request)
        other = msgspec.structs.replace(request, offer_token="another")
        assert (await bench.reserve(other)).outcome is Outcome.UNKNOWN
        assert (await bench.adapter.look_up(request)).answer is LookUpAnswer.ISSUED


async def test_of_another_kind_of_service_nothing_is_sent() -> None:
    stay = Stay(check_in_date=VISIT.visit_date, check_out_date=VISIT.visit_date)
    async with open_bench(SUBJECT) as bench:
        assert await bench.adapter.quote_offers(OfferRequest(service=stay, currency="CNY")) == ()
        request = msgspec.structs.replace(await bench.request("stay"), service=stay)
        sent = bench.simulator.counts.total()
        assert (await bench.reserve(request)).outcome is Outcome.NOT_SENT
        assert bench.simulator.counts.total() == sent
