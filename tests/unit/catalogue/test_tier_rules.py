"""Alliances as hubs, caps, evidence, review, challenges and signals: each rule with the day on which it turns."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest

from catalogue.refusals import REFUSAL_TEXTS
from catalogue.texts import Text
from catalogue.tier_match import (
    Cap,
    Challenge,
    ChallengeTerms,
    Dispute,
    Edge,
    EdgeKind,
    Explanation,
    HeldStatus,
    Ladder,
    Level,
    MatchFacts,
    Outcome,
    Provenance,
    Signal,
    SignalKind,
    TierGraph,
    UsedMatch,
    explain,
    grant_of,
    kept_status,
    offers,
    outcome_of,
    raised,
    reported_status,
    start,
)

DAY = date(2026, 6, 1)
HOST = Ladder(programme="host", tiers=("silver", "gold", "platinum"))
AIR = Ladder(programme="air", tiers=("blue", "red", "black"), partner="airline")
WING = Ladder(programme="wing", tiers=("one", "two", "three"))
SKY = Ladder(programme="sky", tiers=("low", "high"), alliance=True)
STATUS = HeldStatus(programme="air", tier="red", provenance=Provenance.EARNED, valid_from_date=date(2020, 1, 1))
RED_HIGH = Level(programme="air", tier="red", alliance="sky", level="high", sources=("table A", "table B"))
HUB_TO_HOST = Edge(
    id="hub-to-host",
    from_programme="sky",
    from_tiers=("high",),
    to_programme="host",
    to_tier="gold",
    kind=EdgeKind.STATUS,
    source="a test's own",
)
DIRECT = msgspec.structs.replace(HUB_TO_HOST, id="direct", from_programme="air", from_tiers=("red", "black"))


def graph(*edges: Edge, levels: tuple[Level, ...] = (RED_HIGH,)) -> TierGraph:
    return TierGraph((HOST, AIR, WING, SKY), edges, levels)


def asked(
    made: TierGraph, status: HeldStatus = STATUS, to: str = "host", on_date: date = DAY, **facts: object
) -> Explanation:
    return explain(made, status, to, on_date, facts=msgspec.structs.replace(MatchFacts(), **facts))


def test_a_level_leads_on_and_the_path_shows_both_steps_with_sources() -> None:
    found = asked(graph(HUB_TO_HOST))
    assert (found.granted_tier, found.refusal) == ("gold", None)
    assert found.path == (
        "You hold air red (earned, since 2020-01-01).",
        "In sky, red of air is high (no dates stated; 2 sources agree; sources: table A; table B).",
        "Agreement hub-to-host (no dates stated): high of sky receive gold in host (source: a test's own).",
    )
    assert found.rows == (RED_HIGH,)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"inferred": True}, "level_inferred"),
        ({"disputed": (Dispute("low", "table C"),)}, "sources_disagree"),
        ({"certain_from_date": DAY + timedelta(days=1)}, "dates_not_stated"),
        ({"certain_from_date": DAY}, None),
        ({"valid_to_date": DAY - timedelta(days=1)}, "no_edge"),
        ({"valid_to_date": DAY}, None),
        ({"level": "low"}, "no_edge"),
        ({"tier": "black"}, "no_edge"),
    ],
)
def test_an_unclear_level_leads_nowhere_and_says_why(changes: dict[str, object], refusal: str | None) -> None:
    made = graph(HUB_TO_HOST, levels=(msgspec.structs.replace(RED_HIGH, **changes),))
    assert asked(made).refusal == refusal
    assert [offer.edge.id for offer in offers(made, [STATUS], DAY)] == ([] if refusal else ["hub-to-host"])


def test_two_rows_that_disagree_answer_nothing() -> None:
    made = graph(levels=(RED_HIGH, msgspec.structs.replace(RED_HIGH, level="low")))
    assert asked(made, to="sky").refusal == "sources_disagree"


def test_a_certain_row_answers_though_another_may_hold() -> None:
    maybe = msgspec.structs.replace(RED_HIGH, level="low", certain_to_date=DAY - timedelta(days=1))
    assert asked(graph(levels=(RED_HIGH, maybe)), to="sky").level == "high"


def test_an_inferred_row_beside_a_stated_one_takes_nothing_away() -> None:
    inferred = msgspec.structs.replace(RED_HIGH, inferred=True)
    assert not asked(graph(levels=(inferred, RED_HIGH)), to="sky").inferred
    assert asked(graph(levels=(inferred,)), to="sky").inferred


@pytest.mark.parametrize("provenance", [Provenance.MATCHED, Provenance.GIFTED, Provenance.CHALLENGE])
def test_a_level_of_a_status_that_was_not_earned_is_seen_and_leads_nowhere(provenance: Provenance) -> None:
    status = msgspec.structs.replace(STATUS, provenance=provenance)
    assert asked(graph(HUB_TO_HOST), status, to="sky").level == "high"
    assert asked(graph(HUB_TO_HOST), status).refusal == "matched_onward"
    assert offers(graph(HUB_TO_HOST), [status], DAY) == ()


def test_a_status_that_is_over_has_no_level() -> None:
    over = msgspec.structs.replace(STATUS, valid_to_date=DAY - timedelta(days=1))
    assert asked(graph(HUB_TO_HOST), over, to="sky").refusal == "status_not_valid"


TO_MEMBERS = Edge(
    id="to-members",
    from_programme="host",
    from_tiers=("gold",),
    to_programme="sky",
    to_level="high",
    to_members=("wing",),
    kind=EdgeKind.ONE_OFF,
    source="a test's own",
)
GOLD = HeldStatus(programme="host", tier="gold", provenance=Provenance.EARNED, valid_from_date=date(2020, 1, 1))
WINGS = tuple(
    Level(programme="wing", tier=tier, alliance="sky", level=level, sources=("table A",))
    for tier, level in (("one", "low"), ("two", "high"), ("three", "high"))
)


def test_an_edge_to_an_alliance_grants_the_lowest_tier_of_the_level_in_each_programme_it_names() -> None:
    made = graph(TO_MEMBERS, levels=(*WINGS, RED_HIGH))
    found = asked(made, GOLD, "wing")
    assert (found.granted_tier, found.refusal) == ("two", None)
    assert asked(made, GOLD, "air").refusal == "no_edge", "a programme that it does not name"
    (offer,) = offers(made, [GOLD], DAY)
    granted = grant_of(offer.edge, DAY)
    assert granted is not None
    assert (granted.programme, granted.tier, granted.edge_id) == ("wing", "two", "to-members")
    assert asked(made, GOLD, "sky").refusal == "no_tier_at_level", "nobody holds a level itself"


def test_no_tier_is_granted_where_none_certainly_has_the_level() -> None:
    unclear = tuple(msgspec.structs.replace(row, inferred=True) for row in WINGS)
    assert asked(graph(TO_MEMBERS, levels=unclear), GOLD, "wing").refusal == "no_tier_at_level"


def test_an_edge_to_an_alliance_leads_back_to_nobodys_own_programme() -> None:
    to_sky = msgspec.structs.replace(TO_MEMBERS, from_programme="air", from_tiers=("red",), to_members=("air", "wing"))
    made = graph(to_sky, levels=(*WINGS, RED_HIGH))
    assert asked(made, STATUS, "air").refusal == "no_edge"
    assert asked(made, STATUS, "wing").granted_tier == "two"
    world = Ladder(programme="world", tiers=("top",), alliance=True)
    seen = Level(programme="wing", tier="one", alliance="world", level="top", sources=("table A",))
    across = msgspec.structs.replace(TO_MEMBERS, from_programme="world", from_tiers=("top",))
    both = TierGraph((HOST, WING, SKY, world), (across,), (*WINGS, seen))
    one = msgspec.structs.replace(STATUS, programme="wing", tier="one")
    assert asked(both, one, "wing").refusal == "no_edge"


def test_benefits_of_an_alliance_itself_are_no_benefits_of_its_programmes() -> None:
    lounge = msgspec.structs.replace(
        TO_MEMBERS,
        kind=EdgeKind.BENEFIT_SUBSET,
        to_level=None,
        to_members=(),
        grants=Text("休息室", "the alliance's lounges"),
    )
    made = graph(lounge, levels=WINGS)
    assert asked(made, GOLD, "wing").refusal == "no_edge"
    assert [edge.id for edge in asked(made, GOLD, "sky").edges] == ["to-members"]
    given = msgspec.structs.replace(GOLD, provenance=Provenance.MATCHED)
    assert asked(made, given, "sky").refusal == "matched_onward"


def test_the_highest_tier_is_answered_first() -> None:
    higher = msgspec.structs.replace(HUB_TO_HOST, id="higher", to_tier="platinum")
    found = asked(graph(DIRECT, higher, HUB_TO_HOST))
    assert found.granted_tier == "platinum"
    assert [edge.id for edge in found.edges] == ["higher", "direct", "hub-to-host"]


@pytest.mark.parametrize(
    ("kind", "cap", "ago", "refusal"),
    [
        (EdgeKind.STATUS, None, [1, 2, 3], None),
        (EdgeKind.ONE_OFF, None, [], None),
        (EdgeKind.ONE_OFF, None, [5000], "used_before"),
        (EdgeKind.ONE_OFF, Cap(2), [5000], None),
        (EdgeKind.ONE_OFF, Cap(2), [5000, 1], "used_before"),
        (EdgeKind.STATUS, Cap(1, 3), [1096], None),
        (EdgeKind.STATUS, Cap(1, 3), [1095], "cap_reached"),
        (EdgeKind.STATUS, Cap(2, 3), [1095], None),
        (EdgeKind.STATUS, Cap(2, 3), [1095, 1], "cap_reached"),
        (EdgeKind.STATUS, Cap(2, 3), [1096, 1], None),
        (EdgeKind.STATUS, Cap(1), [-1], None),
        (EdgeKind.STATUS, Cap(1), [0], "used_before"),
    ],
)
def test_a_cap_turns_on_its_day(kind: EdgeKind, cap: Cap | None, ago: list[int], refusal: str | None) -> None:
    """Three years before 1 June 2026 is 1 June 2023, 1096 days earlier: from that day on it is free again."""
    edge = msgspec.structs.replace(DIRECT, kind=kind, cap=cap)
    used = (UsedMatch("another", DAY), *(UsedMatch("direct", DAY - timedelta(days=number)) for number in ago))
    assert asked(graph(edge), used=used).refusal == refusal


def test_a_match_that_is_used_up_says_so_though_what_it_gave_is_still_held() -> None:
    edge = msgspec.structs.replace(DIRECT, kind=EdgeKind.ONE_OFF)
    given = HeldStatus(
        programme="host", tier="gold", provenance=Provenance.MATCHED, valid_from_date=DAY, edge_id="direct"
    )
    assert explain(graph(edge), STATUS, "host", DAY, held=[given]).refusal == "used_before"
    assert explain(graph(DIRECT), STATUS, "host", DAY, held=[given]).refusal == "already_held"


def test_a_reached_cap_says_from_when_it_is_free() -> None:
    edge = msgspec.structs.replace(DIRECT, cap=Cap(2, 3))
    used = (UsedMatch("direct", date(2024, 2, 29)), UsedMatch("direct", date(2026, 1, 1)))
    found = asked(graph(edge), used=used)
    assert found.path[-1] == "This match can be used 2 time(s) in 3 year(s); you can use it again from 2027-02-28."


def test_only_a_linked_account_proves_a_status() -> None:
    made = graph(DIRECT)
    assert asked(made).refusal is None, "not judged"
    assert asked(made, links={}).refusal == "account_not_linked"
    assert asked(made, links={"another": DAY}).refusal == "account_not_linked"
    assert asked(made, links={"airline": DAY}).refusal is None
    assert asked(graph(HUB_TO_HOST), links={}).refusal == "account_not_linked", "through an alliance just as well"
    assert asked(made, links={}).path[-1].startswith("Please link your account at airline first")


def test_a_programme_of_no_partner_of_ours_cannot_be_proved_and_our_own_proves_itself() -> None:
    wing = msgspec.structs.replace(STATUS, programme="wing", tier="two")
    out = msgspec.structs.replace(DIRECT, from_programme="wing", from_tiers=("two",))
    assert asked(graph(out), wing, links={"airline": DAY}).refusal == "account_not_linked"
    back = msgspec.structs.replace(
        DIRECT, from_programme="host", from_tiers=("gold",), to_programme="air", to_tier="red"
    )
    assert asked(graph(back), GOLD, "air", links={}).refusal is None


def test_a_request_that_a_person_looks_at_is_not_made_twice() -> None:
    assert asked(graph(DIRECT), in_review=frozenset({"direct"})).refusal == "in_review"
    assert asked(graph(DIRECT), in_review=frozenset({"another"})).refusal is None


def test_benefits_are_held_for_as_long_as_they_last() -> None:
    edge = msgspec.structs.replace(
        DIRECT, kind=EdgeKind.DUAL_EARN, to_tier=None, grants=Text("双倍累积", "double earning"), months=6
    )
    for used, refusal in ((date(2025, 12, 1), "already_held"), (date(2025, 11, 30), None)):
        assert asked(graph(edge), used=(UsedMatch("direct", used),)).refusal == refusal


def test_every_refusal_has_its_sentence_in_both_languages() -> None:
    made = graph(msgspec.structs.replace(DIRECT, cap=Cap(1)))
    for locale in ("en", "zh-CN"):
        for to in ("host", "sky", "wing", "nowhere"):
            found = explain(made, STATUS, to, DAY, facts=MatchFacts(used=(UsedMatch("direct", DAY),)), locale=locale)
            assert found.refusal is None or found.refusal in REFUSAL_TEXTS
            assert not any("{" in line for line in found.path)


CHALLENGE = msgspec.structs.replace(
    DIRECT, kind=EdgeKind.CHALLENGE, challenge=ChallengeTerms(20, 90, Text("晚", "nights")), months=12
)


def test_a_challenge_is_met_by_its_deadline_or_missed_the_day_after() -> None:
    begun = start(CHALLENGE, DAY)
    last = date(2026, 8, 29)
    assert begun == Challenge(
        edge_id="direct",
        programme="host",
        tier="gold",
        started_date=DAY,
        deadline_date=last,
        target=20,
        months=12,
    )
    assert outcome_of(begun, last) is Outcome.OPEN
    assert outcome_of(begun, last + timedelta(days=1)) is Outcome.MISSED
    almost = msgspec.structs.replace(begun, progress=19)
    assert outcome_of(almost, last + timedelta(days=1)) is Outcome.MISSED
    done = msgspec.structs.replace(begun, progress=20)
    assert outcome_of(done, DAY) is outcome_of(done, last + timedelta(days=1)) is Outcome.MET


def test_a_challenge_gives_a_trial_and_then_a_status_without_a_gap_and_neither_leads_onward() -> None:
    trial = grant_of(CHALLENGE, DAY)
    assert trial is not None
    assert (trial.valid_from_date, trial.valid_to_date) == (DAY, date(2026, 8, 29))
    kept = kept_status(start(CHALLENGE, DAY), date(2026, 8, 29))
    assert (kept.valid_from_date, kept.valid_to_date) == (date(2026, 8, 30), date(2027, 8, 29))
    onward = msgspec.structs.replace(
        DIRECT, from_programme="host", from_tiers=("gold",), to_programme="wing", to_tier="one"
    )
    for status in (trial, kept):
        assert status.provenance == Provenance.CHALLENGE
        assert asked(graph(onward), status, "wing", status.valid_from_date).refusal == "matched_onward"


def test_only_a_challenge_can_be_started() -> None:
    with pytest.raises(ValueError, match="direct"):
        start(DIRECT, DAY)
    for changes in ({"challenge": None}, {"kind": EdgeKind.STATUS}):
        with pytest.raises(ValueError, match="challenge terms"):
            msgspec.structs.replace(CHALLENGE, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"from_tiers": ()},
        {"to_tier": None},
        {"to_programme": "air"},
        {"valid_from_date": DAY, "valid_to_date": DAY - timedelta(days=1)},
        {"certain_from_date": DAY, "valid_to_date": DAY - timedelta(days=1)},
        {"certain_to_date": DAY, "valid_to_date": DAY - timedelta(days=1)},
        {"valid_from_date": DAY, "certain_to_date": DAY - timedelta(days=1)},
    ],
)
def test_an_edge_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        msgspec.structs.replace(DIRECT, **changes)


GIVEN = HeldStatus(
    programme="air",
    tier="red",
    provenance=Provenance.MATCHED,
    valid_from_date=DAY,
    valid_to_date=date(2026, 12, 31),
    edge_id="direct",
)


@pytest.mark.parametrize(
    ("reported", "given", "is_news"),
    [
        ({}, {}, False),
        ({"tier": "blue"}, {}, False),
        ({"tier": "black"}, {}, True),
        ({}, {"provenance": Provenance.GIFTED}, False),
        ({}, {"provenance": Provenance.CHALLENGE}, False),
        ({}, {"provenance": Provenance.EARNED}, True),
        ({}, {"programme": "wing"}, True),
        ({"valid_from_date": date(2026, 12, 31)}, {}, False),
        ({"valid_from_date": date(2027, 1, 1)}, {}, True),
        ({"valid_from_date": date(2027, 1, 1)}, {"valid_to_date": None}, False),
        ({"valid_to_date": DAY - timedelta(days=1)}, {}, True),
        ({"valid_to_date": DAY}, {}, False),
    ],
)
def test_what_a_grant_of_ours_made_a_partner_know_is_no_news(
    reported: dict[str, object], given: dict[str, object], is_news: bool
) -> None:
    status = msgspec.structs.replace(STATUS, **reported)
    found = reported_status(graph(), status, [msgspec.structs.replace(GIVEN, **given)])
    assert found == (status if is_news else None)
    assert reported_status(graph(), status, []) == status


def signal(kind: SignalKind, within_days: int, times: int = 1) -> Signal:
    return Signal(id=kind.value, kind=kind, within_days=within_days, times=times, text=Text("信号", "a signal"))


SIGNALS = (
    signal(SignalKind.ACCOUNT_AGE, 30),
    signal(SignalKind.LINK_AGE, 3),
    signal(SignalKind.EMAIL_CHANGE, 14),
    signal(SignalKind.MATCHES, 365, times=2),
)
WATCHED = msgspec.structs.replace(DIRECT, signals=tuple(one.id for one in SIGNALS))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (MatchFacts(), []),
        (MatchFacts(member_since_date=DAY), ["account_age"]),
        (MatchFacts(member_since_date=DAY - timedelta(days=29)), ["account_age"]),
        (MatchFacts(member_since_date=DAY - timedelta(days=30)), []),
        (MatchFacts(email_changed_date=DAY - timedelta(days=13)), ["email_change"]),
        (MatchFacts(email_changed_date=DAY - timedelta(days=14)), []),
        (MatchFacts(links={"airline": DAY - timedelta(days=2)}), ["link_age"]),
        (MatchFacts(links={"airline": DAY - timedelta(days=3)}), []),
        (MatchFacts(links={"another": DAY}), []),
        (MatchFacts(used=(UsedMatch("a", DAY),)), []),
        (MatchFacts(used=(UsedMatch("a", DAY), UsedMatch("b", DAY - timedelta(days=364)))), ["matches"]),
        (MatchFacts(used=(UsedMatch("a", DAY), UsedMatch("b", DAY - timedelta(days=365)))), []),
        (MatchFacts(email_changed_date=DAY, member_since_date=DAY), ["account_age", "email_change"]),
    ],
)
def test_signals_are_raised_for_the_days_they_name(facts: MatchFacts, expected: list[str]) -> None:
    made = TierGraph((HOST, AIR), (WATCHED,), (), SIGNALS)
    assert [one.id for one in raised(made, WATCHED, "airline", facts, DAY)] == expected
    assert raised(made, DIRECT, "airline", facts, DAY) == (), "an edge names the signals that count for it"
    assert [one.id for one in raised(made, WATCHED, None, facts, DAY)] == [one for one in expected if one != "link_age"]
