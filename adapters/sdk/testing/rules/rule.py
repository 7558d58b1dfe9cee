"""What a rule is, and how it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import IntEnum, StrEnum
from functools import wraps

import msgspec

from adapters.sdk.registry import AdapterPackage
from adapters.sdk.testing.bench import Bench, Subject, open_bench


class Grade(IntEnum):
    """How far an adapter can be trusted. A grade is reached when all its rules and those below it are kept."""

    FAILED = 0
    BRONZE = 1
    """It loads, says what it is, and does its work when all goes well: fit to be tried against its simulator."""
    SILVER = 2
    """Nothing that a partner or the wire does makes it claim what is not so: fit for a partner's sandbox."""
    GOLD = 3
    """The profile is proved, secrets and members' data stay where they belong: fit for live redemptions."""
    PLATINUM = 4
    """What it did can be accounted for, and others can run and change it."""

    @property
    def word(self) -> str:
        """The grade as it is written: ``bronze``."""
        return self.name.lower()


class Status(StrEnum):
    """How a rule ended. NOT_RUN: another rule failed that this one builds on."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"
    NOT_RUN = "not_run"


class RuleBrokenError(AssertionError):
    """An adapter does not do what is required; the message says what it did."""


class NotApplicableError(Exception):
    """A rule is about something that this partner does not have; the message says what."""


class NotRunError(Exception):
    """A rule cannot be tried as things are; the message says why."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement.

    ``needs``: the capabilities it is about; without them it does not apply. ``proves`` and ``remedy`` are for people.
    A rule either looks at the package, or proves something on a bench. ``bare`` is what can be said without a bench.
    """

    id: str
    title: str
    grade: Grade
    proves: str
    remedy: str
    needs: frozenset[str] = frozenset()
    look: Callable[[AdapterPackage], None] | None = None
    prove: Callable[[Subject], Awaitable[None]] | None = None
    bare: Callable[[AdapterPackage], Awaitable[None]] | None = None


class RuleResult(msgspec.Struct, frozen=True):
    """How one rule ended with one adapter, as data; ``remedy`` is empty unless it failed."""

    id: str
    title: str
    grade: str
    status: Status
    reason: str = ""
    remedy: str = ""


def on_bench(check: Callable[[Bench], Awaitable[None]]) -> Callable[[Subject], Awaitable[None]]:
    """Run a check on a bench of its own."""

    @wraps(check)
    async def prove(subject: Subject) -> None:
        async with open_bench(subject) as bench:
            await check(bench)

    return prove


def require(holds: bool, otherwise: str) -> None:
    """Go on if it holds.

    Raises:
        RuleBrokenError: it does not.
    """
    if not holds:
        raise RuleBrokenError(otherwise)


def require_none(faults: list[str]) -> None:
    """Go on if there are no faults.

    Raises:
        RuleBrokenError: there are; names them all.
    """
    if faults:
        raise RuleBrokenError("; ".join(faults))
