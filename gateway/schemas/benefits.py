"""Benefits, entitlements and tier matches as the member app reads them."""

from __future__ import annotations

from datetime import date

import msgspec

from gateway.schemas.common import Identifier, Reason, UnavailablePartner


class PayOption(msgspec.Struct, frozen=True):
    """One way to pay. ``points`` is the price for this member, per use or visitor; None when a quote tells it.

    ``uses`` are those of one ``window`` (of ``window_days`` days when it rolls); 0 when the tier gives none.
    """

    pay_with: str
    points: int | None = None
    per: str | None = None
    uses_per_year: int | None = None
    guests: int | None = None
    uses: int | None = None
    window: str | None = None
    window_days: int | None = None


class RefundStepTerms(msgspec.Struct, frozen=True):
    """Until so many hours before the start this exact share comes back."""

    until_hours: int
    refund_numerator: int
    refund_denominator: int


class CancellationTerms(msgspec.Struct, frozen=True):
    """Everything comes back until so many hours before; then by steps; later this exact share (0 of 1 is nothing).

    Once the time of the service is over the share of ``no_show`` comes back.
    """

    free_until_hours: int | None
    refund_numerator: int
    refund_denominator: int
    steps: list[RefundStepTerms] = []
    no_show_numerator: int = 0
    no_show_denominator: int = 1


class QuotaTerms(msgspec.Struct, frozen=True):
    """At most so many in a window, however they are paid for; ``counts`` says of what."""

    limit: int
    counts: str
    window: str
    window_days: int | None = None


class AnnouncedVersion(msgspec.Struct, frozen=True):
    """A change of terms that is announced; what is held by then keeps the terms that it was sold under."""

    version: int
    announced_date: date
    effective_from_date: date
    title: str
    description: str


class BenefitAnswer(msgspec.Struct, frozen=True):
    """A benefit for this member, in his language."""

    id: str
    version: int
    vertical: str
    partner: str
    way: str
    title: str
    description: str
    eligible: bool
    reasons: list[Reason]
    options: list[PayOption]
    price: str
    consent_purpose: str | None
    valid_from_date: date | None
    valid_to_date: date | None
    cities: list[str]
    airports: list[str]
    voucher: bool
    upgrade: bool
    cancellation: CancellationTerms
    stock_left: int | None = None
    quotas: list[QuotaTerms] = []
    announced: AnnouncedVersion | None = None


class BenefitPage(msgspec.Struct, frozen=True):
    """Benefits by id; a partner that is switched off is named instead of its benefits."""

    items: list[BenefitAnswer]
    next_cursor: str | None
    unavailable_partners: list[UnavailablePartner]


class EntitlementAnswer(msgspec.Struct, frozen=True):
    """How a right to uses stands; both days are included."""

    benefit_id: str
    partner: str
    title: str
    total: int
    used: int
    pending: int
    remaining: int
    guests: int
    window_start_date: date
    window_last_date: date
    window: str = "calendar_year"


class EntitlementList(msgspec.Struct, frozen=True):
    """Every right the member's tier gives now."""

    items: list[EntitlementAnswer]


class TierMatchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The partner whose programme is the other side. ``from_partner``: the status there is matched to ours."""

    partner: Identifier
    from_partner: bool = False


class StatusAnswer(msgspec.Struct, frozen=True):
    """A status the member holds or held; only an earned one can be matched onward."""

    programme: str
    tier: str
    provenance: str
    valid_from_date: date
    valid_to_date: date | None
    edge_id: str | None


class TierMatchOffer(msgspec.Struct, frozen=True):
    """A match the member can have now, and by which status."""

    partner: str
    from_partner: bool
    edge_id: str
    kind: str
    from_programme: str
    from_tier: str
    to_programme: str
    to_tier: str | None
    explanation: list[str]


class TierMatchOffers(msgspec.Struct, frozen=True):
    """Every match the member can have now."""

    items: list[TierMatchOffer]


class ChallengeAnswer(msgspec.Struct, frozen=True):
    """A timed challenge: ``progress`` of ``target`` of what is ``counted``, until the deadline (included)."""

    match_id: str
    programme: str
    tier: str
    started_date: date
    deadline_date: date
    target: int
    progress: int
    outcome: str
    counted: str | None


class TierMatchAnswer(msgspec.Struct, frozen=True):
    """What was granted (``granted``), or that a person looks first (``review``), and how it was reached."""

    id: str
    state: str
    edge_id: str
    kind: str
    status: StatusAnswer | None
    challenge: ChallengeAnswer | None
    explanation: list[str]


class StatusList(msgspec.Struct, frozen=True):
    """Every status and every challenge, oldest first; ``in_review`` are the edges on which a person decides."""

    items: list[StatusAnswer]
    challenges: list[ChallengeAnswer] = []
    in_review: list[str] = []
