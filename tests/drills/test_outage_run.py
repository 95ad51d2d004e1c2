"""The outage run: a short one with real processes, and gateways that count wrongly, which it must find."""

import textwrap
from pathlib import Path
from typing import Any

import pytest
import uvloop

from halfopen.lab.drills import DRILLS, outage_run
from halfopen.lab.drills.figure import DrillReport
from halfopen.lab.drills.outage_run import Phase, Plan

SHORT = (
    Phase("well", 0.3),
    Phase("primary answers 500", 0.4, "openai_500_server_error"),
    Phase("recovery", 0.3),
)
VIEWS = (
    "ledger, rows",
    "ledger, sums of all time",
    "ledger, sums of minutes",
    "/metrics",
    "/api/overview, totals",
    "dashboard, first page",
)


def played(seconds: float, **changes: Any) -> DrillReport:
    return uvloop.run(outage_run.drill(plan=Plan(seconds=seconds, **changes)))


def told(report: DrillReport) -> str:
    """All that a person would read."""
    return "\n".join([*(figure.line() for figure in report.figures), *report.failures])


def unsound(report: DrillReport) -> set[str]:
    """The views that don't agree with whom they are held against."""
    return {figure.name.partition(", beside")[0] for figure in report.figures if not figure.sound}


def ended(report: DrillReport) -> dict[str, float]:
    """How many requests ended how, as the client has it."""
    begin = "requests that ended with "
    return {
        each.name.removeprefix(begin): each.value for each in report.figures if each.name.startswith(begin)
    }


def plant(folder: Path, monkeypatch: pytest.MonkeyPatch, process: str, code: str) -> None:
    """Have a process of every gateway that is started from now on run this first."""
    lines = textwrap.indent(textwrap.dedent(code), "    ")
    text = f'import sys\n\nif "halfopen.app.processes.{process}" in sys.orig_argv:\n{lines}'
    (folder / "sitecustomize.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")


@pytest.mark.alone
def test_all_who_count_agree_through_an_outage() -> None:
    """The whole script, short: every view, every request, every token."""
    report = played(15.0)
    assert report.ok, told(report)
    assert report.rows == ()
    results = ended(report)
    assert results["ok"] > 400
    assert results["client_gone"] > 5
    assert results["invalid_request"] > 5
    assert results["unknown_model"] > 5
    assert len(results) > 6, told(report)


@pytest.mark.alone
def test_another_scenario_has_other_counts() -> None:
    """All is well: nobody is rescued, and nothing fails but what is wrong itself."""
    report = played(3.0, script=(Phase("well", 1.0),), seed=2)
    assert report.ok, told(report)
    assert set(ended(report)) <= {"ok", "client_gone", "invalid_request", "unknown_model"}
    (rescued,) = [each.value for each in report.figures if each.name == "requests that were rescued"]
    assert rescued == 0


@pytest.mark.alone
def test_a_worker_that_forgets_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: every twentieth outcome is never told, and no gap in their numbers tells of it."""
    plant(
        tmp_path,
        monkeypatch,
        "worker",
        """
        import itertools

        from halfopen.app.processes.outcome_sender import OutcomeSender

        call, turns = OutcomeSender.add, itertools.count(1)

        def forgetful(self, outcome):
            if next(turns) % 20:
                call(self, outcome)

        OutcomeSender.add = forgetful
        """,
    )
    report = played(3.0, script=SHORT)
    assert {*VIEWS, "ledger, row by row"} <= unsound(report), told(report)
    assert "ledger, minutes" not in unsound(report), told(report)


@pytest.mark.alone
def test_a_rescue_that_is_not_counted_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: whoever is answered by another than the first choice counts as answered by it."""
    plant(
        tmp_path,
        monkeypatch,
        "control",
        """
        from halfopen.signals import fold

        fold._stood_in = lambda *_: False
        """,
    )
    report = played(3.0, script=SHORT)
    assert {*VIEWS, "halfopen requests"} <= unsound(report), told(report)
    assert {row["key"][0].partition(" of ")[0] for row in report.rows} == {"rescued", "all rescued"}


@pytest.mark.alone
def test_a_page_that_shows_other_numbers_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: what is counted in memory is counted twice in its first second; the store is right."""
    plant(
        tmp_path,
        monkeypatch,
        "control",
        """
        import itertools

        from halfopen.signals.windows import Windows

        call, turns = Windows.add, itertools.count()

        def eager(self, sums, now_s):
            for _ in range(2 if sums and next(turns) < 3 else 1):
                call(self, sums, now_s)

        Windows.add = eager
        """,
    )
    report = played(3.0, script=SHORT)
    wrong = unsound(report)
    assert {"/metrics", "/api/overview, totals", "dashboard, first page"} <= wrong, told(report)
    assert not {"ledger, rows", "ledger, sums of all time", "halfopen requests"} & wrong, told(report)


def test_a_dashboard_that_does_not_answer_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: it is never served. What can't be read doesn't agree."""
    plant(
        tmp_path,
        monkeypatch,
        "control",
        """
        from halfopen.app.processes.dashboard import Dashboard

        Dashboard.follow = lambda self, snapshot: None
        """,
    )
    report = played(2.0, script=SHORT)
    assert not report.ok
    assert "the dashboard does not answer" in report.failures[0]


def test_the_drill_is_offered() -> None:
    """`halfopen lab drill` knows it."""
    assert DRILLS["outage-run"] is outage_run.drill
    assert round(sum(phase.share for phase in outage_run.SCRIPT), 6) == 1.0
