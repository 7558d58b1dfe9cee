"""``python -m tests.campaign.nursery``: starts the gateway's commands by fork from a process that imported everything.

A gateway that was killed is thereby back in a fraction of a second, and a campaign can kill hundreds. What is forked is
a process of its own that runs the command from its first line; nothing is opened before the fork.

Speaks lines of JSON: ``{"start": name, "arguments": [...], "environment": {...}, "log": path}`` is answered
``{"started": name, "pid": n}``, and later ``{"ended": name, "status": exit code, negative for a signal}``.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from adapters.sdk.registry import discover
from gateway.cli import serve
from gateway.cli.main import run
from gateway.cli.settlement import commands

IMPORTED = (serve, commands, discover())
"""Everything that a gateway or a night needs, imported before the fork."""


def main() -> None:
    """Serve requests until standard input ends; then everything that was started is killed."""
    wake, awaken = os.pipe()
    os.set_blocking(awaken, False)
    signal.set_wakeup_fd(awaken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, str] = {}
    waiting = b""
    while True:
        ready, _, _ = select.select([0, wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            _reap(running)
        if 0 not in ready:
            continue
        got = os.read(0, 65_536)
        if not got:
            break
        *lines, waiting = (waiting + got).split(b"\n")
        for line in lines:
            asked = json.loads(line)
            pid = os.fork()
            if pid == 0:
                _be_gateway(asked, (wake, awaken))
            running[pid] = asked["start"]
            _tell({"started": asked["start"], "pid": pid})
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _reap(running: dict[int, str]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        name = running.pop(pid)
        _tell({"ended": name, "status": os.waitstatus_to_exitcode(status)})


def _be_gateway(asked: dict[str, Any], pipes: tuple[int, int]) -> None:
    """Become the gateway: its own signals, its log as output, its settings as environment; never returns."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(Path(asked["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        for pipe in pipes:
            os.close(pipe)
        random.seed()
        os.environ.update(asked["environment"])
        os._exit(run(asked["arguments"]))
    except BaseException:  # noqa: BLE001 - a fork must never go on in its parent's loop
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(70)


def _tell(message: dict[str, Any]) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
