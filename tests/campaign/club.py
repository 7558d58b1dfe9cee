"""The club of a campaign: its configuration, the partners' process, and the addresses of its gateways."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from config.files import PACKAGED_FOLDER
from gateway.demo.simulators import stop
from tests.campaign.partners import SECRET, VEILED, partner_id
from tests.campaign.shapes import SHAPES, VALIDITY_SECONDS, write_shapes
from tests.campaign.veil import AUTHORITY

RISKY = "CEG"
"""Profiles that end with the settlement file, so that their points at risk are capped."""

PARTNER = """
[partner]
id = "{partner}"
name = {{ zh-CN = "演练 {profile}", en = "Campaign {profile}" }}
segment = "lounges"
adapter = "profile_{letter}"

[environments.simulator]
base_url = "http://127.0.0.1:9"
webhook_secrets = {secrets}{authority}

[environments.simulator.credentials]
client_id = "simulator:simulator"
client_secret = "simulator:simulator-secret"
{risk}
[contract]
cut_off = 00:00:00
time_zone = "Asia/Shanghai"
statement_format = "contractual-v1"
tolerance_minor_units = 0
late_window_days = 0
netting = "monthly"

[[contract.terms]]
id = "visits"
from_date = 2026-01-01
way = "purchase"
benefits = ["{benefit}"]
price = {{ kind = "unit", minor_units = 12_000 }}
currency = "CNY"
tax_rate = {{ from_units = 100, to_units = 6 }}
bearers = {{ maker = 100 }}
payment = "postpaid"
source = "The fault campaign"
"""
RISK = """
[risk]
points_at_risk_cap = 1_000_000_000
settlement_file = true
"""
BENEFIT = """
[[versions]]
id = "{benefit}"
version = 1
announced_date = 2025-12-01
effective_from_date = 2026-01-01
vertical = "lounge"
partner = "{partner}"
way = "purchase"
stock = "live"
notice_days = 30

[versions.title]
zh-CN = "演练 {profile}"
en = "Visit at a partner of profile {profile}"

[versions.description]
zh-CN = "故障演练。"
en = "For the fault campaign."

[versions.payment.points]
price = 600
per = "visitor"

[versions.cancellation]
free_until_hours = 2
"""
SETTINGS = """
[database]
url = {database}
pool_size = 6

[http]
port = {port}
public_url = "http://127.0.0.1:{port}"

[oauth]
issuer = "http://127.0.0.1:{first_port}"
key_file = "{folder}/issuer-key.json"
access_token_seconds = 86400

[redemption]
interactive_wait_seconds = 1.5
sweep_interval_seconds = 0.3
sweep_batch = 100
lease_margin_seconds = 0.5
retry_schedule_seconds = {schedule}

[logging]
level = "WARNING"

[folders]
configuration = "{folder}/config"
data = "{folder}"
exports = "{folder}/exports"
adapters = ["{folder}/adapters"]

[partners.base_urls]
{addresses}
"""
HASTY = "[0.5, 1, 2, 2, 5]"
"""Waiting times of a campaign, so that it does not take days."""


async def patiently(http: aiohttp.ClientSession, method: str, url: str, **more: Any) -> tuple[int, Any]:
    """Ask a partner's control, whose door may be shut just now."""
    for left in reversed(range(20)):
        try:
            async with http.request(method, url, **more) as answer:
                return answer.status, await answer.json(content_type=None)
        except aiohttp.ClientConnectionError:
            if not left:
                raise
            await asyncio.sleep(0.1)
    raise AssertionError


def benefit_id(profile: str) -> str:
    """Name the benefit that the partner of a profile grants."""
    return f"campaign-visit-{profile.lower()}"


