"""Who may import whom. Each rule is a function of a tree that answers what breaks it."""

from __future__ import annotations

import ast
import sys

from tests.architecture.rule import Rule
from tests.architecture.sources import ROOMS, Module, Tree, Violation, closure, cycles, within

PARTNER_MAY_IMPORT = (
    "adapters.sdk",
    "catalogue.values",
    "catalogue.identifiers",
    "config.errors",
    "config.clock",
    "config.secrets",
    "msgspec",
)
TESTED_WITH = ("simulator", "conformance", "kit")
"""Modules of a partner package that serve its examination: they see what the SDK tests with."""
SIMULATOR_MAY_IMPORT = (*PARTNER_MAY_IMPORT, "litestar", "click", "config.settings")
"""Also for ``kit``, the test kit that a partner runs against its own server."""
NETWORK = ("socket", "ssl", "http.client", "urllib.request", "ftplib", "smtplib", "subprocess", "multiprocessing")

ENGINES = ("duckdb", "ibis", "pandas", "pyarrow")
MATCHING = "settlement.matching"
MATCHING_IMPORTERS = ("settlement.matching", "settlement.reconciliation", "gateway.cli.settlement")
EDGE = "gateway.app"

LOCAL_IMPORTS: dict[tuple[str, str], str] = {}
"""Imports inside functions that are meant: (module, imported) -> why. Keep it short."""

DYNAMIC_IMPORTS = {
    "config.migrate": "loads what runs migrations only when one has to be run",
    "adapters.sdk.registry": "finds adapter packages by folder and entry point",
    "adapters.sdk.testing.simulate": "serves the simulator module that its command line names",
    "gateway.cli.main": "loads a group of commands when it is called, so that `serve` starts without the engines",
}

HTTP_LIBRARIES = (
    "httpx",
    "httpx_aiohttp",
    "aiohttp",
    "requests",
    "urllib3",
    "httpcore",
    "http.client",
    "urllib.request",
)
HTTP_MAKERS = {
    *(f"httpx.{name}" for name in "Client AsyncClient HTTPTransport AsyncHTTPTransport".split()),
    *(f"httpx.{name}" for name in "get post put patch delete head options request stream".split()),
    *(f"authlib.integrations.httpx_client.{name}" for name in "OAuth2Client AsyncOAuth2Client".split()),
}
TRANSPORT = frozenset({"adapters.sdk.transport", "adapters.sdk.connections"})


def partner_of(name: str) -> str | None:
    """Answer the partner package a module belongs to: ``adapters.direct`` or ``adapters.<segment>.<partner>``."""
    parts = name.split(".")
    if parts[0] != "adapters" or len(parts) < 2 or parts[1] == "sdk":
        return None
    if parts[1] == "direct":
        return "adapters.direct"
    return ".".join(parts[:3]) if len(parts) > 2 else None


def downwards_only(tree: Tree) -> list[Violation]:
    """A room imports itself and the rooms below it; nothing imports the tests."""
    found = []
    for module in tree:
        height = ROOMS.index(module.name.partition(".")[0])
        for each in tree.imports(module):
            room = each.target.partition(".")[0]
            if room == "tests" or (room in ROOMS and ROOMS.index(room) > height):
                found.append(_broken("downwards_only", module, each.line, f"imports {each.target}"))
    return found


def no_cycles(tree: Tree) -> list[Violation]:
    """No module is reached again from what it imports."""
    return [Violation("no_cycles", group[0], f"circle of {', '.join(group)}") for group in cycles(tree.graph())]


def no_local_imports(tree: Tree) -> list[Violation]:
    """Imports stand at the top of the file, so that the graph everybody sees is the graph there is."""
    found = []
    for module in tree:
        found += [
            _broken("no_local_imports", module, each.line, f"imports {each.target} inside a function")
            for each in tree.imports(module)
            if each.local and (module.name, each.target) not in LOCAL_IMPORTS
        ]
        if module.name not in DYNAMIC_IMPORTS:
            found += [
                _broken("no_local_imports", module, line, f"imports by name through {name}")
                for name, line in module.used
                if name in {"importlib.import_module", "__import__", "importlib.util.spec_from_file_location"}
            ]
    return found


