"""What people do about breaks: assign, dispute, close with a reason, and open again what was closed wrongly.

By closing, our line counts as agreed, and the file's row as seen. Where the partner is right, ``resolved`` says by how
much what is owed changes (`settlement.adjustments`); points that have to move are moved where they belong before that
(`gateway.redemption.people`). What is at stake is what the two sides are apart; above the contract's limit one person
proposes and another one says the same. Everything that was said is kept with the break.
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
from settlement import adjustments, break_store
from settlement.adjustments import Adjustment
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
    adjustment: Adjustment | None = None,
) -> KeptBreak:
    """Close a break by a person's word, or keep the word as a proposal where two have to say the same.

    Another outcome or adjustment, or more from the same person, takes the place of the proposal before.

    Returns:
        The break as it is now: still open when a second person has to say the same.

    Raises:
        NotFoundError: no such break.
        ConflictError: it is closed.
        RuleError: evidence or name is missing, or the adjustment does not lead from our side to the partner's.
    """
    kept = _open_break(connection, break_id)
    contract = contracts.get(kept.item.partner)
    if adjustment is not None:
        currency = _require_adjustable(connection, kept.item, outcome, adjustment, contract)
        adjustment = msgspec.structs.replace(adjustment, currency=currency)
    word = msgspec.structs.replace(_word(outcome, finding, at), adjustment=adjustment)
    limit = 0 if contract is None else contract.break_limit_minor_units
    stake, before = at_stake(kept.item), kept.proposal
    alone = stake is not None and stake <= limit
    says_the_same = before is not None and (before.word, before.adjustment) == (outcome, adjustment)
    second = says_the_same and before is not None and before.by != word.by
    noted = break_store.note(connection, kept, word, closes=alone or second)
    if noted.state == "closed":
        _book(connection, noted, contract, at)
        log.info("settlement.break_closed", break_id=break_id, partner=kept.item.partner, outcome=outcome)
    return noted


def _require_adjustable(
    connection: Connection, item: Break, outcome: Closing, adjustment: Adjustment, contract: PartnerContract | None
) -> str:
    """Let an adjustment through that leads towards the partner's side; answer its currency."""
    if outcome != "resolved":
        raise RuleError("What is written off is not adjusted: say resolved.")
    if contract is None:
        raise RuleError(f"There is no contract with {item.partner} to book an adjustment under.", partner=item.partner)
    if max(len(item.evidence["ours"]), len(item.evidence["theirs"])) > 1:
        raise RuleError(f"{item.id} is about several rows of one side; what is wrong with them is not one adjustment.")
    before = adjustments.adjusted_before(connection, item)
    if before is not None:
        raise RuleError(f"{before} was adjusted for the same reference: reopen that, and run the night again.")
    difference = apart(item)
    if difference is None or not difference[0]:
        raise RuleError(f"{item.id} is about no difference of one amount that could be adjusted.")
    most, currency = difference
    if not 0 < adjustment.amount * (1 if most > 0 else -1) <= abs(most):
        raise RuleError(
            f"The partner says {most} minor units of {currency} more than we do: adjust by that or by a part of it.",
            difference=most,
        )
    if adjustment.bearer is None and adjustments.needs_bearer(connection, item, currency):
        raise RuleError("We have no line that says who bears this: name the bearer.")
    return currency


def _book(connection: Connection, closed: KeptBreak, contract: PartnerContract | None, at: datetime) -> None:
    if closed.adjusted is not None:
        assert contract is not None
        number, adjustment = closed.adjusted
        adjustments.book(connection, closed.item, adjustment, number, contract=contract, at=at)


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


def reopen(
    connection: Connection,
    break_id: str,
    finding: Finding,
    *,
    contracts: Mapping[str, PartnerContract],
    at: datetime,
) -> KeptBreak:
    """Open again what people closed wrongly; one person may, for what is open is not paid. An adjustment is taken back.

    Raises:
        NotFoundError: no such break.
        ConflictError: it is open, or a run closed it: the night opens that again by itself.
        RuleError: evidence or name is missing, or there is no contract any more to take an adjustment back under.
    """
    kept = _known(connection, break_id)
    if kept.state != "closed" or not kept.closed_by:
        raise ConflictError(f"{break_id} was not closed by people: it is {_how(kept)}.", state=kept.state)
    if kept.adjusted is not None:
        contract = contracts.get(kept.item.partner)
        if contract is None:
            raise RuleError(f"There is no contract with {kept.item.partner} to take the adjustment back under.")
        adjustments.take_back(connection, kept.item, kept.adjusted[0], contract=contract, at=at)
    return break_store.note(connection, kept, _word("reopened", finding, at))


def at_stake(item: Break) -> int | None:
    """Work out how far the two sides of a break are apart, in minor units, whichever way; None as `apart`."""
    difference = apart(item)
    return None if difference is None else abs(difference[0])


def apart(item: Break) -> tuple[int, str] | None:
    """Work out by how many minor units, and of what currency, the partner's side of a break is above ours.

    Of the partner's rows those count that claim something: of a cancelled one our whole line is at stake.

    Returns:
        None when no one number says it: several currencies, or a status that nobody has told us of.
    """
    above: Counter[str] = Counter()
    for row in item.evidence["ours"]:
        above[row["currency"] or ""] -= int(row["amount"] or 0)
    for row in item.evidence["theirs"]:
        claims = stands(row["kind"], row["status"])
        if claims is None:
            return None
        above[row["currency"] or ""] += int(row["amount"] or 0) if claims else 0
    sums = [(amount, currency) for currency, amount in above.items() if amount] or [(0, "")]
    return sums[0] if len(sums) == 1 else None


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
