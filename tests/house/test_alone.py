"""Tests that measure time run alone, after all others, and `make test` runs both."""

import ast
import itertools
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = "scripts/tests.sh"
NOTHING = 5
"""What pytest ends with when it has run no test."""
BOUND_MAX_S = 5.0
CLOCKS = ("time", "monotonic", "perf_counter")
READ = re.compile(rf"\b({'|'.join(CLOCKS)})\(\)")
QUICK = "-p no:cacheprovider -p no:hypothesispytest -p no:anyio"
"""Plugins that the tests of the script need not wait for."""
TEST = """
{marks}
def test_{name}():
    with open("ran", "a") as ran:
        ran.write("{name} " + os.environ.get("PYTEST_XDIST_WORKER", "alone") + chr(10))
"""


def unwatched(makefile: str) -> list[str]:
    """Whether `make test` would leave out one of the two parts."""
    rules = dict(re.findall(r"^([a-z-]+):(.*\n(?:\t.*\n)*)", makefile, re.MULTILINE))
    breaches = []
    if "unit" not in rules.get("test", "").partition("##")[0].split():
        breaches.append("Makefile:1: `make test` must need unit")
    if SCRIPT not in rules.get("unit", ""):
        breaches.append(f"Makefile:1: unit must run {SCRIPT}, which runs both parts of the tests")
    lines = enumerate(makefile.split("\n"), 1)
    return breaches + [
        f"Makefile:{number}: tests on several workers; run {SCRIPT}, which keeps those apart that measure time"
        for number, line in lines
        if re.search(r"pytest\b.* -n (?!0)", line)
    ]


def hasty(path: str, text: str) -> list[str]:
    """Tests beside others that bound the time on the wall by a few seconds."""
    if not READ.search(text):
        return []
    tree = ast.parse(text)
    marks = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Assign)]
    if any(mark.startswith("pytestmark") and "mark.alone" in mark for mark in marks):
        return []
    return [
        f"{path}:{node.lineno}: {test.name} bounds time on the wall; mark it `@pytest.mark.alone`"
        for test in tree.body
        if isinstance(test, ast.FunctionDef) and not _is_alone(test)
        for node in _bounds(test)
    ]


def _is_alone(test: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator) == "pytest.mark.alone" for decorator in test.decorator_list)


