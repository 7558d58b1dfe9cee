"""Secrets that cannot be printed by accident, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Never

from config.errors import ConfigurationError

MASK = "[secret]"
_SHORTEST_MASKED = 6
_known: set[str] = set()


class Secret:
    """A value that leaves only through `reveal`; every other way of showing it gives the mask."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Take the value in; an empty one is refused, so that no check against it can ever pass."""
        if not value:
            raise ConfigurationError("A secret is empty; give it a value or leave the whole credential out.")
        self._value = value

    def reveal(self) -> str:
        """Give the value, at the place of use and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        """Show the mask."""
        return MASK

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        """Show the mask in f-strings too."""
        return MASK

    def __reduce__(self) -> Never:
        """Refuse pickling and copying."""
        raise TypeError("a Secret is not copied or pickled")

    def __eq__(self, other: object) -> bool:
        """Compare by value; used by configuration checks, not for authenticating anybody."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        """Hash by value."""
        return hash(self._value)


def resolve_secret(reference: str, environ: Mapping[str, str], *, masked: bool = True) -> Secret:
    """Read the secret that a reference names.

    Args:
        reference: ``env:NAME`` (an environment variable), ``file:/path`` (its content without the last newline)
            or ``simulator:TEXT`` (a published throw-away value for simulators; refused for live partners by
            the caller).
        environ: the process environment.
        masked: mask the value wherever it stands in a log; False for what is no secret, such as a client's id.

    Raises:
        ConfigurationError: the reference has no known scheme, or what it names is absent or empty.
    """
    secret = _resolve(reference, environ)
    if masked and len(secret.reveal()) >= _SHORTEST_MASKED:
        _known.add(secret.reveal())
    return secret


def mask_known_secrets(text: str) -> str:
    """Mask every secret that this process has resolved wherever it stands in a text (an exception's words, a body).

    Secrets shorter than six characters are left, or half of every text would be masked.
    """
    for value in _known:
        if value in text:
            text = text.replace(value, MASK)
    return text


def _resolve(reference: str, environ: Mapping[str, str]) -> Secret:
    scheme, _, rest = reference.partition(":")
    if scheme == "env" and rest:
        if not environ.get(rest):
            raise ConfigurationError(f"The environment variable {rest} is not set; a credential refers to it.")
        return Secret(environ[rest])
    if scheme == "file" and rest:
        try:
            return Secret(Path(rest).read_text(encoding="utf-8").rstrip("\n"))
        except OSError as error:
            raise ConfigurationError(f"The secret file {rest} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError:
            raise ConfigurationError(f"The secret file {rest} is not text in UTF-8.") from None
    if scheme == "simulator" and rest:
        return Secret(rest)
    raise ConfigurationError("A secret is given as env:NAME, file:/path or simulator:TEXT, never as the value itself.")
