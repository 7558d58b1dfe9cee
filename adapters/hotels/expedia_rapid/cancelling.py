"""Cancelling by the partner's link. The answer to a cancel may leave open what happened, so it is read back."""

from __future__ import annotations

from adapters.hotels.expedia_rapid import calls, mapping, wire
from adapters.hotels.expedia_rapid.judgement import judge_itinerary
from adapters.hotels.expedia_rapid.links import follow
from adapters.hotels.expedia_rapid.options import RapidOptions
from adapters.hotels.expedia_rapid.responses import CANCEL, RETRIEVE, error_code
from adapters.sdk.calls import CallFailure, PartnerAnswer
from adapters.sdk.client import PartnerClient
from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, ReservationRequest

_CLEAR = frozenset({Outcome.OK, Outcome.NO, Outcome.BUSY, Outcome.NOT_SENT})


class Cancelling:
    """Read, cancel, read again."""

    def __init__(self, client: PartnerClient, options: RapidOptions) -> None:
        """Keep the partner's client and point of sale."""
        self._client = client
        self._options = options

    async def cancel(self, request: ReservationRequest, itinerary_id: str) -> CancelResult:
        """Cancel the one room of an itinerary.

        OK: it is cancelled, now or before. NO: it stands. BUSY, NOT_SENT: nothing was done. Else it is not known.
        """
        try:
            return await self._cancel(request, itinerary_id)
        except ProtocolError:
            return CancelResult(outcome=Outcome.UNKNOWN, code="protocol")

    async def _cancel(self, request: ReservationRequest, itinerary_id: str) -> CancelResult:
        itinerary = await self._read(request, itinerary_id)
        if isinstance(itinerary, CancelResult):
            return itinerary
        judged = judge_itinerary(itinerary, request, itinerary_id)
        if judged.answer is LookUpAnswer.CANCELLED:
            return CancelResult(outcome=Outcome.OK, code="already_cancelled")
        if judged.answer is not LookUpAnswer.ISSUED:
            return CancelResult(outcome=Outcome.UNKNOWN, code=judged.code or judged.answer.value)
        room = itinerary.rooms[0]
        link = room.links.cancel if room.links else None
        if link is None:
            return CancelResult(outcome=Outcome.NO, code="not_cancellable")
        refund = mapping.read_refund(room.rate.cancel_refund) if room.rate and room.rate.cancel_refund else None
        result = await self._follow(link)
        if result.outcome not in _CLEAR:
            result = await self._read_back(request, itinerary_id, result)
        if result.outcome is not Outcome.OK:
            return result
        return CancelResult(outcome=Outcome.OK, code=result.code, refund=refund)

    async def _follow(self, link: wire.Link) -> CancelResult:
        target = follow("cancel", link.href)
        if target is None:
            return CancelResult(outcome=Outcome.NO, code="not_cancellable")
        answer = await self._client.call(calls.cancel(target, self._options))
        if isinstance(answer, CallFailure):
            return CancelResult(outcome=answer.outcome, code=answer.reason)
        code = error_code(answer)
        return CancelResult(outcome=CANCEL.decide(answer.status, code), code=code or str(answer.status))

    async def _read_back(self, request: ReservationRequest, itinerary_id: str, unclear: CancelResult) -> CancelResult:
        """Ask what became of a cancel whose answer left it open (202, lost, 5xx)."""
        itinerary = await self._read(request, itinerary_id)
        if isinstance(itinerary, CancelResult):
            return CancelResult(outcome=Outcome.UNKNOWN, code=unclear.code)
        if judge_itinerary(itinerary, request, itinerary_id).answer is LookUpAnswer.CANCELLED:
            return CancelResult(outcome=Outcome.OK, code=unclear.code)
        return CancelResult(outcome=Outcome.UNKNOWN, code=unclear.code)

    async def _read(self, request: ReservationRequest, itinerary_id: str) -> wire.Itinerary | CancelResult:
        email = request.carried.get("email") or request.traveller.email
        target = follow("retrieve", f"/v3/itineraries/{itinerary_id}")
        if not email or target is None:
            return CancelResult(outcome=Outcome.UNKNOWN, code="not_readable")
        answer = await self._client.call(calls.retrieve(target, email, self._options))
        if not isinstance(answer, PartnerAnswer):
            return CancelResult(outcome=Outcome.UNKNOWN, code=answer.reason)
        code = error_code(answer)
        if RETRIEVE.decide(answer.status, code) is not Outcome.OK:
            return CancelResult(outcome=Outcome.UNKNOWN, code=code or str(answer.status))
        return decode(answer.body, wire.Itinerary)
