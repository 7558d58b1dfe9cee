"""An answer made into a fixture: the fields on a list keep their values, every other one a placeholder of its type."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.testing.showing import mask_of
from adapters.sdk.testing.trial import Trial
from config.errors import ConfigurationError
from config.redaction import redact_text

SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)"), "2000-01-01T00:00:00Z"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?"), "2000-01-01T00:00:00"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "2000-01-01"),
    (re.compile(r"-?\d+\.\d+"), "0.00"),
    (re.compile(r"\d+"), "0"),
    (re.compile(r"[A-Z]{3}"), "XXX"),
    (re.compile(r"https?://\S*"), "https://partner.example/"),
    (re.compile(r"/\S*"), "/path"),
    (re.compile(r"[^\s@]+@[^\s@]+"), "person@mail.example"),
)
"""What a text looks like, and what stands for it: most particular first."""
FIELD = re.compile(r"[A-Za-z_][\w.-]{0,63}", re.ASCII)
OUTCOME_FIELDS = ("outcome", "answer", "code")


def fixture(trial: Trial, allowed: Collection[str], *, source: str) -> dict[str, Any]:
    """Make the fixture of a trial's last call.

    Args:
        trial: what was tried.
        allowed: names of the fields whose values are kept.
        source: where it comes from, with the day.

    Raises:
        ConfigurationError: a personal or secret field is on the list, there was no answer, or it is not JSON.
    """
    hidden = [name for name in allowed if mask_of(name) is not None]
    if hidden:
        raise ConfigurationError(f"{', '.join(hidden)}: what is secret or personal is never recorded; take it out.")
    if not trial.made or not isinstance(trial.made[-1].answer, PartnerAnswer):
        raise ConfigurationError(f"{trial.operation} got no answer that could be recorded.")
    call, answer = trial.made[-1].call, trial.made[-1].answer
    try:
        body = json.loads(answer.body) if answer.body else None
    except ValueError as error:
        raise ConfigurationError("The answer is not JSON; write this condition down by hand.") from error
    told = {name: getattr(trial.result, name) for name in OUTCOME_FIELDS if hasattr(trial.result, name)}
    expect = {name: redact_text(value) if isinstance(value, str) else value for name, value in told.items()}
    return {
        "source": source,
        "operation": call.operation,
        "status": answer.status,
        "expect": expect,
        "body": _replaced("", body, frozenset(allowed), trial.key),
    }


def _replaced(name: str, value: Any, allowed: frozenset[str], key: str) -> Any:
    if isinstance(value, dict):
        keyed = {
            field if FIELD.fullmatch(field) else f"field{n}": item for n, (field, item) in enumerate(value.items())
        }
        return {field: _replaced(field, item, allowed, key) for field, item in keyed.items()}
    if isinstance(value, list):
        return [_replaced(name, item, allowed, key) for item in value]
    if isinstance(value, str) and key and value == key:
        return "{key}"
    if name in allowed and (not isinstance(value, str) or redact_text(value) == value):
        return value
    return placeholder(value)


def placeholder(value: Any) -> Any:
    """Answer what stands for a value: of the same type and, for a text, of the same shape."""
    if isinstance(value, str):
        return next((stand for shape, stand in SHAPES if shape.fullmatch(value)), "text")
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return 0
    return 0.0 if isinstance(value, float) else None
