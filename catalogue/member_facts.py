"""Everything that benefits are judged by for one member, in one statement that answers one text.

Being one statement it sees one moment, and being one text it can be compared: what is answered to a member follows from
this text, the catalogue, the day and the question, so an answer that was made from the same four is still right.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from catalogue.benefits import Benefit
from catalogue.eligibility import MemberContext, Taken
from catalogue.eligibility_rules import Vehicle
from catalogue.entitlements_store import RecordedUse, taken_among
from catalogue.model import Catalogue
from catalogue.programme import Programme
from catalogue.programme_tiers import best_tier
from catalogue.tier_match import HeldStatus
from config.errors import NotFoundError
from config.hot_statements import Look

_MEMBER = "'id', id, 'state', state, 'locale', locale, 'city', city"
_PARTS = (
    (
        "statuses",
        "'programme', programme, 'tier', tier, 'provenance', provenance, 'valid_from_date', valid_from_date, "
        "'valid_to_date', valid_to_date, 'edge_id', edge_id",
        "member_id = {member}",
        "valid_from_date, programme, tier, provenance",
    ),
    (
        "consents",
        "'partner', partner, 'purpose', purpose",
        "member_id = {member} AND withdrawn_at IS NULL",
        "partner, purpose",
    ),
    ("partner_accounts", "'partner', partner, 'account_number', account_number", "member_id = {member}", "partner"),
    (
        "member_vehicles",
        "'model', model, 'energy', energy, 'registered_date', registered_date",
        "member_id = {member}",
        "reference",
    ),
    (
        "benefit_uses",
        "'redemption_id', redemption_id, 'benefit_id', benefit_id, 'pay_with', pay_with, 'state', state, "
        "'service_date', service_date, 'stay', stay, 'trip', trip, 'guests', guests",
        "member_id = {member} AND state <> 'released'",
        "service_date, redemption_id",
    ),
    (
        "benefit_stock",
        "'benefit_id', benefit_id, 'benefit_version', benefit_version, 'taken', taken",
        "benefit_id IN (SELECT value FROM {stocked})",
        "benefit_id, benefit_version",
    ),
)
"""Table, columns as names and values, which rows, in which order."""


def _sqlite() -> str:
    parts = [
        f"'{table}', json((SELECT json_group_array(json_object({columns})) FROM "  # noqa: S608 - our own constants
        f"(SELECT * FROM {table} WHERE {rows.format(member='?1', stocked='json_each(?2)')} ORDER BY {order})))"
        for table, columns, rows, order in _PARTS
    ]
    return f"SELECT json_object({', '.join([_MEMBER, *parts])}) FROM members WHERE id = ?1"  # noqa: S608


def _postgresql() -> str:
    stocked = "jsonb_array_elements_text($2::text::jsonb) AS each(value)"
    parts = [
        f"'{table}', (SELECT coalesce(json_agg(json_build_object({columns}) ORDER BY {order}), '[]'::json) "  # noqa: S608
        f"FROM {table} WHERE {rows.format(member='$1', stocked=stocked)})"
        for table, columns, rows, order in _PARTS
    ]
    return f"SELECT json_build_object({', '.join([_MEMBER, *parts])})::text FROM members WHERE id = $1"  # noqa: S608


LOOK = Look(sqlite=_sqlite(), postgresql=_postgresql())
"""Takes the member's id and a JSON list of the benefits whose stock is asked for; nothing when there is no member."""


class _Consent(msgspec.Struct, frozen=True):
    partner: str
    purpose: str


class _Account(msgspec.Struct, frozen=True):
    partner: str
    account_number: str


class _Stock(msgspec.Struct, frozen=True):
    benefit_id: str
    benefit_version: int
    taken: int


class MemberFacts(msgspec.Struct, frozen=True):
    """What the text says."""

    id: str
    state: str
    locale: str
    city: str | None
    statuses: tuple[HeldStatus, ...]
    consents: tuple[_Consent, ...]
    partner_accounts: tuple[_Account, ...]
    member_vehicles: tuple[Vehicle, ...]
    benefit_uses: tuple[RecordedUse, ...]
    benefit_stock: tuple[_Stock, ...]

    def context(self, programme: Programme, on_date: date) -> MemberContext:
        """Make what the rules may know of the member on a day."""
        return MemberContext(
            member_id=self.id,
            tier=best_tier(programme, self.statuses, on_date),
            state=self.state,
            locale=self.locale,
            city=self.city,
            statuses=self.statuses,
            consents=frozenset((one.partner, one.purpose) for one in self.consents),
            partner_accounts={one.partner: one.account_number for one in self.partner_accounts},
            vehicles=self.member_vehicles,
        )

    def taken_of(self, benefits: Iterable[Benefit]) -> dict[str, Taken]:
        """Gather what stands of benefits, as `catalogue.entitlements_store.taken_of`."""
        pieces = {(one.benefit_id, one.benefit_version): one.taken for one in self.benefit_stock}
        return taken_among(benefits, self.benefit_uses, pieces)


_facts = msgspec.json.Decoder(MemberFacts)


def stocked(catalogue: Catalogue) -> str:
    """List the benefits that have a stock in any of their versions, as `LOOK` takes them."""
    found = [name for name, versions in catalogue.benefits.items() if any(one.stock != "live" for one in versions)]
    return msgspec.json.encode(sorted(found)).decode()


def read(text: str | None) -> MemberFacts:
    """Read what `LOOK` answered.

    Raises:
        NotFoundError: there is no such member.
    """
    if text is None:
        raise NotFoundError("There is no such member.")
    return _facts.decode(text)
