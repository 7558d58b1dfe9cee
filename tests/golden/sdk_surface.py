"""Writes down the SDK's public surface: ``python -m tests.golden.sdk_surface > tests/golden/sdk_surface.txt``."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from enum import Enum
from types import ModuleType
from typing import Any

import msgspec

from adapters.sdk.manifest import API_VERSION
from adapters.sdk.surface import BESIDE, PUBLIC


def surface() -> list[str]:
    """One line for each public name, its signature or fields with it."""
    lines = [f"api_version {API_VERSION}"]
    for name in sorted(PUBLIC):
        lines += sorted(_names(importlib.import_module(f"adapters.sdk.{name}")))
    return lines + [f"beside {name}" for name in BESIDE]


def _names(module: ModuleType) -> Iterator[str]:
    exported = getattr(module, "__all__", None)
    assigned = _assigned(module)
    for name, value in vars(module).items():
        if name.startswith("_") or name == "log" or isinstance(value, ModuleType):
            continue
        here = getattr(value, "__module__", None) == module.__name__
        constant = name in assigned and not isinstance(value, type)
        if name in exported if exported is not None else (here or constant):
            yield from _told(f"{module.__name__}.{name}", value)


def _assigned(module: ModuleType) -> set[str]:
    """The names that a module gives a value of its own."""
    targets: list[ast.expr] = []
    for node in ast.parse(inspect.getsource(module)).body:
        targets += node.targets if isinstance(node, ast.Assign) else []
        targets += [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _told(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, type) and issubclass(value, Enum):
        yield f"{name} = {' | '.join(str(member.value) for member in value)}"
    elif isinstance(value, type) and issubclass(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        yield f"{name} {{{', '.join(field.name + ('' if field.required else '?') for field in fields)}}}"
    elif isinstance(value, type):
        yield name
        for method, made in vars(value).items():
            if not method.startswith("_") and callable(made):
                yield f"{name}.{method}{_signature(made)}"
    elif inspect.isfunction(value):
        yield f"{name}{_signature(value)}"
    else:
        yield name


def _signature(value: Any) -> str:
    names = []
    for parameter in inspect.signature(value).parameters.values():
        mark = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(parameter.kind.name, "")
        given = "" if parameter.default is inspect.Parameter.empty else "?"
        names.append(f"{mark}{parameter.name}{given}")
    return f"({', '.join(names)})"


if __name__ == "__main__":
    sys.stdout.write("\n".join(surface()) + "\n")
