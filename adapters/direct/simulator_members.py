"""The members of a simulated partner on our own contract, without HTTP. Nobody is written down: a number tells it all.

An account number that ends in ``0000`` there is not. The last digit gives the tier: 5 silver, 7 gold, others none. Of
factors only ``pin`` is looked at, when it is given: it is `PIN` for everybody.
"""

from __future__ import annotations

import msgspec

from adapters.direct import wire
from adapters.direct.simulator_book import DirectBook

PIN = "246813"
LADDER = ("silver", "gold", "platinum")
TIERS = {"5": "silver", "7": "gold"}


class MemberDesk:
    """What the partner says of its members, and the tiers that it grants them."""

    book: DirectBook

    def grant(self, key: str, body: wire.GrantBody) -> tuple[int, object]:
        """Grant a tier, once for each key."""
        grants: tuple[wire.Grant, ...] = self.book.rows("grants")
        known = next((one for one in grants if one.key == key), None)
        made = wire.Grant(
            key=key,
            account=body.account,
            tier=body.tier,
            reference=f"G-{len(grants) + 1:06d}",
            valid_until_date=body.valid_until_date,
        )
        if known is not None:
            same = msgspec.structs.replace(made, reference=known.reference) == known
            return (200, known) if same else (409, _refused("key_reused", key))
        if _is_unknown(body.account):
            return 404, _refused("unknown_account", key)
        if body.tier not in LADDER:
            return 409, _refused("unknown_tier", key)
        self.book.put("grants", key, made)
        return 201, made

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
        rows: tuple[wire.Grant, ...] = self.book.rows("grants")
        granted = max((one for one in rows if one.account == account), key=_rank, default=None)
        if granted is not None and (tier is None or _rank(granted) > LADDER.index(tier)):
            return 200, wire.MemberStatus(
                account=account,
                known=True,
                tier=granted.tier,
                valid_until_date=granted.valid_until_date,
                provenance="granted",
                reference=granted.reference,
            )
        return 200, wire.MemberStatus(account=account, known=True, tier=tier, provenance="earned" if tier else None)


def _rank(grant: wire.Grant) -> int:
    return LADDER.index(grant.tier)


def _refused(code: str, key: str) -> wire.Refusal:
    return wire.Refusal(error=wire.ErrorDetail(code=code), key=key)


def _is_unknown(account: str) -> bool:
    return account.endswith("0000")
