"""A source tree read once: every module with its syntax tree, imports and names. The rules are functions of it."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOMS = ("config", "catalogue", "adapters", "settlement", "gateway")
"""The five packages, lowest first."""

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Violation:
    """One broken rule, with what a person needs to find and mend it."""

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: [{self.rule}] {self.what}"


@dataclass(frozen=True)
class Import:
    """One imported name, absolute: the module if the tree has it, else module or module.attribute as written."""

    target: str
    line: int
    local: bool


@dataclass
class Module:
    """One Python file."""

    name: str
    path: Path
    text: str
    is_package: bool
    tree: ast.Module = field(repr=False)

    @cached_property
    def bound(self) -> dict[str, str]:
        """What each name bound by an import stands for: ``{"dt": "datetime", "now": "config.clock.now"}``."""
        names: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    head = alias.name.partition(".")[0]
                    names[alias.asname or head] = alias.name if alias.asname else head
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{self.base_of(node)}.{alias.name}"
        return names

    def base_of(self, node: ast.ImportFrom) -> str:
        """Answer the absolute module that a ``from`` import names, relative ones included."""
        if node.level == 0:
            return node.module or ""
        parts = self.name.split(".")
        parts = parts[: len(parts) - node.level + (1 if self.is_package else 0)]
        return ".".join([*parts, *([node.module] if node.module else [])])

    def dotted(self, node: ast.expr) -> str | None:
        """Answer the full name of an expression such as ``dt.datetime.now`` through the imports; None for others."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        return ".".join([self.bound.get(node.id, node.id), *reversed(parts)])

    @cached_property
    def used(self) -> list[tuple[str, int]]:
        """Every dotted name that is used outside import statements, with its line; the longest form of each."""
        inner = {id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Attribute)}
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
                name = self.dotted(node)
                if name is not None:
                    found.append((name, node.lineno))
        return found

    @cached_property
    def comments(self) -> list[tuple[int, str]]:
        """Every comment with its line."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]

    @cached_property
    def docstrings(self) -> list[tuple[int, str]]:
        """The docstrings of the module, its classes and functions, and the texts under attributes, with their lines."""
        return [
            (node.lineno, node.value.value)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        ]


class Tree:
    """The modules below one folder that belong to the given top packages."""

    def __init__(self, root: Path, packages: tuple[str, ...] = ROOMS) -> None:
        """Read and parse every file; a file that does not parse raises."""
        self.root = root
        self.modules: dict[str, Module] = {}
        self._imports: dict[str, list[Import]] = {}
        for package in packages:
            for path in sorted((root / package).rglob("*.py")):
                module = self._read(path)
                self.modules[module.name] = module

    def _read(self, path: Path) -> Module:
        parts = list(path.relative_to(self.root).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        if is_package:
            parts.pop()
        text = path.read_text(encoding="utf-8")
        return Module(".".join(parts), path, text, is_package, ast.parse(text, str(path)))

    def __iter__(self) -> Iterator[Module]:
        return iter(self.modules.values())

    def imports(self, module: Module) -> list[Import]:
        """Answer the imports of a module, ``TYPE_CHECKING`` ones included: a type is a dependency too."""
        if module.name not in self._imports:
            self._imports[module.name] = []
            self._collect(module, module.tree, local=False, found=self._imports[module.name])
        return self._imports[module.name]

    def _collect(self, module: Module, node: ast.AST, *, local: bool, found: list[Import]) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found += [Import(alias.name, child.lineno, local) for alias in child.names]
            elif isinstance(child, ast.ImportFrom):
                base = module.base_of(child)
                found += [Import(self._resolved(base, alias.name), child.lineno, local) for alias in child.names]
            else:
                inner = local or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                self._collect(module, child, local=inner, found=found)

    def _resolved(self, base: str, name: str) -> str:
        full = f"{base}.{name}"
        return full if full in self.modules or base not in self.modules else base

    def graph(self) -> dict[str, set[str]]:
        """Answer which modules of the tree each module imports."""
        return {
            module.name: {found.target for found in self.imports(module) if found.target in self.modules}
            - {module.name}
            for module in self
        }


def within(name: str, *parents: str) -> bool:
    """Answer whether a dotted name is one of the given ones or lies below one."""
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)


def closure(graph: dict[str, set[str]], starts: set[str]) -> set[str]:
    """Answer every module that is reached from the starts, the starts included."""
    seen: set[str] = set()
    waiting = [start for start in starts if start in graph]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += graph[name] - seen
    return seen


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Answer the groups of modules that import each other in a circle, each sorted."""
    reached = {name: closure(graph, graph[name]) for name in graph}
    looping = {name for name in graph if name in reached[name]}
    groups = {tuple(sorted(other for other in reached[name] & looping if name in reached[other])) for name in looping}
    return [list(group) for group in sorted(groups)]
