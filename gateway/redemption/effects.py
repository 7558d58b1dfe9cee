"""What the end of a redemption does to ledger, vouchers, settlement lines and other legs: all in one transaction."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue import entitlements_store, voucher_store
from catalogue.benefits import Benefit, PayWith
from catalogue.calendar import start_of
from catalogue.identifiers import Identifiers
from catalogue.model import Catalogue, CatalogueSource
from catalogue.values import Money
from catalogue.vouchers import RANDOMNESS_BYTES, make_code
from config.database import insert_new
from config.errors import GatewayError
from config.observability import get_logger
from gateway.redemption import budgeting, refunds, reversal_store, store
from gateway.redemption.plan import HEAD_START
from gateway.redemption.records import Redemption, Reversal
from gateway.redemption.services import airport_of, guests_of, quantity_of, service_date
from gateway.redemption.states import HOLDING, State
from gateway.redemption.tables import claims, itineraries
from settlement import ledger, lines
from settlement.accounts import (
    Account,
    counter_account,
    member_available,
    partner_clearing,
    partner_payable,
    programme_suspense,
)
from settlement.contracts import PartnerContract
from settlement.errors import ObligationError
from settlement.journal import JournalEntry, Posting
from settlement.obligations import Fact, Obligation, obligations
from settlement.tables import postings, settlement_lines

log = get_logger(__name__)

_DIGITS = 4
"""A number of guests with more digits is none."""

WITHOUT_POINTS = frozenset({"guest_visit", "cancel_fee", "no_show"})
"""Facts that cost money beside what the member gave: their lines carry no points, or finance would count them twice."""


class Effects:
    """Posts what a proven end is worth. Every key is derived, so a repeat is a no-op (rule R3)."""

    def __init__(
        self,
        catalogue: CatalogueSource,
        contracts: Mapping[str, PartnerContract],
        identifiers: Identifiers,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Keep what prices and names things."""
        self._randomness = randomness
        self._source = catalogue
        self._contracts = contracts
        self._identifiers = identifiers

    @property
    def _catalogue(self) -> Catalogue:
        return self._source.current

    def captured(
        self, connection: Connection, redemption: Redemption, at: datetime, held: ledger.Held | None = None
    ) -> voucher_store.Voucher | None:
        """The benefit was granted: capture the hold, owe the partner, issue the voucher, let the next leg go.

        Answers the voucher, where the benefit has one. ``held``: see `settlement.ledger.capture`.

        Keys: ``<id>:capture`` (entry), ``<id>:benefit`` (settlement line), the redemption id (voucher).
        """
        benefit = self._benefit(redemption)
        obligation = self._priced(redemption, self._kind(benefit), f"{redemption.id}:benefit", at)
        if redemption.quote.quantity:
            ledger.capture(
                connection,
                hold_key=f"{redemption.id}:hold",
                key=f"{redemption.id}:capture",
                at=at,
                to=self._destination(redemption),
                also=obligation.postings,
                held=held,
            )
        else:
            self._post(connection, redemption, obligation, f"{redemption.id}:capture", at)
        self._record(connection, obligation, f"{redemption.id}:capture", at)
        entitlements_store.settle(connection, redemption.id, at)
        voucher = None
        if benefit is not None and benefit.voucher is not None:
            voucher = self._issue_voucher(connection, redemption, benefit, at)
        self._go_on(connection, redemption, at)
        return voucher

    def voided(self, connection: Connection, redemption: Redemption, at: datetime) -> None:
        """The benefit was provably not granted: give the hold back and undo the legs that depended on it."""
        if redemption.quote.quantity:
            ledger.void(connection, hold_key=f"{redemption.id}:hold", key=f"{redemption.id}:void", at=at)
        entitlements_store.release(connection, redemption.id, at)
        budgeting.release(connection, redemption, at)
        self._undo_others(connection, redemption, at)

    def _undo_others(self, connection: Connection, redemption: Redemption, at: datetime) -> None:
        """Undo the other legs of an all_or_nothing trip; the caller holds the lock of every leg.

        Whole where the trip fell through; where a wish of the member's is the cause, as that wish would have undone
        each leg by its own rule, so that no leg is a way around another's.
        """
        legs = _bound_legs(connection, redemption)
        wished_at = None if refunds.fell_through(connection, legs) else redemption.withdrawal_asked_at
        for leg in legs:
            if leg.id == redemption.id:
                continue
            if leg.state in HOLDING:
                store.ask_withdrawal(connection, leg.id, wished_at or at)
            elif leg.state is State.CAPTURED:
                back = leg.quote.quantity if wished_at is None else self._back_by_rule(leg, wished_at)
                self._ask(connection, leg, back, "itinerary_undone", at)

    def blocked(self, connection: Connection, redemption: Redemption) -> bool:
        """Say whether an earlier leg of an all_or_nothing itinerary is not captured yet, or is being undone."""
        legs = _bound_legs(connection, redemption)
        earlier = [leg for leg in legs if (leg.leg or 0) < (redemption.leg or 0)]
        return any(
            leg.state is not State.CAPTURED or reversal_store.standing(connection, leg.id) is not None
            for leg in earlier
        )

    def ask_reversal(self, connection: Connection, redemption: Redemption, reason: str, at: datetime) -> None:
        """Ask that a captured redemption be undone whole; a no-op when that was asked before."""
        self._ask(connection, redemption, redemption.quote.quantity, reason, at)

    def _ask(self, connection: Connection, redemption: Redemption, back: int | None, reason: str, at: datetime) -> None:
        """Ask that a captured redemption be undone; with nothing to give back (None) it stands."""
        if back is not None:
            reversal_store.ask(connection, redemption, quantity=back, reason=reason, at=at)

    def back_if_granted(self, connection: Connection, redemption: Redemption, at: datetime) -> int | None:
        """Answer what an unwanted, undecided redemption gives back should it turn out to be granted.

        By the benefit's rule as of the instant at which the wish was uttered (now, where it was not yet); everything
        where the programme itself undoes a trip.

        Returns:
            None when by the rule nothing comes back: then what was granted stands. So does a conversion, for its
            partner keeps the miles.
        """
        if redemption.quote.kind == "conversion":
            return None
        if refunds.fell_through(connection, _bound_legs(connection, redemption)):
            return redemption.quote.quantity
        return self._back_by_rule(redemption, redemption.withdrawal_asked_at or at)

    def _back_by_rule(self, redemption: Redemption, at: datetime) -> int | None:
        found = refunds.by_rule(self._catalogue, redemption, at)
        return None if found is None or found.nothing else found.quantity

    def back_after_partner_cancelled(self, redemption: Redemption, refund: Money | None, at: datetime) -> int:
        """Answer what goes back when the partner cancelled without being asked; see `gateway.redemption.refunds`."""
        return refunds.after_partner_cancelled(self._catalogue, redemption, refund, at)

    def reversed(
        self,
        connection: Connection,
        redemption: Redemption,
        reversal: Reversal,
        at: datetime,
        refund: Money | None = None,
    ) -> None:
        """The partner undid it: points return to their lots, the debt to the partner is taken back, the voucher ends.

        A reversal that does not undo gives back points, and nothing else changes.

        Keys: ``<id>:reverse:<n>`` (points), ``<id>:refund:<n>`` and ``<id>:cancel_fee:<n>`` (money entry and line).

        Args:
            connection: of the transaction that records the reversal.
            redemption: the captured one.
            reversal: whose ``quantity`` goes back to the member.
            at: when it was found out.
            refund: what the partner says it gives back; the rest of its price is its fee, if the contract has terms
                for one. All of it when None.
        """
        points = reversal.quantity
        if reversal.undoes:
            points -= _corrected(connection, redemption)
            if points > 0:
                ledger.lock_member(connection, redemption.member_id, redemption.quote.commodity)
            self._book_undone(connection, redemption, reversal.number, at, refund)
        if points > 0:
            ledger.reverse(
                connection,
                capture_key=f"{redemption.id}:capture",
                key=f"{redemption.id}:reverse:{reversal.number}",
                quantity=points,
                at=at,
            )
        if reversal.undoes:
            self._release_undone(connection, redemption, at)

    def _book_undone(
        self, connection: Connection, redemption: Redemption, number: int, at: datetime, refund: Money | None
    ) -> None:
        """Book the money: under the wallet's lock and before the points, in the order of the accounts' locks."""
        quantity = _converted(connection, redemption)
        self._book(connection, redemption, "refund", f"{redemption.id}:refund:{number}", at, quantity=quantity)
        fee = refunds.kept(redemption, refund)
        if fee is not None:
            self._book_fee(connection, redemption, "cancel_fee", f"{redemption.id}:cancel_fee:{number}", at, fee)

    def _release_undone(self, connection: Connection, redemption: Redemption, at: datetime) -> None:
        """Give back what it took of the benefit and, last of what everybody locks, of budgets; end its voucher."""
        returned = reversal_store.left(connection, redemption) == 0
        if returned or redemption.quote.pay_with != PayWith.ENTITLEMENT:
            entitlements_store.release(connection, redemption.id, at)
        budgeting.release(connection, redemption, at, points_returned=returned)
        if not voucher_store.void_voucher(connection, redemption.id, at) and self._has_voucher(redemption):
            log.error("reversal.voucher_was_used", redemption_id=redemption.id, partner=redemption.partner)

    def back_after_no_show(self, redemption: Redemption) -> int:
        """Answer what of its quantity the benefit's rule gives back to a member who did not come."""
        benefit = self._benefit(redemption)
        rule = None if benefit is None else benefit.cancellation.no_show
        return 0 if rule is None else rule.floor(redemption.quote.quantity)

    def no_show_fee(self, connection: Connection, redemption: Redemption, at: datetime) -> bool:
        """Owe the partner what its contract asks for a visitor who did not come; False where it has no such terms.

        Key: ``<id>:no_show`` (entry and settlement line).
        """
        return self._book_fee(connection, redemption, "no_show", f"{redemption.id}:no_show", at)

    def _book_fee(
        self,
        connection: Connection,
        redemption: Redemption,
        kind: str,
        key: str,
        at: datetime,
        price: Money | None = None,
    ) -> bool:
        """Owe a fee if the contract says so; what a partner keeps without terms shows as a break of its file."""
        try:
            with connection.begin_nested():
                self._book(connection, redemption, kind, key, at, price=price)
        except ObligationError as error:
            log.warning("redemption.fee_without_terms", redemption_id=redemption.id, kind=kind, reason=error.message)
            return False
        return True

    def _has_voucher(self, redemption: Redemption) -> bool:
        benefit = self._benefit(redemption)
        return benefit is not None and benefit.voucher is not None

    def _book(
        self,
        connection: Connection,
        redemption: Redemption,
        kind: str,
        line_key: str,
        at: datetime,
        *,
        quantity: int | None = None,
        price: Money | None = None,
    ) -> None:
        """Post a further fact of a redemption as an entry and a line of its own."""
        obligation = self._priced(redemption, kind, line_key, at, quantity=quantity, price=price)
        self._post(connection, redemption, obligation, line_key, at)
        self._record(connection, obligation, line_key, at)

    def guests_reported(
        self, connection: Connection, redemption: Redemption, carried: Mapping[str, str], at: datetime
    ) -> None:
        """The partner reports guests of a visit beyond those paid for: each is owed once, however often it is told.

        A higher number told later adds the difference, a lower one takes nothing back. What cannot be booked is an
        alarm and keeps nothing else from being recorded.

        Keys: ``<id>:guests``, then ``<id>:guests:<n>`` with n the guests owed for before (entry and settlement line).
        """
        reported = carried.get("guests", "0")
        if not (reported.isascii() and reported.isdigit() and len(reported) < _DIGITS):
            log.error("redemption.guests_unreadable", redemption_id=redemption.id, partner=redemption.partner)
            return
        owed = _guests_owed(connection, redemption.id)
        unpaid = int(reported) - guests_of(redemption.quote.service) - owed
        if unpaid <= 0:
            return
        key = f"{redemption.id}:guests" + (f":{owed}" if owed else "")
        try:
            with connection.begin_nested():
                self._book(connection, redemption, "guest_visit", key, at, quantity=unpaid)
        except GatewayError as error:
            log.error("redemption.guests_not_booked", redemption_id=redemption.id, reason=error.message)

    def claimed(
        self, connection: Connection, redemption: Redemption, evidence: Mapping[str, str | None], at: datetime
    ) -> None:
        """A voided redemption turns out to be issued: what the partner will ask goes to suspense, not to the member.

        Once per redemption (rule R11). Key: ``<id>:claim``.
        """
        row = {"redemption_id": redemption.id, "partner": redemption.partner, "found_at": at, "evidence": evidence}
        if not insert_new(connection, claims, row, unique=["redemption_id"]):
            return
        log.error("redemption.issued_after_void", redemption_id=redemption.id, partner=redemption.partner)
        price = redemption.quote.price
        if price is None or price.amount == 0 or redemption.quote.pay_with == PayWith.AT_PARTNER:
            return
        postings = (
            Posting(programme_suspense(price.currency), price.amount),
            Posting(partner_payable(redemption.partner, price.currency), -price.amount),
        )
        key = f"{redemption.id}:claim"
        entry = JournalEntry(key=key, kind="claim", reference=redemption.id, postings=postings, effective_at=at)
        ledger.post(connection, entry, at)

    def require_priced(self, redemption: Redemption, at: datetime) -> Obligation:
        """Price, before anything is held, what is about to be redeemed by the partner's contract.

        Raises:
            ObligationError: no terms in force do; an operator mends the contract.
        """
        return self._priced(redemption, self._kind(self._benefit(redemption)), f"{redemption.id}:benefit", at)

    def _record(self, connection: Connection, obligation: Obligation, entry_key: str, at: datetime) -> None:
        lines.record(connection, obligation, at, entry_key=entry_key if obligation.postings else None)

    def _priced(
        self,
        redemption: Redemption,
        kind: str,
        line_key: str,
        at: datetime,
        *,
        quantity: int | None = None,
        price: Money | None = None,
    ) -> Obligation:
        quote = redemption.quote
        fact = Fact(
            kind=kind,
            partner=redemption.partner,
            redemption_id=redemption.id,
            line_key=line_key,
            reference=redemption.partner_key,
            partner_reference=redemption.partner_reference,
            benefit_id=quote.benefit_id,
            member_hash=member_hash(redemption.partner, redemption.traveller.partner_account or redemption.member_id),
            service_date=self._service_date(redemption),
            occurred_at=at,
            quantity=quantity_of(quote.service) if quantity is None else quantity,
            partner_price=quote.price if price is None else price,
            base_price=quote.base_price,
            points=0 if kind in WITHOUT_POINTS else quote.points,
            paid_at_partner=quote.pay_with == PayWith.AT_PARTNER,
        )
        return obligations(self._contracts[redemption.partner], fact)

    def _benefit(self, redemption: Redemption) -> Benefit | None:
        quote = redemption.quote
        if quote.benefit_id is None or quote.benefit_version is None:
            return None
        return self._catalogue.benefit_version(quote.benefit_id, quote.benefit_version)

    def _kind(self, benefit: Benefit | None) -> str:
        return "conversion" if benefit is None else benefit.way.value

    def _service_date(self, redemption: Redemption) -> date:
        found = service_date(redemption.quote.service)
        return found or self._catalogue.programme.today(redemption.requested_at)

    def _destination(self, redemption: Redemption) -> Account:
        if redemption.quote.kind == "conversion":
            return partner_clearing(redemption.partner, redemption.quote.commodity)
        return counter_account(redemption.quote.commodity)

    def _post(
        self, connection: Connection, redemption: Redemption, obligation: Obligation, key: str, at: datetime
    ) -> None:
        """Post the money of an obligation as an entry of its own; a partner paid by the member is owed nothing."""
        if obligation.postings:
            entry = JournalEntry(
                key=key, kind="obligation", reference=redemption.id, postings=obligation.postings, effective_at=at
            )
            ledger.post(connection, entry, at)

    def _issue_voucher(
        self, connection: Connection, redemption: Redemption, benefit: Benefit, at: datetime
    ) -> voucher_store.Voucher:
        assert benefit.voucher is not None
        zone = self._catalogue.zone_of(airport_of(redemption.quote.service))
        first = self._service_date(redemption)
        last = first + timedelta(days=benefit.voucher.validity_days)
        new = voucher_store.NewVoucher(
            id=self._identifiers.new("voucher"),
            redemption_id=redemption.id,
            member_id=redemption.member_id,
            partner=redemption.partner,
            benefit_id=benefit.id,
            benefit_version=benefit.version,
            code=make_code(self._randomness(RANDOMNESS_BYTES)),
            valid_from_at=min(start_of(first, zone), at),
            valid_to_at=start_of(last, zone),
            guests_allowed=_guests_allowed(benefit, redemption),
            undo_minutes=benefit.voucher.undo_minutes,
        )
        return voucher_store.issue_voucher(connection, new, at)

    def _go_on(self, connection: Connection, redemption: Redemption, at: datetime) -> None:
        """Let the next leg go, or undo this one when it is no longer wanted and by its rule something comes back."""
        if redemption.withdrawal_asked_at is not None:
            back = self.back_if_granted(connection, redemption, at)
            if back is not None:
                self._ask(connection, redemption, back, "withdrawn_meanwhile", at)
                self._undo_others(connection, redemption, at)
                return
        if redemption.itinerary_id is not None:
            for leg in store.legs(connection, redemption.itinerary_id):
                if leg.state is State.HELD:
                    store.wake(connection, leg.id, at + HEAD_START)


