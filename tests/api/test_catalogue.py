"""An applied catalogue is what the API answers from, without a restart; a used-up budget is a clear problem."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

from adapters.sdk.records import Visit
from catalogue import versions
from catalogue.benefits import PayWith
from catalogue.loader import read_texts
from catalogue.values import Money
from config.files import PACKAGED_FOLDER
from gateway.redemption import store
from gateway.redemption.records import POINTS, Quote
from tests.api.conftest import Stack


async def apply(stack: Stack, name: str, change: Callable[[str], str]) -> None:
    """Apply the packaged files with one of them changed, as another process would."""
    texts = read_texts(PACKAGED_FOLDER)
    texts[name] = change(texts[name])
    partners = tuple(stack.gateway.partner_files)
    operation = partial(versions.apply, texts=texts, partners=partners, at=stack.clock.now(), by="liu")
    await stack.gateway.database.write(operation)


async def test_what_is_applied_is_answered(stack: Stack) -> None:
    member = stack.member(await stack.add_member())
    before = await stack.client.get("/v1/benefits/hotel-stay", headers=member)
    await apply(stack, "benefits/hotel-stay.toml", lambda text: text.replace('"Hotel stay"', '"A night away"'))
    assert await stack.gateway.book.refresh(stack.gateway.database)
    tagged = member | {"If-None-Match": before.headers["etag"], "Accept-Language": "en"}
    after = await stack.client.get("/v1/benefits/hotel-stay", headers=tagged)
    assert (after.status_code, after.json()["title"]) == (200, "A night away")
    assert after.headers["etag"] != before.headers["etag"]


async def test_a_used_up_budget_is_a_problem_that_says_when_it_opens_again(stack: Stack) -> None:
    member_id = await stack.add_member()
    await stack.earn(member_id, 250_000)
    await apply(stack, "budgets/lounges.toml", lambda text: text.replace("60_000_000", "11_999"))
    await stack.gateway.book.refresh(stack.gateway.database)
    quote = visit(stack, member_id)
    await stack.gateway.database.write(partial(store.add_quote, quote=quote))
    refused = await stack.client.post(
        "/v1/redemptions", json={"quote_id": quote.id}, headers=stack.member(member_id) | {"Idempotency-Key": "visit"}
    )
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "budget_exhausted")
    assert (problem["benefit_id"], problem["available_again_from_date"]) == ("lounge-visit", "2027-01-01")
    wallet = (await stack.client.get("/v1/me", headers=stack.member(member_id))).json()["wallet"]
    assert (wallet["available"], wallet["held"]) == (2_500, 0)


def visit(stack: Stack, member_id: str) -> Quote:
    """A locked price of one visit in December."""
    now = stack.clock.now()
    return Quote(
        id=stack.gateway.identifiers.new("quote"),
        kind="benefit",
        member_id=member_id,
        partner="skyhub-lounge",
        benefit_id="lounge-visit",
        benefit_version=1,
        contract_id=None,
        contract_version=None,
        pay_with=PayWith.POINTS,
        commodity=POINTS,
        quantity=600,
        service=Visit(airport="PVG", lounge_id="L1", visit_date=date(2026, 12, 1), guests=0),
        offer_token="offer",
        title="Visit",
        price=Money(12_000, "CNY"),
        base_price=None,
        created_at=now,
        expires_at=now + timedelta(minutes=15),
    )
