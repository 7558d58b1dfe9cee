"""Checks over the whole catalogue that no single file can show. Findings are data; errors stop start-up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Literal

import msgspec

from catalogue.benefits import Benefit
from catalogue.benefits_lints import change_faults, term_faults
from catalogue.conversion import ConversionContract
from catalogue.model import Catalogue
from catalogue.programme import EarnRule
from catalogue.tier_match import Edge

LONGEST_ROUND_TRIP = 4
"""Conversions in a row that the round-trip lint follows."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing an operator should mend: where, what is wrong, and what to do."""

    severity: Literal["error", "warning"]
    file: str
    key: str
    message: str
    fix: str


def lint(catalogue: Catalogue) -> tuple[Finding, ...]:
    """Check everything; the findings come in a stable order, none means clean."""
    checks = (
        _programme,
        _earn_rules,
        _benefit_versions,
        _benefit_terms,
        _contracts,
        _contract_dates,
        _round_trips,
        _edges,
    )
    return tuple(finding for check in checks for finding in check(catalogue))


def _finding(
    catalogue: Catalogue, thing: str, key: str, message: str, fix: str, severity: Literal["error", "warning"] = "error"
) -> Finding:
    return Finding(severity=severity, file=catalogue.files.get(thing, thing), key=key, message=message, fix=fix)


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
        thing = f"benefit:{benefit_id}"
        for earlier, later in pairwise(versions):
            for key, message, fix in change_faults(earlier, later):
                yield _finding(catalogue, thing, key, message, fix)


def _benefit_terms(catalogue: Catalogue) -> Iterator[Finding]:
    for benefit_id, versions in catalogue.benefits.items():
        for benefit in versions:
            for key, message, fix in _term_faults(catalogue, benefit):
                yield _finding(catalogue, f"benefit:{benefit_id}", key, f"version {benefit.version}: {message}", fix)


def _term_faults(catalogue: Catalogue, benefit: Benefit) -> Iterator[tuple[str, str, str]]:
    if benefit.partner not in catalogue.partners:
        yield "partner", f"there is no partner {benefit.partner!r}", "name a file of partners/"
    entitlement = benefit.payment.entitlement
    named = {*benefit.eligibility.tiers, *(entitlement.uses if entitlement else ())}
    for tier in sorted(named.difference(catalogue.programme.tier_ids)):
        yield "eligibility.tiers", f"there is no tier {tier!r}", "name a tier of programme.toml"
    yield from term_faults(benefit, catalogue.lounges)


def _contracts(catalogue: Catalogue) -> Iterator[Finding]:
    for contract in catalogue.conversions:
        thing = f"conversion:{contract.id}"
        if contract.partner not in catalogue.partners:
            message = f"there is no partner {contract.partner!r}"
            yield _finding(catalogue, thing, "partner", message, "name a file of partners/")
        if not contract.source:
            message = f"version {contract.version} does not say where its terms are published"
            yield _finding(catalogue, thing, "source", message, "name the contract or page", "warning")


def _contract_dates(catalogue: Catalogue) -> Iterator[Finding]:
    def pair(contract: ConversionContract) -> tuple[str, str, str]:
        return contract.from_commodity, contract.to_commodity, contract.region or ""

    for (source, target, _), group in groupby(sorted(catalogue.conversions, key=pair), pair):
        contracts = list(group)
        spans = [
            (one.effective_from_date or date.min, one.effective_to_date, f"{one.id} version {one.version}")
            for one in contracts
        ]
        yield from _spans(catalogue, f"conversion:{contracts[0].id}", f"{source} to {target}", spans)


def _round_trips(catalogue: Catalogue) -> Iterator[Finding]:
    for trip in _trips(catalogue.conversions):
        gain = Fraction(1)
        for contract in trip:
            gain *= contract.best_ratio
        if gain > 1:
            path = " to ".join([*(contract.from_commodity for contract in trip), trip[-1].to_commodity])
            yield _finding(
                catalogue,
                f"conversion:{trip[0].id}",
                "rate",
                f"a round trip gains: {path} turns 1 into up to {gain}",
                "lower one of the rates or bonuses, or end one contract before the other begins",
            )


def _trips(contracts: tuple[ConversionContract, ...]) -> Iterator[tuple[ConversionContract, ...]]:
    """Give every cycle once: the one that starts at its first contract in file order."""
    order = {id(contract): number for number, contract in enumerate(contracts)}
    open_trips: list[tuple[ConversionContract, ...]] = [(contract,) for contract in contracts]
    while open_trips:
        trip = open_trips.pop()
        if trip[-1].to_commodity == trip[0].from_commodity:
            yield trip
        elif len(trip) < LONGEST_ROUND_TRIP:
            visited = {contract.from_commodity for contract in trip}
            open_trips.extend(
                (*trip, following)
                for following in contracts
                if following.from_commodity == trip[-1].to_commodity
                and following.from_commodity not in visited
                and order[id(following)] > order[id(trip[0])]
                and _together((*trip, following))
            )


def _together(trip: tuple[ConversionContract, ...]) -> bool:
    """Say whether contracts can be used on one day by one member."""
    starts = max(contract.effective_from_date or date.min for contract in trip)
    ends = min(contract.effective_to_date or date.max for contract in trip)
    regions = {contract.region for contract in trip if contract.region is not None}
    return starts <= ends and len(regions) <= 1


def _edges(catalogue: Catalogue) -> Iterator[Finding]:
    for ladder in catalogue.tier_matches.ladders:
        if ladder.partner is not None and ladder.partner not in catalogue.partners:
            message = f"there is no partner {ladder.partner!r}"
            yield _finding(catalogue, f"ladder:{ladder.programme}", "partner", message, "name a file of partners/")
    for edge in catalogue.tier_matches.edges:
        if not edge.source.strip():
            message = "the edge does not say which agreement grants it"
            yield _finding(catalogue, f"edge:{edge.id}", "source", message, "name the contract or page")
        for key, programme, tier in _named_tiers(edge):
            if catalogue.tier_matches.rank(programme, tier) < 0:
                message = f"the ladder of {programme} has no tier {tier!r}"
                yield _finding(
                    catalogue, f"edge:{edge.id}", key, message, "name a tier of [[ladders]], or add it there"
                )


def _named_tiers(edge: Edge) -> Iterator[tuple[str, str, str]]:
    for tier in edge.from_tiers:
        yield "from_tiers", edge.from_programme, tier
    if edge.to_tier is not None:
        yield "to_tier", edge.to_programme, edge.to_tier