def _bounds(test: ast.FunctionDef) -> Iterator[ast.Compare]:
    """Comparisons of a time that has passed with an upper bound."""
    passed = {
        target.id
        for node in ast.walk(test)
        if isinstance(node, ast.Assign) and _is_passed_time(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(test):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        for less, op, more in zip(sides, node.ops, sides[1:], strict=False):
            is_time = _is_passed_time(less) or (isinstance(less, ast.Name) and less.id in passed)
            few = isinstance(more, ast.Constant) and isinstance(more.value, int | float)
            if is_time and few and isinstance(op, ast.Lt | ast.LtE) and more.value <= BOUND_MAX_S:
                yield node


def _is_passed_time(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and isinstance(node.left, ast.Call)
        and ast.unparse(node.left.func).rpartition(".")[2] in CLOCKS
    )


@pytest.fixture
def place(tmp_path: Path) -> Callable[[str], Callable[..., int]]:
    """The script in a repository of its own, in which pytest is these lines of shell: `place(lines)(options)`."""
    for folder in ("scripts", ".venv/bin", "tests"):
        (tmp_path / folder).mkdir(parents=True)
    script, program = tmp_path / SCRIPT, tmp_path / ".venv/bin/pytest"
    script.write_bytes((ROOT / SCRIPT).read_bytes())
    script.chmod(0o700)

    def made(lines: str) -> Callable[..., int]:
        program.write_text(f"#!/usr/bin/env bash\n{lines}\n")
        program.chmod(0o700)
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}

        def run(*options: str, jobs: str = "1") -> int:
            done = subprocess.run(
                [str(script), *options],
                env={**ours, "JOBS": jobs},
                check=False,
                capture_output=True,
                timeout=60,
            )
            return done.returncode

        return run

    return made


def test_make_runs_both(root: Path, hold: Callable[[list[str]], None]) -> None:
    """The one command that runs everything runs the script."""
    hold(unwatched((root / "Makefile").read_text()))


def test_every_test_runs_once(place: Any, tmp_path: Path) -> None:
    """Whatever markers it carries; those marked `alone` after all others, with no other worker there."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    markers = [re.split(r"\W", marker)[0] for marker in settings["markers"]]
    sets = [each for size in range(len(markers) + 1) for each in itertools.combinations(markers, size)]
    tests = {
        "_".join(("with", *each)): "\n".join(f'@pytest.mark.{mark}("sh")' for mark in each) for each in sets
    }
    (tmp_path / "tests/conftest.py").write_bytes((ROOT / "tests/conftest.py").read_bytes())
    listed = "".join(f"    {marker}\n" for marker in settings["markers"])
    (tmp_path / "pytest.ini").write_text(f"[pytest]\naddopts = --strict-markers\nmarkers =\n{listed}")
    for name, marks in tests.items():
        text = "import os\nimport pytest\n" + TEST.format(name=name, marks=marks)
        (tmp_path / f"tests/test_{name}.py").write_text(text)
    assert place(f'{shlex.quote(sys.executable)} -m pytest {QUICK} "$@"')() == 0
    ran = [line.split(" ") for line in (tmp_path / "ran").read_text().splitlines()]
    assert sorted(name for name, _ in ran) == sorted(tests)
    assert [where for _, where in ran] == sorted((where for _, where in ran), reverse=True)
    assert {name for name, where in ran if where == "alone"} == {name for name in tests if "alone" in name}


def test_a_mark_that_can_not_be_found_is_refused(place: Any, tmp_path: Path) -> None:
    """Files that don't name it are left out where only tests marked `alone` are wanted."""
    (tmp_path / "tests/conftest.py").write_bytes((ROOT / "tests/conftest.py").read_bytes())
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\nmarkers =\n    alone: x\n")
    (tmp_path / "elsewhere.py").write_text("import pytest\nslow = pytest.mark.alone\n")
    text = "import os\nfrom elsewhere import slow\n" + TEST.format(name="hidden", marks="@slow")
    (tmp_path / "tests/test_hidden.py").write_text(text)
    assert place(f'{shlex.quote(sys.executable)} -m pytest {QUICK} "$@"')() not in (0, NOTHING)


@pytest.mark.parametrize(
    ("beside", "alone", "status"),
    [
        pytest.param(0, 0, 0, id="both pass"),
        pytest.param(1, 0, 1, id="one beside others fails"),
        pytest.param(0, 1, 1, id="one alone fails"),
        pytest.param(2, 1, 2, id="both fail"),
        pytest.param(NOTHING, 0, 0, id="only those alone are asked for"),
        pytest.param(0, NOTHING, 0, id="none alone is asked for"),
        pytest.param(NOTHING, 1, 1, id="the only one fails"),
        pytest.param(NOTHING, NOTHING, NOTHING, id="none at all"),
    ],
)
def test_both_parts_run_and_either_may_fail(
    place: Any, tmp_path: Path, beside: int, alone: int, status: int
) -> None:
    """Also when the first has failed; both get the arguments."""
    run = place(f'echo "$*" >> asked\n[[ "$*" == *"-m alone"* ]] && exit {alone}\nexit {beside}')
    assert run("-k", "x") == status
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [("not alone" in each, each.endswith(" --durations=10 -k x")) for each in asked] == [
        (True, True),
        (False, True),
    ]


@pytest.mark.parametrize(
    ("cores", "jobs", "workers"),
    [("1", "auto", "1"), ("2", "auto", "2"), ("4", "auto", "4"), ("2", "", "2"), ("2", "5", "5")],
)
def test_each_core_has_a_worker(
    place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: str, jobs: str, workers: str
) -> None:
    """Unless somebody says how many there are; tests marked `alone` have none beside them."""
    nproc = tmp_path / ".venv/bin/nproc"
    nproc.write_text(f"#!/usr/bin/env bash\necho {cores}\n")
    nproc.chmod(0o700)
    monkeypatch.setenv("PATH", str(nproc.parent), prepend=os.pathsep)
    assert place('echo "$*" >> asked')(jobs=jobs) == 0
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [re.findall(r"-n (\d+)", each) for each in asked] == [[workers], ["0"]]


def test_modules_are_compiled_once(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says, since tests start hundreds of processes that would each do it again."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert place("[[ ! -v PYTHONDONTWRITEBYTECODE ]]")() == 0


def test_who_bounds_time_is_alone(python: list[Any], hold: Callable[[list[str]], None]) -> None:
    """A test beside others can't know what else the machine does."""
    hold([breach for s in python if s.path.startswith("tests/") for breach in hasty(s.path, s.text)])


MAKEFILE = "test: check unit  ## all\n\nunit: env\n\t@scripts/tests.sh $(ARGS)\n\nx:\n\tpytest -n 0 tests/x\n"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("check unit", "check"),
        ("@scripts/tests.sh", "$(BIN)/pytest -m 'not alone'"),
        ("pytest -n 0", "$(BIN)/pytest -n $(JOBS)"),
    ],
)
def test_unwatched_catches(right: str, wrong: str) -> None:
    """A planted Makefile that leaves out one part is caught, and the right one passes."""
    assert unwatched(MAKEFILE) == []
    assert len(unwatched(MAKEFILE.replace(right, wrong))) == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("assert loop.time() - began < 1.0", id="at once"),
        pytest.param("took_s = time.monotonic() - began\n    assert took_s < 2", id="named"),
        pytest.param("assert 0.1 < time.perf_counter() - began <= 0.5", id="between"),
        pytest.param(
            "async def scene():\n        assert asyncio.get_running_loop().time() - began < 1.0", id="within"
        ),
    ],
)
def test_hasty_catches(text: str) -> None:
    """A planted bound is caught in each of its forms, and not where the test is marked."""
    test = f"def test_a():\n    {text}\n"
    assert len(hasty("tests/test_a.py", test)) == 1
    assert hasty("tests/test_a.py", f"@pytest.mark.alone\n{test}") == []
    assert hasty("tests/test_a.py", f"pytestmark = [pytest.mark.alone]\n{test}") == []


def test_hasty_passes_time_of_the_processor_and_long_bounds() -> None:
    """What others take is not counted there, and a minute is long enough for all."""
    text = "def test_a():\n    assert time.process_time() - began < 1\n    assert time.monotonic() - began < 60\n"
    assert hasty("tests/test_a.py", text) == []
