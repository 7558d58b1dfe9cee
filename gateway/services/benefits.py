"""What this member may have: benefits priced for him, with every reason against, and his rights to uses."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from datetime import date, datetime

import msgspec
from sqlalchemy import Connection

from catalogue import members
from catalogue.benefits import Benefit, PayWith
from catalogue.calendar import within
from catalogue.eligibility import MemberContext, ServiceFacts, refusals
from catalogue.entitlements import EntitlementGrant, Standing, entitled
from catalogue.model import Catalogue
from config.errors import NotFoundError
from gateway.schemas.benefits import BenefitAnswer, CancellationTerms, EntitlementAnswer, EntitlementList, PayOption
from gateway.schemas.common import Reason
from settlement.balances import Balance, balances, granted_uses


class Search(msgspec.Struct, frozen=True):
    """What a member looks for; None sets no limit. Days are the service's, both included."""

    vertical: str | None = None
    city: str | None = None
    airport: str | None = None
    from_date: date | None = None
    to_date: date | None = None
    text: str | None = None
    include_ineligible: bool = False


def search(
    connection: Connection,
    catalogue: Catalogue,
    *,
    member_id: str,
    wanted: Search,
    locale: str | None,
    partners: Collection[str],
    now: datetime,
) -> list[BenefitAnswer]:
    """List the benefits of connected partners that fit, by id, as this member sees them.

    Raises:
        NotFoundError: the token speaks for a member that is not here.
    """
    today = catalogue.programme.today(now)
    member = members.member_context(connection, catalogue.programme, member_id, today)
    found = (
        present(benefit, member, locale or member.locale, today, wanted)
        for benefit in catalogue.benefits_on(today)
        if benefit.partner in partners and _fits(benefit, wanted, today)
    )
    return [answer for answer in found if answer.eligible or wanted.include_ineligible]


def get_one(
    connection: Connection,
    catalogue: Catalogue,
    *,
    member_id: str,
    benefit_id: str,
    locale: str | None,
    now: datetime,
) -> BenefitAnswer:
    """Show one benefit in force, eligible or not.

    Raises:
        NotFoundError: no such benefit is in force.
    """
    today = catalogue.programme.today(now)
    member = members.member_context(connection, catalogue.programme, member_id, today)
    benefit = catalogue.benefit(benefit_id, today)
    if benefit is None:
        raise NotFoundError(f"There is no benefit {benefit_id!r}.")
    return present(benefit, member, locale or member.locale, today, Search())


def present(benefit: Benefit, member: MemberContext, locale: str, today: date, wanted: Search) -> BenefitAnswer:
    """Show a benefit to a member: options at his price, and every reason why he may not have it."""
    service = ServiceFacts(service_date=wanted.from_date, city=wanted.city, airport=wanted.airport)
    reasons = [Reason(refusal.code, refusal.sentence(locale)) for refusal in refusals(benefit, member, service)]
    later = benefit.cancellation.refund_after
    return BenefitAnswer(
        id=benefit.id,
        version=benefit.version,
        vertical=benefit.vertical.value,
        partner=benefit.partner,
        way=benefit.way.value,
        title=benefit.title.choose(locale),
        description=benefit.description.choose(locale),
        eligible=not reasons,
        reasons=reasons,
        options=[_option(benefit, option, member.tier, today) for option in benefit.payment.options],
        price="live" if benefit.payment.points is not None and benefit.payment.points.price == "live" else "fixed",
        consent_purpose=benefit.eligibility.consent_purpose,
        valid_from_date=benefit.valid_from_date,
        valid_to_date=benefit.valid_to_date,
        cities=list(benefit.eligibility.cities),
        airports=list(benefit.eligibility.airports),
        voucher=benefit.voucher is not None,
        upgrade=benefit.upgrade,
        cancellation=CancellationTerms(
            free_until_hours=benefit.cancellation.free_until_hours,
            refund_numerator=later.to_units if later else 0,
            refund_denominator=later.from_units if later else 1,
        ),
    )


def list_entitlements(
    connection: Connection, catalogue: Catalogue, *, member_id: str, locale: str | None, now: datetime
) -> EntitlementList:
    """List the rights that the member's tier gives in the current window, counted from the ledger."""
    today = catalogue.programme.today(now)
    member = members.member_context(connection, catalogue.programme, member_id, today)
    held = {balance.commodity: balance for balance in balances(connection, member_id, at=now)}
    zone = catalogue.programme.time_zone
    items = []
    for benefit in catalogue.benefits_on(today):
        grant = entitled(benefit, member.tier, today)
        if grant is not None:
            granted = granted_uses(connection, member_id, benefit.id, grant.window.ends_at(zone))
            balance = held.get(grant.commodity, Balance(commodity=grant.commodity))
            title = benefit.title.choose(locale or member.locale)
            items.append(_entitlement(benefit.partner, title, grant, granted, balance))
    return EntitlementList(items)


def _entitlement(
    partner: str, title: str, grant: EntitlementGrant, granted: int, balance: Balance
) -> EntitlementAnswer:
    used = max(0, granted - balance.available - balance.held)
    standing = Standing(max(grant.uses, granted), used, balance.held)
    return EntitlementAnswer(
        benefit_id=grant.benefit_id,
        partner=partner,
        title=title,
        total=standing.total,
        used=standing.used,
        pending=standing.pending,
        remaining=standing.remaining,
        guests=grant.guests,
        window_start_date=grant.window.start_date,
        window_last_date=grant.window.last_date,
    )


def _fits(benefit: Benefit, wanted: Search, today: date) -> bool:
    if wanted.vertical is not None and benefit.vertical.value != wanted.vertical:
        return False
    if wanted.text is not None and not _mentions(benefit, wanted.text):
        return False
    first = wanted.from_date or today
    last = wanted.to_date or first
    starts, ends = benefit.valid_from_date, benefit.valid_to_date
    overlaps = within(first, None, ends) and (starts is None or starts <= max(first, last))
    return overlaps or wanted.include_ineligible


def _mentions(benefit: Benefit, text: str) -> bool:
    wanted = _folded(text)
    texts = (benefit.title, benefit.description)
    return any(wanted in _folded(part) for one in texts for part in (one.zh_cn, one.en))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _option(benefit: Benefit, option: PayWith, tier: str, today: date) -> PayOption:
    points = benefit.payment.points
    if option is PayWith.POINTS and points is not None:
        return PayOption(option.value, points=None if points.price == "live" else points.price, per=points.per)
    if option is PayWith.ENTITLEMENT:
        grant = entitled(benefit, tier, today)
        return PayOption(option.value, uses_per_year=grant.uses if grant else 0, guests=grant.guests if grant else 0)
    return PayOption(option.value)
