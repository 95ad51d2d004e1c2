"""Where nothing is shared by Redis, nothing of it is there; and where it can't be had, the gateway says why."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest
import uvloop

TOML = """
[providers.p]
dialect = "openai"
base_url = "http://127.0.0.1:9"
[routes.m]
targets = ["p/m"]
"""


@pytest.mark.parametrize("module", ["worker", "control", "supervisor"])
def test_is_not_imported(module: str) -> None:
    """Workers never need the package, and control only where it is configured."""
    code = (
        f"import sys, halfopen.app.processes.{module}\n"
        "found = sorted(name for name in sys.modules if name.partition('.')[0] == 'redis')\n"
        "mine = [name for name in sys.modules if name.startswith('halfopen.') and 'redis_link' in name]\n"
        f"assert not found, found\nassert {module!r} == 'control' or not mine, mine\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


async def until(condition: Any, what: Any) -> None:
    """Within 3 s."""
    loop = asyncio.get_running_loop()
    end = loop.time() + 3
    while not condition():
        assert loop.time() < end, what()
        await asyncio.sleep(0.01)


def test_keeps_to_its_fair_part(machine: Any) -> None:
    """Of the gateways that the configuration tells of; workers, of that."""

    async def main() -> None:
        async with machine(TOML + "[processes]\nreplicas = 4", "one", 2) as one:
            await until(lambda: abs(one.held - 0.25) < 1e-9, lambda: one.held)
            assert (one.replicas["redis"], one.replicas["gateways"]) == ("off", 4)
            assert one.replicas["parts"] == {"p": 0.25}
            assert not any("shared" in problem for problem in one.control.status()["problems"])

    uvloop.run(main())


def test_the_extra_is_missing(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are served all the same; status says what to install."""
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)

    async def main() -> None:
        async with machine(TOML + '[redis]\nurl = "redis://127.0.0.1:9/0"') as one:
            await until(lambda: one.replicas["redis"] == "failed", lambda: one.replicas)
            assert any("pip install 'halfopen[redis]'" in each for each in one.control.status()["problems"])

    uvloop.run(main())


def test_nobody_listens(machine: Any) -> None:
    """From the start: as if it were gone."""

    async def main() -> None:
        async with machine(TOML + '[redis]\nurl = "redis://127.0.0.1:9/0"') as one:
            await until(lambda: one.replicas["problem"], lambda: one.replicas)
            assert one.replicas["redis"] == "gone"
            assert one.held == 1.0

    uvloop.run(main())
