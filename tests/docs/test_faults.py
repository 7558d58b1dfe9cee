"""The table of faults tells what proves each of them, and what nothing proves yet."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "faults.md"
ROWS = {"CR": 14, "ID": 12, "LG": 14, "NW": 26, "OA": 18, "OP": 10}
ROW = re.compile(r"^\| ([A-Z]{2}-\d\d) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
PROOF = re.compile(r"`(tests/[a-z0-9_/]+\.py::test_[a-z0-9_]+)`")
NAMED = re.compile(r"_(cr|id|lg|nw|oa|op)_(\d\d)(?=[_ ]|$)")


def rows() -> list[tuple[str, str]]:
    """Answer the id and the proof of each row, in the order of the table."""
    return [(found[1], found[3]) for found in ROW.finditer(TABLE.read_text("utf-8"))]


def cases(tree: ast.Module) -> dict[str, str]:
    """Answer, by name of a module's table of cases, the names of its cases, joined."""
    return {
        str(ast.unparse(node.targets[0])): " ".join(
            f"_{key.value}" for key in node.value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
        )
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    }


def existing() -> Iterator[tuple[str, set[str]]]:
    """Answer each test of the suite as path::name, with the ids that its name and its cases carry."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        tables = cases(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                used = {
                    each.id for mark in node.decorator_list for each in ast.walk(mark) if isinstance(each, ast.Name)
                }
                text = " ".join([node.name, *(tables[name] for name in sorted(used & tables.keys()))])
                yield f"{path.relative_to(ROOT).as_posix()}::{node.name}", identifiers(text)


def identifiers(text: str) -> set[str]:
    """Answer the ids that names carry."""
    return {f"{kind.upper()}-{number}" for kind, number in NAMED.findall(text)}


def test_every_fault_has_one_row_in_order() -> None:
    expected = [f"{kind}-{number:02}" for kind, count in ROWS.items() for number in range(1, count + 1)]
    assert [each for each, _ in rows()] == expected


def test_each_proof_exists_and_a_row_without_one_says_so() -> None:
    known = {test for test, _ in existing()}
    for each, proof in rows():
        named = PROOF.findall(proof)
        assert set(named) <= known, f"{each} names a test that is not there: {set(named) - known}"
        assert named or proof.startswith("Not proven: "), f"{each} names neither a test nor why there is none"


def test_each_test_named_by_a_fault_is_in_its_row() -> None:
    proofs = {each: set(PROOF.findall(proof)) for each, proof in rows()}
    missing = [(each, test) for test, named in existing() for each in sorted(named) if test not in proofs.get(each, ())]
    assert missing == []
