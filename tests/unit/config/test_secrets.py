"""A secret leaves only through `reveal` (SE-02)."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from pathlib import Path

import msgspec
import pytest

from config.errors import ConfigurationError
from config.secrets import MASK, Secret, mask_known_secrets, resolve_secret

VALUE = "canary-secret-88"


def test_every_way_of_showing_gives_the_mask() -> None:
    secret = Secret(VALUE)
    assert {repr(secret), str(secret), f"{secret}", f"{secret!r:>20}".strip(), f"{secret:>20}", "%s" % secret} == {MASK}  # noqa: UP031
    assert VALUE not in repr([secret, {"k": secret}])
    assert secret.reveal() == VALUE


def test_json_refuses_it() -> None:
    with pytest.raises(TypeError):
        json.dumps({"k": Secret(VALUE)})
    with pytest.raises(TypeError):
        msgspec.json.encode({"k": Secret(VALUE)})


def test_copies_and_pickles_are_refused() -> None:
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not copied or pickled"):
            take(Secret(VALUE))


def test_a_traceback_does_not_show_it() -> None:
    secret = Secret(VALUE)
    try:
        raise RuntimeError(f"failed with {secret}")
    except RuntimeError as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert VALUE not in "".join(shown.format()).replace("canary-secret-88\n", "")


def test_it_has_no_dict_to_look_into() -> None:
    assert not hasattr(Secret(VALUE), "__dict__")


def test_equality_is_by_value_and_with_secrets_only() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret(VALUE + "x")
    assert Secret(VALUE) != VALUE
    assert len({Secret(VALUE), Secret(VALUE)}) == 1


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        Secret("")


def test_references(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("from-a-file\n\n")
    assert resolve_secret("env:KEY", {"KEY": "from-env"}).reveal() == "from-env"
    assert resolve_secret(f"file:{path}", {}).reveal() == "from-a-file"
    assert resolve_secret("simulator:open: it is public", {}).reveal() == "open: it is public"


@pytest.mark.parametrize(
    "reference",
    ["", "env:", "env:ABSENT", "env:EMPTY", "file:", "file:/nowhere/at/all", "simulator:", f"vault:{VALUE}", VALUE],
)
def test_a_wrong_reference_is_refused_without_repeating_it(reference: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolve_secret(reference, {"EMPTY": ""})
    assert VALUE not in str(caught.value)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="key"):
        resolve_secret(f"file:{path}", {})


def test_short_secrets_do_not_mask_half_of_every_text() -> None:
    resolve_secret("env:KEY", {"KEY": "abc"})
    resolve_secret("env:KEY", {"KEY": "abcdef-long"})
    assert mask_known_secrets("abc and abcdef-long") == f"abc and {MASK}"


def test_a_credential_that_is_no_secret_is_not_masked_in_logs() -> None:
    resolve_secret("simulator:club-at-a-lounge", {}, masked=False)
    resolve_secret("simulator:a-secret-of-a-lounge", {})
    assert mask_known_secrets("club-at-a-lounge a-secret-of-a-lounge") == f"club-at-a-lounge {MASK}"
