"""``python -m tests.measures.mutants [PATTERN]``: change the rules one by one; a change that no test notices is told.

The modules and the tests are named in ``[tool.mutmut]`` of ``pyproject.toml``. What may survive is explained in
``docs/mutants.md``, each by its function and its changed line; anything else that survives is printed with its change.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec

EXPLAINED = Path("docs/mutants.md")
STATISTICS = Path("mutants/mutmut-cicd-stats.json")
PROCESSES = 2
_TEXT = re.compile(r"""f?"(?:[^"\\\\]|\\\\.)*"|f?'(?:[^'\\\\]|\\\\.)*'""")
_STRICT = re.compile(r", (?:strict=\w+)?(?=\))")
_ROW = re.compile(r"^\| `([\w.]+)` \| `(.+?)` \|", re.MULTILINE)
_NAME = re.compile(r"^(?P<module>[\w.]+)\.x_(?P<function>\w+)__mutmut_\d+$")


class Survivor(msgspec.Struct, frozen=True):
    """A change that no test noticed: in which function, and the line as it was changed."""

    name: str
    function: str
    line: str
    change: str


def explained() -> set[tuple[str, str]]:
    """Read which changes may survive, by function and changed line."""
    return set(_ROW.findall(EXPLAINED.read_text(encoding="utf-8")))


def survivor(name: str, change: str) -> Survivor:
    """Take what is told of a change apart."""
    named = _NAME.match(name)
    module, function = (named["module"], named["function"]) if named else name.rpartition(".")[::2]
    added = " ".join(_side(change, "+"))
    if not added.strip(") "):
        added = "without " + _side(change, "-")[0]
    return Survivor(name, f"{module.removeprefix('catalogue.')}.{function}", added, change)


def _side(change: str, sign: str) -> list[str]:
    """Read the lines of one side of a change."""
    return [line[1:].strip() for line in change.splitlines() if line.startswith(sign) and line[:3] != sign * 3]


def only_words(change: str) -> bool:
    """Say whether a change is one of words for people, or of an assertion that lengths are equal.

    Codes and facts are compared by tests; sentences are read, and a test of each would only say it twice.
    """
    sides = (" ".join(_side(change, sign)) for sign in "-+")
    before, after = (_STRICT.sub("", _TEXT.sub("", side)).replace(" ", "") for side in sides)
    return before == after or (before.strip(",") == "" and after == "None,")


def _told(*arguments: str) -> str:
    command = [sys.executable, "-W", "ignore", "-m", "mutmut", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def survivors() -> list[Survivor]:
    """Read what the last run left alive."""
    names = [line.strip().partition(": ")[0] for line in _told("results").splitlines() if not line.endswith(": killed")]
    return [survivor(name, _told("show", name)) for name in names if name]


def main() -> int:
    """Run, tell, and answer 1 when a survivor is not explained."""
    run = [sys.executable, "-W", "ignore", "-m", "mutmut", "run", "--max-children", str(PROCESSES), *sys.argv[1:]]
    subprocess.run(run, check=True)
    _told("export-cicd-stats")
    counts: dict[str, int] = msgspec.json.decode(STATISTICS.read_bytes())
    known = explained()
    left = [one for one in survivors() if not only_words(one.change)]
    unexplained = [one for one in left if (one.function, one.line) not in known]
    for one in unexplained:
        sys.stdout.write(f"\n{one.name}\n{one.change}\n")
    facts = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    sys.stdout.write(f"\n{facts}; {len(unexplained)} survivors that {EXPLAINED} does not explain\n")
    return int(bool(unexplained))


if __name__ == "__main__":
    sys.exit(main())
