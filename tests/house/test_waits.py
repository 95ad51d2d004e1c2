"""Tests do not sleep: time is virtual."""

import ast
from collections.abc import Callable
from typing import Any

import pytest

SLEEP_MAX_S = 0.05


def sleeps(path: str, text: str) -> list[str]:
    """Real sleeps: any `time.sleep`, and `asyncio.sleep` or `anyio.sleep` of more than 50 ms."""
    tree = ast.parse(text)
    bare = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in ("time", "asyncio", "anyio")
        for alias in node.names
        if alias.name == "sleep"
    }
    blocking = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
        if alias.name == "sleep"
    }
    breaches = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        call = ast.unparse(node.func)
        if call == "time.sleep" or call in blocking:
            breaches.append(
                f"{path}:{node.lineno}: {call} sleeps for real; use virtual time or wait for an event"
            )
        elif (call in ("asyncio.sleep", "anyio.sleep") or call in bare) and _too_long(node):
            breaches.append(
                f"{path}:{node.lineno}: {ast.unparse(node)} is over 50 ms; use virtual time or an event"
            )
    return breaches


def _too_long(node: ast.Call) -> bool:
    """Whether the sleep's argument is a constant over the bound; a sum of constants counts as well."""
    arguments = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "delay")]
    for argument in arguments:
        numbers = [leaf.value for leaf in ast.walk(argument) if isinstance(leaf, ast.Constant)]
        names = any(isinstance(leaf, ast.Name | ast.Attribute | ast.Call) for leaf in ast.walk(argument))
        if not names and any(isinstance(number, int | float) and number > SLEEP_MAX_S for number in numbers):
            return True
    return False


def test_no_real_sleep(python: list[Any], hold: Callable[[list[str]], None]) -> None:
    """No test waits on a real clock for more than 50 ms at a time."""
    hold([breach for s in python if s.path.startswith("tests/") for breach in sleeps(s.path, s.text)])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import time\ntime.sleep(0.001)\n", id="time.sleep"),
        pytest.param("from time import sleep\nsleep(1)\n", id="imported"),
        pytest.param("from time import sleep as nap\nnap(1)\n", id="renamed"),
        pytest.param("import asyncio\n\n\nasync def f():\n    await asyncio.sleep(0.2)\n", id="asyncio"),
        pytest.param(
            "from asyncio import sleep\n\n\nasync def f():\n    await sleep(delay=1)\n", id="by name"
        ),
        pytest.param("import anyio\n\n\nasync def f():\n    await anyio.sleep(60 * 10)\n", id="product"),
    ],
)
def test_sleep_catches(text: str) -> None:
    """A planted sleep is caught in each of its forms."""
    assert len(sleeps("tests/test_a.py", text)) == 1


def test_sleep_passes_short_and_virtual_waits() -> None:
    """A yield to the loop, a short poll and a fake clock pass."""
    text = "import asyncio\n\n\nasync def f(clock):\n    await asyncio.sleep(0)\n    await asyncio.sleep(0.01)\n    clock.sleep(60)\n"
    assert sleeps("tests/test_a.py", text) == []
