"""Members as the club's systems write them and as they see themselves."""

from __future__ import annotations

from datetime import date, datetime

import msgspec
from sqlalchemy import Connection

from catalogue import members, partner_accounts, statuses
from catalogue.eligibility import ACTIVE
from catalogue.eligibility_rules import Vehicle
from catalogue.identifiers import is_identifier
from catalogue.members import MemberInput, MemberRecord, Personal
from catalogue.programme import Programme
from config.errors import ConflictError, NotFoundError, RuleError
from gateway.schemas.members import (
    Activity,
    Change,
    Me,
    MemberAnswer,
    MemberBody,
    NextExpiry,
    PartnerLink,
    ProfileBody,
    VehicleBody,
    Wallet,
)
from gateway.services import bonuses, care
from gateway.services.standing import standing_of
from settlement.accounts import POINTS
from settlement.balances import Balance, Movement, balances


def member_of_path(connection: Connection, named: str) -> str:
    """Answer our id of the member that a club's system names by our id or by its own.

    A membership that was merged is the one it was merged into, so that what is sent under the old name arrives.

    Raises:
        NotFoundError: no such member.
    """
    known = is_identifier("member", named)
    found = members.get_member(connection, named) if known else members.find_member(connection, named)
    return members.surviving_member(connection, found.id).id


def require_member(connection: Connection, member_id: str) -> None:
    """Insist that the member of a token is here.

    Raises:
        NotFoundError: he is not.
    """
    members.get_member(connection, member_id)


def put_member(
    connection: Connection, programme: Programme, *, named: str, body: MemberBody, new_id: str, now: datetime
) -> MemberAnswer:
    """Create a member under the club's own id, or bring a known one up to date; idempotent by that id.

    A new member is told of in the outbox and gets what joining and a referral earn. ``referred_by`` counts when the
    member is created and is ignored later.

    Raises:
        NotFoundError: named by an id of ours that no member has.
        RuleError: there is no member who could have referred.
        ConflictError: the membership has ended.
    """
    external_id = members.get_member(connection, named).external_id if is_identifier("member", named) else named
    given = MemberInput(
        external_id=external_id,
        city=body.city,
        locale=body.locale,
        personal=Personal(**msgspec.structs.asdict(body.profile)),
        vehicles=_vehicles(body.vehicles),
        referred_by=_referrer(connection, body.referred_by),
    )
    stored = members.upsert_member(connection, given, new_id, now)
    if stored.state != ACTIVE:
        raise ConflictError("The membership has ended.", merged_into=stored.merged_into)
    if stored.id == new_id:
        care.tell(connection, stored.id, "joined", "joined", {"referred_by": stored.referred_by}, now)
        bonuses.joined(connection, programme, stored, now)
    return _answer(stored, statuses.current_tier(connection, programme, stored.id, programme.today(now)))


def _referrer(connection: Connection, named: str | None) -> str | None:
    if named is None:
        return None
    try:
        return member_of_path(connection, named)
    except NotFoundError as error:
        raise RuleError("There is no member who could have referred.", pointer="/referred_by") from error


def read_me(connection: Connection, programme: Programme, *, member_id: str, locale: str | None, now: datetime) -> Me:
    """Gather everything the member's own page shows.

    Raises:
        NotFoundError: the token speaks for a member that is not here.
    """
    member = members.get_member(connection, member_id)
    today = programme.today(now)
    tier = statuses.current_tier(connection, programme, member_id, today)
    held = {balance.commodity: balance for balance in balances(connection, member_id, at=now)}
    links = partner_accounts.linked_accounts(connection, member_id)
    return Me(
        id=member.id,
        external_id=member.external_id,
        state=member.state,
        tier=tier,
        tier_name=programme.tier(tier).name.choose(locale or member.locale),
        tier_valid_to_date=_valid_to(connection, programme, member_id, tier, today),
        qualifying_points=standing_of(connection, programme, member_id, today).qualifying,
        city=member.city,
        locale=member.locale,
        profile=ProfileBody(**msgspec.structs.asdict(members.get_personal(connection, member_id))),
        wallet=_wallet(held.get(POINTS, Balance(commodity=POINTS))),
        links=[PartnerLink(**msgspec.structs.asdict(one)) for one in links],
    )


def present(movement: Movement) -> Activity:
    """Show a movement to the member."""
    redemption = movement.reference if is_identifier("redemption", movement.reference) else None
    return Activity(
        id=movement.entry_key,
        reason=movement.kind,
        reference=movement.reference,
        happened_at=movement.effective_at,
        recorded_at=movement.recorded_at,
        redemption_id=redemption,
        partner=movement.facts.get("partner"),
        details=movement.facts,
        changes=[Change(*change) for change in movement.changes],
    )


def _vehicles(given: list[VehicleBody] | None) -> dict[str, Vehicle] | None:
    """Give the cars by reference.

    Raises:
        RuleError: one reference names two cars.
    """
    if given is None:
        return None
    found = {one.reference: Vehicle(one.model, one.energy, one.registered_date) for one in given}
    if len(found) < len(given):
        raise RuleError("One reference names two cars.", pointer="/vehicles")
    return found


def _wallet(balance: Balance) -> Wallet:
    next_at = balance.next_expiry_at
    expiry = NextExpiry(balance.next_expiry_quantity, next_at) if next_at is not None else None
    return Wallet(balance.available, balance.held, balance.pending, expiry)


def _valid_to(connection: Connection, programme: Programme, member_id: str, tier: str, today: date) -> date | None:
    """Give the last day of the tier: the latest of the statuses that carry it, None for an open or entry tier."""
    carrying = [
        status
        for status in statuses.held_statuses(connection, member_id)
        if (status.programme, status.tier) == (programme.id, tier) and status.holds_on(today)
    ]
    dates = [status.valid_to_date for status in carrying]
    return None if None in dates else max((day for day in dates if day is not None), default=None)


def _answer(member: MemberRecord, tier: str) -> MemberAnswer:
    return MemberAnswer(
        id=member.id,
        external_id=member.external_id,
        state=member.state,
        tier=tier,
        city=member.city,
        locale=member.locale,
        created_at=member.created_at,
        updated_at=member.updated_at,
    )
