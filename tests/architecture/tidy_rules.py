"""How the code reads: sizes, docstrings, leftovers, names, spelling. The limits are what good code here looks like."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from tests.architecture.import_rules import partner_of
from tests.architecture.rule import Rule
from tests.architecture.sources import Module, Tree, Violation, within

FILE_LIMIT = 500
FUNCTION_LIMIT = 60
USUAL_FUNCTION = 30
USUAL_SHARE_PERCENT = 90

Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = TypeVar("Node", bound=ast.AST)

LEFTOVERS = re.compile(r"\b(TODO|FIXME|HACK|XXX)\b")
REGISTRIES = re.compile(
    r"(?i)\b(pypi\.org|pythonhosted\.org|npmjs\.(org|com)|npmmirror\.com|crates\.io|[\w.-]+/(simple|pypi)/[\w.-]+)"
)
LOCAL_PATHS = re.compile(r"(?<![\w.~*-])/(home|root|Users|work|tmp)/[\w.]")
"""Paths that exist on the machine of whoever wrote the line, and nowhere else."""

AMERICAN = re.compile(
    r"(?i)\b(\w*(?:behavior|neighbor|color|honor|favor|flavor|labor|rumor)(?:s|ed|ing|al|able)?"
    r"|(?:un|re|de|in)?(?:author|organ|recogn|normal|serial|initial|util|minim|maxim|categor|summar|synchron|optim|final|canonical"
    r"|custom|general|material|memor|prior|special|standard|visual|token|random|sanit|emphas|apolog)iz(?:e|es|ed|er|ers|ing|ation|ations)"
    r"|analyz\w+|paralyz\w+|catalyz\w+|cataloged?|cataloging|centers?|centered|meters?|canceled|canceling|labeled|labeling|modeled"
    r"|modeling|traveled|traveling|travelers?|signaled|signaling|defense|offense|pretense|fulfill|fulfills|fulfillment|enrollment"
    r"|gray|judgment|acknowledgment|ageing|artifact|skeptic\w*|installment)\b"
)  # fmt: skip
FIELDS_OWN_WORDS = frozenset({"authorization", "authorize", "authorizer"})
"""Protocols' own spellings: the HTTP header, OAuth's grant and parameter names."""
PROPER_NAMES = ("JSON Canonicalization Scheme",)

LISTS_OF_OPERATIONS = "config.migrations.versions"
"""A migration's ``upgrade`` is a list of tables, read from top to bottom; cutting it up would hide the order."""


def short_files(tree: Tree) -> list[Violation]:
    """No file is longer than 500 lines."""
    return [
        Violation("short_files", str(module.path), f"{lines} lines, {FILE_LIMIT} are the most")
        for module in tree
        if (lines := len(module.text.splitlines())) > FILE_LIMIT
    ]


def short_functions(tree: Tree) -> list[Violation]:
    """No function has more than 60 code lines, and nine of ten at most 30."""
    counted = [module for module in tree if not within(module.name, LISTS_OF_OPERATIONS)]
    sizes = [(module, node, code_lines(module, node)) for module in counted for node in functions(module)]
    found = [
        _broken("short_functions", module, node.lineno, f"{node.name} has {size} code lines")
        for module, node, size in sizes
        if size > FUNCTION_LIMIT
    ]
    usual = sum(1 for *_, size in sizes if size <= USUAL_FUNCTION)
    if usual * 100 < len(sizes) * USUAL_SHARE_PERCENT:
        found.append(
            Violation("short_functions", "all", f"only {usual} of {len(sizes)} functions have 30 lines or less")
        )
    return found


def public_docstrings(tree: Tree) -> list[Violation]:
    """Every public module, class, function and method says what its signature cannot."""
    found = []
    for module in tree:
        if not ast.get_docstring(module.tree):
            found.append(_broken("public_docstrings", module, 1, "the module has no docstring"))
        found += [
            _broken("public_docstrings", module, node.lineno, f"{node.name} has no docstring")
            for node in _public(module.tree)
            if not ast.get_docstring(node)
        ]
    return found


def no_leftovers(tree: Tree) -> list[Violation]:
    """Nothing is left for later: no such marks in comments and docstrings, no ``NotImplementedError`` raised."""
    found = [
        _broken("no_leftovers", module, line, mark[0])
        for module in tree
        for line, text in [*module.comments, *module.docstrings]
        if (mark := LEFTOVERS.search(re.sub("`[^`]*`", "", text)))
    ]
    found += [
        _broken("no_leftovers", module, node.lineno, "a part that is not written")
        for module in tree
        for node in _nodes(module, ast.Raise)
        if "NotImplementedError" in {module.dotted(part) for part in ast.walk(node) if isinstance(part, ast.Name)}
    ]
    return found


