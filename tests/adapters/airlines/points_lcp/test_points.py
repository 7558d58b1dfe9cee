"""Debits and reversals: the sandbox's amounts, the sum that is never exceeded, and what a copy proves."""

from __future__ import annotations

import csv
import json
import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from adapters.airlines.points_lcp.simulator_book import SANDBOX_AMOUNTS, SANDBOX_DEBITS
from adapters.sdk.account_records import PointsReversal
from adapters.sdk.calls import CallFailure, PartnerAnswer
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import Mileage, ReservationRequest
from tests.adapters.airlines.points_lcp import samples
from tests.adapters.airlines.points_lcp.conftest import Partner, reservation
from tests.adapters.airlines.points_lcp.stub import make_adapter

SHANGHAI = ZoneInfo("Asia/Shanghai")
ISSUED, REFUSED, PENDING, NOT_KNOWN = (
    LookUpAnswer.ISSUED, LookUpAnswer.REFUSED, LookUpAnswer.PENDING, LookUpAnswer.UNKNOWN,
)  # fmt: skip


def debit(quantity: int) -> ReservationRequest:
    service = Mileage(account="80012345", quantity=quantity, direction="debit")
    return msgspec.structs.replace(reservation(), service=service)


@pytest.mark.parametrize(
    ("amount", "outcome", "before", "after"),
    [
        (91, Outcome.UNKNOWN, NOT_KNOWN, NOT_KNOWN),
        (92, Outcome.OK, ISSUED, ISSUED),
        (93, Outcome.OK, ISSUED, ISSUED),
        (94, Outcome.PENDING, PENDING, PENDING),
        (95, Outcome.PENDING, PENDING, ISSUED),
        (96, Outcome.PENDING, PENDING, REFUSED),
        (97, Outcome.UNKNOWN, NOT_KNOWN, NOT_KNOWN),
        (98, Outcome.UNKNOWN, NOT_KNOWN, NOT_KNOWN),
        (99, Outcome.NO, REFUSED, REFUSED),
        (2000, Outcome.OK, ISSUED, ISSUED),
    ],
)
async def test_a_debit_ends_as_the_sandbox_says(
    partner: Partner, amount: int, outcome: Outcome, before: LookUpAnswer, after: LookUpAnswer
) -> None:
    request, result = await partner.run(debit(amount))
    assert result.outcome is outcome
    assert (await partner.adapter.look_up(request)).answer is before
    await partner.night(datetime.now(SHANGHAI).date())
    assert (await partner.adapter.look_up(request)).answer is after
    (made,) = partner.credits()
    assert (made.kind, made.amount) == ("debit", amount)
    (order,) = partner.simulator.book.rows("orders")
    assert order.order_type == "EXCHANGE_DEBIT"


def test_the_sandbox_amounts_are_the_published_ones() -> None:
    folder = os.environ.get("GATEWAY_TEST_PARTNER_SPECS")
    path = Path(folder or ".").parent / "reference" / "conversion" / "lcp_sandbox_amounts.csv"
    if not folder or not path.is_file():
        pytest.skip("NO PUBLISHED AMOUNTS: GATEWAY_TEST_PARTNER_SPECS names no folder with ../reference/conversion")
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["amount"]: row for row in csv.DictReader(file)}
    for column, table in (("credit_status", SANDBOX_AMOUNTS), ("debit_status", SANDBOX_DEBITS)):
        written = {name: tuple(row[column].split(" -> ")) for name, row in rows.items() if name != "other"}
        ours = {str(amount): tuple(filter(None, states)) for amount, states in table.items()}
        assert ours == written
        assert rows["other"][column] == "success"


async def moved(partner: Partner, request: ReservationRequest, part: int) -> PointsReversal:
    request, result = await partner.run(request)
    assert result.partner_reference is not None
    return PointsReversal(key="rev_1", original=request, partner_reference=result.partner_reference, quantity=part)


