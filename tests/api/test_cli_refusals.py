"""What an operator gets wrong is told in one line that says what to do: no traceback, no password, nothing touched."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gateway.cli.main import run

MEMBER = "mbr_01jd3q5v8k4m6n7p8q9r0s1t2v"


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database and a key of the test's own; logging as other tests have it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY__DATABASE__URL", f"sqlite:///{tmp_path}/gateway.db")
    monkeypatch.setenv("GATEWAY__OAUTH__KEY_FILE", str(tmp_path / "key.json"))
    monkeypatch.setattr("gateway.cli.context.configure_logging", lambda _settings: None)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> str:
    """Run a command that is refused, and answer the one line it says."""
    capsys.readouterr()
    assert run(list(arguments)) == code
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = [line for line in said.err.splitlines() if not line.startswith(("Usage:", "Try ")) and line]
    assert line.startswith("Error: ")
    return line


@pytest.mark.parametrize("arguments", [("audit",), ("config", "check"), ("serve", "--port", "0")], ids=" ".join)
@pytest.mark.parametrize("url", ["rubbish", "postgresql://who:hush@host:port/name", "mysql://who:hush@host/name"])
def test_an_address_of_no_database(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("GATEWAY__DATABASE__URL", url)
    said = refused(capsys, *arguments, code=2)
    assert "database.url" in said
    assert "hush" not in said


def test_a_database_that_does_not_answer_is_named_without_its_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        monkeypatch.setenv("GATEWAY__DATABASE__URL", f"postgresql://who:hush@127.0.0.1:{port}/name")
        said = refused(capsys, "audit", code=1)
    assert f"who:***@127.0.0.1:{port}/name" in said
    assert "database.url" in said


def test_a_file_that_is_no_database(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_text("a letter to somebody\n" * 100)
    assert f"{tmp_path}/gateway.db" in refused(capsys, "audit", code=1)
    assert (tmp_path / "gateway.db").read_text() == "a letter to somebody\n" * 100


@pytest.mark.parametrize(
    "arguments",
    [
        ("audit",),
        ("member", "show", MEMBER),
        ("programme", "jobs"),
        ("tier", "reviews"),
        ("tier", "settle"),
        ("voucher", "expire"),
        ("catalogue", "history"),
        ("rates", "show", "USD", "CNY"),
    ],
    ids=" ".join,
)
def test_a_database_without_a_schema(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert "gateway db upgrade" in refused(capsys, *arguments, code=2)


def test_files_and_folders_that_are_not_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "--settings" in refused(capsys, "--settings", "absent.toml", "audit", code=2)
    monkeypatch.setenv("GATEWAY__FOLDERS__CONFIGURATION", "nowhere")
    assert "nowhere/programme.toml cannot be read: No such file" in refused(capsys, "config", "check", code=2)


def test_a_port_that_is_in_use(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refused(capsys, "serve", "--port", str(port), code=1)
    assert f"port {port}" in said
    assert "--port" in said
    assert not (tmp_path / "gateway.db").exists()


def test_the_development_issuer_is_not_served_to_everybody(capsys: pytest.CaptureFixture[str]) -> None:
    assert "development_issuer" in refused(capsys, "serve", "--host", "0.0.0.0", "--port", "0", code=2)


def test_a_day_is_needed_to_judge_a_visit(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--on" in refused(capsys, "lounge", "check", "PVG", "PVG-T2", code=2)


def test_the_demo_empties_no_folder_of_somebody_elses(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter").write_text("kept")
    (mine / "settings.toml").write_text("[http]\nport = 1\n")
    assert run(["demo", "--folder", str(mine)]) == 1
    assert "name another --folder" in capsys.readouterr().err
    assert (mine / "letter").read_text() == "kept"
    assert run(["demo", "--folder", str(mine / "letter")]) == 1
