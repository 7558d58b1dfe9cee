"""Breaks as they are kept: opened, closed and opened again by runs, listed for people, with what people said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import takewhile
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from settlement.adjustments import ADJUSTED, Adjustment
from settlement.breaks import OWNERS, Break
from settlement.night_store import chunks
from settlement.night_tables import (
    BREAK_STATES,
    breaks,
    settlement_matches,
    settlement_runs,
    statement_lines,
    statements,
)

Closing = Literal["resolved", "written_off"]
"""``resolved``: explained, or put right where it belongs. ``written_off``: nobody goes after the difference now."""
CLOSING: frozenset[str] = frozenset({"resolved", "written_off"})
Word = Literal["assigned", "disputed", "resolved", "written_off", "reopened"]
_PEOPLE = "people"
"""Under which name the evidence of a break keeps what people said of it."""


class BreakWord(msgspec.Struct, frozen=True):
    """What a person said of a break, and how it is known.

    ``owner``: whom it was assigned to. ``adjustment``: what closing it so changes in what is owed.
    """

    word: Word
    by: str
    at: datetime
    evidence: str
    owner: str | None = None
    adjustment: Adjustment | None = None


class KeptBreak(msgspec.Struct, frozen=True):
    """A break with its life so far: ``words`` of people, oldest first.

    In a state, or with words, that only a later version of the code knows it is ``unknown``: people leave it to that.
    """

    item: Break
    run_id: str
    state: str
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str | None
    words: tuple[BreakWord, ...] = ()
    closed_by: tuple[str, ...] = ()

    @property
    def proposal(self) -> BreakWord | None:
        """The word that would close it if a second person said the same."""
        newest = next(iter(_closing_words(self.words)), None)
        return newest if self.state == "open" else None

    @property
    def adjusted(self) -> tuple[int, Adjustment] | None:
        """The number (from one) of the word by which it was closed with an adjustment, and that; None without."""
        if self.state != "closed" or not self.closed_by:
            return None
        closing = _closing_words(self.words)[0]
        number = next(number for number, word in enumerate(self.words, start=1) if word is closing)
        return None if closing.adjustment is None else (number, closing.adjustment)


def _closing_words(words: Sequence[BreakWord]) -> list[BreakWord]:
    """Give the words since it was last reopened that would close it, newest first."""
    since = takewhile(lambda one: one.word != "reopened", reversed(words))
    return [one for one in since if one.word in CLOSING]


def apply_breaks(
    connection: Connection, run: str, days: tuple[date, date], found: Sequence[Break], at: datetime
) -> int:
    """Bring the kept breaks to what a run found; answer how many rows changed.

    New ones are opened; open ones that the run no longer finds are closed with the reason; ones that a run had closed
    and that are there again are opened again. What people closed stays closed: a break is named by its kind and
    records, and neither our lines nor the rows of a file ever change. A corrected file has other rows, so that what is
    still wrong with it is another break.
    """
    wanted = {item.id: item for item in found}
    changed = 0
    for chunk in chunks(sorted(wanted)):
        kept = {row.id: row for row in connection.execute(sa.select(breaks).where(breaks.c.id.in_(chunk)))}
        for name in chunk:
            changed += _open(connection, run, wanted[name], kept.get(name), at)
    partner = _partner_of(connection, run)
    for row in connection.execute(_in_scope(partner, run, days)).all():
        if row.id not in wanted:
            changed += _close(connection, run, row, at)
    return changed


def _partner_of(connection: Connection, run: str) -> str:
    """Answer whose run it is."""
    return str(connection.execute(sa.select(settlement_runs.c.partner).where(settlement_runs.c.id == run)).scalar_one())


def _open(connection: Connection, run: str, item: Break, kept: sa.Row[Any] | None, at: datetime) -> int:
    if kept is None:
        values = msgspec.structs.asdict(item) | {"run_id": run, "state": "open", "opened_at": at}
        connection.execute(sa.insert(breaks).values(**values))
        return 1
    if kept.state == "closed":
        again = {"state": "open", "closed_at": None, "closed_by_run": None, "close_reason": None}
        by_run = sa.and_(breaks.c.id == item.id, breaks.c.closed_by_run.is_not(None))
        return connection.execute(sa.update(breaks).where(by_run).values(**again)).rowcount
    return 0


def _in_scope(partner: str, run: str, days: tuple[date, date]) -> sa.Select[Any]:
    """Open breaks that a run has judged anew: lone records of its days, and whatever it opened itself.

    Those of a kind that only a later version of the code finds are left to that.
    """
    lone = breaks.c.kind.in_(["missing_ours", "missing_theirs"]) & breaks.c.business_date.between(*days)
    return (
        sa.select(breaks.c.id, breaks.c.ours_id, breaks.c.theirs_id)
        .where(breaks.c.partner == partner, breaks.c.state == "open", breaks.c.kind.in_(OWNERS))
        .where(sa.or_(lone, breaks.c.run_id == run))
        .order_by(breaks.c.id)
    )


def _close(connection: Connection, run: str, row: sa.Row[Any], at: datetime) -> int:
    """Close a break unless people did so meanwhile; answer how many rows changed."""
    values = {"state": "closed", "closed_at": at, "closed_by_run": run, "close_reason": _reason(connection, row)}
    still = sa.and_(breaks.c.id == row.id, breaks.c.state == "open")
    return connection.execute(sa.update(breaks).where(still).values(**values)).rowcount


def _reason(connection: Connection, row: sa.Row[Any]) -> str:
    if row.theirs_id is not None:
        state = sa.select(statements.c.state).join(statement_lines).where(statement_lines.c.id == row.theirs_id)
        if connection.execute(state).scalar_one() != "accepted":
            return "superseded"
    pair = settlement_matches.c
    # A pair of ours is recorded under our id: that column has an index, `ours_id` has none.
    paired = sa.select(pair.outcome).where(sa.or_(pair.record == row.ours_id, pair.theirs_id == row.theirs_id))
    return "matched" if connection.execute(paired).scalars().first() == "matched" else "changed"


def list_breaks(
    connection: Connection,
    *,
    partner: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    until: date | None = None,
    since: date | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[KeptBreak]:
    """List breaks ordered by business date and id.

    Args:
        connection: any.
        partner: only this partner's.
        kind: only this kind.
        state: ``open`` or ``closed``.
        until: business date at most.
        since: business date at least.
        after: the id that a page before ended with.
        limit: at most so many.
    """
    query = sa.select(breaks).order_by(breaks.c.business_date, breaks.c.id)
    for column, value in ((breaks.c.partner, partner), (breaks.c.kind, kind), (breaks.c.state, state)):
        query = query if value is None else query.where(column == value)
    query = query if until is None else query.where(breaks.c.business_date <= until)
    query = query if since is None else query.where(breaks.c.business_date >= since)
    if after is not None:
        day = sa.select(breaks.c.business_date).where(breaks.c.id == after).scalar_subquery()
        later = sa.and_(breaks.c.business_date == day, breaks.c.id > after)
        query = query.where(sa.or_(breaks.c.business_date > day, later))
    rows = connection.execute(query if limit is None else query.limit(limit))
    return [_kept(row) for row in rows]


def lock_break(connection: Connection, break_id: str) -> KeptBreak | None:
    """Read a break and keep it for this transaction; SQLite's write transaction has taken everything already."""
    row = connection.execute(sa.select(breaks).where(breaks.c.id == break_id).with_for_update()).one_or_none()
    return None if row is None else _kept(row)


