"""The kit a partner runs against its own server: the reference passes, each broken server fails where it is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any

import click.testing
import httpx
import msgspec
import pytest

from adapters.direct import simulator as reference
from adapters.direct import wire
from adapters.direct.kit.bench import KitSettings
from adapters.direct.kit.checks import CHECKS
from adapters.direct.kit.command import kit
from adapters.direct.kit.running import Result, run_kit, table
from adapters.direct.simulator_book import DirectBook, Held
from adapters.direct.simulator_desk import Desk, refuse
from adapters.direct.simulator_links import LinkDesk
from adapters.sdk.records import Visit
from adapters.sdk.testing.simulator import Simulator, SimulatorOptions, listen, serve
from config.clock import SystemClock
from gateway.cli.main import run as gateway

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
VISIT = Visit(airport="PVG", lounge_id="kit-lounge", visit_date=date(2026, 12, 1), guests=1)
MEMBERS = ("member_validation", "member_status")
POINTS = "points_reversal"
EVENTS = tuple(check.name for check in CHECKS if check.name.startswith("event["))


@asynccontextmanager
async def partner(secret: str = SECRET) -> Any:
    """The reference server (or what a test made of it), its events going to where the kit will listen."""
    probe = listen(0)
    port = probe.getsockname()[1]
    probe.close()
    options = SimulatorOptions(partner="lounge", webhook_url=f"http://127.0.0.1:{port}/", webhook_secret=secret)
    made: Simulator = reference.create_simulator(options)
    async with serve(made) as url:
        yield KitSettings(
            url=url,
            client_id="simulator",
            client_secret="simulator-secret",
            service=VISIT,
            webhook_secret=SECRET,
            webhook_port=port,
            trigger=f"{url}/_simulator/events",
            account="8800123457",
            tier="gold",
            wait_seconds=1.5,
        )


async def asked(what: str) -> None:
    raise AssertionError(what)


async def run(settings: KitSettings, *names: str) -> dict[str, Result]:
    checks = tuple(check for check in CHECKS if not names or check.name in names)
    return {result.check: result for result in await run_kit(settings, SystemClock(), asked, checks)}


async def test_the_reference_passes_everything() -> None:
    async with partner() as settings:
        results = await run(settings)
    assert {name: result.verdict for name, result in results.items()} == dict.fromkeys(results, "passed")
    assert len(results) == len(CHECKS)
    text = table(tuple(results.values()))
    assert text.splitlines()[-1] == f"{len(CHECKS)} passed, 0 failed, 0 not proven"


class Forgetful(Desk):
    """Fences only what it knows."""

    def fence(self, key: str) -> tuple[int, object]:
        held = self.book.held(key)
        return super().fence(key) if held else (200, wire.Reservation(key=key, status=wire.Status.FENCED))


class Doubling(Desk):
    """Reserves again for every copy of a request."""

    def reserve(self, key: str, body: wire.ReserveBody) -> tuple[int, object]:
        status, value = super().reserve(key, body)
        if status == 200 and isinstance(value, wire.Reservation):
            value = msgspec.structs.replace(value, reference=f"{value.reference}-2")
        return status, value


class Trusting(Desk):
    """Takes another content under a known key for the same."""

    def reserve(self, key: str, body: wire.ReserveBody) -> tuple[int, object]:
        held = self.book.held(key)
        if held is not None and held.reservation.status is wire.Status.RESERVED:
            return 200, held.reservation
        return super().reserve(key, body)


class Silent(Desk):
    """Repeats neither price nor key."""

    def reserve(self, key: str, body: wire.ReserveBody) -> tuple[int, object]:
        status, value = super().reserve(key, body)
        if isinstance(value, wire.Reservation):
            return status, msgspec.structs.replace(value, price=None)
        return status, refuse(value.error.code, None)  # type: ignore[attr-defined]


class Once(Desk):
    """Cancels once, and refuses the copy."""

    def cancel(self, key: str, reference: str) -> tuple[int, object]:
        held = self.book.held(key)
        if held is not None and held.reservation.status is wire.Status.CANCELLED:
            return 409, refuse("already_cancelled", key)
        return super().cancel(key, reference)


class Careless(Desk):
    """Cancels whatever reference is named."""

    def cancel(self, key: str, reference: str) -> tuple[int, object]:
        held = self.book.held(key)
        return super().cancel(key, (held.reservation.reference if held else None) or reference)


class Credulous(Desk):
    """Takes every offer for one of its own, and every caller for a client."""

    def _refusal(self, body: wire.ReserveBody) -> tuple[int, str] | None:
        return None

    def authorised(self, authorization: str) -> bool:
        return True


class Reviving(Desk):
    """Reserves again what was cancelled or fenced."""

    def reserve(self, key: str, body: wire.ReserveBody) -> tuple[int, object]:
        held = self.book.held(key)
        if held is not None and held.reservation.status in (wire.Status.CANCELLED, wire.Status.FENCED):
            reservation = wire.Reservation(
                key=key, status=wire.Status.RESERVED, reference="R-9", offer=body.offer, service=body.service,
                price=body.price,
            )  # fmt: skip
            self.book.keep(Held(reservation=reservation, body=body, reserved_at=self.now()))
            return 201, reservation
        return super().reserve(key, body)


class Lying(Desk):
    """Tells events and does nothing."""

    def report_event(self, report: Any) -> tuple[int, object]:
        held = self.book.held(report.key)
        assert held is not None
        self.tell(report.type, held.reservation)
        return 200, held.reservation


class Printing(Desk):
    """Prints a voucher for whatever key is named."""

    def voucher(self, key: str) -> tuple[int, object]:
        return 200, wire.Voucher(key=key, reference=self.reference(key), code="V1", symbology="qr")


class Unnamed(Desk):
    """Offers what was asked for, and does not say which thing it is."""

    def search(self, query: wire.SearchQuery) -> tuple[int, object]:
        item = self.offer(wire.OffersQuery(service=query.service, currency=query.currency))
        one = wire.FoundOffer(**msgspec.structs.asdict(item), service=query.service)
        return 200, wire.SearchAnswer(offers=(one,))


class Lavish(Desk):
    """Grants anew whatever it is asked for."""

    def grant(self, key: str, body: wire.GrantBody) -> tuple[int, object]:
        number = str(len(self.book.rows("grants")))
        made = wire.Grant(
            key=key, account=body.account, tier=body.tier, reference=number, valid_until_date=body.valid_until_date
        )
        self.book.put("grants", number, made)
        return 201, made


class Generous(Desk):
    """Takes back whatever it is asked for, as often as it is asked."""

    def reverse(self, key: str, reversal: str, body: wire.ReversalBody) -> tuple[int, object]:
        return 201, wire.Reversal(key=key, reversal=reversal, quantity=body.quantity, reversed=body.quantity)


class Welcoming(Desk):
    """Has every account that is asked for."""

    def validate(self, query: wire.MemberQuery) -> tuple[int, object]:
        return 200, wire.MemberAnswer(account=query.account, valid=True)

    def member_status(self, account: str) -> tuple[int, object]:
        return 200, wire.MemberStatus(account=account, known=True, tier="gold")


class Mixing(Desk):
    """Tells of another account."""

    def validate(self, query: wire.MemberQuery) -> tuple[int, object]:
        return super().validate(msgspec.structs.replace(query, account=f"{query.account}1"))

    def member_status(self, account: str) -> tuple[int, object]:
        return super().member_status(f"{account}1")


class Reserved(Desk):
    """Serves nothing that may be left alone."""

    def search(self, query: wire.SearchQuery) -> tuple[int, object]:
        return 501, refuse("not_offered", None)

    def voucher(self, key: str) -> tuple[int, object]:
        return 501, refuse("not_offered", key)

    def grant(self, key: str, body: wire.GrantBody) -> tuple[int, object]:
        return 501, refuse("not_offered", key)

    def reverse(self, key: str, reversal: str, body: wire.ReversalBody) -> tuple[int, object]:
        return 501, refuse("not_offered", key)

    def validate(self, query: wire.MemberQuery) -> tuple[int, object]:
        return 501, refuse("not_offered", None)

    def member_status(self, account: str) -> tuple[int, object]:
        return 501, refuse("not_offered", None)


class Expired(Desk):
    """Offers what has ended."""

    def offer(self, query: wire.OffersQuery) -> wire.OfferItem:
        return msgspec.structs.replace(super().offer(query), expires_at=datetime(2020, 1, 1, tzinfo=UTC))


BROKEN: dict[type[Desk], set[str]] = {
    Forgetful: {"fence_before_reserve"},
    Doubling: {"replay"},
    Trusting: {"other_body"},
    Silent: {name.name for name in CHECKS}
    - {"token", "offers", "malformed", "status_grant", "search", "member_links", *MEMBERS},
    Generous: {POINTS},
    Lavish: {"status_grant"},
    Unnamed: {"search"},
    Printing: {"voucher"},
    Welcoming: set(MEMBERS),
    Mixing: set(MEMBERS),
    Once: {"void"},
    Careless: {"void_of_another"},
    Credulous: {"token", "unknown_offer"},
    Reviving: {"fence_before_reserve", "fence_withdraws", "void"},
    Lying: {"event[visit.reported]", "event[reservation.cancelled]"},
    Expired: {"offers"},
}


@pytest.mark.parametrize("desk", BROKEN, ids=lambda desk: desk.__name__)
async def test_a_broken_server_fails_where_it_is_broken(desk: type[Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "Desk", desk)
    names = [check.name for check in CHECKS if desk is Lying or check.name not in EVENTS]
    async with partner() as settings:
        results = await run(settings, *names)
    failed = {name for name, result in results.items() if result.verdict == "failed"}
    assert failed == BROKEN[desk] & set(names), {name: one.detail for name, one in results.items()}
    assert all(results[name].detail for name in failed)


@pytest.mark.parametrize(
    ("part", "wrong", "detail"),
    [
        ("token", lambda self, form: (200, {"access_token": "a", "token_type": "Bearer"}), "was answered with 200"),
        ("token", lambda self, form: (400, {"error": "invalid_request"}), "is not invalid_grant"),
        ("member", lambda self, authorization: wire.LinkedMember(account="anybody"), "200"),
    ],
)
async def test_a_server_that_links_anybody_fails(
    part: str, wrong: Any, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LinkDesk, part, wrong)
    async with partner() as settings:
        (result,) = (await run(settings, "member_links")).values()
    assert (result.verdict, detail in result.detail) == ("failed", True), result.detail


async def test_what_a_partner_may_leave_alone_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "Desk", Reserved)
    async with partner() as settings:
        results = await run(settings, *MEMBERS, POINTS, "voucher", "status_grant", "search")
    assert {result.verdict for result in results.values()} == {"not proven"}


def _cut(content: bytes) -> bytes:
    return b"".join(content.splitlines(keepends=True)[:-1])


def _wrong_total(content: bytes) -> bytes:
    head, _, trailer = content.rstrip().rpartition(b"\n")
    kind, rows, _, sums = trailer.split(b",", 3)
    return head + b"\n" + b",".join((kind, rows, b"99", sums)) + b"\n"


def _row_missing(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return lines[0] + b"T,0,0,\n"


@pytest.mark.parametrize("spoil", [_cut, _wrong_total, _row_missing])
async def test_a_statement_without_right_totals_fails(
    spoil: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Simulator.statement
    monkeypatch.setattr(Simulator, "statement", lambda self, day: ("s.csv", spoil(honest(self, day)[1])))
    async with partner() as settings:
        results = await run(settings, "statement")
    assert results["statement"].verdict == "failed"


async def test_a_statement_that_accounts_for_a_fenced_key_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = DirectBook.statement_lines

    def lines(self: DirectBook, day: date) -> Any:
        found = list(honest(self, day))
        fenced = next(held for held in self.all_held() if held.reservation.status is wire.Status.FENCED)
        return [*found, msgspec.structs.replace(found[0], reference=fenced.reservation.key)]

    monkeypatch.setattr(DirectBook, "statement_lines", lines)
    async with partner() as settings:
        assert (await run(settings, "statement"))["statement"].detail == "a fenced key is accounted for"


async def test_events_signed_with_another_secret_fail_and_say_so() -> None:
    async with partner(OTHER_SECRET) as settings:
        results = await run(settings, "event[visit.reported]")
    (result,) = results.values()
    assert (result.verdict, "No signature matches" in result.detail) == ("failed", True)


async def test_what_cannot_be_asked_is_not_proven_and_never_passed() -> None:
    async with partner() as settings:
        results = await run(msgspec.structs.replace(settings, webhook_port=None), *EVENTS)
        assert {result.verdict for result in results.values()} == {"not proven"}
        past = await run(msgspec.structs.replace(settings, statement_date=date(2020, 1, 1)), "statement")
        assert past["statement"].verdict == "passed", "an empty day is a file too"


async def test_without_a_trigger_a_person_is_asked() -> None:
    async with partner() as settings:

        async def person(what: str) -> None:
            key = what.partition("our key ")[2].removesuffix(").")
            async with httpx.AsyncClient(trust_env=False) as client:
                event = {"type": "reservation.no_show", "key": key}
                assert (await client.post(settings.trigger, json=event)).status_code == 200

        (check,) = (check for check in CHECKS if check.name == "event[reservation.no_show]")
        (result,) = await run_kit(msgspec.structs.replace(settings, trigger=""), SystemClock(), person, (check,))
    assert (result.verdict, result.detail) == ("passed", "")


async def test_nobody_there_fails_everything() -> None:
    settings = KitSettings(url="http://127.0.0.1:1", client_id="a", client_secret="b", service=VISIT)
    results = await run(settings, "offers", "replay", "fence_before_reserve")
    assert {result.verdict for result in results.values()} == {"failed"}


BASE = ["--url", "http://127.0.0.1:1", "--client-id", "a", "--secret-env", "KIT_SECRET"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([*BASE[:-1], "NOT_SET_AT_ALL"], "NOT_SET_AT_ALL is not set"),
        ([*BASE, "--webhook-port", "1"], "belong together"),
        ([*BASE, "--service", '{"kind": "massage"}'], "--service"),
        ([*BASE, "--webhook-port", "1", "--webhook-secret-env", "KIT_SECRET"], "whsec_"),
        ([*BASE, "--trigger", "http://elsewhere.example/"], "below --url"),
    ],
)
def test_wrong_use_is_told(words: list[str], told: str) -> None:
    result = click.testing.CliRunner(env={"KIT_SECRET": "short"}).invoke(kit, words)
    assert result.exit_code == 2
    assert told in result.output


def test_the_exit_code_says_whether_all_is_well() -> None:
    result = click.testing.CliRunner(env={"KIT_SECRET": "x"}).invoke(kit, [*BASE, "--json"])
    assert result.exit_code == 1
    verdicts = {one["check"]: one["verdict"] for one in json.loads(result.output)}
    assert verdicts["replay"] == "failed"
    assert verdicts["event[visit.reported]"] == "not proven"


def test_the_command_line_has_it_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KIT_SECRET", "x")
    assert gateway(["adapter", "kit", *BASE, "--json"]) == 1
    assert {one["check"] for one in json.loads(capsys.readouterr().out)} == {check.name for check in CHECKS}
    assert gateway(["adapter", "kit", "--help"]) == 0
    assert "Usage: gateway adapter kit [OPTIONS]" in capsys.readouterr().out
    assert gateway(["adapter", "kit", *BASE[:-1], "NOT_SET_AT_ALL"]) == 2
    assert "NOT_SET_AT_ALL is not set" in capsys.readouterr().err
