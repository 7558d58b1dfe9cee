"""Published contracts, written down from public pages (named as each one's source; all read 2026-11-21)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from catalogue.conversion import ConversionContract
from catalogue.conversion_files import read_contracts
from catalogue.conversion_quotes import ConversionQuote, Occasion, quote

FOLDER = Path(__file__).parent / "published_contracts"
FILES = {path.stem: read_contracts(path) for path in sorted(FOLDER.glob("*.toml"))}
TERMS_OF_2013 = "marriott-united-2013"
"""Price points that the ratios of 2020 contradict, without a day of change; never read together with them."""
TODAYS = tuple(contract for name, found in FILES.items() if name != TERMS_OF_2013 for contract in found)


def between(
    source: str, target: str, contracts: tuple[ConversionContract, ...] = TODAYS
) -> tuple[ConversionContract, ...]:
    """Every version between two commodities."""
    found = tuple(one for one in contracts if one.pair == (source, target))
    assert found, f"no published contract converts {source} into {target}"
    return found


def quoted(source: str, target: str, quantity: int, on_date: date, region: str | None = None) -> ConversionQuote:
    """Quote by the published contracts."""
    return quote(between(source, target), quantity, Occasion(on_date, region))
