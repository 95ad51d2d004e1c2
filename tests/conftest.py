"""Tests that need a real server, and tests that need the machine for themselves.

`@pytest.mark.server("nginx")` names the programs. Without them such a test is skipped and listed at
the end, so that nobody takes the run for a whole one. Where CI is set, whatever skips it is a failure.

`@pytest.mark.alone` is for what measures time, since tests beside it would take some. `make test`
runs these after all others, one by one.
"""

import importlib.util
import inspect
import os
import shutil
import types
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

_POSTGRES = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin", *_POSTGRES)
"""Where Debian keeps servers; often not in the path of a person."""
_PROPERTY = "server test skipped"


def _found(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM)))


def _under_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def pytest_configure(config: pytest.Config) -> None:
    """Have Hypothesis bound no example's time: others run beside it. Under CI it doesn't by itself."""
    if _under_ci() or not config.pluginmanager.hasplugin("hypothesispytest"):
        return
    from hypothesis import HealthCheck, settings

    settings.register_profile("beside others", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile(config.getoption("--hypothesis-profile") or "beside others")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where only tests marked `alone` are wanted, leave files out that name no such mark: there are many."""
    if config.option.markexpr != "alone" or collection_path.suffix != ".py":
        return None
    return None if _names_alone(collection_path) else True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a mark that comes from elsewhere, since its file would be left out above."""
    marked = {item.path for item in items if item.get_closest_marker("alone") is not None}
    if hidden := sorted(str(path) for path in marked if not _names_alone(path)):
        raise pytest.UsageError(f"write `pytest.mark.alone` into {', '.join(hidden)} itself")


def _names_alone(path: Path) -> bool:
    return "mark.alone" in path.read_text(encoding="utf-8")


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


def _of_store(name: str) -> types.ModuleType:
    """A module of `store/`, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "store" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def postgres_server(program: Callable[[str], str]) -> Iterator[Any]:
    """A PostgreSQL for all tests of a process, see `store/postgres_server.py`. For `server("initdb")`."""
    with _of_store("postgres_server").running(Path(program("initdb")).resolve().parent) as server:
        yield server


@pytest.fixture
def postgres(postgres_server: Any) -> Callable[[], str]:
    """Makes an empty database; its address."""
    made: Callable[[], str] = postgres_server.database
    return made


@pytest.fixture(scope="session")
def clickhouse_server() -> Iterator[Any]:
    """A ClickHouse by HTTP for all tests of a process, see `store/clickhouse_server.py`."""
    with _of_store("clickhouse_server").running() as server:
        yield server


@pytest.fixture
def clickhouse(clickhouse_server: Any) -> Callable[[], str]:
    """Tells the address of a database that isn't there yet."""
    made: Callable[[], str] = clickhouse_server.database
    return made
