"""The sequence of calls; what an answer means is in `valet_adapter.mapping`."""

from __future__ import annotations

from datetime import date

from adapters.sdk.answers import failed_cancel, failed_step, readable
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.capabilities import Step
from adapters.sdk.codec import decode, encode
from adapters.sdk.context import AdapterContext
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import (
    CancelResult,
    LookUpResult,
    Offer,
    OfferRequest,
    ReservationRequest,
    Ride,
    StatementFile,
    StepResult,
)
from adapters.sdk.statement_fetch import fetch_contractual, read_contractual
from catalogue.values import Money
from valet_adapter import mapping, wire


class ValetAdapter:
    """One valet company."""

    steps = (Step(name="reserve", commit=True),)

    def __init__(self, context: AdapterContext) -> None:
        """Take the context."""
        self._client = context.client
        self._clock = context.clock
        self._partner = context.partner

    async def quote_offers(self, request: OfferRequest) -> tuple[Offer, ...]:
        """Ask for the fare of a ride; of anything else there is none."""
        if not isinstance(request.service, Ride):
            return ()
        query = wire.FareQuery(trip=mapping.trip(request.service), currency=request.currency)
        answer = readable(await self._send("quote_offers", "POST", "/v2/fares", query))
        if answer.status != 200:
            raise ProtocolError("The fares' status is not documented.", status=answer.status)
        found = decode(answer.body, wire.FareAnswer)
        if found.fare.currency != request.currency:
            raise ProtocolError("The fare is in another currency than was asked for.")
        return (
            Offer(
                token=found.fare_id,
                service=request.service,
                title="A valet with a car",
                price=Money(found.fare.fen, found.fare.currency),
                expires_at=found.until,
            ),
        )

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        """Place the job."""
        if not isinstance(request.service, Ride):
            return StepResult(outcome=Outcome.NOT_SENT, code="not_a_ride")
        body = wire.JobBody(
            job_key=request.key,
            fare_id=request.offer_token,
            trip=mapping.trip(request.service),
            fare=mapping.fare(request.price),
        )
        answer = await self._send("reserve", "POST", "/v2/jobs", body)
        if isinstance(answer, CallFailure):
            return failed_step(answer)
        return mapping.read_step(request, answer, self._clock.now())

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        """Ask for the job of our key."""
        answer = await self._send("look_up", "GET", f"/v2/jobs/{request.key}")
        if isinstance(answer, CallFailure):
            return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=answer.reason)
        return mapping.read_look_up(request, answer)

    async def fence(self, request: ReservationRequest) -> CancelResult:
        """Kill our key."""
        return await self._withdraw("fence", request, f"/v2/jobs/{request.key}/kill")

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        """Cancel the job; the partner finds it by our key."""
        return await self._withdraw("cancel", request, f"/v2/jobs/{request.key}/cancel")

    def parse_statement(self, name: str, content: bytes) -> StatementFile:
        """Read the contractual statement file."""
        return read_contractual(self._partner, name, content)

    async def fetch_statement(self, business_date: date) -> tuple[str, bytes] | None:
        """Fetch the file of a day."""
        return await fetch_contractual(self._client, self._partner, "/v2/statements/{date}", business_date)

    async def _withdraw(self, operation: str, request: ReservationRequest, path: str) -> CancelResult:
        answer = await self._send(operation, "POST", path)
        return (
            failed_cancel(answer) if isinstance(answer, CallFailure) else mapping.read_withdrawal(request.key, answer)
        )

    async def _send(self, operation: str, method: str, path: str, body: object = None) -> PartnerAnswer | CallFailure:
        encoded = None if body is None else encode(body)
        return await self._client.call(PartnerCall(operation=operation, method=method, path=path, body=encoded))
