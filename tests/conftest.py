"""Tests that need a real server: `@pytest.mark.server("nginx")` names the programs.

Without them such a test is skipped and listed at the end, so that nobody takes the run for a whole
one. Where CI is set, whatever skips it is a failure.
"""

import inspect
import os
import shutil
import types
from collections.abc import Callable, Generator
from typing import Any

import pytest

_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where Debian keeps servers; often not in the path of a person."""
_PROPERTY = "server test skipped"


def _found(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM)))


def _under_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what lacks a program."""
    marks = list(item.iter_markers("server"))
    if any(not mark.args for mark in marks):
        pytest.fail('the marker needs the names of programs: @pytest.mark.server("nginx")', pytrace=False)
    missing = sorted({name for mark in marks for name in mark.args if _found(name) is None})
    if missing:
        pytest.skip(f"{', '.join(missing)} not found; `make servers` installs it as root")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note each skip of a server test, or under CI make it a failure."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if not skipped or call.excinfo is None or item.get_closest_marker("server") is None:
        return report
    reason = str(call.excinfo.value)
    if _under_ci():
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {reason}"
    else:
        report.user_properties.append((_PROPERTY, reason))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List the server tests that did not run."""
    skipped = [
        f"{report.nodeid}: {reason}"
        for report in terminalreporter.stats.get("skipped", ())
        for name, reason in report.user_properties
        if name == _PROPERTY
    ]
    if skipped:
        terminalreporter.section(f"{len(skipped)} server tests were skipped", yellow=True)
        for line in sorted(skipped):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """The path of a program that a `server` marker has named."""

    def path(name: str) -> str:
        found = _found(name)
        assert found is not None, f"{name} is not named in a server marker of this test"
        return found

    return path


@pytest.fixture(scope="session")
def plant() -> Callable[..., types.ModuleType]:
    """Makes a module with defects, so that a test can show that it would notice: `plant(module, (right, wrong), …)`."""

    def planted(module: types.ModuleType, *defects: tuple[str, str]) -> types.ModuleType:
        source = inspect.getsource(module)
        for right, wrong in defects:
            count = source.count(right)
            assert count == 1, f"{right!r} stands {count} times in {module.__name__}: plant something else"
            source = source.replace(right, wrong)
        made = types.ModuleType(module.__name__)
        exec(compile(source, str(module.__file__), "exec"), made.__dict__)
        return made

    return planted
