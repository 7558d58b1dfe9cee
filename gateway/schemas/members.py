"""Members, their wallet and what moves it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec

from catalogue.eligibility_rules import Energy
from gateway.schemas.common import Amount, Identifier, Instant, Name, ShortText

Locale = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", max_length=35, examples=["zh-CN"])
]


Birthday = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
        max_length=5,
        examples=["02-29"],
        description="Month and day, MM-DD; the year is not asked for.",
    ),
]


class ProfileBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What names or reaches a person. What is left out is removed."""

    given_name: Name | None = None
    family_name: Name | None = None
    email: Annotated[str, msgspec.Meta(min_length=3, max_length=254)] | None = None
    phone: Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9 ()\-]{5,30}$", max_length=31)] | None = None
    birthday: Birthday | None = None


class VehicleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A car of the member's; ``reference`` is the sender's own, never a plate or chassis number."""

    reference: Identifier
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    energy: Energy
    registered_date: date


class MemberBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member as the club's system knows him; cars that are left out stay as they are, a list replaces all.

    ``referred_by`` (our id or the club's) counts when he is created.
    """

    locale: Locale = "zh-CN"
    city: Annotated[str, msgspec.Meta(min_length=1, max_length=80)] | None = None
    profile: ProfileBody = ProfileBody()
    vehicles: Annotated[list[VehicleBody], msgspec.Meta(max_length=20)] | None = None
    referred_by: Identifier | None = None


class MemberAnswer(msgspec.Struct, frozen=True):
    """A member as stored, without personal fields."""

    id: str
    external_id: str
    state: str
    tier: str
    city: str | None
    locale: str
    created_at: datetime
    updated_at: datetime


class AccrualBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One activity that earns. ``reference`` is the sender's own and makes it count once."""

    activity: Identifier
    amount: Amount
    occurred_at: Instant
    reference: Identifier
    dealer: Identifier | None = None


class AccrualAnswer(msgspec.Struct, frozen=True):
    """What was earned, and the tier now; ``tier_before`` is set when this raised it."""

    member_id: str
    reference: str
    points: int
    qualifying_points: int
    tier: str
    tier_before: str | None = None


class NextExpiry(msgspec.Struct, frozen=True):
    """The next points to be lost, all at one instant."""

    points: int
    expires_at: datetime


class Wallet(msgspec.Struct, frozen=True):
    """Points by what may be done with them."""

    available: int
    held: int
    pending: int
    next_expiry: NextExpiry | None


class PartnerLink(msgspec.Struct, frozen=True):
    """The member's account in a partner's programme; ``verified_at``: when the partner last said that it is his."""

    partner: str
    account_number: str
    verified_at: datetime | None = None


class Me(msgspec.Struct, frozen=True):
    """The member as he sees himself."""

    id: str
    external_id: str
    state: str
    tier: str
    tier_name: str
    tier_valid_to_date: date | None
    qualifying_points: int
    city: str | None
    locale: str
    profile: ProfileBody
    wallet: Wallet
    links: list[PartnerLink]


class Change(msgspec.Struct, frozen=True):
    """How one part of the wallet changed: available, held, pending or qualifying."""

    commodity: str
    part: str
    amount: int


class Activity(msgspec.Struct, frozen=True):
    """One movement: ``reason`` is accrual, hold, capture, void, reversal, expiry and so on."""

    id: str
    reason: str
    reference: str
    happened_at: datetime
    recorded_at: datetime
    redemption_id: str | None
    partner: str | None
    details: dict[str, str]
    changes: list[Change]


class ActivityPage(msgspec.Struct, frozen=True):
    """Movements, newest first."""

    items: list[Activity]
    next_cursor: str | None


FactorName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_]{1,40}$", max_length=40)]
FactorValue = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Factor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that a member proves himself with at a partner, by the partner's name for it."""

    name: FactorName
    value: FactorValue


class LinkBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The member's account number at the partner.

    ``factors``: what the partner asks its members to prove themselves with; they are given to it for this one question
    and kept nowhere. Of two with one name the last counts.
    """

    account_number: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9\-]{3,40}$", max_length=40)]
    factors: Annotated[list[Factor], msgspec.Meta(max_length=5)] = []


class ConsentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Given or withdrawn; ``version`` is that of the text the member read."""

    granted: bool
    version: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1


class ConsentAnswer(msgspec.Struct, frozen=True):
    """One consent; a withdrawn one stays in the list."""

    partner: str
    purpose: ShortText
    version: int
    granted_at: datetime
    withdrawn_at: datetime | None


class ConsentList(msgspec.Struct, frozen=True):
    """Everything ever consented to, newest first."""

    items: list[ConsentAnswer]
