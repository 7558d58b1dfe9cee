"""Start-up stops on what it does not know and on unsafe combinations (SE-09), and says which key it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ConfigurationError
from config.settings import Settings, load_settings, process_environment


def _load(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return load_settings(path, environ or {})


def test_nothing_given_is_a_loopback_gateway_on_an_embedded_database() -> None:
    settings = load_settings(environ={})
    assert settings == Settings()
    assert settings.http.host == "127.0.0.1"
    assert settings.database.url.startswith("sqlite:///")
    assert settings.partners.environment == "simulator"


def test_the_environment_wins_over_the_file_and_keeps_the_rest(tmp_path: Path) -> None:
    settings = _load(tmp_path, "[http]\nport = 9000\nhost = 'localhost'\n", {"GATEWAY__HTTP__PORT": "9001"})
    assert (settings.http.port, settings.http.host) == (9001, "localhost")


def test_the_file_named_by_the_environment_is_read(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("[logging]\nlevel = 'ERROR'\n")
    assert load_settings(environ={"GATEWAY_SETTINGS": str(tmp_path / "s.toml")}).logging.level == "ERROR"


def test_a_named_file_wins_over_the_environments(tmp_path: Path) -> None:
    settings = _load(tmp_path, "[logging]\nlevel = 'ERROR'\n", {"GATEWAY_SETTINGS": str(tmp_path / "absent.toml")})
    assert settings.logging.level == "ERROR"


def test_folders_and_files_are_paths(tmp_path: Path) -> None:
    environ = {"GATEWAY__FOLDERS__EXPORTS": "out", "GATEWAY__FOLDERS__ADAPTERS": '["mine", "/opt/more"]'}
    settings = _load(tmp_path, "[folders]\ndata = 'kept'\n[oauth]\nclients_file = 'clients.toml'\n", environ)
    assert (settings.folders.data, settings.folders.exports) == (Path("kept"), Path("out"))
    assert settings.folders.adapters == (Path("mine"), Path("/opt/more"))
    assert settings.oauth.clients_file == Path("clients.toml")


def test_lists_and_tables_come_from_the_environment_as_json() -> None:
    settings = load_settings(
        environ={
            "GATEWAY__REDEMPTION__RETRY_SCHEDULE_SECONDS": "[1, 2.5]",
            "GATEWAY__PARTNERS__BASE_URLS": '{"a-partner": "http://127.0.0.1:9"}',
            "GATEWAY__DATABASE__UPGRADE_ON_START": "false",
        }
    )
    assert list(settings.redemption.retry_schedule_seconds) == [1.0, 2.5]
    assert settings.partners.base_urls == {"a-partner": "http://127.0.0.1:9"}
    assert settings.database.upgrade_on_start is False


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[databse]\nurl = 'x'", "databse"),
        ("[http]\nprot = 1", "prot"),
        ("[http]\nport = 'many'", "http.port"),
        ("[http]\nport = 70000", "http.port"),
        ("[http]\ndebug = 'perhaps'", "http.debug"),
        ("[database]\npool_size = 0", "database.pool_size"),
        ("[logging]\nlevel = 'LOUD'", "logging.level"),
        ("[logging]\nformat = 'xml'", "logging.format"),
        ("[redemption]\nquote_seconds = 1.5", "redemption.quote_seconds"),
        ("http = 3", "http"),
        ("[folders]\ndata = 3", "folders.data"),
        ("[http", "not TOML"),
    ],
)
def test_a_wrong_file_stops_the_start_and_names_file_and_key(text: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, text)
    assert named in str(caught.value)
    assert "settings.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"GATEWAY__NOPE__KEY": "1"}, "nope"),
        ({"GATEWAY__HTTP__NOPE": "1"}, "nope"),
        ({"GATEWAY__HTTP": "1"}, "GATEWAY__HTTP"),
        ({"GATEWAY__HTTP__": "1"}, "GATEWAY__HTTP__"),
        ({"GATEWAY__HTTP__PORT": "eighty"}, "http.port"),
        ({"GATEWAY__REDEMPTION__RETRY_SCHEDULE_SECONDS": "[1,"}, "RETRY_SCHEDULE_SECONDS"),
        ({"GATEWAY_SETTINGS": "absent.toml"}, "absent.toml"),
    ],
)
def test_a_wrong_variable_stops_the_start_and_is_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        load_settings(environ=environ)


def test_a_variable_below_a_key_that_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="GATEWAY__HTTP__PORT"):
        _load(tmp_path, "http = 3", {"GATEWAY__HTTP__PORT": "1"})


OUTSIDE_ISSUER = {"GATEWAY__OAUTH__DEVELOPMENT_ISSUER": "false", "GATEWAY__OAUTH__JWKS_URL": "https://id.example/jwks"}


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"GATEWAY__HTTP__HOST": "0.0.0.0"}, "development_issuer"),
        ({"GATEWAY__HTTP__HOST": "gateway.example"}, "development_issuer"),
        ({"GATEWAY__HTTP__HOST": "0.0.0.0", "GATEWAY__HTTP__DEBUG": "true", **OUTSIDE_ISSUER}, "http.debug"),
        ({"GATEWAY__OAUTH__DEVELOPMENT_ISSUER": "false"}, "jwks_url"),
        ({"GATEWAY__FAULTS__CRASH_POINT": "taken_in", "GATEWAY__HTTP__HOST": "0.0.0.0"}, "crash_point"),
        ({"GATEWAY__FAULTS__CRASH_POINT": "taken_in", **OUTSIDE_ISSUER}, "crash_point"),
        (
            {"GATEWAY__PARTNERS__ENVIRONMENT": "live", "GATEWAY__PARTNERS__BASE_URLS": '{"a": "http://127.0.0.1:9"}'},
            "base_urls",
        ),
    ],
)
def test_unsafe_combinations_stop_the_start(environ: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        load_settings(environ=environ)


@pytest.mark.parametrize(
    "environ",
    [
        {"GATEWAY__HTTP__HOST": "0.0.0.0", **OUTSIDE_ISSUER},
        {"GATEWAY__HTTP__HOST": "::1", "GATEWAY__HTTP__DEBUG": "true"},
        OUTSIDE_ISSUER,
    ],
)
def test_safe_combinations_start(environ: dict[str, str]) -> None:
    assert isinstance(load_settings(environ=environ), Settings)


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWAY_SETTINGS", raising=False)
    monkeypatch.setenv("GATEWAY__HTTP__PORT", "9321")
    assert process_environment()["GATEWAY__HTTP__PORT"] == "9321"
    assert load_settings().http.port == 9321
