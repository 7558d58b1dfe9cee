"""Start to ready and memory of an idle API process, against a bare application of the same framework."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from config import migrate
from config.database import Database
from config.settings import DatabaseSettings
from tests.bench.measure import Result

ROUNDS = 3
TELL = (
    "    with open('/proc/self/status') as status:\n"
    "        kibibytes = next(line.split()[1] for line in status if line.startswith('VmRSS'))\n"
    "    import time\n"
    "    print(kibibytes, time.process_time(), flush=True)\n"
)


class Start(NamedTuple):
    """One start: seconds by the wall and by the processor until it was ready, and its memory."""

    seconds: float
    processor: float
    mebibytes: float


BARE = (
    "import asyncio\n"
    "from litestar import Litestar, get\n"
    "@get('/')\n"
    "async def root() -> dict[str, str]:\n"
    "    return {}\n"
    "async def run():\n"
    "    Litestar([root])\n" + TELL + "asyncio.run(run())\n"
)
OURS = (
    "import asyncio, sys\n"
    "from pathlib import Path\n"
    "from config.clock import SystemClock\n"
    "from config.settings import DatabaseSettings, FolderSettings, OAuthSettings, Settings\n"
    "from gateway.app import create_app\n"
    "from gateway.wiring import open_gateway\n"
    "async def run():\n"
    "    folder = Path(sys.argv[1])\n"
    "    settings = Settings(database=DatabaseSettings(url=f'sqlite:///{folder}/book.db'),\n"
    "        oauth=OAuthSettings(key_file=folder / 'key.json'), folders=FolderSettings(data=folder, exports=folder))\n"
    "    gateway = await open_gateway(settings, SystemClock(), environ={})\n"
    "    app = create_app(gateway, workers=True)\n"
    "    async with app.lifespan():\n"
    "    " + TELL.replace("\n    ", "\n        ") + "    await gateway.close()\n"
    "asyncio.run(run())\n"
)


def results() -> list[Result]:
    """Measure the row: a new process each, on a migrated database; the first start of each is not counted."""
    with TemporaryDirectory(prefix="bench-start-") as folder:
        asyncio.run(_prepare(Path(folder)))
        bare, ours = ([_start(code, Path(folder))] for code in (BARE, OURS))
        for _ in range(ROUNDS):
            bare.append(_start(BARE, Path(folder)))
            ours.append(_start(OURS, Path(folder)))
    floor, own = (median(run.seconds for run in runs[1:]) for runs in (bare, ours))
    return [
        Result(
            name="start to ready of an API process",
            floor_microseconds=floor * 1e6,
            ours_microseconds=own * 1e6,
            peer_microseconds=None,
            of_floor=floor / own,
            of_peer=None,
            goal=0.0,
            facts={
                "seconds": own,
                "cpu seconds": median(run.processor for run in ours[1:]),
                "MiB": median(run.mebibytes for run in ours),
                "MiB of floor": median(run.mebibytes for run in bare),
            },
            limits={"seconds": 2.0, "MiB": 150.0},
        )
    ]


async def _prepare(folder: Path) -> None:
    database = await Database.open(DatabaseSettings(url=f"sqlite:///{folder}/book.db"))
    await migrate.upgrade(database)
    await database.close()


def _start(code: str, folder: Path) -> Start:
    """Start a process with compiled modules, as an installed one has them."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    begin = time.perf_counter()
    command = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        kibibytes, processor = process.stdout.readline().split()
        return Start(time.perf_counter() - begin, float(processor), float(kibibytes) / 1024)