def note(connection: Connection, kept: KeptBreak, word: BreakWord, *, closes: bool = False) -> KeptBreak:
    """Write down what a person said of a break and what follows from it; the caller has locked and judged it.

    Args:
        connection: of a writing transaction.
        kept: as locked.
        word: an assignment changes the owner; ``reopened`` opens it.
        closes: the word ends it; otherwise one that would is a proposal.
    """
    words = [*kept.words, word]
    values: dict[str, Any] = {"evidence": kept.item.evidence | {_PEOPLE: msgspec.to_builtins(words)}}
    if word.owner is not None:
        values |= {"owner": word.owner}
    if closes:
        reason = word.word if word.adjustment is None else ADJUSTED
        values |= {"state": "closed", "closed_at": word.at, "close_reason": reason}
    elif word.word == "reopened":
        values |= {"state": "open", "closed_at": None, "close_reason": None}
    connection.execute(sa.update(breaks).where(breaks.c.id == kept.item.id).values(**values))
    noted = lock_break(connection, kept.item.id)
    assert noted is not None
    return noted


def _kept(row: sa.Row[Any]) -> KeptBreak:
    values = dict(row._mapping)
    evidence = dict(values.pop("evidence"))
    words, is_known = _words(evidence.pop(_PEOPLE, ()))
    names = [name for name in Break.__struct_fields__ if name != "evidence"]
    said = list(_closing_words(words)) if row.state == "closed" and row.closed_by_run is None else []
    same = takewhile(lambda one: (one.word, one.adjustment) == (said[0].word, said[0].adjustment), said)
    return KeptBreak(
        item=Break(**{name: values[name] for name in names}, evidence=evidence),
        run_id=row.run_id,
        state=row.state if is_known and row.state in BREAK_STATES else "unknown",
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
        words=words,
        closed_by=tuple(dict.fromkeys(one.by for one in reversed(list(same)))),
    )


def _words(said: Any) -> tuple[tuple[BreakWord, ...], bool]:
    """Read what people said, and say whether it is understood here."""
    try:
        return msgspec.convert(said, tuple[BreakWord, ...]), True
    except msgspec.ValidationError:
        return (), False
