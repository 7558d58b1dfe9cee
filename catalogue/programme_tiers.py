"""Tiers over time: earned at once, kept or ended at the end of their validity, and the way back. Pure.

A qualifying point counts from its day until the day before the same day ``qualifying_months`` later. Reaching a tier's
threshold raises a member the same day, for ``tier_validity_months``. At the end of an earned tier the points that count
on its last day decide: they keep it, or land the member lower. Whatever is asked *as of* a day uses only points and
statuses of that day or before, so that the answer does not change when later ones come in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec

from catalogue.calendar import add_months
from catalogue.programme import Programme, tier_for
from catalogue.tier_match import HeldStatus, Provenance
from config.words import known

Outcome = Literal["kept", "landed", "lapsed", "covered"]
"""How a validity ended: renewed, a lower earned tier, nothing earned, or another status carries the tier on."""
_DAY = timedelta(days=1)


class Credit(msgspec.Struct, frozen=True):
    """Qualifying points that count from a day on."""

    on_date: date
    points: int


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """How the end of one status was judged, and what follows it."""

    status: HeldStatus
    outcome: Outcome
    qualifying: int
    needed: int
    tier_after: str
    granted: HeldStatus | None = None


class WayBack(msgspec.Struct, frozen=True, kw_only=True):
    """A tier that has ended and can be restored until a day, both included; nothing is ``missing`` once reached."""

    tier: str
    since_date: date
    until_date: date
    needed: int
    missing: int


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """The end of validity ahead: what keeps the tier, and the tier that follows if nothing more is earned."""

    tier: str
    valid_to_date: date
    needed: int
    missing: int
    tier_after: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a member stands on a day; ``qualifying`` is what counts that day."""

    on_date: date
    tier: str
    valid_to_date: date | None
    qualifying: int
    next_tier: str | None
    next_missing: int
    ending: Ending | None
    way_back: WayBack | None


def counting_from(programme: Programme, on_date: date) -> date:
    """Give the first day whose points still count on a day."""
    months = programme.tier_rules.qualifying_months
    first = add_months(on_date, -months)
    while add_months(first, months) <= on_date:
        first += _DAY
    return first


def counted(programme: Programme, history: Iterable[Credit], on_date: date) -> int:
    """Sum the qualifying points that count on a day; never less than 0."""
    return _between(history, counting_from(programme, on_date), on_date)


def best_tier(programme: Programme, held: Iterable[HeldStatus], on_date: date) -> str:
    """Give the highest tier of the host programme among statuses valid on a day; the entry tier when there is none."""
    tiers = [status.tier for status in held if status.programme == programme.id and status.holds_on(on_date)]
    return max(tiers, key=programme.rank, default=programme.entry_tier)


def earned_tier(programme: Programme, held: Iterable[HeldStatus], on_date: date) -> str:
    """Give the highest tier that the member has earned himself, as `best_tier`."""
    return best_tier(programme, (one for one in held if one.provenance == Provenance.EARNED), on_date)


def rise(
    programme: Programme, held: Sequence[HeldStatus], history: Sequence[Credit], on_date: date
) -> HeldStatus | None:
    """Give the status that points raise a member to on a day, or that the way back restores; None when neither."""
    reached = tier_for(programme, counted(programme, history, on_date))
    back = way_back(programme, held, history, on_date)
    if back is not None and back.missing == 0 and programme.rank(back.tier) > programme.rank(reached):
        reached = back.tier
    if programme.rank(reached) <= programme.rank(earned_tier(programme, held, on_date)):
        return None
    return _earned(programme, reached, on_date, on_date)


def secured(
    programme: Programme, held: Sequence[HeldStatus], history: Sequence[Credit], on_date: date
) -> HeldStatus | None:
    """Give the status that follows the earned one without a gap, once the points that keep it are there."""
    status = _carrying(programme, held, on_date, earned_only=True)
    if status is None or status.valid_to_date is None:
        return None
    judged = review(programme, held, _until(history, on_date), status)
    return judged.granted if judged.outcome == "kept" else None


def unreviewed(
    programme: Programme, held: Iterable[HeldStatus], reviewed: Iterable[tuple[str, str, date]], on_date: date
) -> HeldStatus | None:
    """Give the host status whose validity ended first before a day and was not reviewed yet.

    One that was come by in a way that only a later version of the code knows is left to that.
    """
    done = set(reviewed)
    ended = [
        (status.valid_to_date, programme.rank(status.tier), status.provenance, status)
        for status in held
        if status.programme == programme.id
        and status.valid_to_date is not None
        and status.valid_to_date < on_date
        and known(Provenance, status.provenance) is not None
        and review_key(status) not in done
    ]
    return min(ended, key=lambda one: one[:3])[3] if ended else None


def review_key(status: HeldStatus) -> tuple[str, str, date]:
    """Name a host status among one member's."""
    return status.tier, status.provenance, status.valid_from_date


