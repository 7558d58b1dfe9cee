"""The sequence: what is asked when, and what each answer leads to. Writing and judging lie in the pure modules."""

from __future__ import annotations

from datetime import date

from adapters.hotels.expedia_rapid import calls, mapping, wire
from adapters.hotels.expedia_rapid.cancelling import Cancelling
from adapters.hotels.expedia_rapid.judgement import fault_of_creation, judge_itineraries, judge_itinerary
from adapters.hotels.expedia_rapid.links import follow
from adapters.hotels.expedia_rapid.options import RapidOptions
from adapters.hotels.expedia_rapid.responses import (
    AVAILABILITY,
    BOOK,
    PRICE_CHECK,
    RETRIEVE,
    error_code,
    retry_after_seconds,
)
from adapters.hotels.expedia_rapid.shopping import Shop, best_of_each, offers
from adapters.hotels.expedia_rapid.statements import fetch
from adapters.sdk import answers, statement_file
from adapters.sdk.calls import CallFailure, PartnerAnswer
from adapters.sdk.capabilities import Step
from adapters.sdk.codec import decode
from adapters.sdk.context import AdapterContext
from adapters.sdk.errors import (
    AuthenticationError,
    PartnerUnavailableError,
    ProtocolError,
    RejectedError,
    StatementError,
)
from adapters.sdk.outcomes import LookUpAnswer, Outcome, ResponseTable
from adapters.sdk.records import (
    CancelResult,
    LookUpResult,
    Offer,
    OfferRequest,
    OfferSearch,
    ReservationRequest,
    StatementFile,
    Stay,
    StepResult,
)

_MAY_ASK_TO_WAIT = (429, 503)


