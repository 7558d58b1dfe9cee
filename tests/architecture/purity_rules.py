"""What a module may touch: the machine belongs to ``config``, and the pure modules touch nothing at all."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from tests.architecture.import_rules import partner_of
from tests.architecture.rule import Rule
from tests.architecture.sources import ROOMS, Module, Tree, Violation, closure, within

PURE = (
    "config.errors",
    "config.toml_lines",
    "config.words",
    "catalogue.benefits",
    "catalogue.budgets",
    "catalogue.benefits_cancellation",
    "catalogue.benefits_lints",
    "catalogue.benefits_pricing",
    "catalogue.calendar",
    "catalogue.conversion",
    "catalogue.conversion_arithmetic",
    "catalogue.conversion_caps",
    "catalogue.conversion_corrections",
    "catalogue.conversion_files",
    "catalogue.conversion_lints",
    "catalogue.conversion_lots",
    "catalogue.conversion_quotes",
    "catalogue.conversion_round_trips",
    "catalogue.conversion_routes",
    "catalogue.conversion_transfers",
    "catalogue.currencies",
    "catalogue.eligibility",
    "catalogue.eligibility_rules",
    "catalogue.entitlements",
    "catalogue.entitlements_windows",
    "catalogue.errors",
    "catalogue.identifiers",
    "catalogue.kinds",
    "catalogue.lints",
    "catalogue.lounge_access",
    "catalogue.lounge_admission",
    "catalogue.model",
    "catalogue.notice",
    "catalogue.plan",
    "catalogue.programme",
    "catalogue.rates",
    "catalogue.refusals",
    "catalogue.schema",
    "catalogue.texts",
    "catalogue.programme_files",
    "catalogue.programme_rules",
    "catalogue.programme_tiers",
    "catalogue.things",
    "catalogue.tier_match",
    "catalogue.tier_match_challenges",
    "catalogue.tier_match_explain",
    "catalogue.tier_match_graph",
    "catalogue.tier_match_levels",
    "catalogue.tier_match_lints",
    "catalogue.tier_match_rules",
    "catalogue.tier_match_signals",
    "catalogue.tier_match_texts",
    "catalogue.values",
    "catalogue.vouchers",
    "adapters.sdk.answers",
    "adapters.sdk.auth_headers",
    "adapters.sdk.auth_schemes",
    "adapters.sdk.calls",
    "adapters.sdk.capabilities",
    "adapters.sdk.codec",
    "adapters.sdk.currencies",
    "adapters.sdk.declarative.answers",
    "adapters.sdk.declarative.compiled",
    "adapters.sdk.declarative.compiling",
    "adapters.sdk.declarative.fields",
    "adapters.sdk.declarative.model",
    "adapters.sdk.declarative.paths",
    "adapters.sdk.declarative.problems",
    "adapters.sdk.declarative.requests",
    "adapters.sdk.declarative.rules",
    "adapters.sdk.declarative.templates",
    "adapters.sdk.errors",
    "adapters.sdk.manifest",
    "adapters.sdk.message_signatures",
    "adapters.sdk.options",
    "adapters.sdk.account_records",
    "adapters.sdk.outcomes",
    "adapters.sdk.personal",
    "adapters.sdk.reading",
    "adapters.sdk.request_signing",
    "adapters.sdk.records",
    "adapters.sdk.statement_file",
    "adapters.sdk.surface",
    "adapters.sdk.webhook_schemes",
    "adapters.sdk.webhooks",
    "adapters.sdk.xml_codec",
    "settlement.accounts",
    "settlement.amounts",
    "settlement.breaks",
    "settlement.calendar",
    "settlement.contracts",
    "settlement.derived",
    "settlement.errors",
    "settlement.journal",
    "settlement.matching.rules",
    "settlement.netting",
    "settlement.obligations",
    "gateway.redemption.keys",
    "gateway.redemption.plan",
    "gateway.redemption.services",
    "gateway.redemption.states",
    "gateway.usage.matching",
)
"""The modules marked P in ARCHITECTURE.md; a test holds the two lists together."""

PURE_OF_A_PARTNER = ("mapping", "responses")

PURE_LIBRARIES = ("msgspec",)
IMPURE_STDLIB = (
    "asyncio", "concurrent", "glob", "http", "logging", "multiprocessing", "os", "random", "secrets", "shutil",
    "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request",
)  # fmt: skip
IMPURE_NAMES = {
    "open", "input", "print", "datetime.date.today", "datetime.datetime.now", "datetime.datetime.today",
    "datetime.datetime.utcnow", "io.open", "uuid.uuid1", "uuid.uuid4", "tomllib.load", "config.clock.SystemClock",
    "config.files.read_text", "config.files.read_toml", "config.files.read_typed", "config.files.toml_files",
    "config.partner_files.read_partner_files", "config.secrets.resolve_secret",
}  # fmt: skip
IMPURE_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "open", "iterdir", "glob", "rglob", "exists"}

SEAMS = {
    "config.secrets": "the type of a masked value; reading one is done by who wires",
    "config.clock": "the type of a clock that is handed in",
    "config.partner_files": "the types of a partner file's sections; reading them is done by who wires",
    "config.files": "`parse` and `parse_text` give a table or text its type; reading the file is done by who loads",
}
"""First-party modules that are not pure and may be named by pure ones."""

PURITY_EXEMPTIONS = {
    ("catalogue.identifiers", "secrets"): "`Identifiers` hands randomness to the pure `make_identifier`",
    ("catalogue.conversion_files", "config.files.read_text"): "`read_contracts` reads; every rule is of the text",
    ("adapters.sdk.manifest", "config.files.read_typed"): "`read_manifest` reads; every rule is of the parsed manifest",
}

CLOCK_AND_ENVIRONMENT = {
    "os.environ", "os.environb", "os.getenv", "os.putenv", "time.time", "time.time_ns", "time.monotonic",
    "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns", "time.localtime", "time.gmtime", "time.sleep",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today",
}  # fmt: skip

EXACT_ROOMS = ("catalogue", "settlement")


def marked_pure(architecture: Path) -> set[str]:
    """Read the marks P of the rooms drawn in ARCHITECTURE.md; partners' own marks are left out."""
    text = architecture.read_text(encoding="utf-8")
    block = re.search(r"## The rooms\s+```\n(.*?)```", text, re.DOTALL)
    if block is None:
        return set()
    marked: set[str] = set()
    room = ""
    for line in block[1].splitlines():
        named = re.match(r"([a-z_/]+)/ ", line)
        if named:
            room = named[1].replace("/", ".")
        if not within(room, "config", "catalogue", "adapters.sdk", "settlement", "gateway"):
            continue
        for inner, names in re.findall(r"(\w+)/ \(([^)]*)\)", line):
            marked |= {f"{room}.{inner}.{name}" for name in re.findall(r"(\w+) P\b", names)}
        outside = re.sub(r"\([^)]*\)", "", line)
        marked |= {f"{room}.{name}" for name in re.findall(r"(\w+) P\b", outside)}
    return marked


