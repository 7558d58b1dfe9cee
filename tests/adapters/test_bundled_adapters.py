"""Every adapter that ships keeps every rule of the conformance kit that is about something it can do."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from adapters.lounges.mastercard_airport import simulator
from adapters.lounges.mastercard_airport.simulator import CREDENTIALS
from adapters.sdk import oauth1
from adapters.sdk.registry import discover
from adapters.sdk.testing.examination import examine, make_subject
from adapters.sdk.testing.rules.catalogue import RULES
from adapters.sdk.testing.rules.rule import Status
from config.secrets import Secret

PACKAGES = discover().packages
AT_NIGHT = {"honest_answer_is_ok", "lost_answer_is_looked_up", "unknown_key_is_not_found"}


@pytest.fixture(autouse=True)
def one_key() -> Iterator[None]:
    """Read the throw-away key once: checking it takes a tenth of a second."""
    key = oauth1.read_private_key(Secret(CREDENTIALS["private_key"]))
    with pytest.MonkeyPatch.context() as patch:
        for module in (oauth1, simulator):
            patch.setattr(module, "read_private_key", lambda _: key)
        yield


@pytest.mark.parametrize("name", sorted(PACKAGES))
async def test_an_adapter_that_ships_keeps_every_rule(name: str) -> None:
    report = await examine(PACKAGES[name])
    assert [each for each in report.results if each.status in (Status.FAILED, Status.NOT_RUN)] == []
    assert report.grade == "platinum"
    declared = set(PACKAGES[name].manifest.capabilities)
    run = {each.id for each in report.results if each.status is Status.PASSED}
    assert run == {rule.id for rule in RULES if rule.needs <= declared}


async def test_a_batch_partner_keeps_them_at_night_too() -> None:
    package = PACKAGES["airlines.points_lcp"]
    subject = msgspec.structs.replace(make_subject(package), values={"batch": "true"})
    rules = [rule for rule in RULES if rule.id in AT_NIGHT]
    report = await examine(package, subject=subject, rules=rules)
    assert [(each.id, each.reason) for each in report.results if each.status is not Status.PASSED] == []
    assert len(report.results) == len(AT_NIGHT)
