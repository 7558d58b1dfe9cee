"""Partners that have to be asked what members used: who is asked for when, what is kept, seen and forgotten."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from adapters.sdk.errors import PartnerUnavailableError, RejectedError
from adapters.sdk.records import Usage
from catalogue.consents import put_consent, withdraw_consent
from catalogue.members import MemberInput, upsert_member
from catalogue.partner_accounts import put_account
from catalogue.voucher_store import voucher_of
from catalogue.vouchers import VoucherState
from config.database import Database
from gateway.operations.alarms import list_alarms
from gateway.usage import store
from gateway.usage.store import KeptUse, list_uses
from gateway.usage.tables import reported_uses, usage_polls
from gateway.usage.worker import ALARM_AFTER, DIFFERS, NOT_TOLD, UNMATCHED, UsageWorker
from settlement import leases
from tests.integration.operations.test_audit_command import Commands
from tests.support.partners import CAPABILITIES, PlainPartner
from tests.support.room import MEMBER, PARTNER, Room, open_room

DAY = date(2026, 12, 1)
ACCOUNT = "liu-1988-4321"
PURPOSE = "lounge_access"


class TellingPartner(PlainPartner):
    """Issues nothing that it knows of, and tells uses when it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.uses: list[Usage] = []
        self.asked: list[tuple[str, date, date]] = []
        self.errors: deque[Exception] = deque()

    async def fetch_usage(self, account: str, from_date: date, to_date: date) -> tuple[Usage, ...]:
        self.asked.append((account, from_date, to_date))
        if self.errors:
            raise self.errors.popleft()
        return tuple(one for one in self.uses if one.account == account and from_date <= one.used_at.date() <= to_date)


CAPABILITIES[TellingPartner] = ("reserves", "reports_usage")


def use(place: str = "L1", day: date = DAY, guests: int = 0) -> Usage:
    at = datetime.combine(day, time(), UTC)
    return Usage(account=ACCOUNT, place=place, used_at=at, visitors=1 + guests, guests=guests)


async def opened(database: Database) -> tuple[Room, TellingPartner, UsageWorker]:
    """A room on the day of the visit; the member has linked an account and agreed."""
    adapter = TellingPartner()
    here = await open_room(database, skyhub_lounge=adapter)
    known = here.partners[PARTNER]
    manifest = msgspec.structs.replace(known.manifest, purpose=PURPOSE)
    here.partners[PARTNER] = replace(known, manifest=manifest)
    here.clock.advance(days=(DAY - here.clock.now().date()).days)
    now = here.clock.now()
    account = partial(put_account, member_id=MEMBER, partner=PARTNER, account_number=ACCOUNT, at=now)
    await database.write(account)
    await database.write(partial(put_consent, member_id=MEMBER, partner=PARTNER, purpose=PURPOSE, version=1, at=now))
    return here, adapter, worker_of(here)


def worker_of(here: Room) -> UsageWorker:
    contracts = {PARTNER: here.effects._contracts[PARTNER]}
    return UsageWorker(here.database, here.clock, here.partners, contracts, here.identifiers)


async def kept(database: Database) -> list[KeptUse]:
    every = ("matched", "differs", "unmatched", "explained")
    return await database.read(partial(list_uses, states=every))


async def alarms(database: Database) -> list[tuple[str, int]]:
    return [(one.kind, one.times) for one in await database.read(partial(list_alarms, limit=9))]


async def test_a_visit_is_matched_once_and_its_voucher_says_so(database: Database) -> None:
    here, adapter, worker = await opened(database)
    redemption = await here.redeem()
    adapter.uses.append(use())
    assert await worker.once() == 1
    (found,) = await kept(database)
    assert (found.state, found.redemption_id) == ("matched", redemption.id)
    voucher = await database.read(partial(voucher_of, redemption_id=redemption.id))
    assert voucher is not None
    assert (voucher.state, voucher.consumed_location) == (VoucherState.CONSUMED, "L1")
    assert await worker.once() == 0, "it is not due again for a day"
    here.clock.advance(hours=24)
    assert await worker.once() == 1
    assert await kept(database) == [found]
    assert await alarms(database) == []
    assert adapter.asked == [
        (ACCOUNT, DAY - timedelta(days=7), DAY),
        (ACCOUNT, DAY - timedelta(days=7), DAY + timedelta(days=1)),
    ]


