"""What a partner's files decide of an undecided redemption is what the partner itself holds true of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Connection

from catalogue.values import Money
from config.database import metadata
from settlement.night_tables import statement_lines, statements
from settlement.undecided import Undecided, settled_by_file

PARTNER = "skyhub-lounge"
KEY = "rdm_abc"
FIRST = date(2026, 11, 20)
DAYS = 6
PRICE = 12_000
State = Literal["none", "failed", "up", "down", "odd"]

MOVES: dict[State, dict[str, State]] = {
    "none": {"booked": "up", "failed": "failed"},
    "failed": {"booked": "up", "failed": "failed"},
    "up": {"cancelled": "down", "part": "up", "rest": "down", "mislaid": "odd"},
    "down": {"booked": "up", "part": "down"},
    "odd": {"booked": "up", "cancelled": "down"},
}
"""What a partner that keeps true books may write of one booking next, and where the booking is then."""


class Told(msgspec.Struct, frozen=True):
    """A row: of which booking, on which day, and whether it leaves the booking's name out."""

    booking: int
    day: int
    word: str
    amount: int
    nameless: bool = False


class Story(msgspec.Struct, frozen=True):
    """Rows in the partner's order, where each booking stood at the end of each day, and days without a file."""

    rows: tuple[Told, ...]
    standing: tuple[tuple[State, ...], ...]
    missing: frozenset[int]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Let a partner keep one booking or two under our key, and write down what happens to them day by day."""
    bookings = draw(st.integers(1, 2))
    states: list[State] = ["none"] * bookings
    left = [0] * bookings
    rows: list[Told] = []
    standing = []
    for day in range(DAYS):
        for booking in draw(st.lists(st.integers(0, bookings - 1), max_size=3)):
            moves = sorted(MOVES[states[booking]].keys() - ({"part"} if left[booking] <= 1 else set()))
            if not moves:
                continue
            word = draw(st.sampled_from(moves))
            part = draw(st.integers(1, left[booking] - 1)) if word == "part" else left[booking]
            amount = -part if word in {"part", "rest"} else PRICE
            left[booking] = PRICE if word == "booked" else left[booking] - part if amount < 0 else left[booking]
            states[booking] = MOVES[states[booking]][word]
            rows.append(Told(booking, day, word, amount, bookings == 1 and draw(st.booleans())))
        standing.append(tuple(states))
    empty = sorted(set(range(DAYS)) - {row.day for row in rows})
    missing = draw(st.sets(st.sampled_from(empty))) if empty else set()
    return Story(tuple(rows), tuple(standing), frozenset(missing))


def truth(story: Story, day: int, last_sent: int, closes_after: int | None) -> bool | None:
    """Say what the files up to a day decide, out of where the bookings really stood."""
    then, at_last = story.standing[day], story.standing[-1]
    if "up" in then:
        return True
    if "odd" in then or {"up", "odd"} & set(at_last):
        return None
    told = [row.day for row in story.rows if row.day <= day]
    if told:
        return False if max(told) >= last_sent else None
    if story.rows and max(row.day for row in story.rows) < last_sent:
        return None
    closed = closes_after is not None and last_sent + closes_after <= day
    files = closes_after is not None and not story.missing & set(range(last_sent + closes_after + 1))
    return False if closed and files else None


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as opened:
        metadata.create_all(opened, tables=[statements, statement_lines])
        yield opened
    engine.dispose()


def file_of(connection: Connection, day: int, rows: Sequence[dict[str, Any]], state: str = "accepted") -> None:
    """Store a day's file."""
    name = f"stm_{day}_{state}"
    kept = {"id": name, "partner": PARTNER, "business_date": FIRST + timedelta(days=day), "state": state, "name": name}
    kept |= {"sha256": name, "content": b"", "line_count": len(rows), "fault_count": 0, "declared_totals": {}}
    connection.execute(sa.insert(statements).values(**kept, received_at=datetime(2026, 12, 1, tzinfo=UTC)))
    shared = {"partner": PARTNER, "business_date": kept["business_date"], "service_date": FIRST, "currency": "CNY"}
    for number, row in enumerate(rows):
        known = {"id": f"{name}_{number}", "statement_id": name, "row": number, "quantity": 1}
        connection.execute(sa.insert(statement_lines).values(**known, **shared, **row))


def line(told: Told) -> dict[str, Any]:
    back = told.word in {"part", "rest"}
    return {
        "reference": KEY.upper() if told.booking else KEY,
        "partner_reference": None if told.nameless else f"P-{told.booking}",
        "kind": "refund" if back else "visit",
        "status": "refunded" if back else told.word,
        "amount": told.amount,
    }


def beside(word: str, kind: str = "visit", reference: str = KEY) -> dict[str, Any]:
    return {"reference": reference, "partner_reference": "X-1", "kind": kind, "status": word, "amount": PRICE}


BESIDE = [beside("booked", kind) for kind in ("fee", "adjustment", "guest_visit")]
BESIDE += [beside("cancelled", kind) for kind in ("fee", "adjustment", "guest_visit")]
BESIDE += [beside("booked", reference="rdm_another"), beside("failed", "refund")]
"""Rows that say nothing of what was asked for."""

AGAIN = Story(
    (Told(0, 0, "booked", PRICE), Told(0, 0, "rest", -PRICE), Told(0, 0, "booked", PRICE)),
    (("up",),) * DAYS,
    frozenset(),
)
TRIED_AGAIN = Story(
    (Told(0, 0, "booked", PRICE), Told(0, 1, "cancelled", PRICE), Told(1, 2, "failed", PRICE)),
    (("up", "none"), ("down", "none"), *(("down", "failed"),) * (DAYS - 2)),
    frozenset(),
)


@example(TRIED_AGAIN, [], 2, 2, None)
@example(AGAIN, BESIDE, 0, 0, None)
@given(
    stories(),
    st.lists(st.sampled_from(BESIDE), max_size=2),
    st.integers(0, DAYS - 1),
    st.integers(0, DAYS - 1),
    st.none() | st.integers(0, 3),
)
def test_the_files_decide_what_is_true_at_the_partner(
    connection: Connection,
    story: Story,
    noise: list[dict[str, Any]],
    day: int,
    last_sent: int,
    closes_after: int | None,
) -> None:
    asked = Undecided(
        "rdm_1",
        KEY,
        FIRST,
        closes_after_days=closes_after,
        last_sent_date=FIRST + timedelta(days=last_sent),
        price=Money(PRICE, "CNY"),
    )
    try:
        for number in sorted(set(range(DAYS)) - story.missing):
            file_of(connection, number, [*(line(row) for row in story.rows if row.day == number), *noise])
        file_of(connection, day, [beside("booked"), beside("mislaid")], state="superseded")
        found = settled_by_file(connection, PARTNER, FIRST + timedelta(days=day), (asked,))
    finally:
        connection.rollback()
    true = truth(story, day, last_sent, closes_after)
    assert [one.issued for one in found] == ([] if true is None else [true])
