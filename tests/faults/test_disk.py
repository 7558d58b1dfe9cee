"""The disk fails under a writing process: system calls are made to fail by strace, and their order is read from it."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from config.database import Database
from config.settings import DatabaseSettings
from tests.integration.test_group_commit import MARKS

ROOT = Path(__file__).parents[2]
WRITER = """
import asyncio, sys
from config.database import Database
from config.errors import DatabaseError
from config.settings import DatabaseSettings
from tests.integration.test_group_commit import mark, marks

async def one(database, number):
    try:
        await database.write(mark(number), short=number % 3 > 0)
    except DatabaseError as error:
        print("refused", number, type(error).__name__, error.message, flush=True)
    else:
        print("acknowledged", number, flush=True)

async def main():
    database = await Database.open(DatabaseSettings(url=sys.argv[1]))
    print("opened", flush=True)
    at_once = int(sys.argv[2])
    for begin in range(1, 400, at_once):
        await asyncio.gather(*(one(database, begin + number) for number in range(at_once)))
    print("readable", len(await database.read(marks)), flush=True)
    await database.close()

asyncio.run(main())
"""
SYNCS = "fsync,fdatasync"
WRITES = "pwrite64,pwritev"
CALL = re.compile(r"(\w+)\((\d+)(?:<([^>]*)>)?(.*)")


@pytest.fixture
def strace() -> str:
    found = shutil.which("strace")
    if found is None:
        pytest.skip("NO STRACE: a disk that fails is played by it")
    tried = subprocess.run([found, "-o", "/dev/null", "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"STRACE MAY NOT TRACE HERE: {tried.stderr.decode()[:80]}")
    return found


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """An empty database with the table that is written to."""
    path = tmp_path / "marks.db"
    database = await Database.open(DatabaseSettings(url=f"sqlite:///{path}"))
    await database.write(MARKS.create)
    await database.close()
    return path


def write_under(strace: str, path: Path, *options: str, at_once: int = 8) -> tuple[list[str], str]:
    """Run the writer; answer what it said and the trace."""
    trace = path.parent / "trace"
    command = [strace, "-f", "-y", "-s", "64", "-o", str(trace), *options]
    command += [sys.executable, "-c", WRITER, f"sqlite:///{path}", str(at_once)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    assert "opened" in finished.stdout, finished.stderr[-2_000:]
    (path.parent / "log").write_text(finished.stderr, encoding="utf-8")
    return finished.stdout.splitlines(), trace.read_text(encoding="utf-8", errors="replace")


def logged(path: Path, event: str) -> int:
    """Count the lines of the writer's log that tell of an event."""
    return (path.parent / "log").read_text(encoding="utf-8").count(event)


def numbers(said: list[str], what: str) -> list[int]:
    return [int(line.split()[1]) for line in said if line.startswith(f"{what} ")]


def kept(path: Path) -> set[int]:
    """Read what a process that starts now finds; the file itself is whole."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {row[0] for row in connection.execute("SELECT id FROM marks")}


def happenings(trace: str) -> Iterator[tuple[str, str]]:
    """Answer in order what was done to the log of the database, and each acknowledgement."""
    for line in trace.splitlines():
        found = CALL.search(line)
        if found is None:
            continue
        call, _, file, rest = found.groups()
        if (file or "").endswith("-wal"):
            yield ("sync" if call in SYNCS.split(",") else "write"), line
        elif call == "write" and "acknowledged" in rest:
            yield "acknowledged", line


def test_cr_09_what_is_acknowledged_was_synced_before(strace: str, path: Path) -> None:
    """Power may fail at any time: no acknowledgement leaves while anything it tells of is not on the disk yet."""
    said, trace = write_under(strace, path, "-e", f"trace={SYNCS},{WRITES},write", at_once=1)
    assert len(numbers(said, "acknowledged")) == 399
    unsynced, acknowledged, syncs = False, 0, 0
    for what, line in happenings(trace):
        if what == "acknowledged":
            acknowledged += line.count("acknowledged")
        unsynced = {"write": True, "sync": False}.get(what, unsynced)
        syncs += what == "sync"
        assert not (what == "acknowledged" and unsynced), line
    assert acknowledged == 399
    assert syncs >= 399


def test_cr_10_a_disk_that_answers_eio_stops_the_writing_and_reads_go_on(strace: str, path: Path) -> None:
    said, trace = write_under(strace, path, "-e", f"trace={SYNCS}", "-e", f"inject={SYNCS}:error=EIO:when=20+")
    assert "EIO" in trace
    acknowledged, refused = numbers(said, "acknowledged"), numbers(said, "refused")
    assert acknowledged
    assert refused
    assert max(acknowledged) < max(refused)
    first = next(index for index, line in enumerate(said) if line.startswith("refused"))
    assert not [line for line in said[first + 8 :] if line.startswith("acknowledged")], "writing goes on"
    assert all("DatabaseStoppedError" in line for line in said if line.startswith("refused"))
    assert said[-1].startswith("readable")
    assert set(acknowledged) <= kept(path)
    assert logged(path, "database.disk_failed") == 1


def test_cr_11_a_full_disk_refuses_until_there_is_room_and_writes_nothing_by_halves(strace: str, path: Path) -> None:
    options = ("-e", f"trace={WRITES}", "-e", f"inject={WRITES}:error=ENOSPC:when=60..75")
    said, trace = write_under(strace, path, *options)
    assert "ENOSPC" in trace
    acknowledged, refused = numbers(said, "acknowledged"), numbers(said, "refused")
    assert refused
    assert max(acknowledged) > max(refused), "there is room again, and nothing is written"
    assert said[-1] == f"readable {len(acknowledged)}"
    assert kept(path) == set(acknowledged)
    assert (logged(path, "database.disk_full"), logged(path, "database.disk_failed")) == (1, 0)
