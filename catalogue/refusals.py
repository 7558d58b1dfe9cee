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
    "home_city_not_served": Text(
        "此权益仅限常驻以下城市的会员：{cities}。", "This benefit is for members living in {cities}."
    ),
    "account_required": Text("请先绑定您在 {partner} 的账户。", "Please link your account at {partner} first."),
    "status_required": Text(
        "此权益需要以下身份之一：{statuses}。", "This benefit asks for one of these statuses: {statuses}."
    ),
    "vehicle_required": Text(
        "此权益仅限拥有指定车型或车龄车辆的会员。", "This benefit is for owners of certain models or ages of car."
    ),
    "weekday_not_served": Text(
        "{date} 不可用；此权益仅在以下星期提供：{weekdays}。",
        "Not on {date}: this benefit is offered on {weekdays}.",
    ),
    "date_not_served": Text("此权益在 {date} 不可用。", "This benefit is not offered on {date}."),
    "time_needed": Text(
        "请告知到达时间；此权益在当地时间 {hours} 提供。",
        "Please say at what time; this benefit is offered at {hours}, local time.",
    ),
    "time_not_served": Text(
        "{time} 不可用；此权益在当地时间 {hours} 提供。",
        "Not at {time}: this benefit is offered at {hours}, local time.",
    ),
    "sold_out": Text("此权益已售罄。", "Nothing is left of this benefit."),
    "quota_reached": Text(
        "在此期间最多可使用 {limit} 次（位），已使用 {used}。",
        "At most {limit} in this period; {used} are taken already.",
    ),
    "entitlement_used_up": Text(
        "在此期间的 {uses} 次免费次数已用完。", "All of the {uses} uses included in this period are taken."
    ),
    "lounge_level": Text("您的身份等级不符合此贵宾厅的规则。", "Your status does not open this lounge."),
    "lounge_level_without_access": Text("您的身份等级不含贵宾厅礼遇。", "Your status carries no lounge access."),
    "lounge_cabin": Text("您的舱位不符合此贵宾厅的规则。", "Your cabin does not open this lounge."),
    "lounge_not_known": Text("此贵宾厅不在规则名录中。", "This lounge is not in the directory that the rules go by."),
    "lounge_not_included": Text("此贵宾厅不在适用范围内。", "This lounge is not one of those that the rule opens."),
    "lounge_excluded": Text(
        "规则对此贵宾厅或航班有例外规定。", "The rule makes an exception for this lounge or flight."
    ),
    "lounge_route": Text("您的航线类型不符合此贵宾厅的规则。", "The rule is for another kind of route."),
    "airport_not_known": Text("机场资料不足，无法判断。", "An airport of the journey is not in the directory."),
    "flight_needed": Text("请提供您的航班信息。", "Please tell us your flight."),
    "carrier_not_in_scheme": Text(
        "您的航班不属于规则要求的航空公司。", "Your flight is not one of the airlines that the rule asks for."
    ),
    "other_airport": Text("您的航班不从 {airport} 出发。", "Your flight does not leave from {airport}."),
    "departure_not_in_time": Text(
        "您的航班不在到访当日（或规则允许的次日凌晨）出发。",
        "Your flight does not leave on the day of the visit, nor early enough on the next.",
    ),
    "flight_departed": Text("到访时您的航班已经出发。", "Your flight leaves before you come to the lounge."),
    "no_connection": Text(
        "您的航段不构成规则所指的中转。", "Your flights do not make a connection as the rule means it."
    ),
    "no_long_leg": Text(
        "中转行程中没有符合舱位要求的长途航段。",
        "No long leg of the connection is in the cabin that the rule asks for.",
    ),
    "ticket_paid_with_miles": Text(
        "以里程兑换的机票不适用此规则。", "A ticket paid for with miles does not open this lounge."
    ),
    "guest_flight_needed": Text("请提供同行人的航班信息。", "Please tell us the flight of each guest."),
    "guest_flight": Text(
        "同行人须于同日从同一机场乘坐规则要求的航班。",
        "A guest must fly from the same airport on the same day, with an airline that the rule asks for.",
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
