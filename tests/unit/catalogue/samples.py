"""Catalogue values that tests build on; figures are the programme's own."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec

from catalogue.conversion import ConversionContract
from catalogue.loader import Catalogue, load_catalogue
from catalogue.values import Rate
from config.files import PACKAGED_FOLDER

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
TODAY = date(2026, 11, 22)
PARTNERS = tuple(sorted(path.stem for path in (PACKAGED_FOLDER / "partners").glob("*.toml")))
CATALOGUE: Catalogue = msgspec.structs.replace(load_catalogue(PACKAGED_FOLDER, PARTNERS), budgets=())
"""The packaged catalogue; without its budgets, which name benefits that tests exchange."""

PROGRAMME = CATALOGUE.programme


def with_catalogue(**changes: object) -> Catalogue:
    """The packaged catalogue with some of it exchanged."""
    return msgspec.structs.replace(CATALOGUE, **changes)


def plain_contract(name: str, source: str, target: str, rate: Rate, **changes: object) -> ConversionContract:
    """A contract between two commodities without limits."""
    contract = ConversionContract(
        id=name,
        version=1,
        partner="skyward-miles",
        from_commodity=source,
        to_commodity=target,
        rate=rate,
        source="a test's own",
    )
    return msgspec.structs.replace(contract, **changes)
