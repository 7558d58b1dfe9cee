"""What this member may have: benefits priced for him, with every reason against, and his rights to uses."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from datetime import date, datetime

import msgspec
from sqlalchemy import Connection

from catalogue import entitlements_store, members
from catalogue.benefits import Benefit
from catalogue.benefits_pricing import assess
from catalogue.calendar import within
from catalogue.eligibility import ServiceFacts, Taken
from catalogue.entitlements import EntitlementGrant, Standing, entitled
from catalogue.entitlements_store import RecordedUse, UseState
from catalogue.entitlements_windows import Use, counted
from catalogue.member_facts import MemberFacts
from catalogue.model import Catalogue
from config.errors import NotFoundError
from gateway.schemas.benefits import BenefitAnswer, EntitlementList
from gateway.services.benefit_answers import entitlement_answer, present
from settlement.balances import UsesStanding, uses_standing


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
    facts: MemberFacts,
    catalogue: Catalogue,
    *,
    wanted: Search,
    locale: str | None,
    partners: Collection[str],
    today: date,
) -> list[BenefitAnswer]:
    """List the benefits of connected partners that fit, by id, as this member sees them."""
    fitting = [
        benefit
        for benefit in catalogue.benefits_on(today)
        if benefit.partner in partners and _fits(benefit, wanted, today)
    ]
    found = _answers(facts, catalogue, fitting, wanted, locale, today)
    return [answer for answer in found if answer.eligible or wanted.include_ineligible]


def get_one(
    facts: MemberFacts, catalogue: Catalogue, *, benefit_id: str, locale: str | None, today: date
) -> BenefitAnswer:
    """Show one benefit in force, eligible or not.

    Raises:
        NotFoundError: no such benefit is in force.
    """
    benefit = catalogue.benefit(benefit_id, today)
    if benefit is None:
        raise NotFoundError(f"There is no benefit {benefit_id!r}.")
    (answer,) = _answers(facts, catalogue, [benefit], Search(), locale, today)
    return answer


def _answers(
    facts: MemberFacts,
    catalogue: Catalogue,
    benefits: list[Benefit],
    wanted: Search,
    locale: str | None,
    today: date,
) -> list[BenefitAnswer]:
    member = facts.context(catalogue.programme, today)
    taken = facts.taken_of(benefits)
    service = ServiceFacts(today=today, service_date=wanted.from_date, city=wanted.city, airport=wanted.airport)
    assessed = assess(benefits, member, service, today, taken, catalogue.lounges)
    return [
        present(one, locale or member.locale, taken, catalogue.announced_version(one.benefit.id, today))
        for one in assessed
    ]


def list_entitlements(
    connection: Connection, catalogue: Catalogue, *, member_id: str, locale: str | None, now: datetime
) -> EntitlementList:
    """List the rights that the member's tier gives in the current window, counted from the ledger and from uses."""
    today = catalogue.programme.today(now)
    member = members.member_context(connection, catalogue.programme, member_id, today)
    benefits = catalogue.benefits_on(today)
    taken = entitlements_store.taken_of(connection, member_id, benefits)
    items = []
    for benefit in benefits:
        grant = entitled(benefit, member.tier, today)
        if grant is None:
            continue
        if grant.granted_whole:
            ends_at = grant.window.ends_at(catalogue.programme.time_zone)
            standing = _of_ledger(grant, uses_standing(connection, member_id, benefit.id, ends_at))
        else:
            standing = _of_uses(benefit, grant, taken[benefit.id], today)
        title = benefit.title.choose(locale or member.locale)
        items.append(entitlement_answer(benefit.partner, title, grant, standing))
    return EntitlementList(items)


def _of_ledger(grant: EntitlementGrant, uses: UsesStanding) -> Standing:
    return Standing(max(grant.uses, uses.granted), uses.granted - uses.available - uses.held, uses.held)


def _of_uses(benefit: Benefit, grant: EntitlementGrant, taken: Taken, today: date) -> Standing:
    """Count a right that is granted use by use, as a service of today would find it."""
    assert benefit.payment.entitlement is not None
    standing = counted(benefit.payment.entitlement, Use(service_date=today), taken.entitlement_uses)
    waiting = [one for one in taken.entitlement_uses if isinstance(one, RecordedUse) and one.state == UseState.PENDING]
    pending = min(standing, counted(benefit.payment.entitlement, Use(service_date=today), waiting))
    return Standing(grant.uses, standing - pending, pending)


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
