"""A listing shows what exists: one fault a file, translations by their ends, numbered decisions, news."""

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DIALECTS = ("openai", "anthropic", "gemini")
HEADINGS = ("Status", "Context", "Decision", "Drawbacks")
DECISION = re.compile(r"(?P<number>[0-9]{4})-[a-z0-9]+(?:-[a-z0-9]+)*\.md")
FRAGMENT = re.compile(r"[a-z0-9+][a-z0-9.+-]*\.(?:feature|bugfix|removal)\.md")
DECISION_LINES_MAX = 90


def fault_count(path: str, text: str) -> list[str]:
    """A module of faults that does not hold exactly one."""
    names = []
    for node in ast.parse(text).body:
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        names += [target.id for target in targets if isinstance(target, ast.Name)]
    faults = [name for name in names if name == "FAULT" or name.startswith("FAULT_")]
    if faults == ["FAULT"]:
        return []
    return [f"{path}:1: {len(faults)} faults; a fault has a file of its own, in which it is named FAULT"]


def misnamed_translation(path: str) -> list[str]:
    """A module that translates between dialects and is not named from_to."""
    name = Path(path).stem
    both = [dialect for dialect in DIALECTS if dialect in name.split("_")]
    if len(both) < 2 or re.fullmatch(
        rf"(?:{'|'.join(DIALECTS)})_to_(?:{'|'.join(DIALECTS)})(?:_[a-z]+)?", name
    ):
        return []
    return [f"{path}:1: name a translation from_to, as in openai_to_anthropic"]


def missing_translation(paths: list[str]) -> list[str]:
    """A dialect without its translation in both directions."""
    names = {Path(path).stem for path in paths}
    return [
        f"src/halfopen/providers/{dialect}:1: no module {name}; a translation has a file named from_to"
        for dialect in DIALECTS[1:]
        for name in (f"openai_to_{dialect}", f"{dialect}_to_openai")
        if name not in names
    ]


def bad_decisions(files: dict[str, str]) -> list[str]:
    """Decisions that are misnamed, out of number, or lack a heading."""
    breaches = []
    numbers = []
    for name, text in sorted(files.items()):
        match = DECISION.fullmatch(name)
        if not match:
            breaches.append(f"docs/decisions/{name}:1: name it NNNN-what-was-decided.md")
            continue
        numbers.append(int(match["number"]))
        if not text.startswith(f"# {match['number']} "):
            breaches.append(f"docs/decisions/{name}:1: begin with `# {match['number']} ` and the title")
        found = [line[3:].strip() for line in text.split("\n") if line.startswith("## ")]
        if found != list(HEADINGS):
            breaches.append(f"docs/decisions/{name}:1: the headings are {', '.join(HEADINGS)}, in this order")
        if text.count("\n") > DECISION_LINES_MAX:
            breaches.append(f"docs/decisions/{name}:{DECISION_LINES_MAX}: longer than a record is read")
    if numbers != list(range(1, len(numbers) + 1)):
        breaches.append(f"docs/decisions:1: numbers {numbers}; number from 0001 without gaps")
    return breaches


def misnamed_news(names: list[str]) -> list[str]:
    """News fragments that towncrier would not read."""
    return [
        f"newsfragments/{name}:1: name it NAME.feature.md, NAME.bugfix.md or NAME.removal.md"
        for name in names
        if name != "README.md" and not FRAGMENT.fullmatch(name)
    ]


def test_one_fault_a_file(python: list[Any], hold: Callable[[list[str]], None]) -> None:
    """Every module in lab/faults holds exactly one fault."""
    modules = [
        source
        for source in python
        if source.path.startswith("src/halfopen/lab/faults/") and not source.path.endswith("/__init__.py")
    ]
    assert modules
    hold([breach for source in modules for breach in fault_count(source.path, source.text)])


