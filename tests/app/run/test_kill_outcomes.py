"""The drill that kills processes and counts outcomes, and the judge of it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from kill_outcomes_judge import Kill, Stored, problems, read

from halfopen.seams.outcome_store import Batch, Context, Group, Rows
from halfopen.seams.sums import REQUEST_COUNTS, Sums
from halfopen.store.sqlite import SqliteOutcomes

SCRIPT = Path(__file__).with_name("kill_outcomes.py")
ONE_BEHIND = """
import halfopen.app.processes.ended_counter as counter

real = counter.counted


def counted(descriptor):
    count = real(descriptor)
    return count and count._replace(made=max(count.made - 1, 0))


counter.counted = counted
"""
SWALLOWS = """
from halfopen.store import sqlite

real = sqlite.SqliteOutcomes.write


def write(self, batches):
    done = 0
    for batch in batches:
        if batch.first:
            done += real(self, [batch])
        else:
            self._db.execute(sqlite._SET_SOURCE, (batch.source, batch.next))
    return done


sqlite.SqliteOutcomes.write = write
"""


def drill(*words: str, site: str = "", folder: Path | None = None) -> tuple[int, dict]:
    """Exit status and what was told. `site`: Python that every process runs first."""
    environ = dict(os.environ)
    if folder is not None:
        (folder / "sitecustomize.py").write_text(site)
        environ["PYTHONPATH"] = os.pathsep.join([str(folder), environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--json", *words],
        check=False,
        capture_output=True,
        text=True,
        env=environ,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_sample_of_kills():
    """One of each at least: every request is a row or known as lost, and no more than a second is."""
    status, told = drill("--kills", "5", "--seed", "3")
    assert told["problems"] == []
    assert status == 0
    assert set(told["kills"]) == {"worker", "control", "supervisor"}
    assert told["rows"] > 0
    assert told["exact"] > 0


PLANTED = {"a counter that is one behind": ONE_BEHIND, "a store that swallows a batch": SWALLOWS}


@pytest.mark.parametrize("site", PLANTED.values(), ids=PLANTED)
def test_a_planted_bug_is_seen(tmp_path, site):
    """In a run with real processes."""
    words = ("--kills", "5", "--seed", "5", "--victim", "worker", "--stop", "--patience", "6")
    status, told = drill(*words, site=site, folder=tmp_path)
    assert status == 1
    assert any("neither rows nor lost" in line for line in told["problems"]), told["problems"]


def kill(victim="worker", answered=100, cut=0, rows=90, lost=10, **more) -> Kill:
    """One of which all is known."""
    after = Stored(rows, rows, rows, rows, lost)
    return Kill(victim, False, answered, cut, 50, Stored(), replace(after, **more))


GOOD = {
    "all stored or lost": kill(),
    "what was cut may have been ended": kill(cut=2, lost=12),
    "or not": kill(cut=2),
    "a second's worth": kill(rows=50, lost=50),
    "control": kill("control", rows=100, lost=0),
}
BAD = {
    "one is missing": (kill(rows=89), "1 of 100 answered requests are neither rows nor lost"),
    "one too many": (kill(cut=2, lost=13), "103 are rows or lost, but only 100 + 2 were asked"),
    "one twice": (kill(requests=89), "1 rows are there twice"),
    "counted otherwise": (kill(counted=91), "90 rows, but 91 by all time and 90 by minutes"),
    "minutes otherwise": (kill(by_minute=89), "90 rows, but 90 by all time and 89 by minutes"),
    "lost by control": (kill("control"), "10 lost, though the workers lived"),
    "more than a second": (kill(rows=49, lost=51), "51 lost; the last second had 50 + 0"),
}


@pytest.mark.parametrize("good", GOOD.values(), ids=GOOD)
def test_the_judge_lets_pass_what_is_right(good):
    """No problem."""
    assert problems(good) == []


@pytest.mark.parametrize(("bad", "problem"), BAD.values(), ids=BAD)
def test_the_judge_tells_what_is_wrong(bad, problem):
    """In words, with the numbers."""
    assert [line.partition(": ")[2] for line in problems(bad)] == [problem]


def test_the_judge_reads_what_the_store_wrote(tmp_path):
    """By statements of its own: rows, both counts, and what is lost."""
    path = tmp_path / "outcomes.db"
    store = SqliteOutcomes(path)
    store.open()
    sums = Sums()
    sums.requests[600, "m", "p/m", "", "ok"] = [2] * len(REQUEST_COUNTS)
    times = (1000.0, 500.0, 1.0, 2.0, 200.0, 250.0)
    rows = [(f"ho-{n}", *times, 1, 2, 3, 4, 5, 17) for n in (1, 2)]
    group = Group(Context("m", "chat", "", "5eed", 0, "p/m", None), 0, rows)
    store.write([Batch("a", 3, Rows([group], []), sums)])
    store.close()
    assert read(path) == Stored(rows=2, requests=2, counted=2, by_minute=2, lost=3)
