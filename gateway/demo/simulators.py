"""The partners' simulators as processes, each with the gateway's address and the credentials of its file.

Which ones is data: every partner with an environment ``simulator`` whose adapter has a module ``simulator``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

from adapters.sdk.probation import deaths
from adapters.sdk.registry import EXTERNAL, AdapterPackage, discover
from config.errors import UnavailableError
from config.partner_files import PartnerFile
from config.secrets import resolve_secret

START_SECONDS = 30.0
STOP_SECONDS = 10.0
LOUNGE, HOTEL, AIRLINE = "skyhub-lounge", "expedia-rapid", "skyward-miles"
CARS, RIDES = "duffel-cars", "amadeus-transfers"
"""The partners that the journey meets by name."""


async def start_simulators(
    closing: AsyncExitStack,
    files: Mapping[str, PartnerFile],
    *,
    gateway_url: str,
    logs: Path,
    seed: int,
    fixed_ports: bool = False,
    adapters: Iterable[Path] = (),
) -> dict[str, str]:
    """Start every simulator and answer their addresses by partner; ``closing`` stops them.

    Args:
        closing: stops what was started.
        files: partner files; their simulator environment gives credentials, callback secrets and ports.
        gateway_url: where callbacks go.
        logs: folder for one log per simulator.
        seed: the same seed gives the same offers.
        fixed_ports: listen where the partner files say, instead of on free ports.
        adapters: extra folders of adapter packages.

    Raises:
        UnavailableError: one did not come up; its log is named.
    """
    _make_folder(logs)
    packages = discover(adapters, fatal=deaths(tuple(adapters))).packages
    simulated = {partner: file for partner, file in files.items() if _has_simulator(file, packages)}
    started = []
    for partner, file in simulated.items():
        package = packages[file.partner.adapter]
        port = urlsplit(file.environments["simulator"].base_url).port if fixed_ports else 0
        words = [*_simulator_of(package), "--partner", partner, "--port", str(port), "--seed", str(seed)]
        started.append(_start(closing, partner, port or 0, [*words, *_words(file, package, gateway_url)], logs))
    return dict(zip(simulated, await asyncio.gather(*started), strict=True))


def _has_simulator(file: PartnerFile, packages: Mapping[str, AdapterPackage]) -> bool:
    package = packages.get(file.partner.adapter)
    wanted = file.partner.enabled and "simulator" in file.environments
    return wanted and package is not None and (package.folder / "simulator.py").is_file()


def _simulator_of(package: AdapterPackage) -> list[str]:
    """Name a package's simulator so that another process finds it: by its module, or by name and folder."""
    if package.module.startswith(EXTERNAL):
        return [package.name, "--adapters", str(package.folder.parent)]
    return [f"{package.module}.simulator"]


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


async def stop(process: Process) -> None:
    """Stop a process: politely first, then with everything it started."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _start(closing: AsyncExitStack, partner: str, port: int, words: list[str], logs: Path) -> str:
    command = [sys.executable, "-m", "adapters.sdk.testing.simulate", *words]
    log = closing.enter_context((logs / f"{partner}.log").open("ab"))
    # The pipe to its standard input ends with this process, however that ends; no simulator is left behind.
    process = await asyncio.create_subprocess_exec(
        *command, "--stop-with-stdin", stdin=PIPE, stdout=PIPE, stderr=log, start_new_session=True
    )
    closing.push_async_callback(stop, process)
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
    except TimeoutError:
        line = b""
    address = line.decode().strip().rpartition(" ")[2]
    if not address.startswith("http"):
        where = f" at port {port}; stop what else listens there, or" if port else ";"
        raise UnavailableError(f"The simulator of {partner} did not start{where} see {logs}/{partner}.log.")
    return address


def _words(file: PartnerFile, package: AdapterPackage, gateway_url: str) -> list[str]:
    environment = file.environments["simulator"]
    given = environment.credentials.items()
    pairs = [f"{name}={resolve_secret(one, {}, masked=False).reveal()}" for name, one in given]
    words = [word for pair in pairs for word in ("--credential", pair)]
    words += [word for name, value in environment.simulator_options.items() for word in ("--option", f"{name}={value}")]
    if not environment.webhook_secrets:
        return words
    address = f"{gateway_url}/v1/webhooks/{file.partner.id}"
    secret = resolve_secret(environment.webhook_secrets[0], {}).reveal()
    if package.manifest.signs_webhooks:
        return [*words, "--webhook-url", address, "--webhook-secret", secret]
    return [*words, "--webhook-url", f"{address}/{secret}"]
