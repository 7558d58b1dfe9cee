"""ISO 4217 minor units, and amounts between text and integers without a float in between. Pure.

Source: ISO 4217 list one of 2026-01-01 (SIX, the maintenance agency), read 2026-11-21. Codes whose minor unit is "N.A."
(metals, test and basket codes) are not currencies anybody settles in and are refused.
"""

from __future__ import annotations

import re

from adapters.sdk.errors import ProtocolError

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW "
    "CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
    "MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
    "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG "
    "YER ZAR ZMW ZWG"
)
_OTHER = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
EXPONENTS = dict.fromkeys(_TWO.split(), 2)
EXPONENTS |= {code: digits for digits, codes in _OTHER.items() for code in codes.split()}
"""Digits behind the decimal point, by currency."""

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
