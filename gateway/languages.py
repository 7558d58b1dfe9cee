"""Which of our two languages a caller wants to read."""

from __future__ import annotations

CHINESE = "zh-CN"
ENGLISH = "en"


def chosen_locale(accept_language: str | None) -> str | None:
    """Choose by ``Accept-Language`` (RFC 9110, section 12.5.4); None when it names neither: the member's own counts."""
    if accept_language is None:
        return None
    weighed = [_weighed(part) for part in accept_language.split(",")[:20]]
    for tag, weight in sorted(weighed, key=lambda one: -one[1]):
        primary = tag.partition("-")[0].lower()
        if weight > 0 and primary in {"zh", "en"}:
            return CHINESE if primary == "zh" else ENGLISH
    return None


def _weighed(part: str) -> tuple[str, int]:
    """Read one language range and its weight in thousandths; a weight that is none counts as nothing."""
    tag, _, parameter = part.strip().partition(";")
    name, _, text = parameter.strip().partition("=")
    if not parameter:
        return tag, 1000
    whole, _, decimals = text.strip().partition(".")
    if name.strip() != "q" or whole not in {"0", "1"} or len(decimals) > 3 or not (decimals or "0").isascii():
        return tag, 0
    return tag, int(whole) * 1000 + int((decimals or "0").ljust(3, "0")) if (decimals or "0").isdigit() else 0
