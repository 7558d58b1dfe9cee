"""The sequence: what is asked when, and what each answer leads to. Writing and judging lie in the pure modules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar

import msgspec

from adapters.lounges.mastercard_airport import calls, mapping, responses, wire
from adapters.lounges.mastercard_airport.options import AirportOptions
from adapters.sdk.answers import failed_step
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.capabilities import Step
from adapters.sdk.codec import decode
from adapters.sdk.context import AdapterContext
from adapters.sdk.errors import PartnerError, ProtocolError, RejectedError
from adapters.sdk.outcomes import Outcome
from adapters.sdk.reading import require_ok
from adapters.sdk.records import (
    CancelResult,
    Offer,
    OfferRequest,
    OfferSearch,
    PartnerVoucher,
    ReservationRequest,
    StatementFile,
    StepResult,
    Usage,
)
from adapters.sdk.statement_fetch import fetch_contractual, read_contractual

T = TypeVar("T")
MOST_LOUNGES = 20
CARD = "lounge_access_number"
"""What the first step carries: the number of the card that opens the lounge."""


class MastercardAirportAdapter:
    """Speaks Airport Experience for one partner. Nothing is booked: it is made sure that the card will open the lounge.

    The commit makes no call: what is issued is our own voucher. The partner's reference is the card's number.
    """

    steps = (Step(name="card"), Step(name="entitlement"), Step(name="issue", commit=True))

    def __init__(self, context: AdapterContext, options: AirportOptions) -> None:
        """Keep the partner's client and how it is asked."""
        self._client = context.client
        self._clock = context.clock
        self._partner = context.partner
        self._options = options

    async def quote_offers(self, request: OfferRequest) -> tuple[Offer, ...]:
        """Answer the lounge that is asked for, where the member's card opens it.

        Raises:
            RejectedError: not a visit, or the member has linked no account; or refused.
            PartnerError: no trustworthy answer.
        """
        visit = mapping.visit_of(request.service)
        holder = mapping.holder(request.partner_account)
        if holder is None:
            raise RejectedError("The member has no account at this partner; link one first.")
        search = calls.lounges(holder, visit.airport, self._options.language)
        if not mapping.is_at(await self._read(search, tuple[wire.Airport, ...]), visit):
            return ()
        detail = await self._read(calls.lounge(holder, visit.lounge_id, self._options.language), wire.LoungeDetail)
        return mapping.offers(visit, detail, self._options, self._clock.now())

    async def search_offers(self, request: OfferSearch) -> tuple[Offer, ...]:
        """Answer the lounges of an airport that the member's card opens, in the partner's order.

        One call for the airport and one for each lounge, until enough are found; at most `MOST_LOUNGES` are looked at.

        Raises:
            PartnerError: as `quote_offers` says.
        """
        visit = mapping.visit_of(request.service)
        holder = mapping.holder(request.partner_account)
        if holder is None:
            raise RejectedError("The member has no account at this partner; link one first.")
        search = calls.lounges(holder, visit.airport, self._options.language)
        airports = await self._read(search, tuple[wire.Airport, ...])
        found: list[Offer] = []
        for code in mapping.lounges_at(airports, visit.airport)[:MOST_LOUNGES]:
            if len(found) >= request.limit:
                break
            one = msgspec.structs.replace(visit, lounge_id=code)
            detail = await self._read(calls.lounge(holder, code, self._options.language), wire.LoungeDetail)
            found.extend(mapping.offers(one, detail, self._options, self._clock.now()))
        return tuple(found)

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        """Make the one call of a step; ``issue`` makes none. Refusal of our own: ``no_account`` (nothing was sent)."""
        holder = mapping.holder(request.traveller.partner_account)
        if holder is None:
            return StepResult(outcome=Outcome.NO, code="no_account")
        match step:
            case "card":
                return await self._judge(calls.card(holder), lambda body: self._card(request, body))
            case "entitlement":
                return await self._judge(calls.entitlements(holder), lambda body: self._entitlement(request, body))
            case _:
                return _issue(request)

    def _card(self, request: ReservationRequest, body: bytes) -> StepResult:
        card = decode(body, wire.Card)
        fault = mapping.fault_of_card(card, mapping.visit_of(request.service).visit_date)
        if fault is not None:
            return StepResult(outcome=Outcome.NO, code=fault)
        return StepResult(outcome=Outcome.OK, carried={CARD: card.lounge_access_number})

    def _entitlement(self, request: ReservationRequest, body: bytes) -> StepResult:
        entitlements = decode(body, tuple[wire.Entitlement, ...])
        if not mapping.covers(entitlements, mapping.visit_of(request.service).guests):
            return StepResult(outcome=Outcome.NO, code="entitlement_used_up")
        return StepResult(outcome=Outcome.OK)

    async def _judge(self, call: PartnerCall, read: Callable[[bytes], StepResult]) -> StepResult:
        answer = await self._client.call(call)
        if isinstance(answer, CallFailure):
            return failed_step(answer)
        code = responses.error_code(answer)
        outcome = responses.READ.decide(answer.status, code)
        if outcome is not Outcome.OK:
            return StepResult(outcome=outcome, code=code or str(answer.status))
        try:
            return read(answer.body)
        except ProtocolError as error:
            return StepResult(outcome=Outcome.UNKNOWN, code="protocol", message=error.message)

    async def fetch_voucher(self, request: ReservationRequest, partner_reference: str) -> PartnerVoucher | None:
        """Read the member's digital card: the partner's own voucher, of which ours is a second one.

        None where the member has no account or no card with a code any more.

        Raises:
            PartnerError: no trustworthy answer, or another card than the one that was looked at.
        """
        holder = mapping.holder(request.traveller.partner_account)
        if holder is None:
            return None
        return mapping.voucher(await self._read(calls.card(holder), wire.Card), partner_reference)

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        """Take our voucher back unless the lounge was visited: nothing is cancelled at the partner.

        NO: ``visited``. The partner tells visits once they are processed; one that it tells later is a break between
        our books and its statement. While it does not answer, nothing is decided (BUSY: ask again).
        """
        account = request.traveller.partner_account or ""
        visit = mapping.visit_of(request.service)
        try:
            found = await self.fetch_usage(account, visit.visit_date, visit.visit_date)
        except RejectedError as error:
            return CancelResult(outcome=Outcome.UNKNOWN, code=error.code)
        except PartnerError as error:
            return CancelResult(outcome=Outcome.BUSY, code=error.code)
        if mapping.was_used(found, visit):
            return CancelResult(outcome=Outcome.NO, code="visited")
        return CancelResult(outcome=Outcome.OK)

    async def fetch_usage(self, account: str, from_date: date, to_date: date) -> tuple[Usage, ...]:
        """Ask for an account's visits; they have no id and are matched by their attributes. See `ReportsUsage`."""
        holder = mapping.holder(account)
        if holder is None:
            raise RejectedError("This is no account of this partner.")
        call = calls.visits(holder, from_date, to_date, self._options.language)
        return mapping.usages(account, await self._read(call, tuple[wire.Visit, ...]))

    def parse_statement(self, name: str, content: bytes) -> StatementFile:
        """Read a statement in the contractual format; see `read_contractual`."""
        return read_contractual(self._partner, name, content)

    async def fetch_statement(self, business_date: date) -> tuple[str, bytes] | None:
        """Fetch a day's statement from where the contract lays it; see `fetch_contractual`."""
        return await fetch_contractual(self._client, self._partner, self._options.statement_path, business_date)

    async def _read(self, call: PartnerCall, type_: type[T]) -> T:
        answer = await self._client.call(call)
        code = responses.error_code(answer) if isinstance(answer, PartnerAnswer) else None
        return decode(require_ok(answer, responses.READ, code).body, type_)


def _issue(request: ReservationRequest) -> StepResult:
    number = request.carried.get(CARD)
    if not number:
        return StepResult(outcome=Outcome.NOT_SENT, code="out_of_order", message="The card was not looked at yet.")
    return StepResult(outcome=Outcome.OK, partner_reference=number)
