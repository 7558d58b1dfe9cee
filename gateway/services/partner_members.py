"""Asking a partner about a member's account: whose it is, which tier it has. Never within a transaction.

Nobody is asked without need: not while the partner is switched off, and not without the member's consent where the
partner's manifest declares a purpose. Only the personal fields that it declares are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import msgspec
from sqlalchemy import Connection

from adapters.sdk.account_records import AccountCheck, AccountRequest, StatusReport
from adapters.sdk.capabilities import ReportsStatus, ValidatesMembers
from adapters.sdk.errors import PartnerError
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import Traveller
from catalogue import consents, members, partner_accounts
from config.observability import get_logger
from config.secrets import Secret
from gateway.errors import PartnerDisabledError
from gateway.operations.switches import require_enabled
from gateway.partners import ConnectedPartner
from gateway.wiring import Gateway

log = get_logger(__name__)


class Reported(msgspec.Struct, frozen=True):
    """What asking for a tier came to; ``report`` is None where the partner was asked and gave no trustworthy answer."""

    report: StatusReport | None


async def check_account(
    gateway: Gateway, member_id: str, partner: str, account: str, factors: Mapping[str, str]
) -> AccountCheck | None:
    """Ask a partner whether an account is the member's; None where it cannot be asked.

    Args:
        factors: what the member proves himself with there, by the partner's names.

    Raises:
        NotFoundError: no such member.
    """
    connected = gateway.partners.get(partner)
    if connected is None or not isinstance(connected.adapter, ValidatesMembers):
        return None
    asked = await gateway.database.read(partial(_request, connected, member_id, account))
    if asked is None:
        return None
    asked = msgspec.structs.replace(asked, factors={name: Secret(value) for name, value in factors.items()})
    try:
        return await connected.adapter.validate_member(asked)
    except Exception:
        log.exception("adapter.raised", partner=partner, operation="validate_member")
        return AccountCheck(outcome=Outcome.UNKNOWN, code="adapter_raised")


async def ask_status(gateway: Gateway, member_id: str, partner: str) -> Reported | None:
    """Ask a partner which tier the member's account has; None where it reports none, or there is nothing to ask by.

    Raises:
        NotFoundError: no such member.
    """
    connected = gateway.partners.get(partner)
    if connected is None or not isinstance(connected.adapter, ReportsStatus):
        return None
    asked = await gateway.database.read(partial(_request, connected, member_id, None))
    if asked is None:
        return None
    try:
        report = await connected.adapter.report_status(asked)
    except PartnerError as error:
        log.warning("status.not_reported", partner=partner, code=error.code)
        return Reported(None)
    except Exception:
        log.exception("adapter.raised", partner=partner, operation="report_status")
        return Reported(None)
    return None if report is None else Reported(report)


def _request(
    connected: ConnectedPartner, member_id: str, account: str | None, connection: Connection
) -> AccountRequest | None:
    members.get_member(connection, member_id)
    linked = account or partner_accounts.get_accounts(connection, member_id).get(connected.id)
    purpose = connected.manifest.purpose
    if linked is None or (purpose and not consents.has_consent(connection, member_id, connected.id, purpose)):
        return None
    try:
        require_enabled(connection, connected.id)
    except PartnerDisabledError:
        return None
    personal = members.get_personal(connection, member_id)
    declared = connected.manifest.personal_fields
    known = {field: getattr(personal, field) for field in declared if hasattr(personal, field)}
    if "partner_account" in declared:
        known["partner_account"] = linked
    fields = {name: value for name, value in known.items() if name in Traveller.__struct_fields__}
    return AccountRequest(account=linked, traveller=Traveller(**fields))
