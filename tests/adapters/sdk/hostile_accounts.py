"""Hostile adapters about searches, vouchers, and a member's account: his name in it, his tier, his points."""

from __future__ import annotations

from typing import Any

from adapters.direct.adapter import DirectAdapter
from adapters.sdk.account_records import (
    AccountCheck,
    AccountRequest,
    PointsReversal,
    StatusGrant,
    StatusReport,
    refused_reversal,
)
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import (
    CancelResult,
    Mileage,
    Offer,
    OfferSearch,
    PartnerVoucher,
    ReservationRequest,
    StepResult,
)
from tests.adapters.sdk.hostile import Hostile, acting, replace


async def welcomes_anybody(self: Any, request: AccountRequest) -> AccountCheck:
    found = await DirectAdapter.validate_member(self, request)
    return replace(found, outcome=Outcome.OK) if found.outcome is Outcome.UNKNOWN else found


async def knows_everybody(self: Any, request: AccountRequest) -> AccountCheck:
    found = await DirectAdapter.validate_member(self, request)
    return replace(found, outcome=Outcome.OK) if found.outcome is Outcome.NO else found


async def repeats_the_factors(self: Any, request: AccountRequest) -> AccountCheck:
    found = await DirectAdapter.validate_member(self, request)
    return replace(found, masked={name: factor.reveal() for name, factor in request.factors.items()})


async def reports_gold_for_everybody(self: Any, request: AccountRequest) -> StatusReport | None:
    await DirectAdapter.report_status(self, request)
    return StatusReport(account=request.account, tier="gold")


async def reports_of_another(self: Any, request: AccountRequest) -> StatusReport | None:
    return await DirectAdapter.report_status(self, replace(request, account=f"1{request.account}"))


async def reverses_on_anything(self: Any, request: PointsReversal) -> CancelResult:
    result = await DirectAdapter.reverse_credit(self, request)
    return replace(result, outcome=Outcome.OK) if result.outcome is Outcome.UNKNOWN else result


async def reverses_all_of_it(self: Any, request: PointsReversal) -> CancelResult:
    if (refused := refused_reversal(request, "credit")) is not None:
        return refused
    whole = request.original.service
    assert isinstance(whole, Mileage)
    rest = replace(request, quantity=whole.quantity - request.reversed_before)
    return await DirectAdapter.reverse_credit(self, rest)


async def reverses_what_was_never_moved(self: Any, request: PointsReversal) -> CancelResult:
    result = await DirectAdapter.reverse_debit(self, request)
    return replace(result, outcome=Outcome.OK) if result.code == "more_than_original" else result


async def prints_a_voucher_for_anybody(self: Any, request: ReservationRequest, reference: str) -> PartnerVoucher | None:
    found = await DirectAdapter.fetch_voucher(self, request, reference)
    return found or PartnerVoucher(code="V1", symbology="text")


async def prints_a_voucher_on_anything(self: Any, request: ReservationRequest, reference: str) -> PartnerVoucher | None:
    try:
        return await DirectAdapter.fetch_voucher(self, request, reference)
    except ProtocolError:
        return PartnerVoucher(code="V1", symbology="text")


async def loses_the_key(self: Any, request: StatusGrant) -> StepResult:
    return await DirectAdapter.grant_status(self, replace(request, key=f"{request.key}x"))


async def grants_on_anything(self: Any, request: StatusGrant) -> StepResult:
    result = await DirectAdapter.grant_status(self, request)
    return replace(result, outcome=Outcome.OK) if result.outcome is Outcome.UNKNOWN else result


async def grants_to_nobody(self: Any, request: StatusGrant) -> StepResult:
    result = await DirectAdapter.grant_status(self, request)
    return replace(result, outcome=Outcome.OK) if result.outcome is Outcome.NO else result


async def finds_the_same_thing_twice(self: Any, request: OfferSearch) -> tuple[Offer, ...]:
    found = await DirectAdapter.search_offers(self, request)
    return (found[0], *found)[: request.limit]


async def finds_more_than_is_wanted(self: Any, request: OfferSearch) -> tuple[Offer, ...]:
    return await DirectAdapter.search_offers(self, replace(request, limit=20))


HOSTILE_ABOUT_ACCOUNTS = (
    Hostile(
        "search_covers_the_place",
        "finds the same thing twice",
        acting(search_offers=finds_the_same_thing_twice),
        "are the same thing",
    ),
    Hostile(
        "search_covers_the_place",
        "finds more than is wanted",
        acting(search_offers=finds_more_than_is_wanted),
        "one offer was wanted and 2 were found",
    ),
    Hostile(
        "grant_is_by_key",
        "grants on anything",
        acting(grant_status=grants_on_anything),
        "grant_status, told 418, was ok",
    ),
    Hostile(
        "grant_is_by_key",
        "grants to nobody",
        acting(grant_status=grants_to_nobody),
        "an account that there is not was ok",
    ),
    Hostile(
        "grant_is_by_key",
        "loses the key",
        acting(grant_status=loses_the_key),
        "0 grants for one key",
    ),
    Hostile(
        "validation_is_not_misled",
        "welcomes anybody",
        acting(validate_member=welcomes_anybody),
        "validate_member, told 418, was ok",
    ),
    Hostile(
        "members_are_told_apart",
        "knows everybody",
        acting(validate_member=knows_everybody),
        "an account that there is not was ok",
    ),
    Hostile(
        "members_are_told_apart",
        "repeats the factors",
        acting(validate_member=repeats_the_factors),
        "the factor pin stands open",
    ),
    Hostile(
        "status_is_the_accounts",
        "reports gold",
        acting(report_status=reports_gold_for_everybody),
        "reported as one that there is",
    ),
    Hostile(
        "status_is_the_accounts",
        "reports of another",
        acting(report_status=reports_of_another),
        "the report is about the account '1",
    ),
    Hostile(
        "reversal_is_not_misled",
        "reverses on anything",
        acting(reverse_credit=reverses_on_anything),
        "a reversal of a credit, told 418, was ok",
    ),
    Hostile(
        "reversal_keeps_to_original",
        "reverses all of it",
        acting(reverse_credit=reverses_all_of_it),
        "1000 of a credit are taken back and 3000",
    ),
    Hostile(
        "reversal_keeps_to_original",
        "reverses what was never moved",
        acting(reverse_debit=reverses_what_was_never_moved),
        "more than was moved by a debit was ok",
    ),
    Hostile(
        "voucher_is_of_the_reservation",
        "prints one for anybody",
        acting(fetch_voucher=prints_a_voucher_for_anybody),
        "what was never reserved has a voucher",
    ),
    Hostile(
        "voucher_is_of_the_reservation",
        "prints one on anything",
        acting(fetch_voucher=prints_a_voucher_on_anything),
        "fetch_voucher, told 418, gave a voucher",
    ),
)
"""Beside those of `tests.adapters.sdk.hostile`."""