def pure_modules(tree: Tree) -> set[str]:
    """Answer the modules of a tree that must be pure: the listed ones, partners' rules, and all that these import."""
    starts = {name for name in PURE if name in tree.modules}
    for module in tree:
        partner = partner_of(module.name)
        if partner and module.name.removeprefix(f"{partner}.").partition(".")[0] in PURE_OF_A_PARTNER:
            starts.add(module.name)
    graph = {name: {each for each in targets if each not in SEAMS} for name, targets in tree.graph().items()}
    return closure(graph, starts)


def pure_modules_touch_nothing(tree: Tree) -> list[Violation]:
    """Pure modules import pure modules, msgspec and harmless parts of the library; no clock, chance or file."""
    found = []
    for name in sorted(pure_modules(tree)):
        module = tree.modules[name]
        found += [
            _broken("pure_modules_touch_nothing", module, each.line, f"imports {each.target}")
            for each in tree.imports(module)
            if _is_impure(each.target) and (name, each.target) not in PURITY_EXEMPTIONS
        ]
        found += [
            _broken("pure_modules_touch_nothing", module, line, f"uses {used}")
            for used, line in module.used
            if used in IMPURE_NAMES and (name, used) not in PURITY_EXEMPTIONS
        ]
        found += [
            _broken("pure_modules_touch_nothing", module, node.lineno, f"calls .{node.func.attr}()")
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in IMPURE_METHODS
        ]
    return found


def machine_belongs_to_config(tree: Tree) -> list[Violation]:
    """Only ``config`` reads the environment and the machine's clock, or sleeps on it."""
    return [
        _broken("machine_belongs_to_config", module, line, f"uses {name}")
        for module in tree
        if not within(module.name, "config")
        for name, line in module.used
        if within(name, *CLOCK_AND_ENVIRONMENT)
    ]


def no_floats_in_money(tree: Tree) -> list[Violation]:
    """Pure modules of catalogue and settlement have no float: not as a type, a number, or a quotient of integers."""
    found = []
    for name in sorted(pure_modules(tree)):
        if not within(name, *EXACT_ROOMS):
            continue
        for node in ast.walk(tree.modules[name].tree):
            what = _float(node)
            if what is not None:
                found.append(_broken("no_floats_in_money", tree.modules[name], getattr(node, "lineno", 0), what))
    return found


def _float(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id="float") | ast.Constant(value=float()):
            return "a float"
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return "a division that would give a float; write // or Fraction(a, b)"
    return None


def _is_impure(target: str) -> bool:
    head = target.partition(".")[0]
    if head in ROOMS:
        return False
    if head in sys.stdlib_module_names:
        return within(target, *IMPURE_STDLIB)
    return not within(target, *PURE_LIBRARIES)


def _broken(rule: str, module: Module, line: int, what: str) -> Violation:
    return Violation(rule, f"{module.name}:{line}", what)


PURITY_RULES: tuple[Rule, ...] = (pure_modules_touch_nothing, machine_belongs_to_config, no_floats_in_money)
