"""What people do about breaks: assign, dispute, close with a reason, and open again what was closed wrongly.

Closing moves nothing: our line counts as agreed from then on, and the file's row as seen. What has to move is booked
where it belongs (`gateway.redemption.people`) before somebody says ``resolved``. What is at stake is what the two sides
are apart; above the contract's limit one person proposes and another one says the same. Everything that was said is
kept with the break.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from config.errors import ConflictError, NotFoundError, RuleError
from config.observability import get_logger
from gateway.redemption.people import LEAST_EVIDENCE
from settlement import break_store
from settlement.break_store import BreakWord, Closing, KeptBreak, Word
from settlement.breaks import Break
from settlement.contracts import PartnerContract
from settlement.night_store import stands

LONGEST_OWNER = 64
"""Characters of who looks at a break."""

log = get_logger(__name__)


class Finding(msgspec.Struct, frozen=True):
    """Who says something of a break, and how that was found out."""

    by: str
    evidence: str


def close(
    connection: Connection,
    break_id: str,
    outcome: Closing,
    finding: Finding,
    *,
    contracts: Mapping[str, PartnerContract],
    at: datetime,
) -> KeptBreak:
    """Close a break by a person's word, or keep the word as a proposal where two have to say the same.

    Another outcome, or more from the same person, takes the place of the proposal before.

    Returns:
        The break as it is now: still open when a second person has to say the same.

    Raises:
        NotFoundError: no such break.
        ConflictError: it is closed.
        RuleError: evidence or name is missing.
    """
    kept = _open_break(connection, break_id)
    word = _word(outcome, finding, at)
    contract = contracts.get(kept.item.partner)
    limit = 0 if contract is None else contract.break_limit_minor_units
    stake, before = at_stake(kept.item), kept.proposal
    alone = stake is not None and stake <= limit
    second = before is not None and before.word == outcome and before.by != word.by
    noted = break_store.note(connection, kept, word, closes=alone or second)
    if noted.state == "closed":
        log.info("settlement.break_closed", break_id=break_id, partner=kept.item.partner, outcome=outcome)
    return noted


def assign(connection: Connection, break_id: str, owner: str, finding: Finding, *, at: datetime) -> KeptBreak:
    """Say who looks at an open break from now on, and why.

    Raises:
        NotFoundError: no such break.
        ConflictError: it is closed.
        RuleError: evidence, name or owner is missing, or the owner is too long.
    """
    kept = _open_break(connection, break_id)
    word = _word("assigned", finding, at)
    if not 0 < len(owner.strip()) <= LONGEST_OWNER:
        raise RuleError(f"Say in 1 to {LONGEST_OWNER} characters who looks at it.")
    return break_store.note(connection, kept, msgspec.structs.replace(word, owner=owner.strip()))


def dispute(connection: Connection, break_id: str, finding: Finding, *, at: datetime) -> KeptBreak:
    """Write down that the partner was told of an open break, and what it was shown; it stays open.

    Raises:
        NotFoundError: no such break.
        ConflictError: it is closed.
        RuleError: evidence or name is missing.
    """
    kept = _open_break(connection, break_id)
    return break_store.note(connection, kept, _word("disputed", finding, at))


def reopen(connection: Connection, break_id: str, finding: Finding, *, at: datetime) -> KeptBreak:
    """Open again what people closed wrongly; one person may, for what is open is not paid.

    Raises:
        NotFoundError: no such break.
        ConflictError: it is open, or a run closed it: the night opens that again by itself.
        RuleError: evidence or name is missing.
    """
    kept = _known(connection, break_id)
    if kept.state != "closed" or not kept.closed_by:
        raise ConflictError(f"{break_id} was not closed by people: it is {_how(kept)}.", state=kept.state)
    return break_store.note(connection, kept, _word("reopened", finding, at))


def at_stake(item: Break) -> int | None:
    """Work out how far the two sides of a break are apart, in minor units.

    Of the partner's rows those count that claim something: of a cancelled one our whole line is at stake.

    Returns:
        None when no one number says it: several currencies, or a status that nobody has told us of.
    """
    apart: Counter[str] = Counter()
    for row in item.evidence["ours"]:
        apart[row["currency"] or ""] -= int(row["amount"] or 0)
    for row in item.evidence["theirs"]:
        claims = stands(row["kind"], row["status"])
        if claims is None:
            return None
        apart[row["currency"] or ""] += int(row["amount"] or 0) if claims else 0
    sums = [abs(amount) for amount in apart.values() if amount]
    return sum(sums) if len(sums) <= 1 else None


def _known(connection: Connection, break_id: str) -> KeptBreak:
    kept = break_store.lock_break(connection, break_id)
    if kept is None:
        raise NotFoundError(f"There is no break {break_id!r}.")
    return kept


def _open_break(connection: Connection, break_id: str) -> KeptBreak:
    kept = _known(connection, break_id)
    if kept.state != "open":
        raise ConflictError(f"{break_id} is not open: it is {_how(kept)}.", state=kept.state)
    return kept


def _how(kept: KeptBreak) -> str:
    if kept.state != "closed":
        return kept.state
    return f"closed ({kept.close_reason}) by {' and '.join(kept.closed_by) or 'a run'}"


def _word(word: Word, finding: Finding, at: datetime) -> BreakWord:
    by, evidence = finding.by.strip(), finding.evidence.strip()
    if not by or len(evidence) < LEAST_EVIDENCE:
        raise RuleError(f"Say who says so, and in at least {LEAST_EVIDENCE} characters how it was found out.")
    return BreakWord(word, by, at, evidence)
