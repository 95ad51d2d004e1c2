"""The marker `server`: what becomes of a test whose server isn't there."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
TESTS = """
import pytest

@pytest.mark.server("no-such-server", "sh")
def test_absent():
    raise AssertionError("ran without its server")

@pytest.mark.server("sh")
def test_present(program):
    assert program("sh").endswith("/sh")

@pytest.mark.server("sh")
def test_skips_itself():
    pytest.skip("too old")

@pytest.mark.server("sh")
@pytest.mark.xfail(reason="a known defect", strict=True)
def test_defect():
    raise AssertionError

@pytest.mark.skip(reason="no server test")
def test_other():
    pass
"""
INI = """
[pytest]
markers =
    server(*programs): needs programs
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def pytest_run(tmp_path: Path) -> Run:
    """Runs pytest on some tests with the marker's conftest, in a process of its own."""

    def run(tests: str, *options: str, ci: str = "") -> subprocess.CompletedProcess[str]:
        (tmp_path / "conftest.py").write_bytes(CONFTEST.read_bytes())
        (tmp_path / "pytest.ini").write_text(INI)
        (tmp_path / "test_it.py").write_text(tests)
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
        quick = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:anyio")
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *quick, *options],
            cwd=tmp_path,
            env={**ours, "CI": ci},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one process", "workers"])
def test_skips_are_listed(pytest_run: Run, options: tuple[str, ...]) -> None:
    """Without its server a test is skipped, and the summary names it and what is missing."""
    run = pytest_run(TESTS, *options)
    assert run.returncode == 0, run.stdout
    summary = run.stdout.partition("2 server tests were skipped")[2].splitlines()
    assert "test_it.py::test_absent: no-such-server not found; `make servers` installs it as root" in summary
    assert "test_it.py::test_skips_itself: too old" in summary
    assert not any("test_other" in line or "test_present" in line for line in summary)
    assert "1 passed, 3 skipped, 1 xfailed" in run.stdout


def test_ci_fails_a_skip(pytest_run: Run) -> None:
    """Under CI a server test that would be skipped fails with the reason, and nothing else does."""
    run = pytest_run(TESTS, ci="true")
    assert run.returncode == 1, run.stdout
    assert "skipped, which CI does not allow: no-such-server not found" in run.stdout
    assert "skipped, which CI does not allow: too old" in run.stdout
    assert "server tests were skipped" not in run.stdout
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed, 1 error" in run.stdout


def test_marker_without_names(pytest_run: Run) -> None:
    """A marker that names no program fails, as it would never skip anything."""
    run = pytest_run("import pytest\n@pytest.mark.server\ndef test_it():\n    pass\n")
    assert run.returncode == 1, run.stdout
    assert "the marker needs the names of programs" in run.stdout
