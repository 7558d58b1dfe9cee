"""A subject on the bench: its simulator over real HTTP on loopback, and its adapter pointed at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from adapters.sdk.account_records import AccountRequest
from adapters.sdk.calls import PartnerCall
from adapters.sdk.capabilities import Reserves
from adapters.sdk.context import open_context
from adapters.sdk.linking import Linking, open_linking
from adapters.sdk.manifest import Manifest
from adapters.sdk.outcomes import Outcome, ResponseTable
from adapters.sdk.records import Mileage, OfferRequest, OfferSearch, ReservationRequest, StepResult
from adapters.sdk.registry import AdapterPackage
from adapters.sdk.testing.memory_vault import MemoryVault
from adapters.sdk.testing.probe import ProbeClient
from adapters.sdk.testing.simulator import Simulator, SimulatorOptions, serve
from config.clock import Clock, SystemClock
from config.secrets import Secret

DEADLINE_SECONDS = 5.0
"""Of every call on the bench that is not made to hang: what a busy machine needs at most."""


def sent_callback(simulator: Simulator, request: ReservationRequest) -> tuple[dict[str, str], bytes]:
    """Give the last callback that a simulator sent, with the headers that prove it."""
    message_id, body = simulator.webhooks.sent[-1]
    headers = simulator.webhooks.headers(message_id, body)
    return {name.lower(): value for name, value in headers.items()}, body


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is examined, and the little that only its author knows: a package's ``conformance.py`` makes it.

    ``make_request(adapter, key)``: a request that the simulator grants, for a key.
    ``bookings(simulator, key)``: how many live benefits the simulator's book holds for a key.
    ``commit_operation`` and ``look_up_operations``: the names of these calls at the simulator.
    ``commit_answers``: the response table of the commit, and ``refusal(status, code, request)`` the body in which the
    partner gives a code; None where it gives none in that way.
    ``harmless_modes`` and ``harmless_look_up_modes``: fault modes that the partner's answers cannot show, with the
    reason; an OK is then right.
    ``reads_back``: the adapter reads a booking back before it believes it, so that a lie is UNKNOWN; else it is
    believed and only the statement tells.
    ``offer_request`` and ``usage_account``: what the reading capabilities are asked.
    ``account_request`` and ``stranger``: an account that the simulator knows, with everything that proves it, and one
    that it does not know.
    ``offer_search``: a search of a place at which the simulator has two things at least.
    ``tier_to_grant``: one that the partner grants; ``grants(simulator, key)``: how many its book has for a key.
    ``mileage``: by direction, what is credited and debited; ``reversed_points(simulator, key)``: how much of a key's
    the simulator's book has as reversed.
    ``use``: lets the simulated member use what was granted, where the statement or a callback tells uses only.
    ``webhook_secret`` and ``callback(simulator, request)``: a callback that is genuine under it, headers and body.
    ``authorise(simulator, url, account)``: what a member does at the partner's page for an authorisation URL, answering
    the address that his browser is sent back to.
    ``wrap``: puts another adapter in the place of the real one; how the kit's own tests show that a rule can fail.
    """

    package: AdapterPackage
    create_simulator: Callable[[SimulatorOptions], Simulator]
    make_request: Callable[[Any, str], Awaitable[ReservationRequest]]
    bookings: Callable[[Simulator, str], int]
    commit_operation: str
    commit_answers: ResponseTable
    refusal: Callable[[int, str | None, ReservationRequest], bytes | None]
    look_up_operations: tuple[str, ...] = ("look_up",)
    partner: str = "bench"
    credentials: Mapping[str, str] = {}
    options: Mapping[str, Any] = {}
    values: Mapping[str, str] = {}
    harmless_modes: Mapping[str, str] = {}
    harmless_look_up_modes: Mapping[str, str] = {}
    reads_back: bool = False
    offer_request: OfferRequest | None = None
    usage_account: str | None = None
    account_request: AccountRequest | None = None
    stranger: AccountRequest | None = None
    offer_search: OfferSearch | None = None
    tier_to_grant: str = ""
    grants: Callable[[Simulator, str], int] = lambda simulator, key: 0
    mileage: Mapping[str, Mileage] = {}
    reversed_points: Callable[[Simulator, str], int] = lambda simulator, key: 0
    use: Callable[[Simulator, ReservationRequest], None] = lambda simulator, request: None
    webhook_secret: str | None = None
    authorise: Callable[[Simulator, str, str], Awaitable[str]] | None = None
    callback: Callable[[Simulator, ReservationRequest], tuple[dict[str, str], bytes]] = sent_callback
    wrap: Callable[[Any], Any] = lambda adapter: adapter


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """An examination in progress."""

    subject: Subject
    manifest: Manifest
    adapter: Any
    client: ProbeClient
    simulator: Simulator
    clock: Clock
    linking: Linking | None = None
    vault: MemoryVault

    def key(self, name: str) -> str:
        """Make a key that the manifest's facts allow, different for each name."""
        facts = self.manifest.facts.key
        longest = min(facts.max_length or 30, 64)
        plain = "".join(letter for letter in name if letter.isalnum()).lower()
        return f"bench{plain}".ljust(max(facts.min_length, 12), "0")[:longest]

    async def request(self, name: str) -> ReservationRequest:
        """Make a request under a key of its own."""
        return await self.subject.make_request(self.adapter, self.key(name))

    async def reserve(self, request: ReservationRequest) -> StepResult:
        """Run the steps in order until one is not OK; see `reserve`."""
        return (await reserve(self.adapter, request))[0]

    def bookings(self, request: ReservationRequest) -> int:
        """Count what the partner's book holds for a request's key."""
        return self.subject.bookings(self.simulator, request.key)

    def granted(self) -> int:
        """Count the bookings that a granted reservation leaves at the partner."""
        return 0 if self.manifest.facts.issues_nothing else 1

    def today(self) -> date:
        """Answer the partner's business date, by the zone of its statement."""
        zone = self.manifest.statement.time_zone if self.manifest.statement else "UTC"
        return self.clock.now().astimezone(ZoneInfo(zone)).date()

    def calls(self) -> list[PartnerCall]:
        """Answer every call that the adapter asked for."""
        return [each.call for each in self.client.overheard]


