"""Rules about the partner's own currency: a credit or a debit is taken back in parts, and never more than it was."""

from __future__ import annotations

import msgspec

from adapters.sdk.account_records import PointsReversal
from adapters.sdk.calls import CallFailure
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import CancelResult, Mileage, OfferRequest
from adapters.sdk.testing.bench import Bench, reserve
from adapters.sdk.testing.rules.rule import require, require_none
from adapters.sdk.testing.rules.undoing import NONSENSE


async def moved(bench: Bench, direction: str, name: str) -> PointsReversal:
    """Credit or debit, and answer the reversal of a third of it."""
    service = bench.subject.mileage.get(direction)
    require(service is not None, f"conformance.py gives no mileage to {direction}")
    assert service is not None
    request = await bench.request(f"{name}{direction}")
    request = msgspec.structs.replace(request, service=service, offer_token="", price=None)
    if "quotes_offers" in bench.manifest.capabilities:
        offers = await bench.adapter.quote_offers(OfferRequest(service=service, currency="CNY"))
        require(bool(offers), f"there is no offer of the mileage to {direction}")
        request = msgspec.structs.replace(request, offer_token=offers[0].token, price=offers[0].price)
    result, request = await reserve(bench.adapter, request)
    require(result.outcome is Outcome.OK, f"a {direction} was {result.outcome} ({result.code})")
    require(bool(result.partner_reference), f"a {direction} has no reference by which it could be reversed")
    return PointsReversal(
        key=bench.key(f"back{name}{direction}"),
        original=request,
        partner_reference=result.partner_reference or "",
        quantity=service.quantity // 3,
    )


async def reverse(bench: Bench, direction: str, request: PointsReversal) -> CancelResult:
    """Ask for a reversal by the direction of what it reverses."""
    adapter = bench.adapter
    result: CancelResult = await (
        adapter.reverse_credit(request) if direction == "credit" else adapter.reverse_debit(request)
    )
    return result


async def reversal_keeps_to_the_original(bench: Bench) -> None:
    """Parts are taken back up to the whole, in the partner's book too; what would be more is a NO."""
    for direction in directions(bench):
        part = await moved(bench, direction, "parts")
        service = part.original.service
        assert isinstance(service, Mileage)
        more = msgspec.structs.replace(part, quantity=service.quantity + 1)
        refused = await reverse(bench, direction, more)
        require(refused.outcome is Outcome.NO, f"more than was moved by a {direction} was {refused.outcome}")
        rest = msgspec.structs.replace(
            part,
            key=bench.key(f"rest{direction}"),
            quantity=service.quantity - part.quantity,
            reversed_before=part.quantity,
        )
        for asked in (part, rest):
            result = await reverse(bench, direction, asked)
            require(result.outcome is Outcome.OK, f"a part of a {direction} was {result.outcome} ({result.code})")
            stands = bench.subject.reversed_points(bench.simulator, part.original.key)
            wanted = asked.quantity + asked.reversed_before
            require(stands == wanted, f"{wanted} of a {direction} are taken back and {stands} in the partner's book")
        last = msgspec.structs.replace(part, key=bench.key(f"more{direction}"), quantity=1)
        last = msgspec.structs.replace(last, reversed_before=service.quantity)
        refused = await reverse(bench, direction, last)
        require(refused.outcome is Outcome.NO, f"one more than a {direction} was {refused.outcome} ({refused.code})")


async def reversal_is_not_misled(bench: Bench) -> None:
    """A reversal that got nonsense says neither that it was done nor that the original stands."""
    faults = []
    for direction in directions(bench):
        part = await moved(bench, direction, "nonsense")
        for answer in NONSENSE:
            bench.client.substitute = lambda call, answer=answer: answer  # type: ignore[misc]
            said = answer.reason if isinstance(answer, CallFailure) else str(answer.status)
            result = await reverse(bench, direction, part)
            if result.outcome not in (Outcome.UNKNOWN, Outcome.NOT_SENT):
                faults.append(f"a reversal of a {direction}, told {said}, was {result.outcome}")
        bench.client.substitute = lambda call: None
    require_none(faults)


def directions(bench: Bench) -> list[str]:
    """Answer which of the two directions the partner declares."""
    declared = bench.manifest.capabilities
    return [name for name, needs in (("credit", "credits_points"), ("debit", "debits_points")) if needs in declared]
