"""The sequence: what is asked when, and what each answer leads to. Writing and judging lie in the pure modules."""

from __future__ import annotations

from datetime import date

from adapters.sdk.answers import failed_cancel, failed_step
from adapters.sdk.calls import CallFailure, PartnerAnswer
from adapters.sdk.capabilities import Step
from adapters.sdk.codec import decode
from adapters.sdk.context import AdapterContext
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import Outcome
from adapters.sdk.reading import require_ok
from adapters.sdk.records import (
    CancelResult,
    Offer,
    OfferRequest,
    OfferSearch,
    ReservationRequest,
    StatementFile,
    StepResult,
)
from adapters.sdk.statement_fetch import fetch_contractual, read_contractual
from adapters.transfers.amadeus_transfers import calls, mapping, responses, wire
from adapters.transfers.amadeus_transfers.options import TransferOptions

CONFIRMATION = "confirmation"
"""What a booking carries and a cancel needs besides the order's id: the transfer company's own number of the ride."""


class AmadeusTransfersAdapter:
    """Speaks Amadeus transfers for one partner. An order whose answer is lost is UNKNOWN and stays so: none is read."""

    steps = (Step(name="book", commit=True),)

    def __init__(self, context: AdapterContext, options: TransferOptions) -> None:
        """Keep the partner's client and the places."""
        self._client = context.client
        self._clock = context.clock
        self._partner = context.partner
        self._options = options

    async def quote_offers(self, request: OfferRequest) -> tuple[Offer, ...]:
        """Answer the rides that can be booked on the club's account; see `mapping.search` and `mapping.offers`.

        Raises:
            RejectedError: not a ride from a configured airport to a configured place, or refused.
            PartnerError: no trustworthy answer.
        """
        params = mapping.search(request.service, request.currency, self._options)
        answer = await self._client.call(calls.search(params, self._options.reading_deadline_seconds))
        code = responses.error_code(answer) if isinstance(answer, PartnerAnswer) else None
        found = decode(require_ok(answer, responses.SEARCH, code).body, wire.Envelope[tuple[wire.Offer, ...]])
        return mapping.offers(request, found.data, self._options, self._clock.now())

    async def search_offers(self, request: OfferSearch) -> tuple[Offer, ...]:
        """Answer the rides between two places, the cheapest first: the partner's search is of many by itself.

        Raises:
            PartnerError: as `quote_offers` says.
        """
        return (await self.quote_offers(request.request()))[: max(request.limit, 0)]

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        """Book. Refusals of our own (nothing was sent): ``offer_unreadable``, ``traveller_incomplete``."""
        token = mapping.read_token(request.offer_token)
        order = mapping.order(request, self._options)
        if token is None:
            return StepResult(outcome=Outcome.NO, code="offer_unreadable")
        if order is None:
            return StepResult(outcome=Outcome.NO, code="traveller_incomplete")
        answer = await self._client.call(calls.book(token.offer_id, order))
        if isinstance(answer, CallFailure):
            return failed_step(answer)
        if answer.status != 201:
            code = responses.error_code(answer)
            return StepResult(outcome=responses.BOOK.decide(answer.status, code), code=code or str(answer.status))
        try:
            made = decode(answer.body, wire.Envelope[wire.Order]).data
            fault = mapping.fault_of_order(made, request, token.offer_id, self._options)
        except ProtocolError as error:
            return StepResult(outcome=Outcome.UNKNOWN, code="protocol", message=error.message)
        if fault is not None:
            return StepResult(outcome=Outcome.UNKNOWN, code=fault)
        carried = {CONFIRMATION: made.transfers[0].confirm_nbr}
        return StepResult(outcome=responses.BOOK.decide(201), partner_reference=made.id, carried=carried)

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        """Cancel by the order's id and the ride's number; the partner tells no refund and cannot be asked again."""
        confirmation = request.carried.get(CONFIRMATION)
        if not confirmation:
            return CancelResult(outcome=Outcome.UNKNOWN, code="no_confirmation")
        answer = await self._client.call(calls.cancel(partner_reference, confirmation))
        if isinstance(answer, CallFailure):
            return failed_cancel(answer)
        code = responses.error_code(answer)
        outcome = responses.CANCEL.decide(answer.status, code)
        if outcome is not Outcome.OK:
            return CancelResult(outcome=outcome, code=code or str(answer.status))
        try:
            told = decode(answer.body, wire.Envelope[wire.Cancellation]).data
        except ProtocolError:
            return CancelResult(outcome=Outcome.UNKNOWN, code="protocol")
        if told.confirm_nbr != confirmation:
            return CancelResult(outcome=Outcome.UNKNOWN, code="wrong_echo")
        if told.reservation_status == "CONFIRMED":
            return CancelResult(outcome=Outcome.NO, code="still_confirmed")
        return CancelResult(outcome=Outcome.OK)

    def parse_statement(self, name: str, content: bytes) -> StatementFile:
        """Read a statement in the contractual format; see `read_contractual`."""
        return read_contractual(self._partner, name, content)

    async def fetch_statement(self, business_date: date) -> tuple[str, bytes] | None:
        """Fetch a day's statement from where the contract lays it; see `fetch_contractual`."""
        return await fetch_contractual(self._client, self._partner, self._options.statement_path, business_date)
