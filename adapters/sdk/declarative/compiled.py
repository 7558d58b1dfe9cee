"""A mapping that was found right, ready to be used: parsed templates, flat echoes, response tables. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from adapters.sdk.capabilities import Step
from adapters.sdk.declarative.model import MappingFile
from adapters.sdk.declarative.templates import Template
from adapters.sdk.outcomes import LookUpAnswer, ResponseTable

Hook = Callable[..., Any]

Tree = Template | str | int | bool | dict[str, Any] | list[Any]
"""A body: tables and lists with templates at the leaves."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """How a call is made."""

    operation: str
    method: str
    path: Template
    query: tuple[tuple[str, Template], ...]
    headers: tuple[tuple[str, Template], ...]
    body: Tree | None
    encoding: str
    prepare: Hook | None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How its answer is read; see `adapters.sdk.declarative.model.Exchange`."""

    table: ResponseTable
    means: Mapping[tuple[int, str | None], LookUpAnswer]
    code: str
    error_code: str
    identity: Mapping[str, str]
    error_identity: Mapping[str, str]
    echo: Mapping[str, str]
    reference: str
    carry: Mapping[str, str]
    judge: Hook | None


class Call(msgspec.Struct, frozen=True):
    """A call with its reading."""

    request: Request
    reading: Reading


class CompiledMapping(msgspec.Struct, frozen=True, kw_only=True):
    """The file and what became of it; ``calls`` by operation: ``quote_offers``, ``look_up``, ..., or a step's name."""

    file: MappingFile
    steps: tuple[Step, ...]
    calls: Mapping[str, Call]
    webhook_scheme: str
