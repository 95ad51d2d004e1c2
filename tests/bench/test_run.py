"""The command: its exit status, and what a part that can't run costs."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench.figures import Spread
from bench.promises import PROMISES, Reading

from bench import report, run, starts, tools


@pytest.fixture
def bench(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Runs the command with fabricated readings of `--help`; gives exit status and output."""

    def call(readings: Callable[[], dict[str, Reading]], *arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(tools, "PLACE", tmp_path)
        monkeypatch.setattr(run, "build", lambda: None)
        monkeypatch.setattr(starts, "measure_help", lambda plan, program: readings())
        monkeypatch.setattr(sys, "argv", ["bench", "help", *arguments])
        status = run.main()
        return status, capsys.readouterr().out

    return call


def seconds(value: float) -> dict[str, Reading]:
    return {"help": Spread(value, value - 0.01, value + 0.01, 15)}


def test_exit_status(bench: Callable[..., Any]) -> None:
    """0 when the promise is kept, 1 when it is not, 2 when nothing could be measured."""

    def impossible() -> dict[str, Reading]:
        raise tools.CannotRunError("no typer")

    assert bench(lambda: seconds(0.1))[0] == 0
    assert bench(lambda: seconds(0.101))[0] == 1
    assert bench(impossible)[0] == 2


def test_a_promise_is_printed_with_its_evidence(bench: Callable[..., Any]) -> None:
    """State, bound, figure, interval and sample size, as text and as JSON."""
    _, text = bench(lambda: seconds(0.05))
    line = next(line for line in text.splitlines() if line.startswith("kept"))
    assert all(part in line for part in ("--help", "≤ 0.1 s", "0.05", "0.04 to 0.06", "15"))
    status, text = bench(lambda: seconds(0.2), "--json")
    (found,) = json.loads(text)["promises"]
    assert (status, found["kept"], found["median"], found["size"]) == (1, False, 0.2, 15)


def test_a_part_that_cannot_run_breaks_its_promises() -> None:
    """The run of everything goes on, and each promise of the part is told as broken."""

    def impossible() -> dict[str, Reading]:
        raise tools.CannotRunError("no room")

    found = run._tried("memory", impossible)
    assert sorted(found) == ["memory growth", "memory idle", "memory start"]
    assert run._tried("help", lambda: seconds(0.1)) == seconds(0.1)


def test_each_part_has_promises() -> None:
    """What each subcommand measures is judged: keys begin with its name."""
    assert {promise.key.split()[0] for promise in PROMISES} == {*run.SIDE_BY_SIDE, *run.ALONE, "recorded"}


def test_the_page_has_its_marks() -> None:
    """`--write` finds where the tables of docs/performance.md go."""
    assert report.page(report.PAGE.read_text(), "x").count("\nx\n") == 1
