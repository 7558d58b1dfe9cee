"""Quote a benefit: eligibility, the partner's live offer, the price in what the member gives; locked for a while."""

from __future__ import annotations

from datetime import date, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from adapters.sdk.capabilities import QuotesOffers
from adapters.sdk.records import Offer, OfferRequest, Rental, Ride, Service, Stay, Visit
from catalogue import entitlements_store, members
from catalogue.benefits import Benefit, PayWith
from catalogue.benefits_pricing import price_in_points
from catalogue.calendar import local_date, within
from catalogue.eligibility import NOTHING_TAKEN, MemberContext, Refusal, ServiceFacts, Taken, refusals
from catalogue.entitlements import entitled
from catalogue.errors import NotEligibleError
from catalogue.lounge_access import Journey
from catalogue.model import Catalogue
from catalogue.programme import HOME_CURRENCY
from catalogue.tier_match import EdgeKind, offers
from config.errors import NotFoundError, RuleError
from gateway.operations.switches import require_enabled
from gateway.partners import ConnectedPartner
from gateway.redemption import store
from gateway.redemption.records import POINTS, Quote
from gateway.redemption.services import airport_of, guests_of, service_date, stay_of
from gateway.services.wishes import check_service
from gateway.wiring import Gateway


class Payment(msgspec.Struct, frozen=True):
    """What will be held: ``quantity`` of ``commodity``; 0 when nothing is."""

    commodity: str
    quantity: int


async def create_quote(
    gateway: Gateway,
    member_id: str,
    benefit_id: str,
    service: Service,
    pay_with: PayWith,
    journey: Journey | None = None,
) -> Quote:
    """Quote a benefit for a member and lock the price.

    The journey is judged here and kept nowhere: it names flights, and no partner is told of it.

    Raises:
        NotFoundError: no such benefit is in force, or its partner's file is not enabled.
        PartnerDisabledError, PartnerBusyError: the partner takes nothing new at the moment.
        NotEligibleError: with every reason.
        RuleError: the service is not of the benefit's kind or cannot take place, nothing is available, or the price
            cannot be expressed in what the member wants to give.
        PartnerError: the partner gave no trustworthy answer; nothing is lost.
    """
    now = gateway.clock.now()
    programme = gateway.catalogue.programme
    today = programme.today(now)
    benefit = gateway.catalogue.benefit(benefit_id, today)
    if benefit is None:
        raise NotFoundError(f"There is no benefit {benefit_id!r}.")
    check_service(benefit, service, now)
    connected = gateway.partners.named(benefit.partner)
    connected.require_room()
    member, taken = await gateway.database.read(partial(_standing, gateway.catalogue, benefit, member_id, today))
    facts = service_facts(service, pay_with, today, gateway.catalogue.zone_of(airport_of(service)), journey)
    _require_eligible(refusals(benefit, member, facts, taken, gateway.catalogue.lounges), member)
    offer = await _offer(gateway, connected, benefit, member, service)
    payment = _payment(gateway, benefit, member, offer, facts)
    quote = Quote(
        id=gateway.identifiers.new("quote"),
        kind="benefit",
        member_id=member_id,
        partner=benefit.partner,
        benefit_id=benefit.id,
        benefit_version=benefit.version,
        contract_id=None,
        contract_version=None,
        pay_with=pay_with,
        commodity=payment.commodity,
        quantity=payment.quantity,
        service=offer.service,
        offer_token=offer.token,
        title=offer.title,
        price=offer.price,
        base_price=offer.base_price,
        created_at=now,
        expires_at=min(offer.expires_at, now + timedelta(seconds=gateway.settings.redemption.quote_seconds)),
    )
    await gateway.database.write(partial(store.add_quote, quote=quote), short=True)
    return quote


