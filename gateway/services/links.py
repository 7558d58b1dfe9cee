"""Takes a member's account at a partner: asked about first where the partner says whose an account is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import msgspec

from adapters.sdk.outcomes import Outcome
from catalogue import partner_accounts
from config.errors import NotFoundError, RuleError
from gateway.schemas.members import PartnerLink
from gateway.services.partner_members import check_account
from gateway.wiring import Gateway


async def put_link(
    gateway: Gateway, *, member_id: str, partner: str, account_number: str, factors: Mapping[str, str]
) -> PartnerLink:
    """Record or change the member's account number at a partner; doing it again changes nothing, but for the check.

    A partner that validates members is asked before anything is written. Its definite no refuses the account; without
    an answer, or where it cannot be asked, the account is taken and told as not verified.

    Raises:
        NotFoundError: no such partner or member.
        ConflictError: another member has this account.
        RuleError: the partner says that the account is not this member's.
    """
    if partner not in gateway.partner_files:
        raise NotFoundError(f"There is no partner {partner!r}.")
    free = partial(partner_accounts.require_free, member_id=member_id, partner=partner, account_number=account_number)
    await gateway.database.read(free)
    check = await check_account(gateway, member_id, partner, account_number, factors)
    if check is not None and check.outcome is Outcome.NO:
        raise RuleError(
            "The partner says that this account is not yours, or may not be used; check the number and what you prove "
            "yourself with there.",
            reason="account_refused",
            partner=partner,
            partner_code=check.code,
        )
    put = partial(
        partner_accounts.put_account,
        member_id=member_id,
        partner=partner,
        account_number=account_number,
        at=gateway.clock.now(),
        verified=check is not None and check.outcome is Outcome.OK,
    )
    return PartnerLink(**msgspec.structs.asdict(await gateway.database.write(put)))
