"""The one definition of the matching: an Ibis expression over two snapshots, the same for every engine.

Passes, first fit wins, a record is in at most one pair:

1. ``reference``: our key, as both sides wrote it, where each side has it once: one hash join settles the easy majority;
2. ``grouped``: keys that a side has several times: equal rows are paired off one by one, the rest of the group matches
   when its sums agree; identical copies on the partner's side are duplicates; anything else is one break of the group;
3. ``normalised``: our key without case, separators and the partner's known prefixes;
4. ``partner_key``: the partner's own key, likewise;
5. ``attributes``: member, kind, currency, amount within tolerance, service date within the window, where at least one
   side carries no reference of ours; a tie stays open.

What then remains of the partner's rows and claims nothing (cancelled, failed) agrees with our having no line
(``nothing_due``); every other lone record is missing on the other side. The later passes see only what the first left.
Comparison is null-safe, counts and sums are exact integers, and no window function runs over more than the repeated
keys.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import ibis
import ibis.expr.types as ir

from settlement.matching.rules import MATCHED, RESULT_COLUMNS, SNAPSHOT_COLUMNS, MatchingRules, normalised_prefixes

Keep = Callable[[str, ir.Table], ir.Table]
"""Lets an engine materialise an intermediate table that is read more than once; the default computes it again."""

_EQUAL = ("amount", "currency", "quantity", "service_day", "stands")


def snapshot_schema() -> ibis.Schema:
    """Answer the schema of a snapshot."""
    return ibis.schema(SNAPSHOT_COLUMNS)


def match(ours: ir.Table, theirs: ir.Table, rules: MatchingRules, keep: Keep = lambda _name, table: table) -> ir.Table:
    """Match two snapshots; every record of both sides is in exactly one row of the result (see `RESULT_COLUMNS`).

    Args:
        ours: our settlement lines, columns as `SNAPSHOT_COLUMNS`, ids unique over both tables.
        theirs: the partner's statement lines, likewise.
        rules: tolerances.
        keep: see `Keep`.
    """
    left, right = _side(ours, "ours"), _side(theirs, "theirs")
    shared = keep("shared", _repeated(left, "ours").union(_repeated(right, "theirs"), distinct=True))
    joined = keep("joined", _join_single(left, right, shared))
    pairs = [_as_pairs(joined.filter(joined.ours_present & joined.theirs_present), "reference", rules)]
    group = _Group(left, right, shared, rules, keep)
    pairs.append(group.settled)
    rest_ours = _columns(joined.filter(~joined.theirs_present), "ours").union(group.rest_ours)
    rest_theirs = _columns(joined.filter(~joined.ours_present), "theirs").union(group.rest_theirs)
    rest_ours, rest_theirs = keep("rest_ours", rest_ours), keep("rest_theirs", rest_theirs)
    for name, find in (
        ("normalised", _by("reference")),
        ("partner_key", _by("partner_reference")),
        ("attributes", _like),
    ):
        found = keep(f"found_{name}", find(rest_ours, rest_theirs, rules))
        pairs.append(_as_pairs(found, name, rules))
        rest_ours = rest_ours.anti_join(found, "ours_id")
        rest_theirs = rest_theirs.anti_join(found, "theirs_id")
    open_ours = _alone(rest_ours, "ours", "missing_theirs", "none")
    due = rest_theirs.theirs_stands.fill_null(True)
    open_theirs = _alone(rest_theirs.filter(due), "theirs", "missing_ours", "none")
    nothing_due = _alone(rest_theirs.filter(~due), "theirs", MATCHED, "nothing_due")
    return reduce(lambda one, other: one.union(other), (*pairs, open_ours, open_theirs, nothing_due))


def _side(table: ir.Table, side: str) -> ir.Table:
    named = {f"{side}_{column}": table[column] for column in SNAPSHOT_COLUMNS}
    return table.select(**named, **{f"{side}_present": ibis.literal(value=True)})


def _columns(table: ir.Table, side: str) -> ir.Table:
    return table.select(*(f"{side}_{column}" for column in (*SNAPSHOT_COLUMNS, "present")))


def _repeated(table: ir.Table, side: str) -> ir.Table:
    known = table.filter(table[f"{side}_reference"].notnull())
    counted = known.group_by(reference=known[f"{side}_reference"]).aggregate(times=known.count())
    return counted.filter(counted.times > 1).select("reference")


def _join_single(left: ir.Table, right: ir.Table, shared: ir.Table) -> ir.Table:
    left = left.anti_join(shared, left.ours_reference == shared.reference)
    right = right.anti_join(shared, right.theirs_reference == shared.reference)
    joined = left.outer_join(right, left.ours_reference == right.theirs_reference)
    return joined.mutate(
        ours_present=joined.ours_present.fill_null(False),
        theirs_present=joined.theirs_present.fill_null(False),
    )


def _difference(pairs: ir.Table, rules: MatchingRules) -> ir.StringValue:
    """Say what a pair differs in, gravest first; ``matched`` when in nothing."""
    apart = (pairs.ours_amount - pairs.theirs_amount).abs() > rules.amount_tolerance
    one_is_null = pairs.ours_amount.isnull() != pairs.theirs_amount.isnull()
    unequal = apart.fill_null(False) | one_is_null
    same_quantity = pairs.ours_quantity.identical_to(pairs.theirs_quantity)
    rated = pairs.ours_kind.isin(rules.rated_kinds) & same_quantity
    days = (pairs.ours_service_day - pairs.theirs_service_day).abs()
    other_currency = (pairs.ours_currency != pairs.theirs_currency).fill_null(False)
    return ibis.cases(
        (~pairs.ours_stands.identical_to(pairs.theirs_stands), "status"),
        (other_currency, "currency"),
        (unequal & rated, "rate"),
        (unequal | ~same_quantity, "amount"),
        (days > rules.date_tolerance_days, "date"),
        else_=MATCHED,
    )


def _as_pairs(pairs: ir.Table, pass_name: str, rules: MatchingRules) -> ir.Table:
    return _result(
        pairs.mutate(outcome=_difference(pairs, rules), pass_name=ibis.literal(pass_name), group_reference=_no_text()),
        ("ours", "theirs"),
    )


def _alone(table: ir.Table, side: str, outcome: str, pass_name: str) -> ir.Table:
    marked = table.mutate(outcome=ibis.literal(outcome), pass_name=ibis.literal(pass_name), group_reference=_no_text())
    return _result(marked, (side,))


def _no_text() -> ir.StringScalar:
    return ibis.null("string")


def _result(table: ir.Table, sides: tuple[str, ...]) -> ir.Table:
    """Bring rows that hold one or both sides to the columns of the result."""
    values: dict[str, ir.Value] = {}
    for column in RESULT_COLUMNS:
        side, _, name = column.partition("_")
        if side in {"ours", "theirs"} and side not in sides:
            values[column] = ibis.null(SNAPSHOT_COLUMNS[name])
        elif column == "record":
            values[column] = ibis.coalesce(*(table[f"{side}_id"] for side in sides))
        elif column == "reference":
            values[column] = ibis.coalesce(*(table[f"{side}_reference"] for side in sides))
        else:
            values[column] = table[column]
    return table.select(**values)


class _Group:
    """The ``grouped`` pass over keys that a side has several times.

    ``settled`` are finished rows; ``rest_ours`` and ``rest_theirs`` have no counterpart under their key and go on.
    """

    def __init__(self, left: ir.Table, right: ir.Table, shared: ir.Table, rules: MatchingRules, keep: Keep) -> None:
        ours = keep("group_ours", _ranked(left, "ours", shared))
        theirs = keep("group_theirs", _ranked(right, "theirs", shared))
        equal = keep("group_equal", _pair_off(ours, theirs))
        left_ours = keep("group_left_ours", ours.anti_join(equal, "ours_id"))
        left_theirs = keep("group_left_theirs", theirs.anti_join(equal, "theirs_id"))
        sums = keep("group_sums", _sums(left_ours, left_theirs))
        copies = left_theirs.filter(left_theirs.theirs_rank > 1)
        agreeing, differing = sums.filter(sums.agrees), sums.filter(~sums.agrees)
        copies = keep("group_copies", copies.semi_join(differing, copies.theirs_reference == differing.reference))
        unique_theirs = left_theirs.anti_join(copies, "theirs_id")
        recounted = keep("group_recounted", _sums(left_ours, unique_theirs).semi_join(differing, "reference"))
        both = recounted.filter((recounted.ours_count > 0) & (recounted.theirs_count > 0))
        single = both.filter((both.ours_count == 1) & (both.theirs_count == 1))
        several = both.filter((both.ours_count > 1) | (both.theirs_count > 1))
        self.settled = reduce(
            lambda one, other: one.union(other),
            (
                _as_pairs(equal, "grouped", rules),
                _as_pairs(_paired(left_ours, unique_theirs, single), "grouped", rules),
                *_group_rows(left_ours, left_theirs, agreeing, MATCHED),
                *_group_rows(left_ours, unique_theirs, several, "amount"),
                _members(copies, "theirs", "duplicate"),
            ),
        )
        self.rest_ours = _columns(_without(left_ours, "ours", agreeing.select("reference"), both), "ours")
        self.rest_theirs = _columns(_without(unique_theirs, "theirs", agreeing.select("reference"), both), "theirs")


def _ranked(table: ir.Table, side: str, shared: ir.Table) -> ir.Table:
    reference = f"{side}_reference"
    rows = table.semi_join(shared, table[reference] == shared.reference)
    alike = ibis.window(group_by=[reference, *(f"{side}_{column}" for column in _EQUAL)], order_by=f"{side}_id")
    return rows.mutate(**{f"{side}_rank": ibis.row_number().over(alike).cast("int64") + 1})


def _pair_off(ours: ir.Table, theirs: ir.Table) -> ir.Table:
    same = [ours[f"ours_{column}"].identical_to(theirs[f"theirs_{column}"]) for column in _EQUAL]
    return ours.inner_join(
        theirs,
        [ours.ours_reference == theirs.theirs_reference, ours.ours_rank == theirs.theirs_rank, *same],
    )


def _sums(ours: ir.Table, theirs: ir.Table) -> ir.Table:
    """Count and sum each side per key; see `_agrees`."""
    rows = _sum_rows(ours, "ours").union(_sum_rows(theirs, "theirs"))
    grouped = rows.group_by("reference").aggregate(
        ours_count=rows.ours.sum().cast("int64"),
        theirs_count=(1 - rows.ours).sum().cast("int64"),
        balance=rows.due.sum().cast("int64"),
        priced=rows.currency.count(),
        usage=rows.used.sum().cast("int64"),
        first_currency=rows.currency.min(),
        last_currency=rows.currency.max(),
        unclear=rows.unclear.sum().cast("int64"),
    )
    return grouped.select("reference", "ours_count", "theirs_count", agrees=_agrees(grouped))


def _agrees(grouped: ir.Table) -> ir.BooleanValue:
    """Say whether a key is settled: both sides hold the same sum, or ours alone reversed itself to nothing."""
    one_currency = (grouped.first_currency == grouped.last_currency).fill_null(True)
    equal = (grouped.balance == 0) & ((grouped.priced > 0) | (grouped.usage == 0))
    reversed_by_us = (grouped.theirs_count == 0) & (grouped.priced > 0)
    both = (grouped.ours_count > 0) & ((grouped.theirs_count > 0) | reversed_by_us)
    return both & one_currency & equal & (grouped.unclear == 0)


def _sum_rows(table: ir.Table, side: str) -> ir.Table:
    stands = table[f"{side}_stands"]
    sign = stands.fill_null(False).cast("int64") * (1 if side == "ours" else -1)
    return table.select(
        reference=table[f"{side}_reference"],
        ours=ibis.literal(1 if side == "ours" else 0, "int64"),
        due=table[f"{side}_amount"].fill_null(0) * sign,
        used=table[f"{side}_quantity"].fill_null(0) * sign,
        currency=table[f"{side}_currency"],
        unclear=stands.isnull().cast("int64"),
    )


def _paired(ours: ir.Table, theirs: ir.Table, references: ir.Table) -> ir.Table:
    chosen = ours.semi_join(references, ours.ours_reference == references.reference)
    return chosen.inner_join(theirs, chosen.ours_reference == theirs.theirs_reference)


def _group_rows(ours: ir.Table, theirs: ir.Table, references: ir.Table, outcome: str) -> tuple[ir.Table, ir.Table]:
    return (
        _members(ours.semi_join(references, ours.ours_reference == references.reference), "ours", outcome),
        _members(theirs.semi_join(references, theirs.theirs_reference == references.reference), "theirs", outcome),
    )


def _members(rows: ir.Table, side: str, outcome: str) -> ir.Table:
    marked = rows.mutate(
        outcome=ibis.literal(outcome),
        pass_name=ibis.literal("grouped"),
        group_reference=rows[f"{side}_reference"],
    )
    return _result(marked, (side,))


def _without(rows: ir.Table, side: str, agreeing: ir.Table, both: ir.Table) -> ir.Table:
    ended = agreeing.union(both.select("reference"))
    return rows.anti_join(ended, rows[f"{side}_reference"] == ended.reference)


Finder = Callable[[ir.Table, ir.Table, MatchingRules], ir.Table]


def _by(column: str) -> Finder:
    """Make a pass that joins on a normalised key which each side has exactly once."""

    def find(ours: ir.Table, theirs: ir.Table, rules: MatchingRules) -> ir.Table:
        ours = _once(ours.mutate(ours_key=_normal(ours[f"ours_{column}"], rules)), "ours_key")
        theirs = _once(theirs.mutate(theirs_key=_normal(theirs[f"theirs_{column}"], rules)), "theirs_key")
        return ours.inner_join(theirs, ours.ours_key == theirs.theirs_key)

    return find


def _normal(reference: ir.StringColumn, rules: MatchingRules) -> ir.StringValue:
    cleaned = reference.upper().re_replace(r"[^0-9A-Z]", "")
    prefixes = normalised_prefixes(rules)
    return (cleaned.re_replace(prefixes, "") if prefixes else cleaned).nullif("")


def _once(table: ir.Table, key: str) -> ir.Table:
    counts = table.group_by(key).aggregate(times=table.count())
    return table.semi_join(counts.filter(counts.times == 1), key)


def _like(ours: ir.Table, theirs: ir.Table, rules: MatchingRules) -> ir.Table:
    """Find pairs by attributes; whoever has two candidates stays open."""
    candidates = ours.inner_join(
        theirs,
        [
            ours.ours_member_hash == theirs.theirs_member_hash,
            ours.ours_kind == theirs.theirs_kind,
            ours.ours_currency.identical_to(theirs.theirs_currency),
            (ours.ours_service_day - theirs.theirs_service_day).abs() <= rules.search_window_days,
            (ours.ours_amount.fill_null(0) - theirs.theirs_amount.fill_null(0)).abs() <= rules.amount_tolerance,
            ours.ours_reference.isnull() | theirs.theirs_reference.isnull(),
        ],
    )
    return _once_each(candidates)


def _once_each(candidates: ir.Table) -> ir.Table:
    ours = candidates.group_by("ours_id").aggregate(times=candidates.count())
    theirs = candidates.group_by("theirs_id").aggregate(times=candidates.count())
    return candidates.semi_join(ours.filter(ours.times == 1), "ours_id").semi_join(
        theirs.filter(theirs.times == 1), "theirs_id"
    )
