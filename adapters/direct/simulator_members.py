"""The members of a simulated partner on our own contract, without HTTP. Nobody is written down: a number tells it all.

An account number that ends in ``0000`` there is not. The last digit gives the tier: 5 silver, 7 gold, others none. Of
factors only ``pin`` is looked at, when it is given: it is `PIN` for everybody.
"""

from __future__ import annotations

from adapters.direct import wire

PIN = "246813"
TIERS = {"5": "silver", "7": "gold"}


class MemberDesk:
    """What the partner says of its members."""

    def validate(self, query: wire.MemberQuery) -> tuple[int, object]:
        """Say whether an account is the asking member's."""
        masked = dict.fromkeys(query.factors, "****")
        if _is_unknown(query.account):
            return 200, wire.MemberAnswer(account=query.account, valid=False, reason="unknown_account", masked=masked)
        if query.factors.get("pin", PIN) != PIN:
            return 200, wire.MemberAnswer(account=query.account, valid=False, reason="wrong_factors", masked=masked)
        return 200, wire.MemberAnswer(account=query.account, valid=True, masked=masked)

    def member_status(self, account: str) -> tuple[int, object]:
        """Tell the tier of an account as it is now."""
        if _is_unknown(account):
            return 200, wire.MemberStatus(account=account, known=False)
        tier = TIERS.get(account[-1:])
        return 200, wire.MemberStatus(account=account, known=True, tier=tier, provenance="earned" if tier else None)


def _is_unknown(account: str) -> bool:
    return account.endswith("0000")
