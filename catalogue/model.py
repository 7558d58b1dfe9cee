"""The whole catalogue as one immutable value: what the loader makes, the lints read and every service asks."""

from __future__ import annotations

from datetime import date
from typing import Protocol

import msgspec

from catalogue.benefits import Benefit, announced, version_on
from catalogue.budgets import Budget
from catalogue.conversion import ConversionContract
from catalogue.lounge_access import LoungeTables
from catalogue.notice import NoticeRules
from catalogue.programme import Programme
from catalogue.tier_match import TierGraph


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be had.

    Attributes:
        benefits: every version by benefit id, oldest first.
        lounges: airports, schemes, lounges and published rules of lounge access.
        partners: ids that benefits, contracts and ladders may name.
        version: a hash of the content; it changes exactly when an answer made from the catalogue could.
        files: where a thing was read from, relative to the folder, by ``kind:id``.
    """

    programme: Programme
    benefits: dict[str, tuple[Benefit, ...]]
    conversions: tuple[ConversionContract, ...]
    tier_matches: TierGraph
    partners: tuple[str, ...]
    version: str
    files: dict[str, str] = {}
    budgets: tuple[Budget, ...] = ()
    notice: NoticeRules = NoticeRules()
    lounges: LoungeTables = LoungeTables()

    @property
    def current(self) -> Catalogue:
        """Itself: a catalogue that nothing changes is its own `CatalogueSource`."""
        return self

    def benefit(self, benefit_id: str, on_date: date) -> Benefit | None:
        """Give the version of a benefit in force on a day; None when there is none."""
        return version_on(self.benefits.get(benefit_id, ()), on_date)

    def benefit_version(self, benefit_id: str, version: int) -> Benefit | None:
        """Give the very version that a member holds."""
        return next((one for one in self.benefits.get(benefit_id, ()) if one.version == version), None)

    def announced_version(self, benefit_id: str, on_date: date) -> Benefit | None:
        """Give the next version of a benefit that is known on a day and not yet in force; None when there is none."""
        return announced(self.benefits.get(benefit_id, ()), on_date)

    def benefits_on(self, on_date: date) -> tuple[Benefit, ...]:
        """List every benefit's version in force on a day, by benefit id."""
        found = (self.benefit(benefit_id, on_date) for benefit_id in sorted(self.benefits))
        return tuple(benefit for benefit in found if benefit is not None)

    def zone_of(self, airport: str | None) -> str:
        """Give the time zone of an airport that is known, else the programme's."""
        return self.lounges.zone_of(airport, self.programme.time_zone)

    def conversion_version(self, contract_id: str, version: int) -> ConversionContract | None:
        """Give the very version that a quote was made by."""
        return next((one for one in self.conversions if (one.id, one.version) == (contract_id, version)), None)

    def conversion_contracts(self, partner: str, from_commodity: str = "PTS") -> tuple[ConversionContract, ...]:
        """List the versions of the contracts that lead from a commodity to a partner."""
        return tuple(
            contract
            for contract in self.conversions
            if contract.partner == partner and contract.from_commodity == from_commodity
        )


class CatalogueSource(Protocol):
    """Where the catalogue of the moment is asked for; `catalogue.book` follows what was applied to the database."""

    @property
    def current(self) -> Catalogue:
        """The catalogue that holds now; two reads may give two versions."""
        ...
