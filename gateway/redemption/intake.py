"""Takes a redemption in: hold, redemption row and outbox row in one transaction, no call before it (rule R1)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from adapters.sdk.records import Traveller
from catalogue import consents, members
from catalogue.benefits import PayWith
from catalogue.entitlements import entitled
from catalogue.errors import EntitlementExhaustedError, NotEligibleError
from catalogue.model import Catalogue, CatalogueSource
from config.errors import NotFoundError
from gateway.errors import QuoteExpiredError, QuoteUsedError, RiskCapError
from gateway.partners import ConnectedPartner
from gateway.redemption import budgeting, store
from gateway.redemption.conversion_usage import refuse_above_cap
from gateway.redemption.keys import partner_key
from gateway.redemption.plan import HEAD_START
from gateway.redemption.records import POINTS, Quote, QuoteKind, Redemption
from gateway.redemption.seams import Seams
from gateway.redemption.services import service_date
from gateway.redemption.states import State
from settlement import ledger
from settlement.errors import InsufficientFundsError


class Intake:
    """What taking in needs beside the connection."""

    def __init__(self, seams: Seams, catalogue: CatalogueSource, *, rate_max_age_days: int = 10) -> None:
        """Keep the seams; a budget in another currency takes no rate of exchange that is older."""
        self._rate_max_age_days = rate_max_age_days
        self._partners = seams.partners
        self._identifiers = seams.identifiers
        self._clock = seams.clock
        self._effects = seams.effects
        self._source = catalogue

    @property
    def _catalogue(self) -> Catalogue:
        return self._source.current

    def take_in(
        self,
        connection: Connection,
        *,
        quote_id: str,
        member_id: str,
        kind: QuoteKind = "benefit",
        itinerary: tuple[str, int] | None = None,
    ) -> Redemption:
        """Hold what a quote costs, claim it of the budgets and write down the redemption; inside a writing operation.

        Keys: hold ``<redemption id>:hold``; one redemption per quote (unique index).

        Args:
            connection: of the writing operation.
            quote_id: an unused, unexpired quote of this member.
            member_id: who redeems.
            kind: of quote that is asked for; one of another kind is not found.
            itinerary: (itinerary id, place of this leg in the order of submission).

        Raises:
            NotFoundError: no such quote of this member.
            QuoteExpiredError, QuoteUsedError: the quote cannot be used (any more).
            NotEligibleError: the member has not consented to what the partner must be told.
            ConversionRefusedError: conversions since the quote leave too little under the contract's caps.
            RiskCapError: the partner's undecided redemptions already hold what its file allows.
            ObligationError: the partner's contract does not price it; nothing was held.
            BudgetExhaustedError: the benefit's budget is used up in the period of the service.
            RateUnavailableError: no fresh rate of exchange values it in a budget's currency.
            InsufficientFundsError: the member has not got the points.
            EntitlementExhaustedError: no use remains.
        """
        now = self._clock.now()
        quote = store.get_quote(connection, quote_id, member_id)
        if quote is None or quote.kind != kind:
            raise NotFoundError(f"There is no {kind} quote {quote_id!r}.")
        if quote.expires_at <= now:
            raise QuoteExpiredError("The quote has expired; ask for a new one.", quote_id=quote_id)
        connected = self._partners.named(quote.partner)
        redemption = _new(connection, quote, connected, self._identifiers.new("redemption"), now, itinerary)
        _check_risk(connection, quote, connected)
        owed = self._effects.require_priced(redemption, now)
        budgeting.claim(
            connection,
            self._catalogue.budgets,
            redemption,
            owed.line,
            now,
            rate_max_age_days=self._rate_max_age_days,
        )
        if quote.quantity:
            self._hold(connection, redemption, now)
        if kind == "conversion":
            refuse_above_cap(connection, self._catalogue, quote, now)
        if not store.add_redemption(connection, redemption):
            raise QuoteUsedError("The quote already has a redemption.", quote_id=quote_id)
        return redemption

    def _hold(self, connection: Connection, redemption: Redemption, now: datetime) -> None:
        quote = redemption.quote
        if quote.pay_with == PayWith.ENTITLEMENT:
            self._grant_uses(connection, quote, now)
        try:
            ledger.hold(
                connection,
                key=f"{redemption.id}:hold",
                member_id=quote.member_id,
                commodity=quote.commodity,
                quantity=quote.quantity,
                at=now,
                reference=redemption.id,
            )
        except InsufficientFundsError as error:
            if quote.pay_with == PayWith.ENTITLEMENT:
                raise EntitlementExhaustedError("No use of this benefit remains in its year.") from error
            told = f"{quote.quantity} points are needed and fewer are available."
            raise InsufficientFundsError(told, **error.facts) from error

    def _grant_uses(self, connection: Connection, quote: Quote, now: datetime) -> None:
        """See that the uses of the window of the service date are in the ledger: they are granted when first needed."""
        programme = self._catalogue.programme
        day = service_date(quote.service) or programme.today(now)
        member = members.member_context(connection, programme, quote.member_id, programme.today(now))
        assert quote.benefit_id is not None
        assert quote.benefit_version is not None
        benefit = self._catalogue.benefit_version(quote.benefit_id, quote.benefit_version)
        grant = entitled(benefit, member.tier, day) if benefit is not None else None
        if grant is None:
            raise EntitlementExhaustedError("The member's tier gives no use of this benefit any more.")
        ledger.grant_entitlement(
            connection,
            member_id=quote.member_id,
            benefit_id=grant.benefit_id,
            uses=grant.uses,
            window_start_at=grant.window.starts_at(programme.time_zone),
            window_end_at=grant.window.ends_at(programme.time_zone),
            at=now,
        )


def _new(
    connection: Connection,
    quote: Quote,
    connected: ConnectedPartner,
    redemption_id: str,
    now: datetime,
    itinerary: tuple[str, int] | None,
) -> Redemption:
    limits = connected.manifest.limits
    return Redemption(
        id=redemption_id,
        quote=quote,
        member_id=quote.member_id,
        partner=quote.partner,
        itinerary_id=itinerary[0] if itinerary else None,
        leg=itinerary[1] if itinerary else None,
        partner_key=partner_key(redemption_id, connected.manifest.facts.key),
        state=State.HELD,
        version=1,
        step=0,
        carried={},
        partner_reference=None,
        reason=None,
        traveller=_traveller(connection, quote, connected),
        requested_at=now,
        window_ends_at=now + timedelta(seconds=limits.validity_seconds),
        cancel_deadline_at=now + timedelta(seconds=limits.cancel_deadline_seconds),
        withdrawal_asked_at=None,
        next_action_at=now + HEAD_START,
        look_ups=0,
        lease_owner=None,
        lease_until=None,
        updated_at=now,
    )


def _traveller(connection: Connection, quote: Quote, connected: ConnectedPartner) -> Traveller:
    """Give the partner only the personal fields its manifest declares, and only with the member's consent."""
    declared = connected.manifest.personal_fields
    if not declared:
        return Traveller()
    purpose = connected.manifest.purpose
    if not consents.has_consent(connection, quote.member_id, quote.partner, purpose):
        raise NotEligibleError(
            f"The partner must be told {', '.join(declared)} for {purpose!r} and the member has not consented.",
            reasons="consent_missing",
            partner=quote.partner,
        )
    personal = members.get_personal(connection, quote.member_id)
    return Traveller(**{field: getattr(personal, field) for field in declared if hasattr(personal, field)})


def _check_risk(connection: Connection, quote: Quote, connected: ConnectedPartner) -> None:
    risk = connected.file.risk
    if risk is None or quote.commodity != POINTS:
        return
    at_risk = store.points_at_risk(connection, quote.partner, POINTS) + quote.quantity
    if at_risk > risk.points_at_risk_cap:
        raise RiskCapError(
            f"Undecided redemptions at {quote.partner!r} hold as many points as its file allows; try again later.",
            partner=quote.partner,
        )
