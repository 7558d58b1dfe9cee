"""Budgets of a redemption: claimed with its hold, given back when it ends without effect or is undone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from catalogue import budget_store, rate_store
from catalogue.budgets import Budget, Measure, budgets_for, period_of
from catalogue.errors import BudgetExhaustedError
from catalogue.rates import Rounding, convert
from catalogue.values import Money
from gateway.redemption.records import Redemption
from gateway.redemption.services import quantity_of
from settlement.obligations import SettlementLine


def claim(
    connection: Connection,
    budgets: Iterable[Budget],
    redemption: Redemption,
    line: SettlementLine,
    at: datetime,
    *,
    rate_max_age_days: int,
) -> None:
    """Take what a redemption will cost of every budget that it counts against; in the transaction of its hold.

    Key: the redemption's id, with each budget.

    Args:
        connection: of the transaction that places the hold.
        budgets: of the catalogue that holds.
        redemption: about to be stored.
        line: what the partner will be owed by the contract.
        at: now.
        rate_max_age_days: how old a rate of exchange may be, for a cap in another currency than the contract's.

    Raises:
        BudgetExhaustedError: one of them does not allow it; the caller's transaction takes nothing of any.
        RateUnavailableError: what is owed cannot be valued in a budget's currency.
    """
    day = line.service_date
    for budget in budgets_for(budgets, redemption.partner, redemption.quote.benefit_id, day):
        amount = _amount(connection, budget, redemption, line, rate_max_age_days)
        if amount and not budget_store.claim(connection, budget_store.Claim(budget, amount, day), redemption.id, at):
            raise _exhausted(budget, redemption, day)


def release(connection: Connection, redemption: Redemption, at: datetime, *, points_returned: bool = True) -> None:
    """Give back what a redemption took; points only where the member got them all back."""
    measures: tuple[Measure, ...] = ("money", "uses", "points") if points_returned else ("money", "uses")
    budget_store.release(connection, redemption.id, at, measures)


def _amount(
    connection: Connection, budget: Budget, redemption: Redemption, line: SettlementLine, rate_max_age_days: int
) -> int:
    if budget.measure == "points":
        return redemption.quote.points
    if budget.measure == "uses":
        return quantity_of(redemption.quote.service)
    assert budget.currency is not None
    owed = max(line.gross, 0)
    if owed == 0 or line.currency == budget.currency:
        return owed
    today = min(line.service_date, redemption.requested_at.date())
    rate = rate_store.rate_on(connection, line.currency, budget.currency, today, max_age_days=rate_max_age_days)
    return convert(Money(owed, line.currency), budget.currency, rate.fraction, Rounding.UP).amount


def _exhausted(budget: Budget, redemption: Redemption, day: date) -> BudgetExhaustedError:
    period = period_of(budget, day)
    following = period.last_date + timedelta(days=1)
    again = following if budget.covers(redemption.partner, redemption.quote.benefit_id, following) else None
    opens = f"; for services from {again} on it may be again" if again else ""
    return BudgetExhaustedError(
        f"This is not available any more for services up to {period.last_date}{opens}.",
        benefit_id=redemption.quote.benefit_id,
        partner=redemption.partner,
        available_again_from_date=again.isoformat() if again else None,
    )
