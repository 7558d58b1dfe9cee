"""Rules about the partner's own voucher: it is of what was reserved, and nothing else is ever taken for one."""

from __future__ import annotations

from adapters.sdk.calls import CallFailure
from adapters.sdk.errors import PartnerError
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import PartnerVoucher, ReservationRequest
from adapters.sdk.testing.bench import Bench, reserve
from adapters.sdk.testing.rules.rule import require, require_none
from adapters.sdk.testing.rules.undoing import NONSENSE


async def voucher_is_of_the_reservation(bench: Bench) -> None:
    """What was reserved has a voucher that can be read and used; what was never reserved has none."""
    result, request = await reserve(bench.adapter, await bench.request("voucher"))
    require(result.outcome is Outcome.OK, f"a reservation was {result.outcome} ({result.code})")
    reference = result.partner_reference or ""
    found = await bench.adapter.fetch_voucher(request, reference)
    require(isinstance(found, PartnerVoucher), "what was just reserved has no voucher")
    require(bool(found.code.strip()), "the voucher's code is empty")
    ended = found.valid_to_at is not None and found.valid_to_at <= bench.clock.now()
    require(not ended, "the voucher has ended before it is shown")
    bounds = (found.valid_from_at, found.valid_to_at)
    require(None in bounds or bounds[0] < bounds[1], "the voucher ends before it begins")
    never = await bench.request("neverreserved")
    require(await _told(bench, never, "R-of-nothing") is None, "what was never reserved has a voucher")
    faults = []
    for answer in NONSENSE:
        bench.client.substitute = lambda call, answer=answer: answer  # type: ignore[misc]
        said = answer.reason if isinstance(answer, CallFailure) else str(answer.status)
        if await _told(bench, request, reference) is not None:
            faults.append(f"fetch_voucher, told {said}, gave a voucher")
    require_none(faults)


async def _told(bench: Bench, request: ReservationRequest, reference: str) -> PartnerVoucher | None:
    """Ask for a voucher; a `PartnerError` is none, anything else that is raised is the rule's to tell."""
    try:
        found: PartnerVoucher | None = await bench.adapter.fetch_voucher(request, reference)
    except PartnerError:
        return None
    return found
