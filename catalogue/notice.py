"""Which changes of terms are allowed: none to what is in force already, and others only after the notice promised.

A *term* is anything a member relies on. Wording (titles, descriptions, sources) is no term and may be mended at any
time, and so may whatever ``unannounced`` names. What has no date of its own takes effect the moment it is applied, and
that is no notice at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

import msgspec

from catalogue.values import NotNegative

STARTS = ("effective_from_date", "valid_from_date", "from_date", "starts_date")
ENDS = ("effective_to_date", "valid_to_date", "until_date", "to_date", "ends_date")
"""Keys that say from when and until when a thing holds, the more particular first."""

WORDING = frozenset({"title", "description", "name", "source", "announced_date"})
"""Keys, with all that is below them, that no member relies on."""


class NoticeDays(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Days of notice by kind of things; a kind that is left out has ``default_days``."""

    benefit: NotNegative | None = None
    conversion: NotNegative | None = None
    edge: NotNegative | None = None
    ladder: NotNegative | None = None
    level: NotNegative | None = None
    tier: NotNegative | None = None
    earn_rule: NotNegative | None = None
    campaign: NotNegative | None = None
    bonus: NotNegative | None = None
    renewal: NotNegative | None = None
    programme: NotNegative | None = None
    airport: NotNegative | None = None
    lounge: NotNegative | None = None
    lounge_rule: NotNegative | None = None
    lounge_scheme: NotNegative | None = None
    signal: NotNegative | None = None
    budget: NotNegative | None = None
    notice: NotNegative | None = None


class NoticeRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of ``notice.toml``.

    Attributes:
        default_days: days between the day on which a change is made known and the first day of its effect.
        days: the same for particular kinds of things (``benefit``, ``conversion``, ``earn_rule`` ...).
        unannounced: kinds that members do not rely on; they may change at any time.
    """

    default_days: NotNegative = 30
    days: NoticeDays = NoticeDays()
    unannounced: tuple[str, ...] = ("budget", "notice", "signal")

    def days_for(self, kind: str) -> int:
        """Give the days of notice of a kind of things."""
        own: int | None = getattr(self.days, kind, None)
        return self.default_days if own is None else own


class Validity(NamedTuple):
    """From when and until when a thing holds, both days included; None is open, and a thing may have neither key."""

    start_key: str | None
    end_key: str | None
    starts_date: date | None
    ends_date: date | None

    @property
    def is_dated(self) -> bool:
        """Whether it can say when it holds."""
        return self.start_key is not None or self.end_key is not None

    def has_begun(self, today: date) -> bool:
        """Whether it has taken effect, and be it that it has ended since."""
        return self.starts_date is None or self.starts_date <= today


class Objection(NamedTuple):
    """Why a change is not allowed as it is, or what an operator should know about it; and what to do."""

    severity: Literal["error", "warning"]
    key: str
    message: str
    fix: str


def validity(content: Mapping[str, Any]) -> Validity:
    """Read the dates of a thing; content is as JSON has it.

    A service's own validity (a benefit's ``valid_from_date``) counts only where nothing says when terms take effect.
    """
    starts = next((key for key in STARTS if key in content), None)
    ends = next((key for key in ENDS if key in content and _same_family(key, starts)), None)
    return Validity(starts, ends, _day(content, starts), _day(content, ends))


def _same_family(end: str, start: str | None) -> bool:
    return start is None or end.partition("_")[0] == start.partition("_")[0] or start == "from_date"


def _day(content: Mapping[str, Any], key: str | None) -> date | None:
    value = content.get(key) if key is not None else None
    return date.fromisoformat(value) if isinstance(value, str) else None


def terms_among(keys: Iterable[str]) -> list[str]:
    """Leave only the keys that are terms."""
    return [key for key in keys if key.split(".")[0].split("[")[0] not in WORDING]


def object_to_added(
    rules: NoticeRules, kind: str, content: Mapping[str, Any], *, replaces: bool, today: date
) -> Iterator[Objection]:
    """Judge a new thing: it must not take effect in the past and, where it replaces older terms, only after notice."""
    dates = validity(content)
    key, starts = dates.start_key, dates.starts_date
    if kind in rules.unannounced or key is None or starts is None:
        return
    if starts < today:
        message = f"it would take effect on {starts}, which is past"
        yield Objection("error", key, message, f"let it take effect on {today} or later")
    elif replaces:
        yield from _notice(rules, kind, content, key, starts, today)


def object_to_changed(
    rules: NoticeRules, kind: str, old: Mapping[str, Any], new: Mapping[str, Any], keys: list[str], today: date
) -> Iterator[Objection]:
    """Judge a change of a thing that was applied before, by the keys that differ."""
    terms = terms_among(keys)
    if kind in rules.unannounced or not terms:
        return
    before, after = validity(old), validity(new)
    if not before.is_dated:
        yield Objection(
            "error", terms[0], "it has no date and would change at once", "give notice by other means, then override"
        )
        return
    if not before.has_begun(today):
        yield from object_to_added(rules, kind, new, replaces=True, today=today)
        return
    others = [key for key in terms if key != before.end_key]
    if others:
        since = before.starts_date or "ever"
        message = f"it has been in force since {since}, and what is in force is not changed ({', '.join(others)})"
        yield Objection("error", others[0], message, "put it back and add a version, or a successor, with a later date")
    if before.end_key in terms:
        yield from _object_to_end(rules, kind, before, after, today)


def object_to_removed(rules: NoticeRules, kind: str, old: Mapping[str, Any], today: date) -> Iterator[Objection]:
    """Judge a removal: what has taken effect stays written down, even when it has ended, for those who hold it."""
    if kind in rules.unannounced:
        return
    dates = validity(old)
    if not dates.is_dated:
        yield Objection(
            "error", "", "it has no date and would end at once", "give notice by other means, then override"
        )
    elif dates.has_begun(today):
        message = f"it has been in force since {dates.starts_date or 'ever'}; members may hold it"
        yield Objection("error", "", message, "put it back, with a last day if it is to end")


def _object_to_end(
    rules: NoticeRules, kind: str, before: Validity, after: Validity, today: date
) -> Iterator[Objection]:
    old, new, key = before.ends_date, after.ends_date, before.end_key or ""
    if old is not None and old < today:
        yield Objection("error", key, f"it ended on {old}; what has ended is not changed", "add a successor")
    elif new is not None and (old is None or new < old):
        earliest = today + timedelta(days=rules.days_for(kind))
        if new < earliest:
            message = f"it would end on {new}, with less than {rules.days_for(kind)} days of notice"
            yield Objection("error", key, message, f"let it end on {earliest} or later")


def _notice(
    rules: NoticeRules, kind: str, content: Mapping[str, Any], key: str, starts: date, today: date
) -> Iterator[Objection]:
    days = rules.days_for(kind)
    announced = _day(content, "announced_date") or today
    if starts < announced + timedelta(days=days):
        message = (
            f"it takes effect on {starts}, {(starts - announced).days} days after {announced}; {days} are promised"
        )
        yield Objection("error", key, message, f"let it take effect on {announced + timedelta(days=days)} or later")
    elif starts < today + timedelta(days=days):
        message = f"applied only {(starts - today).days} days ahead, it says that it was announced on {announced}"
        yield Objection("warning", "announced_date", message, "make sure that members were told then by other means")
