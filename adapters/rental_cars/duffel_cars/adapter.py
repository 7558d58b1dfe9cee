"""The sequence: what is asked when, and what each answer leads to. Writing and judging lie in the pure modules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from adapters.rental_cars.duffel_cars import calls, mapping, responses, webhooks, wire
from adapters.rental_cars.duffel_cars.options import DuffelOptions
from adapters.sdk.answers import failed_cancel, failed_step
from adapters.sdk.calls import CallFailure, PartnerAnswer
from adapters.sdk.capabilities import Step
from adapters.sdk.codec import decode
from adapters.sdk.context import AdapterContext
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import Outcome, ResponseTable
from adapters.sdk.reading import require_ok
from adapters.sdk.records import (
    CancelResult,
    Offer,
    OfferRequest,
    OfferSearch,
    PartnerEvent,
    ReservationRequest,
    StatementFile,
    StepResult,
)
from adapters.sdk.statement_fetch import fetch_contractual, read_contractual


class DuffelCarsAdapter:
    """Speaks Duffel Cars for one partner. A booking whose answer is lost is UNKNOWN and stays so: it has no look-up."""

    steps = (Step(name="quote"), Step(name="book", commit=True))

    def __init__(self, context: AdapterContext, options: DuffelOptions) -> None:
        """Keep the partner's client and the stations."""
        self._client = context.client
        self._clock = context.clock
        self._partner = context.partner
        self._options = options

    async def quote_offers(self, request: OfferRequest) -> tuple[Offer, ...]:
        """Answer the rates that can be booked without a card; see `mapping.search` and `mapping.offers`.

        Raises:
            RejectedError: not a rental between configured stations with the driver's date of birth, or refused.
            PartnerError: no trustworthy answer.
        """
        call = calls.search(mapping.search(request.service, self._options), self._options.reading_deadline_seconds)
        answer = await self._client.call(call)
        found = decode(require_ok(answer, responses.SEARCH, _code(answer)).body, wire.Envelope[wire.Search])
        return mapping.offers(request, found.data, self._options, self._clock.now())

    async def search_offers(self, request: OfferSearch) -> tuple[Offer, ...]:
        """Answer the cars of a station, the cheapest first: the partner's search is one of many things by itself.

        Raises:
            PartnerError: as `quote_offers` says.
        """
        return (await self.quote_offers(request.request()))[: max(request.limit, 0)]

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        """Make the one call of a step."""
        try:
            return await (self._book(request) if step == "book" else self._quote(request))
        except ProtocolError as error:
            return StepResult(outcome=Outcome.UNKNOWN, code="protocol", message=error.message)

    async def _quote(self, request: ReservationRequest) -> StepResult:
        """Confirm the price. Refusals of our own: ``offer_unreadable`` (nothing was sent), ``price_changed``."""
        token = mapping.read_token(request.offer_token)
        if token is None:
            return StepResult(outcome=Outcome.NO, code="offer_unreadable")
        answer = await self._client.call(calls.quote(token.rate_id, self._options.reading_deadline_seconds))
        if not isinstance(answer, PartnerAnswer) or answer.status != 200:
            return self._refused(answer, responses.QUOTE)
        quote = decode(answer.body, wire.Envelope[wire.Quote]).data
        fault = mapping.fault_of_quote(quote, token.rate_id, request, self._options)
        if fault is not None:
            return StepResult(outcome=Outcome.NO if fault == "price_changed" else Outcome.UNKNOWN, code=fault)
        return StepResult(outcome=Outcome.OK, carried={"quote_id": quote.id})

    async def _book(self, request: ReservationRequest) -> StepResult:
        """Book. Refusal of our own (nothing was sent): ``not_bookable``: no quote, or the driver is incomplete."""
        booking = mapping.booking(request)
        if booking is None:
            return StepResult(outcome=Outcome.NO, code="not_bookable")
        answer = await self._client.call(calls.book(booking))
        if not isinstance(answer, PartnerAnswer) or answer.status != 200:
            return self._refused(answer, responses.BOOK)
        booked = decode(answer.body, wire.Envelope[wire.Booking]).data
        if not mapping.is_ours(booked, request, self._options):
            return StepResult(outcome=Outcome.UNKNOWN, code="wrong_echo")
        if not mapping.stands(booked):
            return StepResult(outcome=Outcome.UNKNOWN, code=f"status_{booked.status}")
        carried = {"supplier_reference": booked.reference[:100]}
        return StepResult(outcome=responses.BOOK.decide(200), partner_reference=booked.id, carried=carried)

    def _refused(self, answer: PartnerAnswer | CallFailure, table: ResponseTable) -> StepResult:
        if isinstance(answer, CallFailure):
            return failed_step(answer)
        code = responses.error_code(answer)
        wait = responses.wait_seconds(answer, self._clock.now()) if answer.status == 429 else None
        return StepResult(
            outcome=table.decide(answer.status, code), code=code or str(answer.status), retry_after_seconds=wait
        )

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        """Cancel by the booking's id, and read the booking again when the answer does not say what became of it.

        Idempotent: a booking that is cancelled already is OK. The partner tells no refund: what is given back is in the
        statement.
        """
        answer = await self._client.call(calls.cancel(partner_reference))
        if isinstance(answer, CallFailure) and answer.outcome is Outcome.NOT_SENT:
            return failed_cancel(answer)
        code = _code(answer)
        outcome = responses.CANCEL.decide(answer.status, code) if isinstance(answer, PartnerAnswer) else Outcome.UNKNOWN
        if outcome is Outcome.BUSY:
            return CancelResult(outcome=outcome, code=code)
        if isinstance(answer, PartnerAnswer) and outcome is Outcome.OK:
            cancelled = self._is_cancelled(answer, request, partner_reference)
        else:
            cancelled = await self._reads_cancelled(request, partner_reference)
        if cancelled:
            return CancelResult(outcome=Outcome.OK)
        refused = outcome is Outcome.NO and cancelled is False
        return CancelResult(outcome=Outcome.NO if refused else Outcome.UNKNOWN, code=code or "not_cancelled")

    async def _reads_cancelled(self, request: ReservationRequest, booking_id: str) -> bool | None:
        answer = await self._client.call(calls.get(booking_id, self._options.reading_deadline_seconds))
        if isinstance(answer, CallFailure) or responses.GET.decide(answer.status, _code(answer)) is not Outcome.OK:
            return None
        return self._is_cancelled(answer, request, booking_id)

    def _is_cancelled(self, answer: PartnerAnswer, request: ReservationRequest, booking_id: str) -> bool | None:
        """Say whether the booking read is cancelled; None when it is not ours or cannot be read."""
        try:
            booked = decode(answer.body, wire.Envelope[wire.Booking]).data
            ours = booked.id == booking_id and mapping.is_ours(booked, request, self._options)
        except ProtocolError:
            return None
        if not ours:
            return None
        return booked.status == "cancelled" and booked.cancelled_at is not None

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...], now: int) -> str:
        """Verify ``X-Duffel-Signature``; see `webhooks.verify`."""
        return webhooks.verify(headers, body, secrets, now)

    def read_webhook(self, message_id: str, body: bytes) -> PartnerEvent | None:
        """Read an event as a hint; see `webhooks.read`."""
        return webhooks.read(message_id, body)

    def parse_statement(self, name: str, content: bytes) -> StatementFile:
        """Read a statement in the contractual format; see `read_contractual`."""
        return read_contractual(self._partner, name, content)

    async def fetch_statement(self, business_date: date) -> tuple[str, bytes] | None:
        """Fetch a day's statement from where the contract lays it; see `fetch_contractual`."""
        return await fetch_contractual(self._client, self._partner, self._options.statement_path, business_date)


def _code(answer: Any) -> str | None:
    return responses.error_code(answer) if isinstance(answer, PartnerAnswer) else None
