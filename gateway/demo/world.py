"""The demo's processes: the partner simulators and one gateway, on free loopback ports, in a folder of its own."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from config.errors import RuleError, UnavailableError
from config.partner_files import PartnerFile
from config.settings import environment_without_settings
from gateway.demo.simulators import START_SECONDS, start_simulators, stop

MARK = "# Written by `gateway demo`"
"""How the settings of a demo's folder begin: such a folder may be emptied by the next demo."""


@dataclass
class World:
    """Running processes and where they answer. Use as an asynchronous context manager."""

    folder: Path
    partner_files: dict[str, PartnerFile]
    seed: int
    database_url: str | None = None
    simulators: dict[str, str] = field(default_factory=dict)
    gateway_url: str = ""
    kills: int = 0
    _gateway: Process | None = None
    _closing: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def settings_file(self) -> Path:
        """The settings that the gateway's processes are started with."""
        return self.folder / "settings.toml"

    async def __aenter__(self) -> World:
        """Empty the folder and start everything.

        Raises:
            RuleError: the folder holds something that is not of an earlier demo; it stays as it is.
            UnavailableError: a process did not come up; its log is named.
        """
        self._empty_folder()
        port = _free_port()
        self.gateway_url = f"http://127.0.0.1:{port}"
        async with AsyncExitStack() as closing:
            self.simulators = await start_simulators(
                closing, self.partner_files, gateway_url=self.gateway_url, logs=self.folder / "logs", seed=self.seed
            )
            self.settings_file.write_text(self._settings(port), encoding="utf-8")
            closing.push_async_callback(self._stop_gateway)
            await self.start_gateway()
            self._closing.push_async_exit(closing.pop_all())
        return self

    def _empty_folder(self) -> None:
        """Remove what an earlier demo left, which the first line of its settings tells, and leave a mark of this one.

        Raises:
            RuleError: the folder holds anything else.
        """
        known = self.settings_file.is_file() and self.settings_file.read_text(encoding="utf-8").startswith(MARK)
        if not known and self.folder.exists() and not (self.folder.is_dir() and not any(self.folder.iterdir())):
            raise RuleError(f"{self.folder} is not of an earlier demo; name another --folder, or empty it yourself.")
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "logs").mkdir(parents=True)
        self.settings_file.write_text(f"{MARK}\n", encoding="utf-8")

    async def __aexit__(self, *_: object) -> None:
        """Stop every process."""
        await self._closing.aclose()

    async def start_gateway(self) -> None:
        """Start the gateway and wait until it is ready."""
        log = self._log("gateway")
        self._gateway = await asyncio.create_subprocess_exec(
            *self.command("serve"),
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=environment_without_settings(),
        )
        await self._until_ready(self._gateway)

    async def kill_gateway(self) -> None:
        """Kill the gateway as a power cut would, and start it again."""
        assert self._gateway is not None
        self._gateway.send_signal(signal.SIGKILL)
        await self._gateway.wait()
        self.kills += 1
        await self.start_gateway()

    def command(self, *words: str) -> list[str]:
        """Make the command line of one of the gateway's own commands in this world."""
        return [sys.executable, "-m", "gateway", "--settings", str(self.settings_file), *words]

    async def run(self, *words: str) -> tuple[int, bytes]:
        """Run one of the gateway's commands to its end and answer exit code and standard output."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*words), stdout=PIPE, stderr=self._log("commands"), env=environment_without_settings()
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output

    def _log(self, name: str) -> IO[bytes]:
        return self._closing.enter_context((self.folder / "logs" / f"{name}.log").open("ab"))

    def _settings(self, port: int) -> str:
        folder = self.folder.resolve()
        addresses = "\n".join(f'"{partner}" = "{address}"' for partner, address in self.simulators.items())
        return f"""
{MARK}: real waiting times, shortened so that the journey takes less than a minute.
[database]
url = {json.dumps(self.database_url or f"sqlite:///{folder}/gateway.db")}

[http]
port = {port}
public_url = "{self.gateway_url}"

[oauth]
issuer = "{self.gateway_url}"
key_file = "{folder}/issuer-key.json"

[redemption]
interactive_wait_seconds = 1.5
sweep_interval_seconds = 0.3
lease_margin_seconds = 0.5
retry_schedule_seconds = [0.5, 1, 2, 2, 5]

[folders]
data = "{folder}"
exports = "{folder}/exports"

[partners.base_urls]
{addresses}
""".lstrip()

    async def _until_ready(self, process: Process) -> None:
        port = int(self.gateway_url.rpartition(":")[2])
        for _ in range(int(START_SECONDS / 0.05)):
            if process.returncode is not None:
                break
            if await _answers(port):
                return
            await asyncio.sleep(0.05)
        raise UnavailableError(f"The gateway did not start; see {self.folder}/logs/gateway.log.")

    async def _stop_gateway(self) -> None:
        if self._gateway is not None:
            await stop(self._gateway)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        await writer.drain()
        status = await reader.readline()
        writer.close()
    except OSError:
        return False
    return b" 200 " in status
