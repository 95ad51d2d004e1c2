"""Modules are short, have one noun each, and say what they are."""

import ast
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MODULE_LINES_MAX = {"src": 400, "tests": 600}
FUNCTION_LINES_MAX = {"src": 70, "tests": 100}
BANNED = frozenset(("utils", "util", "helpers", "helper", "common", "manager", "base", "misc"))


def lengths(path: str, text: str) -> list[str]:
    """Modules and functions that are too long."""
    place = "tests" if path.startswith("tests/") else "src"
    breaches = []
    lines = text.count("\n")
    if lines > MODULE_LINES_MAX[place]:
        limit = MODULE_LINES_MAX[place]
        breaches.append(f"{path}:{limit}: {lines} lines, {limit} at most; move a noun to a module of its own")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX[place]:
                limit = FUNCTION_LINES_MAX[place]
                breaches.append(
                    f"{path}:{node.lineno}: {node.name} has {length} lines, {limit} at most; name its steps"
                )
    return breaches


def banned_name(path: str) -> list[str]:
    """Modules and packages whose names say nothing."""
    parts = Path(path).with_suffix("").parts
    return [f"{path}:1: {part!r} says nothing; name it for what it is" for part in parts if part in BANNED]


def undocumented(path: str, text: str) -> list[str]:
    """Public modules, classes and functions without a docstring."""
    tree = ast.parse(text)
    breaches = []
    if not ast.get_docstring(tree):
        breaches.append(f"{path}:1: no docstring; say what the module is for")
    pending: list[tuple[ast.Module | ast.ClassDef, bool]] = [(tree, False)]
    while pending:
        parent, overriding = pending.pop()
        for node in parent.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if node.name.startswith("_") or _repeats(node):
                continue
            if not ast.get_docstring(node):
                breaches.append(
                    f"{path}:{node.lineno}: {node.name} has no docstring; say what it does, in which units"
                )
            if isinstance(node, ast.ClassDef):
                pending.append((node, overriding))
    return breaches


def _repeats(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether a function is an overload or a setter, documented elsewhere."""
    return any(
        ast.unparse(decorator).endswith(("overload", ".setter", "override"))
        for decorator in node.decorator_list
    )


def positional_booleans_unchecked(config: dict[str, Any]) -> list[str]:
    """Whether ruff is told to leave boolean arguments alone."""
    lint = config["tool"]["ruff"]["lint"]
    breaches = []
    if "FBT" not in lint["select"] or any(code.startswith("FBT") for code in lint.get("ignore", [])):
        breaches.append("pyproject.toml:1: ruff must select FBT: no positional booleans in public signatures")
    for pattern, codes in lint.get("per-file-ignores", {}).items():
        # The command line's options are booleans by nature, and typer passes them by name.
        if any(code.startswith("FBT") for code in codes) and not pattern.startswith(
            ("tests/", "src/halfopen/cli/")
        ):
            breaches.append(
                f"pyproject.toml:1: FBT must not be ignored for {pattern}; make the boolean keyword-only"
            )
    return breaches


def test_lengths(python: list[Any], hold: Callable[[list[str]], None]) -> None:
    """No module and no function is longer than a person reads in one go."""
    hold([breach for source in python for breach in lengths(source.path, source.text)])


def test_names(committed: list[str], hold: Callable[[list[str]], None]) -> None:
    """No module is named for nothing in particular."""
    hold([breach for path in committed if path.endswith(".py") for breach in banned_name(path)])


def test_docstrings(python: list[Any], hold: Callable[[list[str]], None]) -> None:
    """Every package and every public class and function says what it is."""
    hold(
        [
            b
            for source in python
            if source.path.startswith("src/")
            for b in undocumented(source.path, source.text)
        ]
    )


def test_positional_booleans(root: Path, hold: Callable[[list[str]], None]) -> None:
    """Ruff checks that no public signature takes a positional boolean."""
    hold(positional_booleans_unchecked(tomllib.loads((root / "pyproject.toml").read_text())))


LONG_FUNCTION = '"""M."""\n\n\ndef f() -> None:\n    """F."""\n' + "    x = 1\n" * 80


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        pytest.param("src/halfopen/a.py", "x = 1\n" * 401, ":400: 401 lines", id="long module"),
        pytest.param("tests/test_a.py", "x = 1\n" * 601, ":600: 601 lines", id="long test module"),
        pytest.param("src/halfopen/a.py", LONG_FUNCTION, ":4: f has 82 lines", id="long function"),
        pytest.param(
            "src/halfopen/a.py",
            "class C:\n    async def f(self):\n" + "        x = 1\n" * 80,
            "f has",
            id="long method",
        ),
    ],
)
def test_lengths_catches(path: str, text: str, line: str) -> None:
    """A planted module or function that is too long is named with its place."""
    (breach,) = lengths(path, text)
    assert line in breach


def test_lengths_passes_what_fits() -> None:
    """The longest module allowed passes."""
    assert lengths("src/halfopen/a.py", "x = 1\n" * 400) == []
    assert lengths("tests/test_a.py", LONG_FUNCTION) == []


@pytest.mark.parametrize(
    "path", ["src/halfopen/utils.py", "src/halfopen/common/__init__.py", "tests/a/helpers.py"]
)
def test_names_catches(path: str) -> None:
    """A planted name that says nothing is caught."""
    assert len(banned_name(path)) == 1


def test_names_passes_nouns() -> None:
    """A noun of the field passes, also when a banned word is part of it."""
    assert banned_name("src/halfopen/policy/baseline.py") == []


def test_docstrings_catches() -> None:
    """Planted modules, classes, methods and functions without a docstring are each named."""
    text = "class C:\n    def m(self): ...\n\n\ndef f(): ...\n\n\ndef _private(): ...\n"
    assert [breach.split(":")[1] for breach in undocumented("src/a.py", text)] == ["1", "1", "5", "2"]
    assert undocumented("src/a.py", '"""M."""\n\n\ndef f():\n    """F."""\n') == []


def test_positional_booleans_catches() -> None:
    """A configuration that switches the check off is caught, and one that keeps it passes."""
    lint: dict[str, Any] = {"select": ["FBT"], "per-file-ignores": {"tests/**": ["FBT"]}}
    assert positional_booleans_unchecked({"tool": {"ruff": {"lint": lint}}}) == []
    assert (
        len(positional_booleans_unchecked({"tool": {"ruff": {"lint": lint | {"ignore": ["FBT001"]}}}})) == 1
    )
    lint["per-file-ignores"]["src/halfopen/policy/**"] = ["FBT"]
    assert len(positional_booleans_unchecked({"tool": {"ruff": {"lint": lint}}})) == 1
