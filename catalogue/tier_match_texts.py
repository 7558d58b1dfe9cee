"""The sentences of an explanation: what is held, which level it has, what an agreement grants, between which days."""

from __future__ import annotations

from catalogue.refusals import REFUSAL_TEXTS
from catalogue.texts import Text
from catalogue.tier_match_graph import Dated, Edge, HeldStatus, Level, Provenance

_HELD = Text(
    "您持有 {programme} {tier}（{provenance}，自 {from_date} 起）。",
    "You hold {programme} {tier} ({provenance}, since {from_date}).",
)
_EDGE = Text(
    "协议 {edge}（{span}）：{programme} 的 {tiers} 在 {to_programme} 获得 {granted}（依据：{source}）。",
    "Agreement {edge} ({span}): {tiers} of {programme} receive {granted} in {to_programme} (source: {source}).",
)
_LEVEL = Text(
    "{programme} {tier} 在 {alliance} 为 {level}（{span}；{standing}；依据：{sources}）。",
    "In {alliance}, {tier} of {programme} is {level} ({span}; {standing}; sources: {sources}).",
)
_STANDINGS = {
    "disputed": Text("来源不一致：{others}", "sources disagree: {others}"),
    "inferred": Text("推断，来源未明示等级", "inferred, no source names the level"),
    "single": Text("单一来源", "a single source"),
    "agreed": Text("{count} 个来源一致", "{count} sources agree"),
}
_SPANS = {
    "always": Text("来源未注明日期", "no dates stated"),
    "since": Text("自 {first} 起", "since {first}"),
    "until": Text("至 {last} 止", "until {last}"),
    "both": Text("{first} 至 {last}", "{first} to {last}"),
}
_ENDS = {
    "between": Text("{low} 与 {high} 之间某日", "some day between {low} and {high}"),
    "by": Text("不晚于 {high} 的某日", "some day by {high}"),
    "after": Text("{low} 之后某日", "some day after {low}"),
}
_PROVENANCES: dict[str, Text] = {
    Provenance.EARNED: Text("积累获得", "earned"),
    Provenance.MATCHED: Text("匹配获得", "matched"),
    Provenance.GIFTED: Text("赠送", "given"),
    Provenance.CHALLENGE: Text("挑战期", "on trial"),
}
_OTHERWISE = Text("其他来源", "come by otherwise")
_UNKNOWN_TIER = Text("（未注明的等级）", "(a tier that is not stated)")


def status_sentence(status: HeldStatus, locale: str) -> str:
    """Say what is held, and where it came from."""
    facts = {
        "programme": status.programme,
        "tier": status.tier,
        "provenance": _PROVENANCES.get(status.provenance, _OTHERWISE).choose(locale),
        "from_date": status.valid_from_date.isoformat(),
    }
    return _HELD.fill(locale, facts)


def level_sentence(row: Level, locale: str) -> str:
    """Say which level a row gives, between which days, and how far it can be trusted."""
    facts = {
        "programme": row.programme,
        "tier": row.tier,
        "alliance": row.alliance,
        "level": row.level,
        "span": span(row, locale),
        "standing": standing(row, locale),
        "sources": "; ".join((*row.sources, row.note) if row.note else row.sources),
    }
    return _LEVEL.fill(locale, facts)


def edge_sentence(edge: Edge, locale: str) -> str:
    """Say what an agreement grants to whom, between which days, and who says so."""
    facts = {
        "edge": edge.id,
        "span": span(edge, locale),
        "programme": edge.from_programme,
        "tiers": ", ".join(edge.from_tiers) or _UNKNOWN_TIER.choose(locale),
        "to_programme": edge.to_programme,
        "granted": granted_text(edge, locale),
        "source": edge.source,
    }
    return _EDGE.fill(locale, facts)


def granted_text(edge: Edge, locale: str) -> str:
    """Say what an edge grants: a tier, what it says instead, or that its source names none."""
    texts = (edge.to_tier, edge.grants.choose(locale) if edge.grants else None, edge.to_level)
    return next((text for text in texts if text is not None), _UNKNOWN_TIER.choose(locale))


def refusal_sentence(code: str, facts: dict[str, str | int], locale: str) -> str:
    """Say why not."""
    return REFUSAL_TEXTS[code].fill(locale, facts)


def standing(row: Level, locale: str) -> str:
    """Say how far a row can be trusted: disputed, inferred, from a single source, or agreed."""
    others = "; ".join(f"{one.level} ({one.source})" for one in row.disputed)
    one_source = "single" if len(row.sources) == 1 else "agreed"
    kind = "disputed" if row.disputed else "inferred" if row.inferred else one_source
    return _STANDINGS[kind].fill(locale, {"others": others, "count": len(row.sources)})


def span(item: Dated, locale: str) -> str:
    """Say between which days something is in force; an end that the sources leave open is said to be open."""
    first = _end(item.valid_from_date, item.certain_from, locale)
    last = _end(item.certain_to, item.valid_to_date, locale)
    kind = {(False, False): "always", (True, False): "since", (False, True): "until", (True, True): "both"}
    return _SPANS[kind[bool(first), bool(last)]].fill(locale, {"first": first, "last": last})


def _end(low: object, high: object, locale: str) -> str:
    if low == high:
        return "" if low is None else str(low)
    kind = "by" if low is None else "after" if high is None else "between"
    return _ENDS[kind].fill(locale, {"low": str(low), "high": str(high)})
