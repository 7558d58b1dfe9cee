"""The adapter: four calls, each judged by a table and an echo."""

from __future__ import annotations

from datetime import date, timedelta

from adapters.sdk.answers import failed_cancel, failed_step, readable
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.capabilities import Step
from adapters.sdk.context import AdapterContext
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import LookUpAnswer, Outcome, ResponseRule, ResponseTable
from adapters.sdk.records import (
    CancelResult,
    LookUpResult,
    Offer,
    OfferRequest,
    Rental,
    ReservationRequest,
    StatementFile,
    StepResult,
)
from adapters.sdk.statement_fetch import fetch_contractual, read_contractual
from adapters.sdk.statement_file import STATEMENT_PATH
from adapters.sdk.xml_codec import CONTENT_TYPE, Element, decode_xml, encode_xml
from tests.adapters.sdk.xml_partner import wire
from tests.adapters.sdk.xml_partner.wire import tag

SOURCE = "This example's own rules, after the OpenTravel error codes"
OK = "ok"
RESERVE = ResponseTable(
    ResponseRule(200, OK, Outcome.OK, SOURCE),
    ResponseRule(200, "437", Outcome.NO, SOURCE),
    ResponseRule(200, "322", Outcome.NO, SOURCE),
    ResponseRule(503, None, Outcome.BUSY, SOURCE),
)
CANCEL = ResponseTable(ResponseRule(200, OK, Outcome.OK, SOURCE), ResponseRule(200, "95", Outcome.NO, SOURCE))
NOT_FOUND = "97"
OFFER_LIFE = timedelta(minutes=15)


class RentalAdapter:
    """One company."""

    steps = (Step(name="reserve", commit=True),)

    def __init__(self, context: AdapterContext) -> None:
        self._client = context.client
        self._clock = context.clock
        self._partner = context.partner

    async def quote_offers(self, request: OfferRequest) -> tuple[Offer, ...]:
        if not isinstance(request.service, Rental):
            return ()
        answer = readable(await self._call("quote_offers", "/ota/avail", wire.avail_rq(request.service)))
        document = decode_xml(answer.body, tag("OTA_VehAvailRateRS"))
        if wire.error_code(document) is not None:
            return ()
        core = document.one(tag("VehAvailRSCore"))
        if wire.rental_of(core.one(tag("VehRentalCore"))) != request.service:
            raise ProtocolError("The company answered for another rental.")
        cars = core.one(tag("VehVendorAvails"), tag("VehVendorAvail"), tag("VehAvails")).all(tag("VehAvail"))
        offers = (self._offer(request.service, car.one(tag("VehAvailCore"))) for car in cars)
        return tuple(
            offer for offer in offers if offer is not None and offer.price and offer.price.currency == request.currency
        )

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        if not isinstance(request.service, Rental):
            return StepResult(outcome=Outcome.NOT_SENT, code="other_service")
        answer = await self._call("reserve", "/ota/reserve", wire.res_rq(request, request.service))
        if isinstance(answer, CallFailure):
            return failed_step(answer)
        try:
            if answer.status != 200:
                return StepResult(outcome=RESERVE.decide(answer.status))
            document = decode_xml(answer.body, tag("OTA_VehResRS"))
            code = wire.error_code(document)
            outcome = RESERVE.decide(200, code or OK)
            if document.attribute("EchoToken") != request.key:
                return StepResult(outcome=Outcome.UNKNOWN, code="wrong_echo")
            if outcome is not Outcome.OK:
                return StepResult(outcome=outcome, code=code)
            return self._reserved(request, document.one(tag("VehResRSCore"), tag("VehReservation")))
        except ProtocolError as error:
            return StepResult(outcome=Outcome.UNKNOWN, code="unreadable", message=error.message)

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        answer = await self._call("look_up", "/ota/retrieve", wire.ret_rq(request.key))
        if isinstance(answer, CallFailure) or answer.status != 200:
            return LookUpResult(answer=LookUpAnswer.UNKNOWN)
        try:
            document = decode_xml(answer.body, tag("OTA_VehRetResRS"))
            code = wire.error_code(document)
            if document.attribute("EchoToken") != request.key:
                return LookUpResult(answer=LookUpAnswer.UNKNOWN, code="wrong_echo")
            if code is not None:
                return LookUpResult(answer=LookUpAnswer.NOT_FOUND if code == NOT_FOUND else LookUpAnswer.UNKNOWN)
            found = document.one(tag("VehRetResRSCore"), tag("VehReservation"))
            if found.word("ReservationStatus", wire.Reserved) is wire.Reserved.CANCELLED:
                return LookUpResult(answer=LookUpAnswer.CANCELLED)
            result = self._reserved(request, found)
        except ProtocolError as error:
            return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=error.message)
        issued = result.outcome is Outcome.OK
        return LookUpResult(
            answer=LookUpAnswer.ISSUED if issued else LookUpAnswer.UNKNOWN, partner_reference=result.partner_reference
        )

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        answer = await self._call("cancel", "/ota/cancel", wire.cancel_rq(request.key, partner_reference))
        if isinstance(answer, CallFailure):
            return failed_cancel(answer)
        try:
            document = decode_xml(answer.body, tag("OTA_VehCancelRS"))
            code = wire.error_code(document)
            if document.attribute("EchoToken") != request.key:
                return CancelResult(outcome=Outcome.UNKNOWN, code="wrong_echo")
        except ProtocolError:
            return CancelResult(outcome=Outcome.UNKNOWN, code="unreadable")
        return CancelResult(outcome=CANCEL.decide(answer.status, code or OK), code=code)

    def parse_statement(self, name: str, content: bytes) -> StatementFile:
        return read_contractual(self._partner, name, content)

    async def fetch_statement(self, business_date: date) -> tuple[str, bytes] | None:
        return await fetch_contractual(self._client, self._partner, STATEMENT_PATH, business_date)

    def _reserved(self, request: ReservationRequest, reservation: Element) -> StepResult:
        segment = reservation.one(tag("VehSegmentCore"))
        same = (
            wire.rental_of(segment.one(tag("VehRentalCore"))) == request.service
            and wire.total(segment) == request.price
            and reservation.word("ReservationStatus", wire.Reserved) is wire.Reserved.RESERVED
        )
        reference = segment.one(tag("ConfID")).attribute("ID")
        if not same:
            return StepResult(outcome=Outcome.UNKNOWN, code="wrong_echo")
        return StepResult(outcome=Outcome.OK, partner_reference=reference)

    def _offer(self, rental: Rental, core: Element) -> Offer | None:
        if core.word("Status", wire.Availability) is not wire.Availability.AVAILABLE:
            return None
        return Offer(
            token=core.one(tag("Reference")).attribute("ID"),
            service=rental,
            title=core.one(tag("Vehicle"), tag("VehMakeModel")).attribute("Name"),
            price=wire.total(core),
            expires_at=self._clock.now() + OFFER_LIFE,
        )

    async def _call(self, operation: str, path: str, message: Element) -> PartnerAnswer | CallFailure:
        return await self._client.call(
            PartnerCall(
                operation=operation,
                method="POST",
                path=path,
                headers={"Accept": "application/xml"},
                body=encode_xml(message),
                content_type=CONTENT_TYPE,
            )
        )
