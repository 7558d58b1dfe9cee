"""Packages that are not ours are loaded in a child process first: one that ends its process ends that one.

``python -m adapters.sdk.probation`` says what it begins and what it has behind it; whoever reads it knows what was
under way when it ended. Nothing of a partner is needed: each ``create`` is called without options and with throw-away
secrets, and what it raises is no matter here.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

import click

from adapters.sdk import registry
from adapters.sdk.context import open_context
from adapters.sdk.errors import TooSlowError
from adapters.sdk.registry import AdapterPackage
from config.clock import SystemClock
from config.secrets import Secret

REMEMBERED = "loaded-without-harm"
"""How the file is called in a data folder that keeps what was loaded before; see `deaths`."""
SECONDS_EACH = 2 * registry.IMPORT_SECONDS + 5.0
"""How long one package may hold the child up, import and create together."""


def deaths(folders: Sequence[Path], remembered: Path | None = None) -> dict[str, str]:
    """Load every package that is not ours in a child process, and name those that end it or take too long.

    Args:
        folders: with packages that are not ours.
        remembered: a file that keeps what was loaded without harm. As long as no file of the packages changes, and
            the interpreter is the same, a process that starts again need not try them again.

    Answers:
        what to say of each. They are not to be loaded again; whatever else a package does is seen when it is loaded.
    """
    looks = _looks(folders)
    if remembered is not None and remembered.is_file() and remembered.read_bytes() == looks.encode():
        return {}
    found = _deaths(folders)
    if remembered is not None and not found and _outside(folders):
        # A folder that cannot be written costs the next start its second; it must not refuse this one.
        with contextlib.suppress(OSError):
            remembered.parent.mkdir(parents=True, exist_ok=True)
            made = remembered.with_name(f"{remembered.name}.{os.getpid()}")
            made.write_bytes(looks.encode())
            made.replace(remembered)
    return found


def _outside(folders: Sequence[Path]) -> int:
    """Count the packages that are not ours."""
    return sum(len(list(root.glob("*/manifest.toml"))) for root in folders) + len(entry_points(group=registry.GROUP))


def _looks(folders: Sequence[Path]) -> str:
    """Hash what would tell that a package is another one: names, sizes and times of files, installed versions."""
    told = [
        sys.version,
        *(f"{each.value} {each.dist and each.dist.version}" for each in entry_points(group=registry.GROUP)),
    ]
    for root in folders:
        for file in sorted(each for each in root.rglob("*") if each.suffix != ".pyc" and each.is_file()):
            kept = file.stat()
            told.append(f"{file} {kept.st_size} {kept.st_mtime_ns}")
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _deaths(folders: Sequence[Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    seen: list[str] = []
    outside = _outside(folders)
    for _ in range(outside):
        told, end = _one_child(folders, seen, SECONDS_EACH * outside)
        for words in told:
            match words:
                case ["end"]:
                    return found
                case ["slow", name, reason]:
                    found[name] = f"{name}: {reason}"
                case ["begin", name]:
                    seen.append(name)
        if not told or not seen:
            return found
        found[seen[-1]] = f"{seen[-1]}: {end}; mend the package: it must neither end its process nor hold it up."
    return found


def _one_child(folders: Sequence[Path], skipped: Sequence[str], seconds: float) -> tuple[list[list[str]], str]:
    """Run one child; answer what it said, word by word, and how it ended."""
    words = [sys.executable, "-m", "adapters.sdk.probation", "--seconds", str(registry.IMPORT_SECONDS)]
    words += [word for each in folders for word in ("--folder", str(each.resolve()))]
    words += [word for each in skipped for word in ("--skip", each)]
    quiet = subprocess.DEVNULL
    try:
        ended = subprocess.run(words, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, timeout=seconds, check=False)
        said, end = ended.stdout, f"loading it ended the process with {ended.returncode}"
    except subprocess.TimeoutExpired as error:
        said, end = error.stdout or b"", "loading it held the process up"
    lines = said.decode(errors="replace").splitlines()
    return [line.split(" ", 3)[1:] for line in lines if line.startswith("probation ")], end


@click.command()
@click.option("--folder", "folders", multiple=True, type=click.Path(path_type=Path))
@click.option("--skip", "skipped", multiple=True)
@click.option("--seconds", type=float, required=True, help="How long an import may take.")
def probe(folders: tuple[Path, ...], skipped: tuple[str, ...], seconds: float) -> None:
    """Load every package that is not ours and say so line by line."""
    registry.IMPORT_SECONDS = seconds
    ours = {name for name, _ in registry.candidates()} - {point.name for point in entry_points(group=registry.GROUP)}
    for name, load in registry.candidates(folders):
        if name in ours or name in skipped:
            continue
        _say(f"begin {name}")
        try:
            _make(load())
        except TooSlowError as error:
            _say(f"slow {name} {error.message}")
        except BaseException as error:  # noqa: BLE001 - what it raises is told by whoever loads it in earnest
            _say(f"raised {name} {type(error).__name__}")
    _say("end")
    os._exit(0)


def _make(package: AdapterPackage) -> None:
    """Call ``create`` as far as that goes without a partner."""

    async def work() -> None:
        context = open_context(
            partner="probation",
            manifest=package.manifest,
            base_url="http://127.0.0.1:9",
            credentials={name: Secret("probation") for name in package.manifest.credentials},
            options={},
            clock=SystemClock(),
        )
        try:
            registry.in_time(lambda: package.create(context), "making it")
        finally:
            await context.client.aclose()

    asyncio.run(work())


def _say(text: str) -> None:
    os.write(1, f"probation {text}\n".encode())


if __name__ == "__main__":
    probe()
