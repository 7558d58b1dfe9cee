"""POST /v1/quotes: every vertical, way and means of paying that is sold, and everything that keeps a price away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from adapters.sdk.testing.simulator import listen
from tests.api.journey.house import HOTEL, LOUNGE, House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ask(member: Member, benefit_id: str, service: Any, pay_with: str = "points") -> Any:
    return await member.post("/v1/quotes", {"benefit_id": benefit_id, "service": service, "pay_with": pay_with})


async def test_a_visit_in_points_is_priced_per_visitor_and_locked(house: House, liu: Member) -> None:
    quote = await liu.lounge(guests=2)
    assert (quote["partner"], quote["points"], quote["uses"]) == (LOUNGE, 1_800, 0)
    assert quote["price"] == {"amount": 36_000, "currency": "CNY"}
    assert quote["base_price"] is None
    assert quote["service"]["guests"] == 2
    assert quote["id"].startswith("qte_")
    assert quote["expires_at"].endswith("Z")
    assert await liu.wallet() == (20_000, 0), "a quote holds nothing"


async def test_a_visit_by_entitlement_costs_one_use(idle: Member) -> None:
    quote = await idle.lounge("entitlement", guests=1)
    assert (quote["points"], quote["uses"], quote["pay_with"]) == (0, 1, "entitlement")


async def test_an_exchange_of_resources_has_its_own_fixed_price(house: House, idle: Member) -> None:
    quote = await idle.quote("lounge-for-parts", house.visit())
    assert (quote["points"], quote["uses"]) == (300, 0)


async def test_a_stay_is_priced_live_at_five_points_to_the_yuan(house: House, idle: Member) -> None:
    quote = await idle.quote("hotel-stay", house.stay())
    assert quote["partner"] == HOTEL
    assert quote["points"] * 20 == quote["price"]["amount"], "a point is worth 20 fen"
    assert quote["base_price"] is None


async def test_a_stay_paid_at_the_hotel_takes_no_points(house: House, idle: Member) -> None:
    quote = await idle.quote("hotel-stay", house.stay(), "at_partner")
    assert (quote["points"], quote["uses"], quote["pay_with"]) == (0, 0, "at_partner")
    assert quote["price"]["amount"] > 0


async def test_an_upgrade_is_priced_at_the_standard_room(house: House, idle: Member) -> None:
    quote = await idle.quote("hotel-upgrade", house.stay())
    assert quote["points"] * 20 == quote["base_price"]["amount"] < quote["price"]["amount"]


async def test_a_city_is_searched(house: House, idle: Member) -> None:
    quote = await idle.quote("hotel-stay", house.stay(property_id=None, city="SHA"))
    assert quote["service"]["property_id"] in {"1001", "1002"}


async def test_what_the_partner_needs_stays_inside(house: House, idle: Member) -> None:
    quote = await idle.quote("hotel-stay", house.stay())
    assert set(quote) == {
        "id", "benefit_id", "benefit_version", "partner", "title", "pay_with", "points", "uses", "price",
        "base_price", "service", "expires_at",
    }  # fmt: skip


async def test_every_reason_is_told_at_once(house: House) -> None:
    silver = await house.join(yuan=1_000)
    withdrawn = await silver.put(f"/v1/consents/{HOTEL}/booking", {"granted": False})
    assert withdrawn.status_code == 200
    answer = await ask(silver, "hotel-upgrade", house.stay(), "entitlement")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "not_eligible")
    assert problem["reasons"] == "tier_not_eligible, consent_missing, payment_not_offered"
    assert problem["detail"].count(".") >= 3, problem["detail"]


@pytest.mark.parametrize(
    ("benefit_id", "changes", "pay_with", "reasons"),
    [
        ("lounge-visit", {"airport": "LHR"}, "points", "airport_not_served"),
        ("lounge-visit", {"guests": 2}, "entitlement", "too_many_guests"),
        ("lounge-visit", {}, "at_partner", "payment_not_offered"),
        ("lounge-for-parts", {"airport": "XIY"}, "points", "airport_not_served"),
    ],
)
async def test_a_visit_that_is_not_open_to_the_member(
    house: House, idle: Member, benefit_id: str, changes: dict[str, Any], pay_with: str, reasons: str
) -> None:
    answer = await ask(idle, benefit_id, house.visit(**changes), pay_with)
    assert (answer.status_code, answer.json()["reasons"]) == (422, reasons)


async def test_a_silver_member_has_no_free_visits(house: House) -> None:
    silver = await house.join(yuan=1_000)
    answer = await ask(silver, "lounge-visit", house.visit(), "entitlement")
    assert (answer.status_code, answer.json()["reasons"]) == (422, "no_entitlement")


async def test_an_unknown_benefit_is_not_found(house: House, idle: Member) -> None:
    answer = await ask(idle, "free-car", house.visit())
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_member_who_is_not_here_is_not_found(house: House, idle: Member) -> None:
    stranger = Member(house, house.gateway.identifiers.new("member"), idle.scope, idle.client_id)
    answer = await ask(stranger, "lounge-visit", house.visit())
    assert answer.status_code == 404


WRONG_KINDS = {
    "hotel-stay": {"kind": "visit", "airport": "PVG", "lounge_id": "L1", "visit_date": "2026-12-20"},
    "lounge-visit": {"kind": "stay", "city": "SHA", "check_in_date": "2026-12-20", "check_out_date": "2026-12-21"},
    "lounge-for-parts": {"kind": "mileage", "account": "8800123455", "quantity": 5_000},
    "hotel-upgrade": {
        "kind": "ride", "pick_up": "PVG", "drop_off": "Hotel", "pick_up_at": "2026-12-20T08:00:00Z",
    },
}  # fmt: skip


@pytest.mark.parametrize("benefit_id", sorted(WRONG_KINDS))
async def test_a_service_of_another_kind_is_the_callers_mistake(house: House, idle: Member, benefit_id: str) -> None:
    before = sum(house.simulators[partner].counts.total() for partner in (LOUNGE, HOTEL))
    answer = await ask(idle, benefit_id, WRONG_KINDS[benefit_id])
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "rule")
    assert problem["errors"] == [{"detail": problem["detail"], "pointer": "#/service/kind"}]
    assert benefit_id.partition("-")[0] in problem["detail"]
    assert sum(house.simulators[partner].counts.total() for partner in (LOUNGE, HOTEL)) == before, "nobody was asked"


@pytest.mark.parametrize(
    ("benefit_id", "changes", "place"),
    [
        ("lounge-visit", {"days": -2}, "visit_date"),
        ("lounge-visit", {"guests": -1}, "guests"),
        ("lounge-visit", {"guests": 100}, "guests"),
        ("lounge-visit", {"lounge_id": ""}, "lounge_id"),
        ("lounge-visit", {"lounge_id": "x" * 500}, "lounge_id"),
        ("hotel-stay", {"days": -2}, "check_in_date"),
        ("hotel-stay", {"nights": 0}, "check_out_date"),
        ("hotel-stay", {"nights": -2}, "check_out_date"),
        ("hotel-stay", {"nights": 400}, "check_out_date"),
        ("hotel-stay", {"adults": 0}, "adults"),
        ("hotel-stay", {"adults": 99}, "adults"),
        ("hotel-stay", {"property_id": None}, "property_id"),
        ("hotel-stay", {"property_id": "../../x"}, "property_id"),
    ],
)
async def test_a_service_that_cannot_be_is_refused_with_its_place(
    house: House, idle: Member, benefit_id: str, changes: dict[str, Any], place: str
) -> None:
    service = house.visit(**changes) if benefit_id == "lounge-visit" else house.stay(**changes)
    answer = await ask(idle, benefit_id, service)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "rule"), problem
    assert problem["errors"][0]["pointer"] == f"#/service/{place}"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"benefit_id": "lounge-visit", "service": {"kind": "spaceship"}}, "#/service/kind"),
        ({"benefit_id": "lounge-visit", "service": {"kind": "visit", "airport": "PVG"}}, "#/service"),
        ({"benefit_id": "lounge-visit"}, "#"),
        ({"benefit_id": 7, "service": {}}, "#/benefit_id"),
        ({"benefit_id": "lounge-visit", "service": "x", "pay_with": "shells"}, "#/service"),
    ],
)
async def test_a_malformed_body_names_the_place(idle: Member, body: object, pointer: str) -> None:
    answer = await idle.post("/v1/quotes", body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "malformed")
    assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("partner", "operation", "mode", "status", "code"),
    [
        (LOUNGE, "quote_offers", "error_500_before", 503, "partner_unavailable"),
        (LOUNGE, "quote_offers", "busy_429", 503, "partner_unavailable"),
        (LOUNGE, "quote_offers", "reset", 502, "partner_unknown"),
        (LOUNGE, "quote_offers", "html_200", 502, "partner_protocol"),
        (HOTEL, "availability", "busy_503", 502, "partner_protocol"),
        (HOTEL, "availability", "nan", 502, "partner_protocol"),
    ],
)
async def test_a_partner_that_fails_costs_nothing(
    house: House, idle: Member, partner: str, operation: str, mode: str, status: int, code: str
) -> None:
    house.fault(partner, operation, mode)
    benefit, service = ("lounge-visit", house.visit()) if partner == LOUNGE else ("hotel-stay", house.stay())
    answer = await ask(idle, benefit, service)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ("retry-after" in answer.headers) is (status == 503)
    assert "simulator" not in answer.text
    assert await idle.wallet() == (20_000, 0)
    assert (await ask(idle, benefit, service)).status_code == 201, "it is well again at once"


@pytest.mark.parametrize("partner", [LOUNGE, HOTEL])
async def test_a_partner_that_is_not_there_is_not_available(
    house: House, idle: Member, partner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = listen(0)
    address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    nobody.close()
    adapter: Any = house.gateway.partners[partner].adapter
    monkeypatch.setattr(adapter._client, "base_url", address)
    benefit, service = ("lounge-visit", house.visit()) if partner == LOUNGE else ("hotel-stay", house.stay())
    answer = await ask(idle, benefit, service)
    assert (answer.status_code, answer.json()["code"]) == (503, "partner_unavailable")
    assert answer.headers["retry-after"]


async def test_a_hotel_that_is_full_is_said_to_be(house: House, liu: Member) -> None:
    stay = house.stay(property_id="90000001")
    first = await liu.quote("hotel-stay", stay)
    assert (await liu.redeem(first)).status_code == 201
    second = await liu.quote("hotel-stay", stay)
    assert (await liu.redeem(second)).status_code == 201
    answer = await ask(liu, "hotel-stay", stay)
    assert (answer.status_code, answer.json()["reason"]) == (422, "unavailable")


async def test_a_quote_is_never_longer_than_the_partners_offer(house: House, idle: Member) -> None:
    limit = house.clock.now() + timedelta(seconds=house.gateway.settings.redemption.quote_seconds + 1)
    quote = await idle.lounge()
    assert house.clock.now().isoformat() < quote["expires_at"] < limit.isoformat()
