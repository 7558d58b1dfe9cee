"""Small catalogues as texts, for tests of what becomes of files; every figure is the tests' own."""

from __future__ import annotations

from datetime import date

from catalogue.things import Thing, documents, things_of

PARTNERS = ("lounges",)

PROGRAMME = """
id = "host"
time_zone = "Asia/Shanghai"
points_per_cny = 5
tier_validity_months = 24
name = { zh-CN = "俱乐部", en = "Club" }

[[tiers]]
id = "silver"
name = { zh-CN = "银卡", en = "Silver" }
qualifying_from = 0
multiplier = { from_units = 1, to_units = 1 }

[[tiers]]
id = "gold"
name = { zh-CN = "金卡", en = "Gold" }
qualifying_from = 1_000
multiplier = { from_units = 10, to_units = 12 }

[[earn_rules]]
id = "parts"
activity = "parts"
effective_from_date = 2026-01-01
rate = { from_units = 50, to_units = 1 }
lot_months = 24
"""

NOTICE = "default_days = 30\n\n[days]\nconversion = 10\n"


def version(
    number: int = 1,
    *,
    starts: date = date(2026, 1, 1),
    announced: date = date(2025, 12, 1),
    price: int = 600,
    airports: str = '"PVG", "PEK"',
    title: str = "Lounge",
) -> str:
    """One version of the benefit ``visit``."""
    return f"""
[[versions]]
id = "visit"
version = {number}
announced_date = {announced}
effective_from_date = {starts}
vertical = "lounge"
partner = "lounges"
way = "purchase"
eligibility = {{ airports = [{airports}] }}

[versions.title]
zh-CN = "贵宾厅"
en = "{title}"

[versions.description]
zh-CN = "贵宾厅"
en = "A lounge."

[versions.payment.points]
price = {price}
"""


def contract(
    number: int = 1, *, starts: str = "2026-01-01", ends: str = "", rate: str = "5:4", name: str = "miles"
) -> str:
    """One version of a conversion contract."""
    from_units, to_units = rate.split(":")
    last = f"effective_to_date = {ends}\n" if ends else ""
    return f"""
[[contracts]]
id = "{name}"
version = {number}
partner = "lounges"
from_commodity = "PTS"
to_commodity = "MILES:{name}"
rate = {{ from_units = {from_units}, to_units = {to_units} }}
effective_from_date = {starts}
{last}source = "The tests' own"
"""


def budget(name: str = "visits", *, cap: int = 1_000, measure: str = "points", period: str = "month") -> str:
    """One budget."""
    currency = 'currency = "CNY"\n' if measure == "money" else ""
    return f"""
[[budgets]]
id = "{name}"
partner = "lounges"
measure = "{measure}"
{currency}cap = {cap}
period = "{period}"
effective_from_date = 2026-01-01
"""


def texts(**files: str) -> dict[str, str]:
    """A whole catalogue; a file is replaced by naming it: ``benefits_visit=...``, ``notice=...``; "" takes it out."""
    found = {
        "programme": PROGRAMME,
        "notice": NOTICE,
        "benefits_visit": version(),
        "conversions_miles": contract(),
        "budgets_all": budget(),
        **files,
    }
    return {f"{name.replace('_', '/')}.toml": text for name, text in found.items() if text}


def things(**files: str) -> dict[str, Thing]:
    """The same, taken apart."""
    return things_of(documents(texts(**files)))