async def reserve(adapter: Reserves, request: ReservationRequest) -> tuple[StepResult, ReservationRequest]:
    """Run a reservation's steps as the engine does, carrying what each leaves behind.

    Answers:
        the last result (of the commit when all went well), and the request with everything carried.
    """
    result = StepResult(outcome=Outcome.NOT_SENT, code="no_steps")
    for step in adapter.steps:
        result = await adapter.run_step(step.name, request)
        request = msgspec.structs.replace(request, carried={**request.carried, **result.carried})
        if result.outcome is not Outcome.OK or step.commit:
            break
    return result, request


@asynccontextmanager
async def open_bench(subject: Subject, *, deadline_seconds: float = DEADLINE_SECONDS) -> AsyncIterator[Bench]:
    """Start simulator and adapter; both end with the block."""
    clock = SystemClock()
    options = SimulatorOptions(
        partner=subject.partner,
        clock=clock,
        credentials=subject.credentials,
        values=subject.values,
        webhook_secret=subject.webhook_secret,
    )
    manifest = subject.package.manifest
    shorter = min(deadline_seconds, manifest.limits.deadline_seconds)
    limits = msgspec.structs.replace(manifest.limits, deadline_seconds=shorter)
    manifest = msgspec.structs.replace(manifest, limits=limits)
    simulator = subject.create_simulator(options)
    async with serve(simulator) as base_url:
        context = open_context(
            partner=subject.partner,
            manifest=manifest,
            base_url=base_url,
            credentials={name: Secret(value) for name, value in subject.credentials.items()},
            options=subject.options,
            clock=clock,
            client_type=ProbeClient,
        )
        assert isinstance(context.client, ProbeClient)
        vault = MemoryVault(clock)
        linking = None
        if manifest.linking is not None:
            linking = open_linking(context.client, manifest, context.credentials, clock, vault)
        try:
            adapter = subject.wrap(subject.package.create(context))
            yield Bench(
                subject=subject,
                manifest=manifest,
                adapter=adapter,
                client=context.client,
                simulator=simulator,
                clock=clock,
                linking=linking,
                vault=vault,
            )
        finally:
            await context.client.aclose()


def requested_at(clock: Clock) -> datetime:
    """Answer the instant a request is made at, in whole seconds."""
    return clock.now().replace(microsecond=0)
