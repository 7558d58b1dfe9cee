"""Takes a redemption in: hold, redemption row and outbox row in one transaction, no call before it (rule R1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from adapters.sdk.records import Traveller
from catalogue import consents, entitlements_store, members, partner_accounts
from catalogue.benefits import Benefit, PayWith
from catalogue.eligibility import MemberContext, refusals_of_quotas
from catalogue.entitlements import EntitlementGrant, entitled, has_room
from catalogue.entitlements_windows import Use
from catalogue.errors import EntitlementExhaustedError, NotEligibleError
from catalogue.member_lock import lock_member
from catalogue.model import Catalogue, CatalogueSource
from config.errors import NotFoundError
from gateway.errors import QuoteExpiredError, QuoteUsedError, RiskCapError
from gateway.operations.switches import refuse_switched_off
from gateway.partners import ConnectedPartner
from gateway.redemption import attempt_store, budgeting, store
from gateway.redemption.conversion_usage import refuse_above_cap
from gateway.redemption.keys import partner_key
from gateway.redemption.orders import Begun, Order
from gateway.redemption.plan import HEAD_START
from gateway.redemption.records import POINTS, Quote, QuoteKind, Redemption
from gateway.redemption.seams import Seams
from gateway.redemption.services import use_of
from gateway.redemption.states import State
from settlement import ledger
from settlement.errors import InsufficientFundsError
from settlement.ledger import Held


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
            PartnerDisabledError: operators have switched the partner off.
            PartnerBusyError: as much is under way at the partner as it takes, or it does not answer.
            QuoteExpiredError, QuoteUsedError: the quote cannot be used (any more).
            NotEligibleError: the member has not consented to what the partner must be told, nothing is left of the
                benefit, or a quota is reached.
            ConversionRefusedError: conversions since the quote leave too little under the contract's caps.
            RiskCapError: the partner's undecided redemptions already hold what its file allows.
            ObligationError: the partner's contract does not price it; nothing was held.
            BudgetExhaustedError: the benefit's budget is used up in the period of the service.
            RateUnavailableError: no fresh rate of exchange values it in a budget's currency.
            InsufficientFundsError: the member has not got the points.
            EntitlementExhaustedError: no use remains.
        """
        redemption, connected, _ = self._held(connection, quote_id, member_id, kind, itinerary)
        _write_down(connection, redemption, connected, None)
        return redemption

    def take_in_and_order(
        self,
        connection: Connection,
        order: Callable[[Redemption, Held | None], Begun | None],
        *,
        quote_id: str,
        member_id: str,
        kind: QuoteKind = "benefit",
    ) -> tuple[Redemption, Begun | None]:
        """Do as `take_in`, and write down with the redemption its first call, which ``order`` (the engine's) gives.

        Answers the redemption as it was created, and what has to be called once this is on disk.
        """
        redemption, connected, held = self._held(connection, quote_id, member_id, kind, None)
        begun = order(redemption, held)
        _write_down(connection, redemption, connected, None if begun is None else begun.order)
        return redemption, begun

    def _held(
        self,
        connection: Connection,
        quote_id: str,
        member_id: str,
        kind: QuoteKind,
        itinerary: tuple[str, int] | None,
    ) -> tuple[Redemption, ConnectedPartner, Held | None]:
        """Judge a quote, claim and hold what it costs; the redemption is not written down yet."""
        now, redemption_id = self._clock.now(), self._identifiers.new("redemption")
        ledger.foresee_hold(key=_hold_key(redemption_id), member_id=member_id, commodity=POINTS, at=now)
        quote, is_off = store.get_quote_and_switch(connection, quote_id, member_id)
        if quote is None or quote.kind != kind:
            raise NotFoundError(f"There is no {kind} quote {quote_id!r}.")
        if quote.expires_at <= now:
            raise QuoteExpiredError("The quote has expired; ask for a new one.", quote_id=quote_id)
        connected = self._partners.named(quote.partner)
        connected.require_room()
        refuse_switched_off(quote.partner, is_off=is_off)
        redemption = _new(connection, quote, connected, redemption_id, now, itinerary)
        owed = self._effects.require_priced(redemption, now)
        held = self._hold(connection, redemption, now)
        budgeting.claim(
            connection,
            self._catalogue.budgets,
            redemption,
            owed.line,
            now,
            rate_max_age_days=self._rate_max_age_days,
        )
        if kind == "conversion":
            refuse_above_cap(connection, self._catalogue, quote, now)
        return redemption, connected, held

    def _hold(self, connection: Connection, redemption: Redemption, now: datetime) -> Held | None:
        """Hold the price and take the use. Points are locked before the member's row, as accruals lock them."""
        quote = redemption.quote
        benefit = self._benefit(quote)
        grant = held = None
        if quote.pay_with == PayWith.ENTITLEMENT:
            grant = self._grant_uses(connection, redemption, benefit, now)
        if quote.quantity:
            zone = self._catalogue.programme.time_zone
            expiring_at = grant.window.ends_at(zone) if grant is not None else None
            held = _hold_price(connection, redemption, now, expiring_at)
        if benefit is not None:
            self._take_use(connection, redemption, benefit, now)
        return held

    def _benefit(self, quote: Quote) -> Benefit | None:
        if quote.benefit_id is None or quote.benefit_version is None:
            return None
        return self._catalogue.benefit_version(quote.benefit_id, quote.benefit_version)

    def _take_use(self, connection: Connection, redemption: Redemption, benefit: Benefit, now: datetime) -> None:
        """Judge the quotas by what stands now, under the member's lock, and record the use with its piece."""
        quote, use = redemption.quote, self._use(redemption, now)
        if benefit.quotas:
            lock_member(connection, quote.member_id)
            taken = entitlements_store.taken_of(connection, quote.member_id, [benefit])[benefit.id]
            against = refusals_of_quotas(benefit, use, taken)
            if against:
                raise NotEligibleError(
                    " ".join(refusal.sentence("en") for refusal in against),
                    reasons=", ".join(refusal.code for refusal in against),
                )
        assert quote.pay_with is not None
        entitlements_store.take(
            connection,
            benefit,
            use,
            redemption_id=redemption.id,
            member_id=quote.member_id,
            pay_with=quote.pay_with,
            at=now,
        )

    def _use(self, redemption: Redemption, now: datetime) -> Use:
        today = self._catalogue.programme.today(now)
        return use_of(redemption.quote.service, today, redemption.itinerary_id or redemption.id)

    def _grant_uses(
        self, connection: Connection, redemption: Redemption, benefit: Benefit | None, now: datetime
    ) -> EntitlementGrant:
        """See that the uses of the window of the service date are in the ledger: they are granted when first needed.

        Of a window that no day alone decides, one use is granted for this redemption, if those that stand leave room.
        """
        quote, programme, use = redemption.quote, self._catalogue.programme, self._use(redemption, now)
        lock_member(connection, quote.member_id)
        member = members.member_context(connection, programme, quote.member_id, programme.today(now))
        grant = entitled(benefit, member.tier, use.service_date) if benefit is not None else None
        if benefit is None or grant is None:
            raise EntitlementExhaustedError("The member's tier gives no use of this benefit any more.")
        uses = grant.uses
        if not grant.granted_whole:
            uses = self._next_use(connection, benefit, member, use)
        ledger.grant_entitlement(
            connection,
            member_id=quote.member_id,
            benefit_id=grant.benefit_id,
            uses=uses,
            window_start_at=grant.window.starts_at(programme.time_zone),
            window_end_at=grant.window.ends_at(programme.time_zone),
            at=now,
        )
        return grant

    def _next_use(self, connection: Connection, benefit: Benefit, member: MemberContext, use: Use) -> int:
        """Count the uses of the right on the day with this one, once it is known that there is room for it."""
        terms = benefit.payment.entitlement
        standing = entitlements_store.taken_of(connection, member.member_id, [benefit])[benefit.id].entitlement_uses
        if terms is None or not has_room(terms, member.tier, use, standing):
            raise EntitlementExhaustedError("All uses of this window are taken.")
        return 1 + sum(1 for one in standing if one.service_date == use.service_date)