def review(programme: Programme, held: Sequence[HeldStatus], history: Iterable[Credit], status: HeldStatus) -> Review:
    """Judge the end of a status by the points that count on its last day.

    An earned one is kept when they reach its threshold, else the member lands on the tier they reach, with
    ``soft_landing`` at most one below. A matched or given one simply ends. Nothing is granted where that tier
    or a higher one is earned already.
    """
    assert status.valid_to_date is not None, "an open status has no end"
    following = status.valid_to_date + _DAY
    total = counted(programme, history, status.valid_to_date)
    landing = _landing(programme, status, total) if status.provenance == Provenance.EARNED else 0
    granted = None
    if landing > programme.rank(earned_tier(programme, held, following)):
        granted = _earned(programme, programme.tiers[landing].id, following, status.valid_to_date)
    after = best_tier(programme, (*held, *([granted] if granted else [])), following)
    return Review(
        status=status,
        outcome=_outcome(programme, status.tier, granted, after),
        qualifying=total,
        needed=programme.tier(status.tier).qualifying_from,
        tier_after=after,
        granted=granted,
    )


def way_back(
    programme: Programme, held: Iterable[HeldStatus], history: Iterable[Credit], on_date: date
) -> WayBack | None:
    """Give the highest earned tier that ended not long ago and what restores it; None when there is none."""
    rule = programme.tier_rules.comeback
    held = tuple(held)
    now = programme.rank(earned_tier(programme, held, on_date))
    ended = [
        (programme.rank(status.tier), status.valid_to_date)
        for status in held
        if status.programme == programme.id
        and status.provenance == Provenance.EARNED
        and status.valid_to_date is not None
        and rule is not None
        and status.valid_to_date < on_date <= status.valid_to_date + timedelta(days=rule.days)
    ]
    rank, last = max(ended, default=(0, date.min))
    if rule is None or rank <= now:
        return None
    needed = rule.share.ceil(programme.tiers[rank].qualifying_from)
    earned = _between(history, last + _DAY, on_date)
    return WayBack(
        tier=programme.tiers[rank].id,
        since_date=last + _DAY,
        until_date=last + timedelta(days=rule.days),
        needed=needed,
        missing=max(0, needed - earned),
    )


def ending(programme: Programme, held: Sequence[HeldStatus], history: Iterable[Credit], on_date: date) -> Ending | None:
    """Say when a member's tier ends and what keeps it; None for a tier without end, or one that is carried on."""
    status = _carrying(programme, held, on_date, earned_only=False)
    if status is None or status.valid_to_date is None:
        return None
    judged = review(programme, held, _until(history, on_date), status)
    if judged.outcome == "covered":
        return None
    return Ending(
        tier=status.tier,
        valid_to_date=status.valid_to_date,
        needed=judged.needed,
        missing=max(0, judged.needed - judged.qualifying),
        tier_after=judged.tier_after,
    )


def standing(programme: Programme, held: Iterable[HeldStatus], history: Iterable[Credit], on_date: date) -> Standing:
    """Say where a member stands, as of a day."""
    known = tuple(status for status in held if status.valid_from_date <= on_date)
    earned = tuple(_until(history, on_date))
    tier = best_tier(programme, known, on_date)
    carrying = _carrying(programme, known, on_date, earned_only=False)
    total = counted(programme, earned, on_date)
    above = programme.tiers[programme.rank(tier) + 1 :]
    return Standing(
        on_date=on_date,
        tier=tier,
        valid_to_date=carrying.valid_to_date if carrying else None,
        qualifying=total,
        next_tier=above[0].id if above else None,
        next_missing=max(0, above[0].qualifying_from - total) if above else 0,
        ending=ending(programme, known, earned, on_date),
        way_back=way_back(programme, known, earned, on_date),
    )


def warning_step(programme: Programme, valid_to_date: date, on_date: date) -> int | None:
    """Give the step of ``warning_days`` that a day belongs to: the shortest that is not shorter than what is left."""
    left = (valid_to_date - on_date).days
    return min((step for step in programme.tier_rules.warning_days if 0 <= left <= step), default=None)


def _outcome(programme: Programme, ended: str, granted: HeldStatus | None, after: str) -> Outcome:
    rank = programme.rank(ended)
    if granted is not None and programme.rank(granted.tier) >= rank:
        return "kept"
    if programme.rank(after) >= rank:
        return "covered"
    return "lapsed" if granted is None else "landed"


def _landing(programme: Programme, status: HeldStatus, total: int) -> int:
    reached = programme.rank(tier_for(programme, total))
    return max(reached, programme.rank(status.tier) - 1) if programme.tier_rules.soft_landing else reached


def _earned(programme: Programme, tier: str, first: date, counted_from: date) -> HeldStatus:
    return HeldStatus(
        programme=programme.id,
        tier=tier,
        provenance=Provenance.EARNED,
        valid_from_date=first,
        valid_to_date=add_months(counted_from, programme.tier_validity_months),
    )


def _carrying(
    programme: Programme, held: Iterable[HeldStatus], on_date: date, *, earned_only: bool
) -> HeldStatus | None:
    """Find the status that gives the tier of a day: of the highest tier the one that lasts longest."""
    valid = [
        status
        for status in held
        if status.programme == programme.id
        and status.holds_on(on_date)
        and programme.rank(status.tier) > 0
        and (status.provenance == Provenance.EARNED or not earned_only)
    ]
    return max(valid, key=lambda one: (programme.rank(one.tier), one.valid_to_date or date.max), default=None)


def _until(history: Iterable[Credit], on_date: date) -> list[Credit]:
    return [credit for credit in history if credit.on_date <= on_date]


def _between(history: Iterable[Credit], first: date, last: date) -> int:
    return max(0, sum(credit.points for credit in history if first <= credit.on_date <= last))