def _guests_owed(connection: Connection, redemption_id: str) -> int:
    line = settlement_lines.c
    query = sa.select(sa.func.coalesce(sa.func.sum(line.quantity), 0))
    owed = query.where(line.redemption_id == redemption_id, line.kind == "guest_visit")
    return int(connection.execute(owed).scalar_one())


def _corrected(connection: Connection, redemption: Redemption) -> int:
    """Sum the points that corrections of its contract have given back already."""
    available, posting = member_available(redemption.member_id, redemption.quote.commodity), postings.c
    given_back = ledger.reversals_of(connection, f"{redemption.id}:capture")
    keys = [key for key in given_back if key.startswith(f"{redemption.id}:correct:")]
    query = sa.select(sa.func.coalesce(sa.func.sum(posting.amount), 0)).where(
        posting.entry_key.in_(keys), posting.account == available.code, posting.commodity == available.commodity
    )
    return int(connection.execute(query).scalar_one()) if keys else 0


def _converted(connection: Connection, redemption: Redemption) -> int | None:
    """Sum what a conversion and its corrections are owed for; None for a benefit."""
    if redemption.quote.kind != "conversion":
        return None
    line = settlement_lines.c
    query = sa.select(sa.func.sum(line.quantity)).where(line.redemption_id == redemption.id, line.kind == "conversion")
    found = connection.execute(query).scalar_one()
    return None if found is None else int(found)


def member_hash(partner: str, member_id: str) -> str:
    """Name a member to one partner's books without naming the person; another partner gets another name."""
    return sha256(f"{partner}\n{member_id}".encode()).hexdigest()[:32]


def _guests_allowed(benefit: Benefit, redemption: Redemption) -> int:
    """Guests that the voucher admits: those booked, or those that the entitlement's terms allow beside the member."""
    terms = benefit.payment.entitlement
    by_terms = terms.guests if terms is not None else 0
    return max(guests_of(redemption.quote.service), by_terms)


def _bound_legs(connection: Connection, redemption: Redemption) -> list[Redemption]:
    """List the legs of the all_or_nothing trip that a redemption is one of; none where it is of no such trip."""
    if redemption.itinerary_id is None:
        return []
    policy = sa.select(itineraries.c.policy).where(itineraries.c.id == redemption.itinerary_id)
    bound = connection.execute(policy).scalar_one() == "all_or_nothing"
    return store.legs(connection, redemption.itinerary_id) if bound else []
