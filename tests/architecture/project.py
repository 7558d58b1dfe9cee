"""All rules over the real project: what `make check` prints and the tests assert."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.architecture.import_rules import IMPORT_RULES
from tests.architecture.purity_rules import PURITY_RULES
from tests.architecture.sources import PROJECT, Tree, Violation
from tests.architecture.tidy_rules import TIDY_RULES, TIDY_RULES_OF_TESTS, american_words, clean_text_files

UNKEPT = {".venv", ".git", "var", "dist", "build", "__pycache__", ".hypothesis", "node_modules"}


def project_files(root: Path = PROJECT) -> list[Path]:
    """Answer the files that are kept: what git knows or would add, or without git everything but made folders."""
    if shutil.which("git") and (root / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            capture_output=True,
            check=True,
        )
        paths = [root / name for name in listed.stdout.decode().split("\0") if name]
        return sorted(path for path in paths if path.is_file())
    return sorted(
        path
        for path in root.rglob("*")
        if path.is_file()
        and not any(part in UNKEPT or part.endswith("_cache") for part in path.relative_to(root).parts)
    )


def documents_in_american(root: Path, files: list[Path]) -> list[Violation]:
    """Documents are spelt the British way; code blocks are left out."""
    found = []
    for path in files:
        if path.suffix == ".md":
            prose = "\n".join(part for part in path.read_text(encoding="utf-8").split("```")[::2])
            found += [
                Violation("british_spelling", str(path.relative_to(root)), word) for word in american_words(prose)
            ]
    return found


def violations(root: Path = PROJECT) -> list[Violation]:
    """Run every rule over the project."""
    tree, tests = Tree(root), Tree(root, ("tests",))
    found = [each for rule in (*IMPORT_RULES, *PURITY_RULES, *TIDY_RULES) for each in rule(tree)]
    found += [each for rule in TIDY_RULES_OF_TESTS for each in rule(tests)]
    files = project_files(root)
    return [*found, *clean_text_files(root, files), *documents_in_american(root, files)]
