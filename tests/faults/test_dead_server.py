"""CR-08: a PostgreSQL server of our own is killed while members redeem, and started again."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
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
        """Start it and wait until it answers."""
        log = (self.folder.parent / "server.log").open("ab")
        words = ["-D", str(self.folder), "-p", str(self.port), "-k", "", "-c", "listen_addresses=127.0.0.1"]
        with log:
            self._process = subprocess.Popen(
                [str(self.programs / "postgres"), *words],
                stdout=log,
                stderr=log,
                user=self.user,
                start_new_session=True,
            )
        for _ in range(200):
            ready = [str(self.programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
            if subprocess.run(ready, check=False).returncode == 0:
                return
            assert self._process.poll() is None, "the server ended"
            signal.sigtimedwait([], 0.1)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        """Kill the server and everything of it."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Make a cluster; it does not start as root, so its files go to the packages' own user then."""
    programs = binaries()
    if programs is None:
        pytest.skip("NO POSTGRESQL PROGRAMS (initdb): the server to be killed is one of our own")
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        try:
            account = pwd.getpwnam(user)
        except KeyError:
            pytest.skip("NO USER postgres: PostgreSQL does not start as root")
        os.chown(folder, account.pw_uid, account.pw_gid)
        for parent in folder.parents:
            if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
    data = folder / "data"
    words = ["-D", str(data), "-A", "trust", "-U", "club", "-E", "UTF8", "--no-sync"]
    subprocess.run([str(programs / "initdb"), *words], check=True, capture_output=True, user=user, cwd=folder)
    found = Server(programs, data, free_port(), user)
    found.start()
    try:
        yield found
    finally:
        found.kill()


async def test_cr_08_what_was_acknowledged_survives_the_death_of_the_server(tmp_path: Path) -> None:
    home = tmp_path / "server"
    home.mkdir()
    with server(home) as postgresql:
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
            postgresql.start()
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