def test_translations_are_named_from_to(committed: list[str], hold: Callable[[list[str]], None]) -> None:
    """A listing of providers shows each translation and its direction."""
    paths = [
        path for path in committed if path.startswith("src/halfopen/providers/") and path.endswith(".py")
    ]
    hold([breach for path in paths for breach in misnamed_translation(path)] + missing_translation(paths))


def test_decisions(root: Path, hold: Callable[[list[str]], None]) -> None:
    """Decisions are numbered without gaps and tell context, decision and drawbacks."""
    files = {path.name: path.read_text() for path in (root / "docs" / "decisions").iterdir()}
    assert files
    hold(bad_decisions(files))


def test_news(root: Path, committed: list[str], hold: Callable[[list[str]], None]) -> None:
    """News fragments are named as towncrier reads them, and there is news or a release that took it in."""
    names = [path.removeprefix("newsfragments/") for path in committed if path.startswith("newsfragments/")]
    hold(misnamed_news(names))
    assert "README.md" in names
    released = re.search(r"^## ", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert len(names) > 1 or released, "newsfragments:1: no news; add NAME.feature.md for what users see"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("FAULT_A = 1\nFAULT_B = 2\n", id="two"),
        pytest.param("FAULT = 1\nFAULT_B = 2\n", id="one more"),
        pytest.param("FAULT: int = 1\nFAULT = 2\n", id="twice"),
        pytest.param("fault = 1\n", id="none"),
    ],
)
def test_fault_count_catches(text: str) -> None:
    """A planted file with no fault or with two is caught."""
    assert len(fault_count("src/halfopen/lab/faults/a.py", text)) == 1


def test_fault_count_passes_one() -> None:
    """A file with one fault and what it needs passes."""
    assert (
        fault_count("src/halfopen/lab/faults/a.py", "import x\n\n_BODY = b''\nFAULT = x.Fault(_BODY)\n") == []
    )


def test_translation_catches() -> None:
    """A planted translation with another name is caught, and a missing direction too."""
    assert len(misnamed_translation("src/halfopen/providers/anthropic/openai_anthropic.py")) == 1
    assert len(misnamed_translation("src/halfopen/providers/anthropic/from_openai_to_gemini.py")) == 1
    assert misnamed_translation("src/halfopen/providers/anthropic/openai_to_anthropic.py") == []
    assert misnamed_translation("src/halfopen/providers/anthropic/anthropic_to_openai_stream.py") == []
    assert (
        len(missing_translation(["openai_to_anthropic.py", "anthropic_to_openai.py", "openai_to_gemini.py"]))
        == 1
    )


GOOD = "# 0001 Title\n\n## Status\nx\n\n## Context\nx\n\n## Decision\nx\n\n## Drawbacks\nx\n"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"0001-a.md": GOOD, "0003-b.md": GOOD.replace("0001", "0003")}, id="gap"),
        pytest.param({"0001-a.md": GOOD, "0001-b.md": GOOD}, id="same number twice"),
        pytest.param({"0001-a.md": GOOD.replace("## Drawbacks", "## Consequences")}, id="no drawbacks"),
        pytest.param({"0001-a.md": GOOD.replace("0001", "0002")}, id="another title"),
        pytest.param({"0001-a.md": GOOD, "notes.md": "x"}, id="another name"),
        pytest.param({"0001-a.md": GOOD + "x\n" * 90}, id="too long"),
    ],
)
def test_decisions_catches(files: dict[str, str]) -> None:
    """A planted decision out of order or form is caught."""
    assert len(bad_decisions(files)) == 1


def test_decisions_passes() -> None:
    """Numbered decisions with their headings pass."""
    assert bad_decisions({"0001-a.md": GOOD, "0002-b-c.md": GOOD.replace("0001", "0002")}) == []


def test_news_catches() -> None:
    """A planted fragment with another ending is caught; good names pass."""
    assert len(misnamed_news(["a.misc.md", "a.md", "a.feature.txt", "A B.bugfix.md"])) == 4
    assert misnamed_news(["README.md", "gateway.feature.md", "2.bugfix.md", "+x.removal.md"]) == []