def partners_apart(tree: Tree) -> list[Violation]:
    """A partner package imports itself, the SDK, and the few shared modules; no network of its own."""
    found = []
    for module in tree:
        partner = partner_of(module.name)
        if partner is None:
            continue
        simulator = module.name.removeprefix(f"{partner}.").startswith(TESTED_WITH)
        allowed = (*(SIMULATOR_MAY_IMPORT if simulator else PARTNER_MAY_IMPORT), partner)
        for each in tree.imports(module):
            library = each.target.partition(".")[0] in sys.stdlib_module_names
            if within(each.target, *NETWORK) or not (library or within(each.target, *allowed)):
                found.append(_broken("partners_apart", module, each.line, f"imports {each.target}"))
            if not simulator and within(each.target, "adapters.sdk.testing"):
                found.append(
                    _broken("partners_apart", module, each.line, f"imports {each.target} outside its simulator")
                )
    return found


def partners_are_discovered(tree: Tree) -> list[Violation]:
    """Nothing imports a partner package but the package itself: the SDK, settlement and the edge know none."""
    found = []
    for module in tree:
        for each in tree.imports(module):
            partner = partner_of(each.target)
            if partner is not None and not within(module.name, partner):
                found.append(_broken("partners_are_discovered", module, each.line, f"imports {each.target}"))
    return found


def settlement_sees_the_sdk_only(tree: Tree) -> list[Violation]:
    """Of the adapters room, settlement sees ``adapters.sdk``."""
    return [
        _broken("settlement_sees_the_sdk_only", module, each.line, f"imports {each.target}")
        for module in tree
        if within(module.name, "settlement")
        for each in tree.imports(module)
        if within(each.target, "adapters") and not within(each.target, "adapters.sdk")
    ]


def one_transport(tree: Tree) -> list[Violation]:
    """Only ``adapters.sdk.transport`` and its ``connections`` make HTTP clients; others may name httpx's types."""
    found = []
    for module in tree:
        if module.name in TRANSPORT:
            continue
        for each in tree.imports(module):
            if within(each.target, *HTTP_LIBRARIES) and not within(each.target, "httpx"):
                found.append(_broken("one_transport", module, each.line, f"imports {each.target}"))
        found += [_broken("one_transport", module, line, f"makes {name}") for name, line in _made(module, HTTP_MAKERS)]
    return found


def engines_in_matching_only(tree: Tree) -> list[Violation]:
    """The engines are imported below ``settlement.matching``; what leads to one only by the settlement process."""
    heavy = _leading_to_engines(tree)
    found = []
    for module in tree:
        for each in tree.imports(module):
            if within(each.target, *ENGINES) and not within(module.name, MATCHING):
                found.append(_broken("engines_in_matching_only", module, each.line, f"imports {each.target}"))
            if each.target in heavy and not within(module.name, *MATCHING_IMPORTERS):
                found.append(_broken("engines_in_matching_only", module, each.line, f"imports {each.target}"))
    return found


def edge_without_engines(tree: Tree) -> list[Violation]:
    """From ``gateway.app`` no import leads to an engine."""
    reached = closure(tree.graph(), {EDGE}) & _leading_to_engines(tree)
    return [Violation("edge_without_engines", EDGE, f"leads to {name}") for name in sorted(reached - {EDGE})]


def _leading_to_engines(tree: Tree) -> set[str]:
    """Answer the modules whose import loads an engine, directly, through others or through their package."""
    importers: dict[str, set[str]] = {name: set() for name in tree.modules}
    for name, targets in tree.graph().items():
        for target in {name, *targets}:
            for loaded in _with_packages(target):
                if loaded in importers:
                    importers[loaded].add(name)
    direct = {module.name for module in tree if any(within(each.target, *ENGINES) for each in tree.imports(module))}
    return closure(importers, direct)


def _with_packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _made(module: Module, names: set[str]) -> list[tuple[str, int]]:
    """Answer the calls of the given full names, and the subclasses of them."""
    found = []
    for node in ast.walk(module.tree):
        targets = [node.func] if isinstance(node, ast.Call) else node.bases if isinstance(node, ast.ClassDef) else []
        found += [(name, target.lineno) for target in targets if (name := module.dotted(target)) in names and name]
    return found


def _broken(rule: str, module: Module, line: int, what: str) -> Violation:
    return Violation(rule, f"{module.name}:{line}", what)


IMPORT_RULES: tuple[Rule, ...] = (
    downwards_only,
    no_cycles,
    no_local_imports,
    partners_apart,
    partners_are_discovered,
    settlement_sees_the_sdk_only,
    one_transport,
    engines_in_matching_only,
    edge_without_engines,
)
