"""What is taken of each budget, for operators."""

from __future__ import annotations

from datetime import date

import msgspec
from sqlalchemy import Connection

from catalogue import budget_store, versions
from catalogue.budgets import Budget, period_of
from catalogue.kinds import BudgetFile
from catalogue.things import documents


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One budget in one period; ``unit`` is a currency (minor units), ``points`` or ``uses``."""

    budget_id: str
    period_start_date: date
    period_last_date: date
    cap: int
    used: int
    unit: str

    @property
    def remaining(self) -> int:
        """What may still be taken; negative where costs came in that were owed already."""
        return self.cap - self.used


def standing(connection: Connection) -> tuple[Standing, ...]:
    """List the budgets of the applied catalogue with what was taken of them, in every period of which something was."""
    known = _budgets(connection)
    return tuple(
        _standing(known[counter.budget_id], counter)
        for counter in budget_store.counters(connection)
        if counter.budget_id in known
    )


def _standing(budget: Budget, counter: budget_store.Counter) -> Standing:
    return Standing(
        budget_id=budget.id,
        period_start_date=counter.period_start_date,
        period_last_date=period_of(budget, counter.period_start_date).last_date,
        cap=budget.cap,
        used=counter.used,
        unit=budget.currency or budget.measure,
    )


def _budgets(connection: Connection) -> dict[str, Budget]:
    number = versions.head(connection)
    read = documents(versions.texts_of(connection, number)) if number is not None else ()
    files = (document.value for document in read if isinstance(document.value, BudgetFile))
    return {budget.id: budget for file in files for budget in file.budgets}