class RapidAdapter:
    """Speaks Rapid v3 for one partner. Bookings are paid on the affiliate's account; no card data exists here."""

    steps = (Step(name="price_check"), Step(name="book", commit=True))

    def __init__(self, context: AdapterContext, options: RapidOptions) -> None:
        """Keep the partner's client and point of sale."""
        self._client = context.client
        self._clock = context.clock
        self._partner = context.partner
        self._options = options
        self._cancelling = Cancelling(context.client, options)

    async def quote_offers(self, request: OfferRequest) -> tuple[Offer, ...]:
        """Answer the rooms of a property, or of the properties configured for a city; see `shopping.offers`.

        Raises:
            RejectedError: not a stay, neither property nor known city, or the partner refused the search.
            PartnerUnavailableError: no answer; trying again may work.
            AuthenticationError: our credentials were refused.
            ProtocolError: an answer that cannot be trusted.
        """
        stay = request.service
        if not isinstance(stay, Stay):
            raise RejectedError("This partner sells hotel stays only.")
        wanted = (stay.property_id,) if stay.property_id else self._options.cities.get(stay.city or "", ())
        if not wanted:
            raise RejectedError("The stay names neither a property nor a city that is configured for this partner.")
        call = calls.availability(stay, wanted, request.currency, self._options)
        answer = _readable(await self._client.call(call), AVAILABILITY)
        hotels = decode(answer.body, list[wire.Property])
        if not {hotel.property_id for hotel in hotels} <= set(wanted):
            raise ProtocolError("The partner answered for a property that was not asked for.")
        shop = Shop(
            stay=stay,
            currency=request.currency,
            partner_tier=request.partner_tier,
            options=self._options,
            now=self._clock.now(),
        )
        return offers(shop, hotels)

    async def search_offers(self, request: OfferSearch) -> tuple[Offer, ...]:
        """Answer the best room of each property that is configured for a city, in the partner's order, by one call.

        Raises:
            PartnerError: as `quote_offers` says; a stay that names a property is refused: that is one thing.
        """
        if isinstance(request.service, Stay) and request.service.property_id:
            raise RejectedError("A search is about a city; the stay names a property.")
        return best_of_each(await self.quote_offers(request.request()))[: max(request.limit, 0)]

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        """Make the one call of a step; the idempotency key of ``book`` is ``affiliate_reference_id``."""
        try:
            return await (self._book(request) if step == "book" else self._price_check(request))
        except ProtocolError as error:
            return StepResult(outcome=Outcome.UNKNOWN, code="protocol", message=error.message)

    async def _price_check(self, request: ReservationRequest) -> StepResult:
        """Confirm the quoted price and carry the booking link and the e-mail that look-ups will need.

        Refusals of our own (nothing was sent): ``offer_unreadable``, ``traveller_incomplete``.
        """
        token = mapping.read_token(request.offer_token)
        target = follow("price_check", token.href) if token else None
        if token is None or target is None:
            return StepResult(outcome=Outcome.NO, code="offer_unreadable")
        booking = mapping.booking(request, self._options)
        if booking is None:
            return StepResult(outcome=Outcome.NO, code="traveller_incomplete")
        answer = await self._client.call(calls.price_check(target, self._options))
        if not isinstance(answer, PartnerAnswer) or answer.status != 200:
            return self._refused(answer, PRICE_CHECK)
        checked = decode(answer.body, wire.PriceCheck)
        outcome = PRICE_CHECK.decide(200, checked.status)
        if outcome is not Outcome.OK:
            return StepResult(outcome=outcome, code=checked.status)
        prices = mapping.inclusive_price(checked.occupancy_pricing, token.occupancy, token.currency)
        if prices is None:
            raise ProtocolError("The price check has no price.")
        if prices != token.prices:
            return StepResult(outcome=Outcome.NO, code="price_changed")
        link = checked.links.book if checked.links else None
        if link is None or follow("book", link.href) is None:
            raise ProtocolError("The price check has no link to book by.")
        carried = {"book_href": link.href, "email": booking.email}
        if link.expires is not None:
            carried["book_expires_at"] = mapping.read_instant(link.expires).isoformat()
        return StepResult(outcome=Outcome.OK, carried=carried)

    async def _book(self, request: ReservationRequest) -> StepResult:
        """Book. Refusals of our own (nothing was sent): ``not_price_checked``, ``offer_expired``."""
        target = follow("book", request.carried.get("book_href", ""))
        booking = mapping.booking(request, self._options)
        if target is None or booking is None:
            return StepResult(outcome=Outcome.NO, code="not_price_checked")
        expires_at = request.carried.get("book_expires_at")
        if expires_at and mapping.read_instant(expires_at) <= self._clock.now():
            return StepResult(outcome=Outcome.NO, code="offer_expired")
        answer = await self._client.call(calls.book(target, booking, self._options))
        if not isinstance(answer, PartnerAnswer) or answer.status != 201:
            return self._refused(answer, BOOK)
        creation = decode(answer.body, wire.ItineraryCreation)
        fault = fault_of_creation(creation)
        if fault is not None:
            return StepResult(outcome=Outcome.UNKNOWN, code=fault)
        return await self._confirmed(request, creation.itinerary_id, booking.email)

    async def _confirmed(self, request: ReservationRequest, itinerary_id: str, email: str) -> StepResult:
        """Read a new booking back, as the partner asks its clients to: only that echoes key, stay and price.

        A booking that is not readable yet is UNKNOWN, and a later look-up finds it.
        """
        target = follow("retrieve", f"/v3/itineraries/{itinerary_id}")
        if target is None:
            return StepResult(outcome=Outcome.UNKNOWN, code="wrong_echo")
        answer = await self._client.call(calls.retrieve(target, email, self._options))
        if not isinstance(answer, PartnerAnswer):
            return StepResult(outcome=Outcome.UNKNOWN, code="not_confirmed", message=answer.reason)
        if RETRIEVE.decide(answer.status, error_code(answer)) is not Outcome.OK:
            return StepResult(outcome=Outcome.UNKNOWN, code="not_confirmed")
        judged = judge_itinerary(decode(answer.body, wire.Itinerary), request, itinerary_id)
        if judged.answer is not LookUpAnswer.ISSUED:
            return StepResult(outcome=Outcome.UNKNOWN, code=judged.code or judged.answer.value)
        return StepResult(outcome=BOOK.decide(201), partner_reference=itinerary_id, carried=judged.carried)

    def _refused(self, answer: PartnerAnswer | CallFailure, table: ResponseTable) -> StepResult:
        if isinstance(answer, CallFailure):
            return StepResult(outcome=answer.outcome, code=answer.reason)
        code = error_code(answer)
        wait = self._asked_to_wait(answer) if answer.status in _MAY_ASK_TO_WAIT else None
        return StepResult(
            outcome=table.decide(answer.status, code), code=code or str(answer.status), retry_after_seconds=wait
        )

    def _asked_to_wait(self, answer: PartnerAnswer) -> int | None:
        now = self._clock.now()
        asked = retry_after_seconds(answer.headers, now)
        return answers.retry_after_seconds(answer, now) if asked is None else asked

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        """Ask by our key and the e-mail that the booking was made with. NOT_FOUND may be up to 30 minutes old."""
        email = request.carried.get("email") or request.traveller.email
        if not email:
            return LookUpResult(answer=LookUpAnswer.UNKNOWN, code="no_email")
        answer = await self._client.call(calls.retrieve_by_key(request.key, email, self._options))
        if isinstance(answer, CallFailure):
            return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=answer.reason)
        code = error_code(answer)
        outcome = RETRIEVE.decide(answer.status, code)
        if outcome is Outcome.NO:
            found = LookUpAnswer.NOT_FOUND if code == "resource_not_found" else LookUpAnswer.UNKNOWN
            return LookUpResult(answer=found, code=code)
        if outcome is not Outcome.OK:
            return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=code or str(answer.status))
        try:
            return judge_itineraries(decode(answer.body, list[wire.Itinerary]), request)
        except ProtocolError:
            return LookUpResult(answer=LookUpAnswer.UNKNOWN, code="protocol")

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        """Cancel by the partner's link: read the itinerary, follow its link, and read again what is not clear.

        Idempotent: an itinerary that is cancelled already is OK. It is no fence: nothing is cancelled by our key.
        """
        return await self._cancelling.cancel(request, partner_reference)

    def parse_statement(self, name: str, content: bytes) -> StatementFile:
        """Read a statement in the contractual format.

        Raises:
            StatementError: a structural fault, or a file of another partner.
        """
        found = statement_file.parse_statement(name, content)
        if found.partner != self._partner:
            raise StatementError(f"{name}: the statement is of {found.partner!r}, not of {self._partner!r}.")
        return found

    async def fetch_statement(self, business_date: date) -> tuple[str, bytes] | None:
        """Fetch a day's statement from where the contract lays it; see `statements.fetch`."""
        return await fetch(self._client, self._partner, self._options, business_date)


def _readable(answer: PartnerAnswer | CallFailure, table: ResponseTable) -> PartnerAnswer:
    """Give an answer that a reading call can use, or raise by what must happen next."""
    if isinstance(answer, CallFailure):
        raise PartnerUnavailableError("The partner did not answer.", reason=answer.reason)
    code = error_code(answer)
    outcome = table.decide(answer.status, code)
    if outcome is Outcome.OK:
        return answer
    if outcome is Outcome.BUSY:
        raise PartnerUnavailableError("The partner is busy.", status=answer.status, code=code)
    if outcome is Outcome.NO and answer.status in {401, 403}:
        raise AuthenticationError("The partner refused our credentials.", status=answer.status, code=code)
    if outcome is Outcome.NO:
        raise RejectedError("The partner refused the search.", status=answer.status, code=code)
    raise ProtocolError("The partner gave an answer that it does not document.", status=answer.status, code=code)
