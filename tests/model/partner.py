"""What a partner may do with what arrives: every answer that its facts allow, never one that they exclude. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.sdk.outcomes import LookUpAnswer, Outcome
from tests.model.rules import Rules
from tests.model.world import LAST_EFFECT_AT, Partner, Profile


def reserve(
    profile: Profile, rules: Rules, partner: Partner, now: int, signed: int = 0
) -> Iterator[tuple[Partner, Outcome]]:
    """Judge a request: what becomes of the partner, and what it answers; ``signed``: from when its window counts."""
    facts, known = profile.facts, partner.grants > 0 and rules.same_key
    if partner.closed or _too_late(profile, now, signed):
        yield partner, Outcome.NO
        return
    if known and facts.checks_key_first:
        yield partner, _repeated(partner)
        return
    if partner.tombstone and rules.same_key:
        yield partner, Outcome.NO
        return
    yield partner, Outcome.NO
    if profile.queues and not partner.queued and not known:
        yield partner._replace(queued=True), Outcome.PENDING
    if not known or facts.on_repeat == "again":
        yield partner._replace(grants=min(partner.grants + 1, 2), standing=True, hidden=True), Outcome.OK
    else:
        yield partner, _repeated(partner) if facts.on_repeat == "replay" else Outcome.UNKNOWN


def _too_late(profile: Profile, now: int, signed: int) -> bool:
    if not (profile.facts.validity_enforced or profile.signed):
        return False
    begin = profile.instants[signed if profile.signed else 0]
    return profile.instants[now] - begin > LAST_EFFECT_AT - profile.instants[0]


def _repeated(partner: Partner) -> Outcome:
    return Outcome.OK if partner.standing else Outcome.UNKNOWN


def work_off_queue(partner: Partner) -> Iterator[Partner]:
    """Let the nightly batch grant or refuse what was queued."""
    if partner.queued and not partner.closed:
        yield partner._replace(queued=False, grants=min(partner.grants + 1, 2), standing=True, hidden=True)
        yield partner._replace(queued=False, refused=True)


def fence(partner: Partner) -> Iterator[tuple[Partner, Outcome]]:
    """Cancel by our key and leave a tombstone; what was used stays."""
    if partner.standing and partner.used:
        yield partner, Outcome.NO
    else:
        yield partner._replace(standing=False, tombstone=True, queued=False), Outcome.OK


def look_up(partner: Partner) -> Iterator[LookUpAnswer]:
    """Tell what became of our key, perhaps from a replica that is behind."""
    yield LookUpAnswer.UNKNOWN
    if partner.standing:
        yield LookUpAnswer.ISSUED
        if partner.hidden:
            yield LookUpAnswer.NOT_FOUND
    elif partner.tombstone:
        yield LookUpAnswer.CANCELLED
        yield LookUpAnswer.NOT_FOUND
    elif partner.queued:
        yield LookUpAnswer.PENDING
    elif partner.refused:
        yield LookUpAnswer.REFUSED
    else:
        yield LookUpAnswer.NOT_FOUND
