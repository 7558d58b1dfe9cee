"""A ledger of lots in a page of plain Python, and the operations that are played on it and on the real one alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from settlement import ledger
from settlement.accounts import counter_account
from settlement.errors import InsufficientFundsError, LedgerStateError, QuantityError
from tests.integration.ledger.helpers import MEMBER, days

FOREVER = 10**6


@dataclass(frozen=True)
class Step:
    """One operation: ``which`` picks among what is there, ``quantity`` and ``day`` are used as the verb needs."""

    verb: Literal["issue", "hold", "capture", "void", "reverse", "expire", "replay"]
    which: int
    quantity: int
    day: int


@dataclass
class Hold:
    """What a hold took, lot by lot, in its order; what of it was captured and given back."""

    parts: list[tuple[str, int]]
    state: str = "hold"
    captured: list[tuple[str, int]] = field(default_factory=list)
    returned: dict[str, int] = field(default_factory=dict)


@dataclass
class Model:
    """What the ledger must say."""

    lots: dict[str, list[int]] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    today: int = 0
    issued: int = 0
    captured: int = 0
    expired: int = 0
    number: int = 0
    made: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def available(self) -> int:
        return sum(left for _, left in self.lots.values())

    @property
    def held(self) -> int:
        return sum(size for hold in self.holds.values() if hold.state == "hold" for _, size in hold.parts)

    def at(self) -> datetime:
        return days(self.today)


def play(connection: Connection, model: Model, step: Step) -> None:
    """Play one step on both; what the model refuses, the ledger must refuse."""
    {
        "issue": _issue,
        "hold": _hold,
        "capture": _capture,
        "void": _void,
        "reverse": _reverse,
        "expire": _expire,
        "replay": _replay,
    }[step.verb](connection, model, step)


def _issue(connection: Connection, model: Model, step: Step) -> None:
    model.number += 1
    key, expiry = f"i{model.number:04}", model.today + step.day + 1 if step.day < 9 else FOREVER
    assert _make_issue(connection, key, step.quantity, expiry)
    model.lots[key] = [expiry, step.quantity]
    model.issued += step.quantity
    model.made.append((key, step.quantity, expiry))


def _make_issue(connection: Connection, key: str, quantity: int, expiry: int) -> bool:
    return ledger.issue(
        connection,
        key=key,
        member_id=MEMBER,
        commodity="PTS",
        quantity=quantity,
        at=days(0),
        expires_at=None if expiry == FOREVER else days(expiry),
        reason="x",
        reference="x",
    )


def _hold(connection: Connection, model: Model, step: Step) -> None:
    model.number += 1
    name = f"r{model.number}"
    order = sorted((expiry, key) for key, (expiry, left) in model.lots.items() if left and expiry > model.today)
    try:
        ledger.hold(
            connection,
            key=f"{name}:hold",
            member_id=MEMBER,
            commodity="PTS",
            quantity=step.quantity,
            at=model.at(),
            reference=name,
        )
    except InsufficientFundsError:
        assert sum(model.lots[key][1] for _, key in order) < step.quantity
        return
    parts, wanted = [], step.quantity
    for _, key in order:
        taken = min(model.lots[key][1], wanted)
        if taken:
            model.lots[key][1] -= taken
            parts.append((key, taken))
            wanted -= taken
    assert wanted == 0
    model.holds[name] = Hold(parts)


def _capture(connection: Connection, model: Model, step: Step) -> None:
    name, hold = _pick(model, step)
    if hold is None:
        return
    whole = sum(size for _, size in hold.parts)
    quantity = None if step.day % 2 else step.quantity
    try:
        ledger.capture(
            connection,
            hold_key=f"{name}:hold",
            key=f"{name}:capture",
            at=model.at(),
            to=counter_account("PTS"),
            quantity=quantity,
        )
    except QuantityError:
        assert hold.state == "hold"
        assert (quantity or whole) > whole
        return
    except LedgerStateError:
        assert hold.state == "void"
        return
    left = quantity or whole
    hold.state = "capture"
    for key, size in hold.parts:
        taken = min(size, left)
        left -= taken
        hold.captured.append((key, taken))
        model.lots[key][1] += size - taken
        model.captured += taken


def _void(connection: Connection, model: Model, step: Step) -> None:
    name, hold = _pick(model, step)
    if hold is None:
        return
    try:
        made = ledger.void(connection, hold_key=f"{name}:hold", key=f"{name}:void", at=model.at())
    except LedgerStateError:
        assert hold.state == "capture"
        return
    assert made == (hold.state == "hold")
    if made:
        hold.state = "void"
        for key, size in hold.parts:
            model.lots[key][1] += size


def _reverse(connection: Connection, model: Model, step: Step) -> None:
    captured = [(name, hold) for name, hold in model.holds.items() if hold.state == "capture"]
    if not captured:
        return
    name, hold = captured[step.which % len(captured)]
    model.number += 1
    left = [(key, size - hold.returned.get(key, 0)) for key, size in reversed(hold.captured)]
    try:
        ledger.reverse(
            connection,
            capture_key=f"{name}:capture",
            key=f"{name}:reverse:{model.number}",
            quantity=step.quantity,
            at=model.at(),
        )
    except LedgerStateError:
        assert sum(size for _, size in left) < step.quantity
        return
    wanted = step.quantity
    for key, size in left:
        back = min(size, wanted)
        wanted -= back
        hold.returned[key] = hold.returned.get(key, 0) + back
        model.lots[key][1] += back
        model.captured -= back
    assert wanted == 0


def _expire(connection: Connection, model: Model, step: Step) -> None:
    model.today += step.day
    due = [key for key, (expiry, left) in model.lots.items() if left and expiry <= model.today]
    assert ledger.expire_lots(connection, at=model.at()) == len(due)
    for key in due:
        model.expired += model.lots[key][1]
        model.lots[key][1] = 0


def _replay(connection: Connection, model: Model, step: Step) -> None:
    if model.made:
        assert not _make_issue(connection, *model.made[step.which % len(model.made)])


def _pick(model: Model, step: Step) -> tuple[str, Hold | None]:
    """Pick a hold that was not captured: what a second capture does is a test of its own."""
    names = [name for name, hold in model.holds.items() if hold.state != "capture" or step.verb == "void"]
    if not names:
        return "", None
    name = names[step.which % len(names)]
    return name, model.holds[name]