async def test_a_visit_that_was_told_is_no_other_use_beside_the_days_asked_for(database: Database) -> None:
    here, adapter, worker = await opened(database)
    redemption = await here.redeem()
    adapter.uses.append(use())
    await worker.once()
    here.clock.advance(days=8)
    await worker.once()
    adapter.uses.append(use(day=DAY + timedelta(days=1)))
    here.clock.advance(days=1)
    await worker.once()
    assert adapter.asked[-1][1] == DAY + timedelta(days=1)
    assert [(one.state, one.redemption_id) for one in await kept(database)] == [
        ("matched", redemption.id),
        ("unmatched", None),
    ]


async def test_what_fits_no_visit_is_an_alarm_until_it_does(database: Database) -> None:
    here, adapter, worker = await opened(database)
    adapter.uses.append(use())
    await worker.once()
    (found,) = await database.read(list_uses)
    assert (found.state, found.member_id, found.redemption_id) == ("unmatched", MEMBER, None)
    here.clock.advance(hours=24)
    await worker.once()
    assert await alarms(database) == [(UNMATCHED, 1)], "told once"
    (alarm,) = await database.read(partial(list_alarms, limit=9))
    assert ACCOUNT not in str(alarm)
    assert MEMBER not in str(alarm)
    redemption = await here.redeem()
    here.clock.advance(hours=24)
    await worker.once()
    (matched,) = await kept(database)
    assert (matched.id, matched.state, matched.redemption_id) == (found.id, "matched", redemption.id)
    await here.require_clean_books()


async def test_more_people_than_redeemed_for_are_told_of(database: Database) -> None:
    here, adapter, worker = await opened(database)
    await here.redeem()
    adapter.uses.append(use(guests=2))
    await worker.once()
    (found,) = await database.read(list_uses)
    assert (found.state, found.visitors, found.guests) == ("differs", 3, 2)
    assert await alarms(database) == [(DIFFERS, 1)]


async def test_a_visit_of_what_was_voided_is_no_visit_of_ours(database: Database) -> None:
    here, adapter, worker = await opened(database)
    redemption = await here.redeem()
    await database.write(
        lambda c: c.execute(sa.text("UPDATE redemptions SET state = 'voided' WHERE id = :id"), {"id": redemption.id})
    )
    adapter.uses.append(use())
    await worker.once()
    (found,) = await database.read(list_uses)
    assert (found.state, found.redemption_id) == ("unmatched", None)


async def test_who_does_not_consent_is_not_asked_for(database: Database) -> None:
    here, adapter, worker = await opened(database)
    withdraw = partial(withdraw_consent, member_id=MEMBER, partner=PARTNER, purpose=PURPOSE, at=here.clock.now())
    await database.write(withdraw)
    assert await worker.once() == 0
    assert adapter.asked == []


async def test_after_an_outage_every_day_since_is_asked_for(database: Database) -> None:
    here, adapter, worker = await opened(database)
    await worker.once()
    adapter.errors.extend([PartnerUnavailableError("down")] * 2)
    for _ in range(2):
        here.clock.advance(days=10)
        assert await worker.once() == 0
    here.clock.advance(days=1)
    assert await worker.once() == 1
    assert adapter.asked[-1] == (ACCOUNT, DAY - timedelta(days=7), DAY + timedelta(days=21))
    row = await database.read(lambda c: c.execute(sa.select(usage_polls)).one())
    assert (row.told_to_date, row.failures) == (DAY + timedelta(days=21), 0)


@pytest.mark.parametrize(
    "error", [RejectedError("no such user"), PartnerUnavailableError("down"), ValueError("a plug-in")]
)
async def test_who_is_not_told_is_asked_again_later_and_people_hear_of_it(database: Database, error: Exception) -> None:
    here, adapter, worker = await opened(database)
    adapter.errors.extend([error] * ALARM_AFTER)
    for failures in range(ALARM_AFTER):
        assert await worker.once() == 0
        assert len(adapter.asked) == failures + 1, "not before its time"
        assert await worker.once() == 0
        assert await alarms(database) == ([(NOT_TOLD, 1)] if failures + 1 == ALARM_AFTER else [])
        here.clock.advance(minutes=15 * 2**failures)
    assert await worker.once() == 1


