"""The dashboard over a scripted gateway: without a socket, in a thread, and in a browser."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from halfopen.web.access import Access
from halfopen.web.application import Application

HERE = Path(__file__).parent
WHOLE = os.environ.get("HALFOPEN_BROWSER") == "all"


def load(name: str) -> ModuleType:
    """A plain module of this folder, under its own name, as they name one another."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


load("paths")


@pytest.fixture(scope="session")
def scripted() -> ModuleType:
    """The scripted gateway."""
    return load("scripted_seen")


@pytest.fixture
def seen(scripted: ModuleType) -> Any:
    """One in health, at the script's time."""
    return scripted.ScriptedSeen()


@pytest.fixture
def application(seen: Any) -> Callable[..., Application]:
    """Makes the application: `application(token, monotonic, wall)`."""

    def made(token: str | None = None, monotonic: Any = lambda: 0.0, wall: Any = None) -> Application:
        wall = wall or seen.wall
        return Application(seen, Access(token, monotonic=monotonic, wall=wall), wall=wall)

    return made


@pytest.fixture(scope="session")
def ask() -> Callable[..., Any]:
    """`ask(app, address, method=..., headers=..., body=..., client=...)`."""
    return load("asking").ask


@pytest.fixture(scope="session")
def scope_of() -> Callable[..., Any]:
    """What a server tells an application of a request."""
    return load("asking").scope_of


@pytest.fixture
def site(scripted: ModuleType) -> Iterator[Callable[..., Any]]:
    """Starts a dashboard in a thread: `site(seen, token=..., port=...)`."""
    threads = load("site_thread")
    started: list[Any] = []

    def start(seen: Any, **how: Any) -> Any:
        started.append(threads.Site(seen, **how).start())
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="session")
def browsing() -> ModuleType:
    """What is done with a browser."""
    return load("browsing")


@pytest.fixture(scope="module")
def chromium(browsing: ModuleType) -> Iterator[Any]:
    """One browser for the tests of a module. While it is there, no other loop can run in this thread."""
    with browsing.browser() as made:
        yield made
