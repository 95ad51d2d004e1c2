"""`halfopen lab drill`."""

import json

from typer.testing import CliRunner

from halfopen.cli import lab_drill
from halfopen.cli.lab import app
from halfopen.lab.drills import DRILLS, DrillReport, Figure, disconnect


def run_cli(*arguments):
    return CliRunner().invoke(app, ["drill", *arguments])


def test_the_json_has_figures_with_sample_sizes(monkeypatch):
    """`--json` prints the report and nothing else."""
    monkeypatch.setattr(disconnect, "LEAVINGS", disconnect.LEAVINGS[:1])
    result = run_cli("disconnect", "--json", "--count", "1")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert (data["drill"], data["ok"]) == ("disconnect", True)
    assert list(data["figures"][0]) == ["name", "value", "unit", "samples", "sound", "promise", "interval"]
    assert data["figures"][0]["samples"] == 1


def test_a_broken_promise_gives_status_1(monkeypatch):
    """A drill that fails says so, in words and by its status."""

    async def broken(count):
        return DrillReport("outage", (Figure("x", 1.0, "s", 1, sound=False, promise="less"),), ("it broke",))

    monkeypatch.setattr(lab_drill, "_drills", lambda: {"outage": broken})
    result = run_cli("outage")
    assert result.exit_code == 1
    assert "FAIL x: 1 s (n = 1, promised less)" in result.stdout
    assert "it broke" in result.stdout


def test_an_unknown_drill_is_wrong_usage():
    """The names that there are come with the error."""
    result = run_cli("no-such-drill")
    assert result.exit_code == 2
    assert all(name in result.stderr for name in DRILLS)


def test_without_the_client_it_says_what_to_install(monkeypatch):
    """Where openai is not installed, the way to get it is named."""
    import sys

    monkeypatch.setitem(sys.modules, "openai", None)
    for name in [
        name for name in sys.modules if name.startswith(("halfopen.lab.matrix", "halfopen.lab.drills"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    result = run_cli("outage")
    assert result.exit_code == 1
    assert "pip install 'halfopen[lab]'" in result.stderr


def test_time_and_rate_reach_the_drill_that_has_them(monkeypatch):
    """The others refuse them, so that nobody takes their figures for those of another load."""
    seen = []

    async def planned(count, plan):
        seen.append((count, plan.seconds, plan.rate, plan.strikes))
        return DrillReport("fail-static", ())

    monkeypatch.setattr(lab_drill, "_drills", lambda: {"fail-static": planned, "outage": planned})
    assert run_cli("fail-static", "--seconds", "7", "--rate", "20").exit_code == 0
    assert run_cli("fail-static").exit_code == 0
    assert seen == [(None, 7.0, 20.0, None), (None, 60.0, 500.0, None)]
    for option in ("--seconds", "--rate"):
        result = run_cli("outage", option, "5")
        assert result.exit_code == 2
        assert "are for fail-static" in result.stderr
