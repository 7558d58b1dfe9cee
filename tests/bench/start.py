"""Start to ready and memory of an idle API process, against a bare application of the same framework."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from config import migrate
from config.database import Database
from config.settings import DatabaseSettings
from tests.bench.measure import Result

ROUNDS = 3
TELL = (
    "    with open('/proc/self/status') as status:\n"
    "        print(next(line.split()[1] for line in status if line.startswith('VmRSS')), flush=True)\n"
)
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
        bare, ours = ([_start(code, folder)] for code in (BARE, OURS))
        for _ in range(ROUNDS):
            bare.append(_start(BARE, folder))
            ours.append(_start(OURS, folder))
    floor, own = (median(seconds for seconds, _ in runs[1:]) for runs in (bare, ours))
    return [
        Result(
            name="start to ready of an API process",
            floor_microseconds=floor * 1e6,
            ours_microseconds=own * 1e6,
            peer_microseconds=None,
            of_floor=floor / own,
            of_peer=None,
            goal=0.0,
            facts={"seconds": own, "MiB": median(mib for _, mib in ours), "MiB of floor": median(m for _, m in bare)},
            limits={"seconds": 2.0, "MiB": 150.0},
        )
    ]


async def _prepare(folder: Path) -> None:
    database = await Database.open(DatabaseSettings(url=f"sqlite:///{folder}/book.db"))
    await migrate.upgrade(database)
    await database.close()


def _start(code: str, folder: str) -> tuple[float, float]:
    """Start a process; answer the seconds until it is ready and its memory in MiB."""
    begin = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", code, folder], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        kibibytes = float(process.stdout.readline())
        return time.perf_counter() - begin, kibibytes / 1024
