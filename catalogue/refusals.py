"""The sentences a member reads when a benefit or a tier match is refused, by stable code."""

from __future__ import annotations

from catalogue.texts import Text

REFUSAL_TEXTS: dict[str, Text] = {
    "member_not_active": Text("您的会员账户目前不可用。", "Your membership is not active."),
    "tier_not_eligible": Text(
        "您目前的等级（{tier}）不享有此权益；适用等级：{tiers}。",
        "Your tier ({tier}) does not carry this benefit; it is for {tiers}.",
    ),
    "consent_missing": Text(
        "需要您先同意向 {partner} 提供信息（用途：{purpose}）。",
        "Please first consent to sharing your details with {partner} (purpose: {purpose}).",
    ),
    "not_yet_valid": Text("此权益自 {date} 起可用。", "This benefit begins on {date}."),
    "no_longer_valid": Text("此权益已于 {date} 结束。", "This benefit ended on {date}."),
    "city_not_served": Text("此权益暂不适用于{city}。", "This benefit is not offered in {city}."),
    "airport_not_served": Text("此权益暂不适用于 {airport} 机场。", "This benefit is not offered at {airport}."),
    "payment_not_offered": Text(
        "此权益不支持该支付方式（{pay_with}）。", "This benefit cannot be paid for that way ({pay_with})."
    ),
    "no_entitlement": Text(
        "您目前的等级（{tier}）不含免费次数。", "Your tier ({tier}) includes no uses of this benefit."
    ),
    "too_many_guests": Text(
        "最多可携带 {allowed} 位同行人，您填写了 {guests} 位。", "You may bring {allowed} guests, not {guests}."
    ),
    "matched_onward": Text(
        "通过匹配、赠送或挑战获得的身份（{programme} {tier}）不能再用于匹配。",
        "A status that was matched, given or is on trial ({programme} {tier}) cannot be matched onward.",
    ),
    "status_not_valid": Text(
        "您的 {programme} {tier} 身份在 {date} 无效。", "Your {programme} {tier} status is not valid on {date}."
    ),
    "no_edge": Text(
        "目前没有从 {programme} {tier} 到 {to_programme} 的身份匹配。",
        "No match leads from {programme} {tier} to {to_programme} at present.",
    ),
    "used_before": Text("此匹配仅限一次，您已使用过。", "This match can be used once, and you have used it."),
    "already_held": Text(
        "您在 {to_programme} 已持有同级或更高的身份。", "You already hold that level or a higher one in {to_programme}."
    ),
    "unknown_programme": Text("未知计划：{unknown}。", "There is no programme {unknown} in the tier graph."),
    "unknown_tier": Text(
        "{programme} 没有名为 {tier} 的等级；不按名称近似猜测。",
        "{programme} has no tier named {tier}; names are not guessed by likeness.",
    ),
    "no_level": Text(
        "{programme} {tier} 在 {date} 于 {to_programme} 没有等级。",
        "{tier} of {programme} has no level in {to_programme} on {date}.",
    ),
    "sources_disagree": Text(
        "关于 {programme} {tier} 的等级，来源不一致，因此不作答复。",
        "The sources disagree on the level of {tier} of {programme}, so that none is answered.",
    ),
    "dates_not_stated": Text(
        "来源未注明 {date} 是否适用，因此不作答复。",
        "The sources do not say whether this holds on {date}, so that nothing is answered.",
    ),
    "terms_not_stated": Text("来源未注明：{unstated}。", "The source does not state {unstated}."),
    "level_inferred": Text(
        "{programme} {tier} 的等级仅为推断，不能据此匹配。",
        "The level of {tier} of {programme} is only inferred and leads nowhere.",
    ),
    "no_tier_at_level": Text(
        "{to_programme} 在 {date} 没有等级确为 {level} 的身份。",
        "{to_programme} has no tier that certainly is {level} on {date}.",
    ),
    "account_not_linked": Text(
        "请先关联您在 {partner} 的账户；仅以已关联账户为凭证。",
        "Please link your account at {partner} first; only a linked account proves a status.",
    ),
    "cap_reached": Text(
        "此匹配每 {years} 年限 {times} 次，您可自 {free_from} 起再次使用。",
        "This match can be used {times} time(s) in {years} year(s); you can use it again from {free_from}.",
    ),
    "in_review": Text("您的申请正在人工审核中。", "Your request is being looked at by a person."),
}
"""Sentence per refusal code; ``{places}`` are filled from the refusal's facts."""
