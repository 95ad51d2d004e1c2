"""Where a control process serves its pages, and what becomes of it when the configuration changes."""

import asyncio
import http.client
import socket
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest

from halfopen.app.processes import dashboard as module
from halfopen.app.processes.dashboard import Dashboard, Place, address_of, place
from halfopen.lab.ports import free_port
from halfopen.rollout import Configured, configure

TOKEN = "a-token-of-the-tests"
ENVIRON = {"K": "sk-key-of-the-tests", "LOOK": TOKEN}


class Seen:
    """What pages ask of a gateway in these tests."""

    def status(self) -> dict[str, Any]:
        """Nothing to tell."""
        return {"snapshot": "s"}


@pytest.fixture
def configured(text: Callable[..., str]) -> Callable[..., Any]:
    """Makes snapshots with a `[dashboard]`."""

    def made(gateway: int, /, **settings: Any) -> Any:
        lines = [f"{name} = {value!r}".replace("'", '"') for name, value in settings.items()]
        found = configure(
            text(port=gateway) + "[dashboard]\n" + "\n".join(lines).replace("False", "false"), ENVIRON
        )
        assert isinstance(found, Configured), found
        return found.snapshot

    return made


@contextmanager
def taken(port: int) -> Any:
    """Somebody else listens there."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        yield listening


def status_of(port: int, **headers: str) -> int:
    """What is answered there. Blocks."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/status", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


async def answered(port: int, **headers: str) -> int:
    """As `status_of`, in a thread; 0: nobody is there."""
    try:
        return await asyncio.to_thread(status_of, port, **headers)
    except ConnectionRefusedError:
        return 0


def two_free() -> int:
    """A free port before another free one."""
    return next(port for port in iter(free_port, 0) if free(port + 1) and free(port + 2))


def free(port: int) -> bool:
    """Whether nobody listens there."""
    try:
        with taken(port):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, Place("127.0.0.1", tuple(range(9001, 9011)), None)),
        ({"port": 9200}, Place("127.0.0.1", (9200,), None)),
        ({"enabled": False}, None),
        ({"host": "0.0.0.0", "token": "${LOOK}"}, Place("0.0.0.0", tuple(range(9001, 9011)), TOKEN)),
    ],
    ids=["default", "port", "none", "token"],
)
def test_where_it_is_wanted(configured: Any, settings: dict[str, Any], wanted: Place | None) -> None:
    """The port after the gateway's unless the configuration names one; the token is looked up."""
    snapshot = configured(9000, **settings)
    assert place(snapshot, ENVIRON) == wanted
    assert address_of(snapshot) == (f"http://127.0.0.1:{wanted.ports[0]}" if wanted else None)


@pytest.mark.parametrize("value", [{}, {"LOOK": ""}, {"LOOK": "  "}])
def test_a_token_without_a_value_lets_nobody_in(configured: Any, value: dict[str, str]) -> None:
    """It is not taken for no token."""
    assert place(configured(9000, token="${LOOK}"), value) is None


def test_the_last_port_has_one_after_it(configured: Any) -> None:
    """No port above those that are ours."""
    found = place(configured(32_767), ENVIRON)
    assert found is not None
    assert found.ports == (32_766,)


def test_it_follows_the_configuration(configured: Any, eventually: Any) -> None:
    """Another port, a token, none at all: each is so in a moment, and what was before is gone."""

    async def go() -> None:
        first, second = two_free(), two_free()
        said: list[str] = []
        it = Dashboard(Seen(), ENVIRON, said.append)  # type: ignore[arg-type]  # these tests ask for no more
        assert it.status() == {"address": None, "problem": ""}
        it.follow(configured(first))
        await eventually(lambda: it.address, 10)
        assert it.address == f"http://127.0.0.1:{first + 1}"
        assert await answered(first + 1) == 200
        it.follow(configured(first))
        await asyncio.sleep(0)
        assert it.address is not None
        it.follow(configured(first, port=second, token="${LOOK}"))
        await eventually(lambda: it.address == f"http://127.0.0.1:{second}", 10)
        assert await answered(second) == 401
        assert await answered(second, authorization=f"Bearer {TOKEN}") == 200
        assert await answered(first + 1) == 0
        it.follow(configured(first, enabled=False))
        await eventually(lambda: it.address is None, 10)
        assert await answered(second) == 0
        it.follow(configured(first))
        await eventually(lambda: it.address, 10)
        await it.stop()
        assert await answered(first + 1) == 0
        assert said == []

    asyncio.run(go())


def test_a_token_that_could_be_guessed_lets_nobody_in(configured: Any, eventually: Any) -> None:
    """Where the configuration was checked it may have been another one. It is a problem that is told."""

    async def go() -> None:
        port, said = two_free(), list[str]()
        it = Dashboard(Seen(), {"LOOK": "short"}, said.append)  # type: ignore[arg-type]  # as above
        it.follow(configured(port, token="${LOOK}"))
        await eventually(lambda: it.problem, 10)
        assert "fewer than 16 characters" in it.problem
        assert await answered(port + 1) == 0
        await it.stop()

    asyncio.run(go())


def test_a_taken_port(configured: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of its own choice: it takes the next and says so. One that was named: it tries again, and tells."""
    monkeypatch.setattr(module, "AGAIN_S", 0.01)

    async def go() -> None:
        port = two_free()
        said: list[str] = []
        it = Dashboard(Seen(), ENVIRON, said.append)  # type: ignore[arg-type]  # these tests ask for no more
        with taken(port + 1):
            it.follow(configured(port))
            await eventually(lambda: it.address, 10)
            assert it.address != f"http://127.0.0.1:{port + 1}"
            assert await answered(int(it.address.rpartition(":")[2])) == 200
            assert said == [f"halfopen: port {port + 1} is taken: the dashboard is on {it.address}\n"]
            it.follow(configured(port, port=port + 1))
            await eventually(lambda: it.problem, 10)
            assert (
                it.problem == f"the dashboard can't be served on 127.0.0.1:{port + 1}: Address already in use"
            )
            assert it.address is None
            assert len(said) == 2
        await eventually(lambda: it.address, 10)
        assert it.status() == {"address": f"http://127.0.0.1:{port + 1}", "problem": ""}
        assert await answered(port + 1) == 200
        assert len(said) == 2
        await it.stop()

    asyncio.run(go())
