"""The chart of accounts: every account the ledger can have is made by a function here.

Signs: what a member holds is positive and the programme's liability is the same amount negative. What we owe a partner
is negative on its payable account; what a bearer bears is positive on its expense account. An account is a code and a
commodity: one code may exist in several commodities.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

POINTS = "PTS"
QUALIFYING_POINTS = "QPT"

Bearer = Literal["maker", "dealer", "partner"]
"""Who bears a cost."""


class AccountKind(StrEnum):
    """Whose account it is."""

    MEMBER = "member"
    PROGRAMME = "programme"
    PARTNER = "partner"
    BEARER = "bearer"


class Account(msgspec.Struct, frozen=True, order=True):
    """One account in one commodity. Member accounts never go negative; only accounts marked so may."""

    code: str
    commodity: str
    kind: AccountKind
    may_go_negative: bool


def visits(benefit_id: str) -> str:
    """Name the commodity of uses of an entitlement."""
    return f"VISIT:{benefit_id}"


def miles(partner: str) -> str:
    """Name the commodity of a partner's own currency."""
    return f"MILES:{partner}"


def barter(partner: str) -> str:
    """Name the commodity of barter credits with a partner."""
    return f"CREDIT:{partner}"


def member_available(member_id: str, commodity: str = POINTS) -> Account:
    """What the member may spend; its lots sum to it."""
    return _member(member_id, "available", commodity)


def member_held(member_id: str, commodity: str = POINTS) -> Account:
    """What is reserved for undecided redemptions; the open holds sum to it."""
    return _member(member_id, "held", commodity)


def member_pending(member_id: str, commodity: str = POINTS) -> Account:
    """What is accrued and not yet spendable."""
    return _member(member_id, "pending", commodity)


def member_qualifying(member_id: str) -> Account:
    """What counts towards a tier; can never be spent."""
    return _member(member_id, "qualifying", QUALIFYING_POINTS)


def programme_liability(commodity: str = POINTS) -> Account:
    """The other side of what members hold."""
    return Account("programme/liability", commodity, AccountKind.PROGRAMME, may_go_negative=True)


def programme_breakage(commodity: str = POINTS) -> Account:
    """What expired or was forfeited unspent; only a renewal takes from it."""
    return Account("programme/breakage", commodity, AccountKind.PROGRAMME, may_go_negative=False)


def programme_suspense(commodity: str) -> Account:
    """What is not yet explained."""
    return Account("programme/suspense", commodity, AccountKind.PROGRAMME, may_go_negative=True)


def programme_rounding(commodity: str) -> Account:
    """Residues of rounding, either way."""
    return Account("programme/rounding", commodity, AccountKind.PROGRAMME, may_go_negative=True)


def programme_entitlements(benefit_id: str) -> Account:
    """The other side of the uses that members were granted of a benefit."""
    return Account(f"programme/entitlements/{benefit_id}", visits(benefit_id), AccountKind.PROGRAMME, True)


def partner_payable(partner: str, currency: str) -> Account:
    """What we owe the partner (negative)."""
    return _partner(partner, "payable", currency)


def partner_receivable(partner: str, commodity: str) -> Account:
    """What the partner owes us (positive): commission, prepaid packs, miles it must still credit."""
    return _partner(partner, "receivable", commodity)


def partner_clearing(partner: str, commodity: str) -> Account:
    """Where a conversion changes commodity: points come in, the partner's currency goes out."""
    return _partner(partner, "clearing", commodity)


def partner_credits(partner: str) -> Account:
    """The barter balance: negative while we have received more than we gave."""
    return _partner(partner, "credits", barter(partner))


def bearer_expense(bearer: Bearer, commodity: str) -> Account:
    """What a bearer has borne, in a currency or in barter credits."""
    return Account(f"bearer/{bearer}/expense", commodity, AccountKind.BEARER, may_go_negative=True)


def counter_account(commodity: str) -> Account:
    """Name the programme's account on the other side of what a member holds of a commodity.

    Redeemed points, qualifying points and entitlement uses come from here and go back to here.
    """
    kind, _, benefit_id = commodity.partition(":")
    return programme_entitlements(benefit_id) if kind == "VISIT" else programme_liability(commodity)


def _member(member_id: str, part: str, commodity: str) -> Account:
    return Account(f"member/{member_id}/{part}", commodity, AccountKind.MEMBER, may_go_negative=False)


def _partner(partner: str, part: str, commodity: str) -> Account:
    return Account(f"partner/{partner}/{part}", commodity, AccountKind.PARTNER, may_go_negative=True)
