"""Lets a stopped account go: two people, each with evidence; the second one's word computes it from its entries."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from config.errors import NotFoundError, RuleError
from config.observability import get_logger
from gateway.redemption.people import LEAST_EVIDENCE
from settlement import freezing
from settlement.freezing import FrozenAccount

log = get_logger(__name__)


class Release(msgspec.Struct, frozen=True):
    """Where a stopped account stands after what was said: released with a balance, or waiting for a second person."""

    id: str
    released: bool
    balance: int | None
    account: FrozenAccount


def say_release(connection: Connection, identifier: str, *, by: str, evidence: str, at: datetime) -> Release:
    """Take what a person says: the first one's word is a proposal, another one's releases the account.

    Raises:
        NotFoundError: no such account is stopped.
        RuleError: evidence or name is missing.
        ConflictError: what its entries sum to cannot be its balance.
    """
    if len(evidence.strip()) < LEAST_EVIDENCE or not by.strip():
        raise RuleError(f"Say who says so, and in at least {LEAST_EVIDENCE} characters why the account may go on.")
    found = freezing.get_frozen(connection, identifier)
    if found is None:
        raise NotFoundError(f"There is no stopped account {identifier!r}.")
    if found.proposed_by is None or found.proposed_by == by:
        freezing.propose(connection, identifier, by=by, evidence=evidence, at=at)
        waiting = freezing.get_frozen(connection, identifier)
        assert waiting is not None
        return Release(identifier, False, None, waiting)
    balance = freezing.release(connection, found, by=by, evidence=evidence, at=at)
    log.warning("ledger.account_released", account=found.code, commodity=found.commodity, balance=balance)
    return Release(identifier, True, balance, found)
