"""Checks over the whole catalogue that no single file can show. Findings are data; errors stop start-up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby, pairwise

import msgspec

from catalogue.benefits import Benefit
from catalogue.benefits_lints import change_faults, term_faults
from catalogue.conversion_lints import contract_faults
from catalogue.model import Catalogue
from catalogue.programme import EarnRule
from catalogue.tier_match_lints import Severity, tier_faults


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing an operator should mend, or know (a note): where, what it is, and what to do.

    ``thing`` is its name in `catalogue.things`, from which `catalogue.loader.located` finds the line.
    """

    severity: Severity
    file: str
    key: str
    message: str
    fix: str
    thing: str = ""
    line: int | None = None


def lint(catalogue: Catalogue) -> tuple[Finding, ...]:
    """Check everything; the findings come in a stable order, none means clean."""
    checks = (
        _programme,
        _earn_rules,
        _campaigns,
        _benefit_versions,
        _benefit_terms,
        _conversions,
        _tier_graph,
        _budgets,
    )
    return tuple(finding for check in checks for finding in check(catalogue))


def _finding(
    catalogue: Catalogue, thing: str, key: str, message: str, fix: str, severity: Severity = "error"
) -> Finding:
    file = catalogue.files.get(thing.partition("@")[0], thing)
    return Finding(severity=severity, file=file, key=key, message=message, fix=fix, thing=thing)


def _programme(catalogue: Catalogue) -> Iterator[Finding]:
    tiers = catalogue.programme.tiers
    steps = [tier.qualifying_from for tier in tiers]
    if steps[0] != 0 or any(low >= high for low, high in pairwise(steps)):
        yield _finding(
            catalogue,
            "programme",
            "tiers",
            "tiers do not rise from a tier that begins at 0 qualifying points",
            "list them from the entry tier (qualifying_from = 0) upwards",
        )


def _earn_rules(catalogue: Catalogue) -> Iterator[Finding]:
    def activity(rule: EarnRule) -> str:
        return rule.activity

    for name, rules in groupby(sorted(catalogue.programme.earn_rules, key=activity), activity):
        spans = [(rule.effective_from_date, rule.effective_to_date, rule.id) for rule in rules]
        yield from _spans(catalogue, "programme", f"earn_rules ({name})", spans)


def _campaigns(catalogue: Catalogue) -> Iterator[Finding]:
    """A campaign for an activity that nothing earns is a slip of the pen."""
    earned = {rule.activity for rule in catalogue.programme.earn_rules}
    named = [(one.id, activity) for one in catalogue.programme.campaigns for activity in one.activities]
    named += [(one.id, one.activity) for one in catalogue.programme.bonuses if one.activity]
    named += [(one.id, one.activity) for one in catalogue.programme.renewals if one.activity]
    for rule, activity in named:
        if activity not in earned:
            message = f"{rule} waits for the activity {activity!r}, which earns nothing"
            yield _finding(catalogue, "programme", "activity", message, "name an activity of earn_rules", "warning")


def _spans(catalogue: Catalogue, thing: str, key: str, spans: list[tuple[date, date | None, str]]) -> Iterator[Finding]:
    for (_, earlier_to, earlier), (later_from, _, later) in pairwise(sorted(spans, key=lambda span: span[0])):
        if earlier_to is None or earlier_to >= later_from:
            yield _finding(
                catalogue,
                thing,
                key,
                f"{earlier} and {later} are in force on the same day",
                f"end {earlier} before {later}",
            )
        elif earlier_to + timedelta(days=1) < later_from:
            message = f"nothing is in force between {earlier} and {later}"
            yield _finding(catalogue, thing, key, message, "close the gap, or leave it on purpose", "warning")


def _benefit_versions(catalogue: Catalogue) -> Iterator[Finding]:
    for benefit_id, versions in catalogue.benefits.items():
        for earlier, later in pairwise(versions):
            for key, message, fix in change_faults(earlier, later):
                yield _finding(catalogue, f"benefit:{benefit_id}@{later.version}", key, message, fix)


def _benefit_terms(catalogue: Catalogue) -> Iterator[Finding]:
    for benefit_id, versions in catalogue.benefits.items():
        for benefit in versions:
            for key, message, fix in _term_faults(catalogue, benefit):
                thing = f"benefit:{benefit_id}@{benefit.version}"
                yield _finding(catalogue, thing, key, f"version {benefit.version}: {message}", fix)


def _term_faults(catalogue: Catalogue, benefit: Benefit) -> Iterator[tuple[str, str, str]]:
    if benefit.partner not in catalogue.partners:
        yield "partner", f"there is no partner {benefit.partner!r}", "name a file of partners/"
    entitlement = benefit.payment.entitlement
    named = {"eligibility.tiers": benefit.eligibility.tiers}
    named["payment.entitlement.uses"] = tuple(entitlement.uses) if entitlement else ()
    for key, tiers in named.items():
        for tier in sorted(set(tiers).difference(catalogue.programme.tier_ids)):
            yield key, f"there is no tier {tier!r}", "name a tier of programme.toml"
    yield from term_faults(benefit, catalogue.lounges)


def _conversions(catalogue: Catalogue) -> Iterator[Finding]:
    for fault in contract_faults(catalogue.conversions, catalogue.partners):
        thing = f"conversion:{fault.contract.id}@{fault.contract.version}"
        yield _finding(catalogue, thing, fault.key, fault.message, fault.fix, fault.severity)


def _tier_graph(catalogue: Catalogue) -> Iterator[Finding]:
    for fault in tier_faults(catalogue.tier_matches, catalogue.partners):
        message = f"{fault.thing.partition(':')[2]}: {fault.message}"
        yield _finding(catalogue, fault.thing, fault.key, message, fault.fix, fault.severity)


def _budgets(catalogue: Catalogue) -> Iterator[Finding]:
    for budget in catalogue.budgets:
        if budget.partner is not None and budget.partner not in catalogue.partners:
            message = f"there is no partner {budget.partner!r}"
            yield _finding(catalogue, f"budget:{budget.id}", "partner", message, "name a file of partners/")
        for benefit_id in budget.benefits:
            partners = {benefit.partner for benefit in catalogue.benefits.get(benefit_id, ())}
            if not partners:
                message = f"there is no benefit {benefit_id!r}"
                yield _finding(catalogue, f"budget:{budget.id}", "benefits", message, "name a file of benefits/")
            elif budget.partner is not None and budget.partner not in partners:
                message = f"{benefit_id!r} is not a benefit of {budget.partner!r}, so nothing would ever count"
                yield _finding(
                    catalogue, f"budget:{budget.id}", "benefits", message, "name the benefit's partner, or none"
                )