def no_swallowed_errors(tree: Tree) -> list[Violation]:
    """No handler of everything that does nothing, and no ``suppress`` of everything."""
    found = []
    for module in tree:
        for node in _nodes(module, ast.ExceptHandler):
            if _catches_all(module, node.type) and _does_nothing(node.body):
                found.append(_broken("no_swallowed_errors", module, node.lineno, "an error is swallowed"))
        for call in _nodes(module, ast.Call):
            suppresses = module.dotted(call.func) == "contextlib.suppress"
            if suppresses and any(_catches_all(module, each) for each in call.args):
                found.append(_broken("no_swallowed_errors", module, call.lineno, "every error is suppressed"))
    return found


def named_exemptions(tree: Tree) -> list[Violation]:
    """``noqa`` and ``type: ignore`` name what they exempt; complexity and size are never exempted."""
    found = []
    for module in tree:
        for line, text in module.comments:
            bare = re.search(r"#\s*noqa(?!:\s*[A-Z]+\d+)|#\s*type:\s*ignore(?!\[)", text)
            size = re.search(r"#\s*noqa:.*\b(C901|PLR09\d\d)\b", text)
            if bare or size:
                found.append(_broken("named_exemptions", module, line, text))
    return found


def partners_named_by_data_only(tree: Tree) -> list[Violation]:
    """Partner ids and partner packages' names stand in no code but the partner's own and the demo's scenario."""
    names = {path.stem for path in tree.root.glob("config/partners/*.toml")}
    names |= {partner.rpartition(".")[2] for module in tree if (partner := partner_of(module.name))} - {"direct"}
    if not names:
        return []
    pattern = re.compile(r"(?<![\w-])(" + "|".join(sorted(re.escape(name) for name in names)) + r")(?![\w-])")
    return [
        _broken("partners_named_by_data_only", module, number, found[1])
        for module in tree
        if partner_of(module.name) is None and not within(module.name, "gateway.demo")
        for number, line in enumerate(module.text.splitlines(), 1)
        if (found := pattern.search(line))
    ]


def british_spelling(tree: Tree) -> list[Violation]:
    """Comments, docstrings and our own names are spelt the British way."""
    found = []
    for module in tree:
        texts = [*module.comments, *module.docstrings, *_own_names(module)]
        found += [
            _broken("british_spelling", module, line, word) for line, text in texts for word in american_words(text)
        ]
    return found


def american_words(text: str) -> list[str]:
    """Answer the American spellings in a text; what stands in backticks is somebody's name and is left out."""
    prose = re.sub(r"``.*?``|`[^`\n]*`|\"[^\"\n]*\"|https?://\S+", " ", text, flags=re.DOTALL)
    prose = re.sub("|".join(PROPER_NAMES), " ", prose)
    return [word[0] for word in AMERICAN.finditer(prose) if word[0].lower() not in FIELDS_OWN_WORDS]


def clean_text_files(root: Path, files: list[Path]) -> list[Violation]:
    """No file of the project names a package registry's host or a path of the machine it was written on."""
    found = []
    for path in files:
        text = path.read_bytes().decode("utf-8", "replace")
        for rule, pattern in (("registries", REGISTRIES), ("local_paths", LOCAL_PATHS)):
            for number, line in enumerate(text.splitlines(), 1):
                if mark := pattern.search(line):
                    found.append(Violation(rule, f"{path.relative_to(root)}:{number}", mark[0]))
    return found


def functions(module: Module) -> Iterator[Function]:
    """Every function of a module, inner ones too."""
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def code_lines(module: Module, node: Function) -> int:
    """Count the lines of a function's body that hold code: no docstring, no comment, no blank line."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    if not body:
        return 0
    lines = module.text.splitlines()[body[0].lineno - 1 : node.end_lineno]
    return sum(1 for line in lines if line.strip() and not line.strip().startswith("#"))


def _public(node: ast.AST) -> Iterator[Function | ast.ClassDef]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            yield child
            if isinstance(child, ast.ClassDef):
                yield from _public(child)


def _nodes(module: Module, kind: type[Node]) -> Iterator[Node]:
    return (node for node in ast.walk(module.tree) if isinstance(node, kind))


def _own_names(module: Module) -> Iterator[tuple[int, str]]:
    yield 1, module.name.rpartition(".")[2].replace("_", " ")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", node.name).replace("_", " ")


def _catches_all(module: Module, kind: ast.expr | None) -> bool:
    return kind is None or module.dotted(kind) in {"Exception", "BaseException"}


def _does_nothing(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(node, ast.Pass | ast.Continue)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


def _broken(rule: str, module: Module, line: int, what: str) -> Violation:
    return Violation(rule, f"{module.name}:{line}", what)


TIDY_RULES: tuple[Rule, ...] = (
    short_files,
    short_functions,
    public_docstrings,
    no_leftovers,
    no_swallowed_errors,
    named_exemptions,
    partners_named_by_data_only,
    british_spelling,
)
TIDY_RULES_OF_TESTS: tuple[Rule, ...] = (
    short_files,
    no_leftovers,
    no_swallowed_errors,
    named_exemptions,
    british_spelling,
)
