"""P: which of our visits a reported use is. A use has no id and no reference of ours: it is told by its attributes.

The lounge must be the same; the day may be the next or the one before, because partners tell a day in their own zone
or in none; of several, the same day first, then the earlier redemption. One redemption is one use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec

from adapters.sdk.records import Usage

DAYS_BESIDE = 1
"""By so many days a use may be told on another day than the visit was redeemed for."""

UseState = Literal["matched", "differs", "unmatched"]
UseKey = tuple[str, date, int]
"""What tells a use of one account apart: place, day, and its number among those of that place and day, from 0."""


class Candidate(msgspec.Struct, frozen=True):
    """A redeemed visit that a use may be."""

    redemption_id: str
    place: str
    service_date: date
    guests: int


class Told(msgspec.Struct, frozen=True):
    """What a use is told to be: matched, differs (more people than the visit was redeemed for), or unmatched."""

    key: UseKey
    use: Usage
    state: UseState
    redemption_id: str | None


def numbered(uses: Iterable[Usage]) -> list[tuple[UseKey, Usage]]:
    """Number the uses of one account; equal ones stay apart."""
    seen: dict[tuple[str, date], int] = {}
    found = []
    for use in uses:
        where = (use.place, use.used_at.date())
        found.append(((*where, seen.get(where, 0)), use))
        seen[where] = seen.get(where, 0) + 1
    return found


def match(
    uses: Iterable[Usage], candidates: Sequence[Candidate], known: Mapping[UseKey, str], taken: frozenset[str]
) -> list[Told]:
    """Find the visit of each use; deterministic, whatever the order of the candidates.

    Args:
        uses: of one account, all of a span of days.
        candidates: the member's visits at this partner.
        known: redemptions that uses told before were matched with; those stay.
        taken: redemptions that are some use already, of these days or others.
    """
    free = {one.redemption_id: one for one in candidates if one.redemption_id not in taken}
    visits = {one.redemption_id: one for one in candidates}
    rows = numbered(uses)
    given = {key: known[key] for key, _ in rows if key in known}
    for days in range(DAYS_BESIDE + 1):
        for key, _ in rows:
            found = None if key in given else _first(free.values(), key, days)
            if found is not None:
                given[key] = free.pop(found).redemption_id
    return [_told(key, use, given.get(key), visits) for key, use in rows]


def _first(free: Iterable[Candidate], key: UseKey, days: int) -> str | None:
    place, day, _ = key
    fitting = [one for one in free if one.place == place and abs((one.service_date - day).days) == days]
    return min((one.redemption_id for one in fitting), default=None)


def _told(key: UseKey, use: Usage, redemption_id: str | None, visits: Mapping[str, Candidate]) -> Told:
    if redemption_id is None:
        return Told(key, use, "unmatched", None)
    visit = visits.get(redemption_id)
    more = visit is not None and use.guests > visit.guests
    return Told(key, use, "differs" if more else "matched", redemption_id)