@pytest.mark.parametrize("direction", ["credit", "debit"])
async def test_parts_add_up_to_the_whole_and_then_the_order_is_reversed(partner: Partner, direction: str) -> None:
    part = await moved(partner, reservation() if direction == "credit" else debit(2000), 500)
    ask = partner.adapter.reverse_credit if direction == "credit" else partner.adapter.reverse_debit
    other = partner.adapter.reverse_debit if direction == "credit" else partner.adapter.reverse_credit
    assert (await other(part)).outcome is Outcome.NO
    assert (await ask(part)).outcome is Outcome.OK
    assert (await partner.adapter.look_up(part.original)).answer is LookUpAnswer.ISSUED
    rest = msgspec.structs.replace(part, quantity=1500, reversed_before=500)
    assert (await ask(rest)).outcome is Outcome.OK
    assert (await partner.adapter.look_up(part.original)).answer is LookUpAnswer.CANCELLED
    assert [row.reversed for row in partner.credits()] == [2000]
    refused = await ask(msgspec.structs.replace(part, quantity=1))
    assert (refused.outcome, refused.code) == (Outcome.NO, "failure"), "the platform's own sum"


async def test_a_reversal_is_accounted_for_as_a_refund_and_a_debit_with_its_own_sign(partner: Partner) -> None:
    part = await moved(partner, reservation(), 500)
    await partner.adapter.reverse_credit(part)
    await partner.run(msgspec.structs.replace(debit(100), key="rdm_debit"))
    found = await partner.adapter.fetch_statement(datetime.now(SHANGHAI).date())
    assert found is not None
    lines = partner.adapter.parse_statement(*found).lines
    told = [(line.reference, line.kind, line.quantity, line.amount and line.amount.amount) for line in lines]
    assert told == [
        (part.original.key, "mileage", 2000, 14_000),
        ("rdm_debit", "mileage", 100, -700),
        (part.original.key, "refund", 500, -3_500),
    ]


def answered(http: int, **body: object) -> PartnerAnswer:
    return PartnerAnswer(status=http, headers={}, body=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("answer", "repeated", "outcome"),
    [
        (answered(200, status="success", transactionId="15-1"), False, Outcome.OK),
        (answered(400, status="failure", transactionId="15-1"), False, Outcome.NO),
        (answered(400, status="failure", transactionId="15-1"), True, Outcome.UNKNOWN),
        (answered(200, status="failure", transactionId="15-1"), False, Outcome.UNKNOWN),
        (answered(200, status="success", transactionId="15-2"), False, Outcome.UNKNOWN),
        (answered(201, status="success", transactionId="15-1"), False, Outcome.UNKNOWN),
        (answered(401, errors=[{"code": "UNAUTHORIZED"}]), False, Outcome.UNKNOWN),
        (CallFailure(Outcome.NOT_SENT, "connect"), False, Outcome.NOT_SENT),
    ],
)
async def test_what_the_answer_to_a_reversal_proves(
    answer: PartnerAnswer | CallFailure, repeated: bool, outcome: Outcome
) -> None:
    adapter, client = make_adapter(answer)
    asked = PointsReversal(
        key="rev_1", original=samples.request(), partner_reference="15-1", quantity=500, repeated=repeated
    )
    assert (await adapter.reverse_credit(asked)).outcome is outcome
    assert json.loads(client.calls[0].body or b"") == {"transactionId": "15-1", "amount": -500}


@pytest.mark.parametrize(
    ("changes", "options", "code"),
    [
        ({"quantity": 2001}, {}, "more_than_original"),
        ({"reversed_before": 1501}, {}, "more_than_original"),
        ({"quantity": 0}, {}, "more_than_original"),
        ({}, {"reversal_path": ""}, "no_reversals_agreed"),
    ],
)
async def test_what_can_only_be_wrong_is_not_sent(changes: dict[str, int], options: dict[str, str], code: str) -> None:
    adapter, client = make_adapter(options=options)
    asked = PointsReversal(key="rev_1", original=samples.request(), partner_reference="15-1", quantity=500)
    result = await adapter.reverse_credit(msgspec.structs.replace(asked, **changes))
    assert (result.outcome, result.code, client.calls) == (Outcome.NO, code, [])
