"""Tells partners of the tiers that were granted at them, where they take that by an interface; the others get a file.

A grant goes out under a key that is derived from its match, so that it is asked for again, by whatever process, without
being granted twice. A refusal leaves it in the partner's file of the day, where people see it.
"""

from __future__ import annotations

from functools import partial

import msgspec
from sqlalchemy import Connection

from adapters.sdk.account_records import StatusGrant
from adapters.sdk.capabilities import GrantsStatus
from adapters.sdk.outcomes import Outcome
from catalogue import consents, grant_store
from catalogue.grant_store import GrantAnswer, Told
from catalogue.match_store import DueGrant
from catalogue.tier_match import Provenance
from config.observability import get_logger
from gateway.errors import PartnerDisabledError
from gateway.operations.switches import require_enabled
from gateway.partners import ConnectedPartner
from gateway.redemption.keys import partner_key
from gateway.services.tier_desk import provenance_of
from gateway.wiring import Gateway

AT_ONCE = 100
INTERVAL_SECONDS = 60.0
log = get_logger(__name__)


class Sending(msgspec.Struct, frozen=True):
    """A grant that goes out now."""

    match_id: str
    grant: StatusGrant


async def run(gateway: Gateway) -> None:
    """Tell what is to be told, every minute, for as long as the gateway serves."""
    while True:
        await send_due(gateway)
        await gateway.clock.sleep(INTERVAL_SECONDS)


async def send_due(gateway: Gateway) -> dict[str, str]:
    """Tell each partner that grants of what is due, and answer what became of each match."""
    told: dict[str, str] = {}
    for partner, connected in gateway.partners.items():
        if not isinstance(connected.adapter, GrantsStatus):
            continue
        for sending in await gateway.database.read(partial(_due, gateway, connected)):
            answer = await _send(connected.adapter, partner, sending)
            record = partial(grant_store.record_answer, answer=answer, at=gateway.clock.now())
            await gateway.database.write(record)
            told[sending.match_id] = answer.outcome
    return told


def _due(gateway: Gateway, connected: ConnectedPartner, connection: Connection) -> list[Sending]:
    graph = gateway.catalogue.tier_matches
    programmes = tuple(one.programme for one in graph.ladders if one.partner == connected.id)
    if not programmes:
        return []
    try:
        require_enabled(connection, connected.id)
    except PartnerDisabledError:
        return []
    now = gateway.clock.now()
    today = gateway.catalogue.programme.today(now)
    found = grant_store.open_grants(connection, connected.id, programmes, today, now, AT_ONCE)
    return [_sending(gateway, connected, due) for due in found if _may_be_told(connection, connected, due)]


def _may_be_told(connection: Connection, connected: ConnectedPartner, due: DueGrant) -> bool:
    purpose = connected.manifest.purpose
    return not purpose or consents.has_consent(connection, due.match.member_id, connected.id, purpose)


def _sending(gateway: Gateway, connected: ConnectedPartner, due: DueGrant) -> Sending:
    match = due.match
    assert due.account_number is not None
    assert match.to_tier is not None
    assert match.valid_from_date is not None
    on_trial = provenance_of(gateway.catalogue, match) is Provenance.CHALLENGE
    grant = StatusGrant(
        key=partner_key(match.id, connected.manifest.facts.key),
        account=due.account_number,
        programme=match.to_programme,
        tier=match.to_tier,
        provenance="challenge" if on_trial else "matched",
        valid_from_date=match.valid_from_date,
        valid_until_date=match.valid_to_date,
    )
    return Sending(match.id, grant)


async def _send(adapter: GrantsStatus, partner: str, sending: Sending) -> GrantAnswer:
    try:
        result = await adapter.grant_status(sending.grant)
    except Exception:
        log.exception("adapter.raised", partner=partner, operation="grant_status")
        return GrantAnswer(match_id=sending.match_id, partner=partner, outcome="open", code="adapter_raised")
    outcomes: dict[Outcome, Told] = {Outcome.OK: "ok", Outcome.NO: "no"}
    told = outcomes.get(result.outcome, "open")
    if told != "ok":
        log.warning("status.not_granted", partner=partner, match_id=sending.match_id, code=result.code)
    return GrantAnswer(
        match_id=sending.match_id,
        partner=partner,
        outcome=told,
        code=None if result.code is None else result.code[:80],
        partner_reference=result.partner_reference,
    )
