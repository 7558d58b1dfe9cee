"""Benefits and rights as the member app reads them: from what the rules say to the answer's shape."""

from __future__ import annotations

from collections.abc import Mapping

from catalogue.benefits import Benefit
from catalogue.benefits_cancellation import Cancellation
from catalogue.benefits_pricing import Assessed, Price
from catalogue.eligibility import NOTHING_TAKEN, Taken
from catalogue.entitlements import EntitlementGrant, Standing
from catalogue.entitlements_windows import Quota, WindowKind
from catalogue.values import Rate
from gateway.schemas.benefits import (
    AnnouncedVersion,
    BenefitAnswer,
    CancellationTerms,
    EntitlementAnswer,
    PayOption,
    QuotaTerms,
    RefundStepTerms,
)
from gateway.schemas.common import Reason


def present(
    assessed: Assessed, locale: str, taken: Mapping[str, Taken], following: Benefit | None = None
) -> BenefitAnswer:
    """Show a benefit to a member: options at his price, and every reason why he may not have it.

    Args:
        assessed: the benefit with its prices and what is against it.
        locale: of the texts.
        taken: what stands already, by benefit id, for the stock that is left.
        following: the next version, when a change is announced.
    """
    benefit = assessed.benefit
    reasons = [Reason(refusal.code, refusal.sentence(locale)) for refusal in assessed.refusals]
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
        options=[_option(benefit, price) for price in assessed.prices],
        price="live" if benefit.payment.points is not None and benefit.payment.points.price == "live" else "fixed",
        consent_purpose=benefit.eligibility.consent_purpose,
        valid_from_date=benefit.valid_from_date,
        valid_to_date=benefit.valid_to_date,
        cities=list(benefit.eligibility.cities),
        airports=list(benefit.eligibility.airports),
        voucher=benefit.voucher is not None,
        upgrade=benefit.upgrade,
        cancellation=_cancellation(benefit.cancellation),
        stock_left=_left(benefit, taken.get(benefit.id, NOTHING_TAKEN)),
        quotas=[_quota(quota) for quota in benefit.quotas],
        announced=None if following is None else _announced(following, locale),
    )


def entitlement_answer(partner: str, title: str, grant: EntitlementGrant, standing: Standing) -> EntitlementAnswer:
    """Show how a right stands."""
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
        window=grant.kind.value,
    )


def _option(benefit: Benefit, price: Price) -> PayOption:
    terms = benefit.payment.entitlement
    if price.per is not None:
        return PayOption(price.pay_with.value, points=price.points, per=price.per)
    if terms is None or price.pay_with.value != "entitlement":
        return PayOption(price.pay_with.value)
    uses, guests = (0, 0) if price.grant is None else (price.grant.uses, price.grant.guests)
    return PayOption(
        price.pay_with.value,
        uses_per_year=uses if terms.window is WindowKind.CALENDAR_YEAR else None,
        guests=guests,
        uses=uses,
        window=terms.window.value,
        window_days=terms.days,
    )


def _left(benefit: Benefit, taken: Taken) -> int | None:
    return None if benefit.stock == "live" else max(0, benefit.stock - taken.pieces)


def _share(rate: Rate | None) -> tuple[int, int]:
    return (0, 1) if rate is None else (rate.to_units, rate.from_units)


def _cancellation(rule: Cancellation) -> CancellationTerms:
    return CancellationTerms(
        rule.free_until_hours,
        *_share(rule.refund_after),
        [RefundStepTerms(step.until_hours, *_share(step.refund)) for step in rule.steps],
        *_share(rule.no_show),
    )


def _quota(quota: Quota) -> QuotaTerms:
    return QuotaTerms(quota.limit, quota.counts, quota.window.value, quota.days)


def _announced(following: Benefit, locale: str) -> AnnouncedVersion:
    return AnnouncedVersion(
        version=following.version,
        announced_date=following.announced_date,
        effective_from_date=following.effective_from_date,
        title=following.title.choose(locale),
        description=following.description.choose(locale),
    )