def _hold_key(redemption_id: str) -> str:
    return f"{redemption_id}:hold"


def _hold_price(
    connection: Connection, redemption: Redemption, now: datetime, expiring_at: datetime | None
) -> Held | None:
    """Hold what the quote costs; ``expiring_at`` picks the uses of one window."""
    quote = redemption.quote
    try:
        return ledger.hold(
            connection,
            key=_hold_key(redemption.id),
            member_id=quote.member_id,
            commodity=quote.commodity,
            quantity=quote.quantity,
            at=now,
            reference=redemption.id,
            expiring_at=expiring_at,
        )
    except InsufficientFundsError as error:
        if quote.pay_with == PayWith.ENTITLEMENT:
            raise EntitlementExhaustedError("No use of this benefit remains in its window.") from error
        told = f"{quote.quantity} points are needed and fewer are available."
        raise InsufficientFundsError(told, **error.facts) from error


def _write_down(
    connection: Connection, redemption: Redemption, connected: ConnectedPartner, first: Order | None
) -> None:
    if not store.add_redemption(connection, redemption, first):
        raise QuoteUsedError("The quote already has a redemption.", quote_id=redemption.quote.id)
    if first is not None:
        attempt_store.start(
            connection,
            redemption,
            operation=first.operation,
            is_commit=first.step is not None and first.step.commit,
            deadline=timedelta(seconds=connected.manifest.limits.deadline_seconds),
            at=first.asked_at,
            first=True,
        )
    _check_risk(connection, redemption.quote, connected)


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
    known = {field: getattr(personal, field) for field in declared if hasattr(personal, field)}
    if "partner_account" in declared:
        known["partner_account"] = partner_accounts.get_accounts(connection, quote.member_id).get(quote.partner)
    return Traveller(**known)


def _check_risk(connection: Connection, quote: Quote, connected: ConnectedPartner) -> None:
    """Judge the sum after this redemption was added to it: those taken in beside it are in it too, and see this one."""
    risk = connected.file.risk
    if risk is None or quote.commodity != POINTS:
        return
    if not store.is_within_risk(connection, quote.partner, POINTS, risk.points_at_risk_cap):
        raise RiskCapError(
            f"Undecided redemptions at {quote.partner!r} hold as many points as its file allows; try again later.",
            partner=quote.partner,
        )
