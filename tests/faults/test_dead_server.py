"""CR-08: a PostgreSQL server of our own is killed while members redeem, and started again."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import aiohttp
import pytest

from tests.campaign.books import read_books, undecided, verdict
from tests.campaign.club import Club, free_port
from tests.campaign.driver import Line, Members
from tests.campaign.gateways import Gateways, answers

PLACES = ("/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/pgsql")
BACK_SECONDS = 30.0


def binaries() -> Path | None:
    """Find the server's programs: on the path, or where packages put them."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    return next((path.parent for place in PLACES for path in sorted(Path(place).glob("*/bin/initdb"))), None)


@dataclass
class Server:
    """One PostgreSQL cluster in a folder."""

    programs: Path
    folder: Path
    port: int
    user: str | None
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; it does not start while processes of the killed one are still ending."""
        ready = [str(self.programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        for _ in range(200):
            if self._process is None or self._process.poll() is not None:
                self._process = self._spawn()
            time.sleep(0.1)
            if subprocess.run(ready, check=False).returncode == 0:
                return
        raise AssertionError(f"the server does not answer; see {self.folder.parent}/server.log")

    def _spawn(self) -> subprocess.Popen[bytes]:
        words = ["-D", str(self.folder), "-p", str(self.port), "-k", "", "-c", "listen_addresses=127.0.0.1"]
        with (self.folder.parent / "server.log").open("ab") as log:
            return subprocess.Popen(
                [str(self.programs / "postgres"), *words],
                stdout=log,
                stderr=log,
                user=self.user,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kill the server and everything of it."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextmanager
def server() -> Iterator[Server]:
    """Make a cluster; it does not start as root, so it runs as the packages' own user then."""
    programs = binaries()
    if programs is None:
        pytest.skip("NO POSTGRESQL PROGRAMS (initdb): the server to be killed is one of our own")
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="club-server-") as folder:
        if user is not None:
            try:
                account = pwd.getpwnam(user)
            except KeyError:
                pytest.skip("NO USER postgres: PostgreSQL does not start as root")
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = Path(folder) / "data"
        words = ["-D", str(data), "-A", "trust", "-U", "club", "-E", "UTF8", "--no-sync"]
        subprocess.run([str(programs / "initdb"), *words], check=True, capture_output=True, user=user, cwd=folder)
        found = Server(programs, data, free_port(), user)
        found.start()
        try:
            yield found
        finally:
            found.kill()
            time.sleep(0.5)  # its processes notice, and leave the folder


async def test_cr_08_what_was_acknowledged_survives_the_death_of_the_server(tmp_path: Path) -> None:
    with server() as postgresql:
        url = f"postgresql://club@127.0.0.1:{postgresql.port}/postgres"
        async with (
            Club(tmp_path / "club", url, seed=13) as club,
            aiohttp.ClientSession() as http,
            Gateways(club) as gateways,
        ):
            life = await gateways.start(0)
            members = Members(club, Line(club, http, Random(13)), Random(13))
            await members.open(8)
            left = list("ABCDEF" * 25)
            living = [asyncio.create_task(members.live(member, left)) for member in members.opened_with]
            await until_done(members, 20)
            postgresql.kill()
            await asyncio.sleep(1.0)
            assert not life.ended.done(), "the gateway outlives its database"
            assert not await answers(club.ports[0]), "without its database it is not ready"
            before = len(members.wishes)
            await asyncio.to_thread(postgresql.start)
            async with asyncio.timeout(BACK_SECONDS):
                await until_done(members, before + 10)
            await asyncio.gather(*living)
            async with asyncio.timeout(BACK_SECONDS):
                while (await undecided(club))[0]:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            assert members.line.statuses["no answer"] + members.line.statuses["POST 503"] > 0
            books = await read_books(club, members)
            assert list(verdict(books, members)) == []
            assert len(books.rows) >= len("ABCDEF" * 25)


async def until_done(members: Members, count: int) -> None:
    """Wait until so many were wished for."""
    while len(members.wishes) < count:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
