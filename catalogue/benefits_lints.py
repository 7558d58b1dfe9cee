"""What is wrong with one version of a benefit's terms that its own fields cannot show, and with a change of terms."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.benefits import Benefit, PayWith, Vertical, Way
from catalogue.lounge_access import LoungeTables

Fault = tuple[str, str, str]
"""Key, message, what to do."""


def change_faults(earlier: Benefit, later: Benefit) -> Iterator[Fault]:
    """Say what is wrong with how a version follows another: its number, its date, the notice it was promised."""
    if later.version <= earlier.version or later.effective_from_date <= earlier.effective_from_date:
        message = f"version {later.version} does not come after version {earlier.version}"
        yield "versions", message, "give later versions a higher number and a later effective_from_date"
    notice = (later.effective_from_date - later.announced_date).days
    if notice < 1:
        message = f"version {later.version} is announced on {later.announced_date}, not before it takes effect"
        yield "announced_date", message, "announce a change before it takes effect"
    elif notice < earlier.notice_days:
        message = (
            f"version {later.version} is announced {notice} days before it takes effect; version {earlier.version} "
            f"promises {earlier.notice_days}"
        )
        yield "announced_date", message, "announce it earlier, or let it take effect later"


def term_faults(benefit: Benefit, lounges: LoungeTables) -> Iterator[Fault]:
    """Say what is wrong with the terms themselves."""
    yield from _of_payment(benefit)
    yield from _of_way(benefit)
    yield from _of_lounges(benefit, lounges)
    if (
        benefit.valid_from_date is not None
        and benefit.valid_to_date is not None
        and benefit.valid_to_date < benefit.valid_from_date
    ):
        yield "valid_to_date", "it ends before it begins", "put valid_to_date on or after valid_from_date"


def _of_payment(benefit: Benefit) -> Iterator[Fault]:
    options = benefit.payment.options
    if not options:
        yield "payment", "there is no way to pay for it", "open points, entitlement, free or at_partner"
    entitlement = benefit.payment.entitlement
    if entitlement is not None and benefit.max_guests is not None and entitlement.guests > benefit.max_guests:
        yield "payment.entitlement.guests", "more guests than max_guests", "lower it, or raise max_guests"
    if PayWith.FREE in options and not benefit.quotas and benefit.stock == "live" and not benefit.eligibility.tiers:
        message = "it is free for everybody, as often as they like"
        yield "payment.free", message, "limit it by eligibility.tiers, quotas or stock"


def _of_way(benefit: Benefit) -> Iterator[Fault]:
    if benefit.upgrade and (benefit.way is not Way.JOINT or benefit.cost_split_rule is None):
        yield "upgrade", "nobody is named who funds the difference", 'set way = "joint" and cost_split_rule'
    elif benefit.way is Way.JOINT and benefit.cost_split_rule is None:
        yield "cost_split_rule", "nobody is named who shares the cost", "name a split of the partner's contract"
    elif benefit.way is not Way.JOINT and benefit.cost_split_rule is not None:
        yield "cost_split_rule", f"a benefit by {benefit.way.value} shares no cost", 'remove it, or set way = "joint"'
    if benefit.way is Way.RESOURCE_EXCHANGE and benefit.payment.at_partner:
        message = "value is exchanged without cash, and the member would pay the partner"
        yield "payment.at_partner", message, 'remove it, or set way = "purchase"'


def _of_lounges(benefit: Benefit, lounges: LoungeTables) -> Iterator[Fault]:
    rule = benefit.eligibility
    for name in rule.lounge_rules:
        if name not in lounges.rules:
            yield "eligibility.lounge_rules", f"there is no lounge rule {name!r}", "name a rule of lounge_access/"
    if rule.lounge_rules and benefit.vertical is not Vertical.LOUNGE:
        yield "eligibility.lounge_rules", "it is no lounge benefit", "remove them"
    if benefit.voucher is not None or rule.hours:
        for airport in rule.airports:
            if lounges.airports and airport not in lounges.airports:
                message = f"the time zone of {airport!r} is not known, and its days or hours count"
                yield "eligibility.airports", message, "add the airport to lounge_access/"
