"""Outcomes, snapshots, state directories and a control process to speak to."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from halfopen.app.processes.changes import Changes
from halfopen.app.processes.control import Control
from halfopen.app.processes.link import ControlLink
from halfopen.app.processes.messages import Hello, Message, Role
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.model import Attempt, Outcome, Usage
from halfopen.rollout import Configured, Snapshot, configure

TOML = """
[gateway]
port = {port}

[providers.p]
dialect = "openai"
base_url = "http://127.0.0.1:9"
key = "${{K}}"

[routes.{route}]
targets = ["p/m"]
"""
ENVIRON = {"K": "sk-key-of-the-tests"}


def make_outcome(number: int = 0, **changes: Any) -> Outcome:
    """A request that its first target answered at once."""
    at = 10.0 + number
    attempt = Attempt("p/m", at, at + 0.5, first_content=at + 0.25, status=200)
    fields: dict[str, Any] = {
        "request_id": f"ho-{number}",
        "route": "m",
        "stream": False,
        "arrived": at,
        "ended": at + 0.5,
        "attempts": (attempt,),
        "skips": (),
        "served_by": "p/m",
        "fault": None,
        "client_gone": False,
        "usage": Usage(100, 20),
    }
    return Outcome(**{**fields, **changes})


def make_text(route: str = "m", port: int = 8500) -> str:
    """The text of a configuration that can be served."""
    return TOML.format(route=route, port=port)


def make_snapshot(route: str = "m", port: int = 8500) -> Snapshot:
    """What `make_text` comes to."""
    configured = configure(make_text(route, port), ENVIRON)
    assert isinstance(configured, Configured)
    return configured.snapshot


async def until(done: Callable[[], Any], most_s: float = 3.0) -> None:
    """Wait until something is so; fails when it isn't in time."""
    async with asyncio.timeout(most_s):
        while not done():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)


@pytest.fixture
def outcome() -> Callable[..., Outcome]:
    """Makes outcomes: `outcome(number, **fields)`."""
    return make_outcome


@pytest.fixture
def text() -> Callable[..., str]:
    """Makes texts of configurations: `text(route, port)`."""
    return make_text


@pytest.fixture
def snapshot() -> Callable[..., Snapshot]:
    """Makes snapshots: `snapshot(route, port)`."""
    return make_snapshot


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    """A state directory, made and open."""
    directory = StateDirectory(tmp_path / "state")
    directory.open()
    return directory


@pytest.fixture
def eventually() -> Any:
    """`await eventually(condition)` waits for it."""
    return until


class Speaker:
    """A worker or the supervisor, as control sees it. Serves whatever it is told to."""

    def __init__(self, path: Path, role: Role, *, number: int = 0, snapshot: str = "") -> None:
        self.role, self.number, self.snapshot = role, number, snapshot
        self.heard: list[Message] = []
        self.link = ControlLink(path, self.hello, self.heard.append, asyncio.get_running_loop())

    def hello(self) -> Hello:
        return Hello(self.role, os.getpid(), self.number, self.snapshot)

    def last(self, kind: type) -> Any:
        """The last message of a type that was heard; None: there was none."""
        return next((message for message in reversed(self.heard) if isinstance(message, kind)), None)


@pytest.fixture
def speaker() -> type[Speaker]:
    """Makes speakers; start and close their `link`."""
    return Speaker


@pytest.fixture
def controlled(state: StateDirectory) -> Any:
    """`async with controlled(path) as control:` is a control in this process."""

    @asynccontextmanager
    async def run(path: Path | None = None, **options: Any) -> AsyncIterator[Control]:
        serving = state.current() or ""
        changes = Changes(state, path, serving, ENVIRON, lambda: 1000.0)
        control = Control(state, changes, **options)
        await control.start()
        try:
            yield control
        finally:
            await control.stop()

    return run