@dataclass
class Club:
    """A folder with everything that gateways of this campaign are started with; use as a context manager.

    ``willing`` partners are never sold out. ``partners`` are the addresses by which a campaign controls them, by
    profile; ``doors`` those that a gateway calls.
    """

    folder: Path
    database_url: str
    seed: int
    gateways: int = 1
    schedule: str = HASTY
    willing: bool = False
    validity_seconds: int = VALIDITY_SECONDS
    ports: list[int] = field(default_factory=list)
    partners: dict[str, str] = field(default_factory=dict)
    doors: dict[str, str] = field(default_factory=dict)
    _closing: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Club:
        """Write the configuration and start the partners."""
        self.folder = self.folder.resolve()
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "logs").mkdir(parents=True)
        self.ports = [free_port() for _ in range(self.gateways)]
        write_configuration(self.folder / "config")
        write_shapes(self.folder / "adapters", self.validity_seconds)
        addresses = await self._start_partners()
        self.partners = {profile: control for profile, (control, _) in addresses.items()}
        self.doors = {profile: door for profile, (_, door) in addresses.items()}
        for number in range(self.gateways):
            self.settings_file(number).write_text(self._settings(number), encoding="utf-8")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the partners."""
        await self._closing.aclose()

    def settings_file(self, number: int = 0) -> Path:
        """The settings that one of the gateways is started with."""
        return self.folder / f"settings-{number}.toml"

    def url(self, number: int) -> str:
        """Where one of the gateways answers."""
        return f"http://127.0.0.1:{self.ports[number]}"

    def log(self, name: str) -> Path:
        """Name a log."""
        return self.folder / "logs" / f"{name}.log"

    async def run(self, *words: str) -> tuple[int, bytes]:
        """Run one of the gateway's commands to its end and answer exit code and standard output."""
        command = [sys.executable, "-m", "gateway", "--settings", str(self.settings_file()), *words]
        with self.log("commands").open("ab") as log:
            process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=log)
            output, _ = await process.communicate()
        return process.returncode or 0, output

    async def _start_partners(self) -> dict[str, tuple[str, str]]:
        log = self._closing.enter_context(self.log("partners").open("ab"))
        callbacks = f"{self.url(0)}/v1/webhooks/{partner_id('A')}"
        words = ["-m", "tests.campaign.partners", "--seed", str(self.seed), "--webhook-url", callbacks]
        words += ["--validity-seconds", str(self.validity_seconds), *(["--willing"] if self.willing else [])]
        words += ["--certificates", str(self.folder)]
        process: Process = await asyncio.create_subprocess_exec(
            sys.executable, *words, stdin=PIPE, stdout=PIPE, stderr=log, start_new_session=True
        )
        self._closing.push_async_callback(stop, process)
        assert process.stdout is not None
        line = await process.stdout.readline()
        assert line, f"the partners did not start; see {self.log('partners')}"
        found: dict[str, tuple[str, str]] = json.loads(line)
        return found

    def _settings(self, number: int) -> str:
        addresses = "\n".join(f'"{partner_id(profile)}" = "{url}"' for profile, url in self.doors.items())
        return SETTINGS.format(
            database=json.dumps(self.database_url),
            port=self.ports[number],
            first_port=self.ports[0],
            folder=self.folder,
            schedule=self.schedule,
            addresses=addresses,
        )


def write_configuration(folder: Path) -> None:
    """Write the packaged configuration with the campaign's partners and benefits added."""
    shutil.copytree(PACKAGED_FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__", "migrations"))
    for profile in SHAPES:
        names = {
            "partner": partner_id(profile),
            "profile": profile,
            "letter": profile.lower(),
            "benefit": benefit_id(profile),
            "risk": RISK if profile in RISKY else "",
            "secrets": json.dumps([f"simulator:{SECRET}"] if profile == "A" else []),
            "authority": f'\nca_file = "{folder.parent / AUTHORITY}.pem"' if profile == VEILED else "",
        }
        (folder / "partners" / f"{partner_id(profile)}.toml").write_text(PARTNER.format(**names), encoding="utf-8")
        (folder / "benefits" / f"{benefit_id(profile)}.toml").write_text(BENEFIT.format(**names), encoding="utf-8")


def free_port() -> int:
    """Find a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
