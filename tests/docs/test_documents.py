"""Documents are checked like code: every path and command in them exists, and the tour of the README runs."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from config.files import PACKAGED_FOLDER
from gateway.cli.main import root

PROJECT = Path(__file__).parents[2]
DOCUMENTS = sorted([PROJECT / "README.md", PROJECT / "ARCHITECTURE.md", *(PROJECT / "docs").glob("*.md")])
TOUR = re.compile(r"```bash tour\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"gateway ((?:[a-z]+ )?[a-z]+)(?=[ `\n])")
PATH = re.compile(r"`([a-z_.]+(?:/[a-z_.0-9*-]+)+/?)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
ADDRESS = re.compile(r"127\.0\.0\.1:(\d{4})")
PORTS = {"8080"} | {
    port
    for path in (PACKAGED_FOLDER / "partners").glob("*.toml")
    for port in ADDRESS.findall(path.read_text(encoding="utf-8"))
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_paths_and_links_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = [document.parent / link for link in LINK.findall(text)]
    assert [str(link) for link in links if not link.exists()] == []
    roots = tuple(path.name for path in PROJECT.iterdir())
    named = [path for path in PATH.findall(text) if path.startswith(tuple(f"{root}/" for root in roots))]
    missing = [path for path in named if not path.startswith("var/") and not list(PROJECT.glob(path.rstrip("/")))]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(document: Path) -> None:
    spans = re.findall(r"`gateway [^`]+`", document.read_text(encoding="utf-8"))
    commands = [found for span in spans for found in COMMAND.findall(span.replace("`", " "))]
    assert [command for command in commands if not _is_command(command.split())] == []


def _is_command(words: list[str]) -> bool:
    group: click.Command | None = root
    context = click.Context(root)
    for word in words:
        if not isinstance(group, click.Group):
            return True
        group = group.get_command(context, word)
        if group is None:
            return False
    return True


def test_the_readme_names_every_command() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    context = click.Context(root)
    assert [name for name in root.list_commands(context) if f"gateway {name}" not in text] == []


def test_the_tour_of_the_readme_runs(tmp_path: Path) -> None:
    ports = dict(zip(sorted(PORTS), _free_ports(len(PORTS)), strict=True))
    blocks = TOUR.findall((PROJECT / "README.md").read_text(encoding="utf-8"))
    assert len(blocks) >= 5
    script = _moved("\n".join(blocks), ports).replace(".venv/bin/gateway", f"{sys.executable} -m gateway")
    with _serving(tmp_path, ports) as environment:
        finished = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    told = finished.stdout + finished.stderr
    assert finished.returncode == 0, told
    assert re.search(r"member mbr_[0-9a-z]{26}", told)
    assert '"tier":"gold"' in told
    assert told.count('"state":"captured"') == 1
    assert told.count('"state":"consumed"') == 1
    assert "voucher_refused" in told
    assert re.search(r"\nunknown\n(.*\n)*captured\n", told), told
    assert "The ledger is as it must be." in told
    assert [port for port in ports.values() if _answers(port)] == []


@contextmanager
def _serving(folder: Path, ports: dict[str, int]) -> Iterator[dict[str, str]]:
    configuration = folder / "config"
    shutil.copytree(PACKAGED_FOLDER, configuration, ignore=lambda _, names: [n for n in names if n.endswith(".py")])
    for file in (configuration / "partners").glob("*.toml"):
        file.write_text(_moved(file.read_text(encoding="utf-8"), ports), encoding="utf-8")
    address = f"http://127.0.0.1:{ports['8080']}"
    environment = os.environ | {
        "GATEWAY__DATABASE__URL": f"sqlite:///{folder}/gateway.db",
        "GATEWAY__HTTP__PORT": str(ports["8080"]),
        "GATEWAY__HTTP__PUBLIC_URL": address,
        "GATEWAY__OAUTH__ISSUER": address,
        "GATEWAY__OAUTH__KEY_FILE": str(folder / "key.json"),
        "GATEWAY__FOLDERS__CONFIGURATION": str(configuration),
        "GATEWAY__FOLDERS__DATA": str(folder),
        "GATEWAY__FOLDERS__EXPORTS": str(folder / "exports"),
    }
    command = [sys.executable, "-m", "gateway", "serve", "--with-simulators"]
    with (
        (folder / "serve.log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            _await(ports["8080"], folder / "serve.log")
            yield environment
        finally:
            server.terminate()
            assert server.wait(30) == 0


def _await(port: int, log: Path) -> None:
    for _ in range(300):
        if _answers(port):
            return
        time.sleep(0.1)
    pytest.fail(log.read_text(encoding="utf-8"))


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _moved(text: str, ports: dict[str, int]) -> str:
    return ADDRESS.sub(lambda match: f"127.0.0.1:{ports[match[1]]}", text)


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    found = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return found