async def test_a_partner_that_is_down_is_not_asked_for_the_next(database: Database) -> None:
    here, adapter, worker = await opened(database)
    await _second_member(here)
    adapter.errors.extend([PartnerUnavailableError("down")])
    assert await worker.once() == 0
    assert len(adapter.asked) == 1
    adapter.errors.extend([RejectedError("no such user")])
    here.clock.advance(minutes=15)
    assert await worker.once() == 1, "one who is refused keeps nobody else from being asked for"


async def _second_member(here: Room) -> None:
    other, now = "mbr_00000000000000000000000002", here.clock.now()
    await here.database.write(lambda c: upsert_member(c, MemberInput(external_id="crm-2"), other, now))
    await here.database.write(lambda c: put_account(c, other, PARTNER, "wang-0001", now))
    await here.database.write(lambda c: put_consent(c, other, PARTNER, PURPOSE, 1, now))


async def test_only_one_process_asks_a_partner(database: Database) -> None:
    here, adapter, worker = await opened(database)
    taken = await database.write(lambda c: leases.acquire(c, f"usage:{PARTNER}", "another", 60))
    assert taken
    assert await worker.once() == 0
    await database.write(lambda c: leases.release(c, f"usage:{PARTNER}", "another"))
    assert [await one.once() for one in (worker_of(here), worker)] == [1, 0]
    assert len(adapter.asked) == 1


async def test_an_account_that_is_linked_anew_is_asked_for_from_the_beginning(database: Database) -> None:
    here, adapter, worker = await opened(database)
    await worker.once()
    again = partial(put_account, member_id=MEMBER, partner=PARTNER, account_number="liu-9", at=here.clock.now())
    await database.write(again)
    here.clock.advance(days=30)
    await worker.once()
    today = DAY + timedelta(days=30)
    assert adapter.asked[-1] == ("liu-9", today - timedelta(days=7), today)


async def test_people_see_and_explain_what_waits(
    database: Database, database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, adapter, worker = await opened(database)
    adapter.uses.append(use())
    gateway = Commands(database_url, capsys, monkeypatch)
    assert await gateway("settlement", "uses") == (0, [])
    await worker.once()
    code, found = await gateway("settlement", "uses", "--partner", PARTNER)
    assert (code, found[0]["state"], found[0]["member_id"]) == (1, "unmatched", MEMBER)
    note = ("--note", "He paid at the door.", "--by", "ann")
    code, closed = await gateway("settlement", "explain", found[0]["id"], *note)
    assert (code, closed["state"], closed["closed_by"]) == (0, "explained", "ann")
    assert (await gateway("settlement", "explain", found[0]["id"], *note))[0] == 0, "again it changes nothing"
    code, told = await gateway("settlement", "explain", found[0]["id"], "--note", "Another.", "--by", "bob")
    assert code == 1
    assert "explained" in json.dumps(told)
    assert await gateway("settlement", "uses") == (0, [])
    assert len((await gateway("settlement", "uses", "--all"))[1]) == 1
    assert (await gateway("settlement", "explain", "use_none", *note))[0] == 1


async def test_what_nobody_has_to_look_at_is_forgotten(database: Database) -> None:
    here, adapter, worker = await opened(database)
    await here.redeem()
    adapter.uses.extend([use(), use(place="L2")])
    await worker.once()
    assert {one.state for one in await kept(database)} == {"matched", "unmatched"}
    adapter.uses.clear()
    here.clock.advance(days=store.KEPT_DAYS)
    await worker.once()
    assert len(await kept(database)) == 2
    here.clock.advance(days=1)
    await worker.once()
    assert [one.state for one in await kept(database)] == ["unmatched"]


async def test_no_account_is_kept(database: Database) -> None:
    _, adapter, worker = await opened(database)
    adapter.uses.append(use())
    await worker.once()

    def everything(connection: sa.Connection) -> list[Any]:
        return [row for table in (reported_uses, usage_polls) for row in connection.execute(sa.select(table))]

    rows = await database.read(everything)
    assert len(rows) == 2
    assert ACCOUNT not in str(rows)
