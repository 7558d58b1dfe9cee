"""Amounts between text and integers of minor units without a float in between. Pure."""

from __future__ import annotations

import re

from adapters.sdk.errors import ProtocolError
from catalogue.currencies import EXPONENTS

__all__ = ["EXPONENTS", "decimal_text", "exponent", "minor_units"]

_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,9}))?", re.ASCII)


def exponent(currency: str) -> int:
    """Answer how many digits a currency has behind the point.

    Raises:
        ProtocolError: no such currency.
    """
    if currency not in EXPONENTS:
        raise ProtocolError(f"{currency[:8]!r} is not an ISO 4217 currency with a minor unit.")
    return EXPONENTS[currency]


def minor_units(text: str, currency: str) -> int:
    """Read a decimal text such as ``"123.45"`` as an integer of minor units.

    Only ASCII digits, one point, an optional minus; no plus, no grouping, no exponent, no spaces. Fewer decimals than
    the currency has are filled up; further ones are accepted only when they are zeros.

    Raises:
        ProtocolError: not such a text, more precision than the currency has, or no such currency.
    """
    digits = exponent(currency)
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise ProtocolError("An amount is not a plain decimal.")
    sign, whole, fraction = found[1], found[2], found[3] or ""
    kept, excess = fraction[:digits], fraction[digits:]
    if excess.strip("0"):
        raise ProtocolError(f"An amount has more decimals than {currency} has.")
    value = int(whole + kept.ljust(digits, "0"))
    return -value if sign else value


def decimal_text(amount: int, currency: str) -> str:
    """Write minor units as a decimal text with exactly the currency's digits; the inverse of `minor_units`."""
    digits = exponent(currency)
    sign, text = ("-" if amount < 0 else ""), str(abs(amount)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else sign + text