def service_facts(
    service: Service, pay_with: PayWith | None, today: date, zone: str, journey: Journey | None = None
) -> ServiceFacts:
    """Give the rules what they may know of a service.

    Args:
        service: as it is asked for.
        pay_with: what the member wants to give.
        today: the programme's day.
        zone: of the place, by which an arrival is told as a local time.
        journey: the flights of a lounge's visitor.
    """
    return ServiceFacts(
        today=today,
        service_date=service_date(service),
        local_time=_local_time(service, zone, journey),
        city=service.city if isinstance(service, Stay) else None,
        airport=airport_of(service),
        lounge_id=service.lounge_id if isinstance(service, Visit) else None,
        journey=journey,
        guests=guests_of(service),
        pay_with=pay_with,
        stay=stay_of(service),
        complete=True,
    )


def _local_time(service: Service, zone: str, journey: Journey | None) -> time | None:
    if isinstance(service, Rental | Ride):
        return service.pick_up_at.time()
    if journey is None or journey.arrives_at is None:
        return None
    return journey.arrives_at.astimezone(ZoneInfo(zone)).time()


def _standing(
    catalogue: Catalogue, benefit: Benefit, member_id: str, today: date, connection: Connection
) -> tuple[MemberContext, Taken]:
    require_enabled(connection, benefit.partner)
    member = members.member_context(connection, catalogue.programme, member_id, today)
    taken = entitlements_store.taken_of(connection, member_id, [benefit])
    return member, taken.get(benefit.id, NOTHING_TAKEN)


def _require_eligible(found: tuple[Refusal, ...], member: MemberContext) -> None:
    if found:
        raise NotEligibleError(
            " ".join(refusal.sentence(member.locale) for refusal in found),
            reasons=", ".join(refusal.code for refusal in found),
        )


async def _offer(
    gateway: Gateway, connected: ConnectedPartner, benefit: Benefit, member: MemberContext, service: Service
) -> Offer:
    adapter = connected.adapter
    if not isinstance(adapter, QuotesOffers):
        raise RuleError(f"The partner {benefit.partner!r} makes no offers.")
    currency = HOME_CURRENCY
    partner_tier = _partner_tier(gateway, member, benefit.partner) if benefit.upgrade else None
    declared = connected.manifest.personal_fields
    account = member.partner_accounts.get(benefit.partner) if "partner_account" in declared else None
    asked = OfferRequest(service=service, currency=currency, partner_tier=partner_tier, partner_account=account)
    found = await adapter.quote_offers(asked)
    fitting = [offer for offer in found if (offer.base_price is not None) == benefit.upgrade]
    if not fitting:
        raise RuleError(
            f"The partner has nothing available for {benefit.title.en!r} as asked for.", reason="unavailable"
        )
    return fitting[0]


def _partner_tier(gateway: Gateway, member: MemberContext, partner: str) -> str | None:
    """Answer the tier that the partner knows the member by: one held there, else one that an edge grants freely."""
    graph = gateway.catalogue.tier_matches
    today = gateway.catalogue.programme.today(gateway.clock.now())
    programmes = {ladder.programme for ladder in graph.ladders if ladder.partner == partner}
    held = [
        status.tier
        for status in member.statuses
        if status.programme in programmes and within(today, status.valid_from_date, status.valid_to_date)
    ]
    reachable = [offer.edge for offer in offers(graph, member.statuses, today)]
    plain = [edge for edge in reachable if edge.kind is EdgeKind.STATUS and edge.limit is None]
    granted = [edge.to_tier for edge in plain if edge.to_programme in programmes and edge.to_tier is not None]
    return next(iter([*held, *granted]), None)


def _payment(gateway: Gateway, benefit: Benefit, member: MemberContext, offer: Offer, facts: ServiceFacts) -> Payment:
    programme = gateway.catalogue.programme
    if facts.pay_with is PayWith.POINTS:
        points = price_in_points(
            programme, benefit, partner_price=offer.price, base_price=offer.base_price, guests=facts.guests
        )
        return Payment(POINTS, points)
    if facts.pay_with is PayWith.ENTITLEMENT:
        day = facts.service_date or local_date(gateway.clock.now(), programme.time_zone)
        grant = entitled(benefit, member.tier, day)
        assert grant is not None
        return Payment(grant.commodity, 1)
    return Payment(POINTS, 0)
