"""Kills a process that writes outcomes to chdb, and looks whether rows and counts still say the same.

`python tests/store/kill_chdb.py [--kills N] [--seed N] [--json]`.
The first kills come before and after each insert of a write; the others at random moments, also while counts are
joined. Exit status: 0 after every kill what was told to be stored is there, once, and rows and counts agree; 1 not.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

from halfopen.seams.ledger import Search
from halfopen.seams.outcome_store import Batch, Context, Group, Retention, Rows
from halfopen.seams.sums import ALL_TABLES, ATTEMPT_COUNTS, REQUEST_COUNTS, Sums
from halfopen.store import clickhouse
from halfopen.store.clickhouse import ClickhouseOutcomes
from halfopen.store.clickhouse_ledger import ClickhouseLedger
from halfopen.store.clickhouse_link import ClickhouseLink

KILLS = 20
BLOCKS = ("outcomes", *ALL_TABLES, "commits")
"""What a write inserts, in this order."""
EACH = 4
BEGIN_S = 1_700_000_040
_RANDOM_MAX_S = 0.4
_START_S = 30.0
_FOREVER = Retention(rows_s=1e12, minutes_s=1e12, hours_s=1e12)


@dataclass(frozen=True)
class Kill:
    """What was killed when, and what the next process found."""

    point: str
    told: int
    """Batches that the process had said to be stored, with those of all before it."""
    reached: int
    problems: Sequence[str]


def batch(number: int) -> Batch:
    """One whose counts are those of its rows."""
    sums = Sums()
    sums.requests[BEGIN_S, "m", "p/m", "team", "ok"] = [EACH] * len(REQUEST_COUNTS)
    sums.attempts[BEGIN_S, "m", "p/m", "ok"] = [EACH] * len(ATTEMPT_COUNTS)
    sums.skips[BEGIN_S, "m", "q/m", "breaker open"] = [EACH]
    sums.times[BEGIN_S, "m", "p/m", "duration_us", 7] = [EACH]
    times = (BEGIN_S + 1.0, 500.0, 1.0, 2.0, 200.0, 250.0)
    rows: list[Any] = [
        (f"r{place}", *times, 100, 20, 3, 1000, 600, 17)
        for place in range(number * EACH, (number + 1) * EACH)
    ]
    group = Group(Context("m", "chat", "team", "5eed", 0, "p/m", None), 0, rows)
    return Batch("worker", number * EACH, Rows([group], []), sums)


def problems(store: ClickhouseOutcomes, url: str, told: int) -> list[str]:
    """What is wrong with what is stored."""
    reached = store.reached().get("worker", 0)
    found = (
        [] if reached >= told * EACH else [f"{reached} outcomes are stored, {told * EACH} were told to be"]
    )
    ledger = ClickhouseLedger(url, wait_s=30)
    rows: list[str] = []
    before = 0
    while page := ledger.requests(Search(limit=1000, before=before)):
        rows += [kept.request_id for kept in page]
        before = page[-1].number
    if rows != [f"r{number}" for number in reversed(range(reached))]:
        found.append(f"{len(rows)} rows, {len(set(rows))} different, of {reached}")
    for span_s in (0, 60):
        for name, table in ledger.sums(0, 1e12, span_s=span_s).tables().items():
            counted = sum(counts[0] for counts in table.values())
            if counted != reached:
                found.append(f"{name} by {span_s} s counts {counted} of {reached}")
    ledger.close()
    return found


def write(url: str, told: int, point: str) -> None:
    """Open it, say what is there, and write until the end comes."""
    clickhouse._JOIN_ROWS = 60  # type: ignore[misc]  # so that counts are joined every few writes
    store = ClickhouseOutcomes(url)
    store.open()
    say(reached=store.reached().get("worker", 0) // EACH, problems=problems(store, url, told))
    if point == "end":
        store.close()
        return
    when, _, table = point.partition(" ")
    insert = ClickhouseLink.insert
    first = store.reached().get("worker", 0) // EACH

    def killed(link: ClickhouseLink, name: str, rows: bytes) -> None:
        due = name == table and number > first  # a whole write comes before
        if due and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        insert(link, name, rows)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)

    if table:
        ClickhouseLink.insert = killed  # type: ignore[method-assign]  # it is killed there
    for number in count(first):
        store.write([batch(number)])
        say(told=number + 1)
        store.forget(BEGIN_S + 10.0, _FOREVER)


def say(**told: Any) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def life(url: str, told: int, point: str, kill_after_s: float) -> tuple[int, int, list[str]]:
    """Of one process: batches told, batches found, and problems found, at its beginning."""
    command = [sys.executable, __file__, "--write", url, str(told), point]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        watch = threading.Timer(_START_S, process.kill)
        watch.start()
        found: dict[str, Any] = json.loads(
            process.stdout.readline() or '{"reached": 0, "problems": ["no start"]}'
        )
        if kill_after_s:
            watch.cancel()
            watch = threading.Timer(kill_after_s, process.kill)
            watch.start()
        for line in process.stdout:
            told = max(told, json.loads(line)["told"])
        process.wait()
        watch.cancel()
    if process.returncode != (0 if point == "end" else -signal.SIGKILL):
        found["problems"].append(f"it ended by itself with {process.returncode}")
    return told, found["reached"], found["problems"]


def run(kills: int, seed: int) -> list[Kill]:
    """One directory, killed again and again."""
    chance = random.Random(seed)
    points = [f"{when} {table}" for table in BLOCKS for when in ("before", "after")][:kills]
    points += ["random"] * (kills - len(points))
    seen: list[Kill] = []
    with tempfile.TemporaryDirectory(prefix="chdb-") as folder:
        url, told, last = f"chdb://{Path(folder)}/outcomes", 0, ""
        for point in (*points, "end"):
            at_s = chance.uniform(0.01, _RANDOM_MAX_S) if point == "random" else 0.0
            before = told
            told, reached, wrong = life(url, told, point, at_s)
            if last:
                seen.append(Kill(last, before, reached, wrong))
            last = f"random, {at_s:.3f} s" if at_s else point
    return seen


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write:
        url, told, point = asked.write
        write(url, int(told), point)
        return 0
    seen = run(asked.kills, asked.seed)
    bad = [kill for kill in seen if kill.problems]
    if asked.json:
        say(kills=[asdict(kill) for kill in seen])
    else:
        for kill in seen:
            told = f"{kill.point:24} told {kill.told:4}, found {kill.reached:4}"
            sys.stdout.write(f"{told}  {'; '.join(kill.problems) or 'ok'}\n")
        sys.stdout.write(f"{len(seen)} kills, {len(bad)} with problems\n")
    return 1 if bad or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
