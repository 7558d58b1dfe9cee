"""The root of every error the gateway raises on purpose.

    GatewayError
    |-- ConfigurationError        start-up only: an operator mends a file or a setting
    |-- RequestError              the caller can mend it
    |   |-- MalformedError        the input is not of the shape asked for
    |   |-- RuleError             the input is well formed and breaks a rule
    |   |-- NotFoundError         no such thing, or not the caller's
    |   `-- ConflictError         the thing is not in a state that allows this
    `-- UnavailableError          nothing was changed; trying again later may work
        `-- DatabaseError         the database did not take it

Each package grows its own branches below these in its own ``errors.py``. Every class has a stable ``code``;
``gateway.problems`` maps each code to one problem document, and a test proves the map total.
"""

from __future__ import annotations

from typing import ClassVar


class GatewayError(Exception):
    """Anything the gateway refuses or cannot do, in words meant for the person who caused it.

    The message never holds a secret or a personal field: it is logged and may be answered as it is.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, **facts: str | int | None) -> None:
        """Keep the message and the facts that a log line or a problem document may show beside it."""
        super().__init__(message)
        self.message = message
        self.facts = facts


class ConfigurationError(GatewayError):
    """A file or setting that stops start-up; the message names the file and key and says what to do."""

    code = "configuration"


class RequestError(GatewayError):
    """The caller can mend it."""

    code = "request"


class MalformedError(RequestError):
    """The input cannot be read as what was asked for (400)."""

    code = "malformed"


class RuleError(RequestError):
    """The input is well formed and breaks a rule (422)."""

    code = "rule"


class NotFoundError(RequestError):
    """No such thing, or it belongs to somebody else: the two are never told apart (404)."""

    code = "not_found"


class ConflictError(RequestError):
    """The thing exists and its state does not allow this (409)."""

    code = "conflict"


class UnavailableError(GatewayError):
    """Nothing was changed; the same call later may work (503)."""

    code = "unavailable"


class DatabaseError(UnavailableError):
    """The database is locked, full, gone or refused the statement; the transaction was rolled back whole."""

    code = "database"
