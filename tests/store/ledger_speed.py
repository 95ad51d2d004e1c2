"""Does SQLite take 5,000 outcomes a second on one core, and does a file of 10 million answer in a second?

`python tests/store/ledger_speed.py [--seconds N] [--rows N] [--only absorb|ask] [--json]`. Control is the real
process on its real socket and file, bound to one core. The large file is made by SQL, with the counts that its
rows have; each question is asked `ROUNDS` times of a file whose pages are out of memory, and as often again.
Exit status: 0 every figure is within its bound, 1 one isn't, 2 control did not come up.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from halfopen import errors
from halfopen.app.processes.child import ControlOrders
from halfopen.app.processes.link import ControlLink
from halfopen.app.processes.messages import Hello, Role
from halfopen.app.processes.outcome_sender import OutcomeSender
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.model import Attempt, Kind, Outcome, Usage
from halfopen.seams.ledger import Only, Search
from halfopen.store.schema import indexes
from halfopen.store.sqlite import SqliteOutcomes
from halfopen.store.sqlite_ledger import SqliteLedger
from halfopen.store.sqlite_schema import ROWS

RATE_PER_S = 5000
WAITING_MAX = 8192
"""A worker gives outcomes up beyond it."""
ANSWER_S = 1.0
ROUNDS = 5
BEGIN_S = 1_800_000_000 // 3600 * 3600
PER_MINUTE = 10_000
RARE_EVERY = 500_000
"""One row in so many is of the rare caller."""
_TICK_S = 0.02
_START_S = 10.0
_END_S = 30.0


def made(number: int, draw: random.Random) -> Outcome:
    """One in fifty requests is rescued, and one in fifty fails."""
    at, duration_s = time.monotonic(), draw.lognormvariate(0, 0.7)
    route, caller = f"route-{number % 4}", f"team-{draw.randrange(10)}"
    first = Attempt("openai/gpt-4o-mini", at, at + duration_s, at, at + 0.3, at + 0.4, 200)
    attempts, served_by, broken = (first,), "openai/gpt-4o-mini", None
    if number % 50 in (0, 1):
        broken = errors.make(Kind.SERVER_ERROR, "The server had an error", status=500)
        attempts = (msgspec.structs.replace(first, fault=broken, status=500),)
        served_by = None
    if number % 50 == 0:
        served_by = "anthropic/claude-haiku-4-5"
        attempts = (*attempts, Attempt(served_by, at, at + duration_s, at, at + 0.3, at + 0.4, 200))
        broken = None
    return Outcome(
        request_id=f"ho-1f3a9c0e52d7-{number:06x}",
        route=route,
        stream=number % 3 == 0,
        arrived=at,
        ended=at + duration_s,
        attempts=attempts,
        skips=(),
        served_by=served_by,
        fault=broken,
        client_gone=False,
        usage=None if served_by is None else Usage(draw.randrange(50, 5000), draw.randrange(10, 900)),
        caller=caller,
        snapshot="1f3a9c0e52d7",
        received_bytes=4000,
        sent_bytes=1500,
    )


async def absorbed(directory: Path, seconds: float) -> dict[str, Any]:
    """What becomes of so many outcomes a second, and what it takes."""
    state = StateDirectory(directory)
    state.open()
    ours, theirs = socket.socketpair()
    orders = msgspec.json.encode(ControlOrders(str(state.path), theirs.fileno())).decode()
    command = [sys.executable, "-P", "-m", "halfopen.app.processes.control", orders]
    control = subprocess.Popen(command, pass_fds=(theirs.fileno(),))  # noqa: ASYNC220 - nothing else runs yet
    os.sched_setaffinity(control.pid, {max(os.sched_getaffinity(0))})
    loop = asyncio.get_running_loop()
    link = ControlLink(state.socket_path, lambda: Hello(Role.WORKER, os.getpid()), lambda _: None, loop)
    sender = OutcomeSender(link, loop)
    try:
        link.start()
        async with asyncio.timeout(_START_S):
            while not link.connected:  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.01)
        return await _pour(state, control.pid, sender, seconds)
    finally:
        link.close()
        sender.close()
        control.terminate()
        control.wait()
        ours.close()
        theirs.close()


async def _pour(state: StateDirectory, pid: int, sender: OutcomeSender, seconds: float) -> dict[str, Any]:
    draw = random.Random(7)
    ready = [made(number, draw) for number in range(round(RATE_PER_S * seconds))]
    began, cpu_s, count, waiting = time.monotonic(), _cpu_s(pid), 0, []
    while count < len(ready):
        due = min(int((time.monotonic() - began) * RATE_PER_S), len(ready))
        for outcome in ready[count:due]:
            sender.add(outcome)
        count = due
        waiting.append(sender.unrecorded)
        await asyncio.sleep(_TICK_S)
    took_s = time.monotonic() - began
    drained = await sender.drain(_END_S)
    cpu_s = _cpu_s(pid) - cpu_s
    ledger = SqliteLedger(state.outcomes_path)
    sums = ledger.sums(0, 1, span_s=0).requests
    stored, lost = sum(counts[0] for counts in sums.values()), ledger.lost() + sender.dropped
    ledger.close()
    return {
        "outcomes": count,
        "seconds": round(took_s, 2),
        "rate_per_s": round(count / took_s),
        "stored": stored,
        "lost": lost,
        "waiting_most": max(waiting),
        "waiting_p50": statistics.median(waiting),
        "control_core_share": round(cpu_s / took_s, 4),
        "control_us_an_outcome": round(cpu_s / count * 1e6, 2),
        "ok": drained and stored == count and not lost and max(waiting) < WAITING_MAX,
    }


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


_CONTEXTS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 264)
INSERT INTO contexts (id, route, client, caller, snapshot, stream, served_by, until_id)
SELECT i, 'route-' || (i / 66), 'chat', CASE WHEN i / 6 % 11 = 10 THEN 'rare' ELSE 'team-' || (i / 6 % 11) END,
    '1f3a9c0e52d7', i / 3 % 2, CASE i % 3 WHEN 0 THEN 'p/m' WHEN 1 THEN 'q/m' END, 1 << 62 FROM n
"""
"""Routes x callers x streams x who served it."""
_ROWS = f"""
INSERT INTO {ROWS} (id, context, request_id, ended_wall_s, duration_ms, queue_ms, connect_ms, first_byte_ms,
    first_content_ms, input_tokens, output_tokens, received_bytes, sent_bytes, cost_nusd, rescued, kind, attempts,
    detail)
WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :until),
d AS (SELECT i, (i * 2654435761) % 4294967296 AS x, (i * 40503) % 65536 AS y FROM n)
SELECT i, x % 4 * 66 + CASE WHEN i % {RARE_EVERY} = 0 THEN 10 ELSE x / 4 % 10 END * 6 + (x % 3 = 0) * 3
    + CASE x % 50 WHEN 1 THEN 2 WHEN 0 THEN 1 ELSE 0 END, printf('ho-%012x-%06x', i / 1000000, i),
    {BEGIN_S} + (i - 1) / {PER_MINUTE} * 60 + (i - 1) % {PER_MINUTE} * 0.006, 200 + y * 0.05, 0.1, 1.5, 150.0,
    180.0 + y * 0.01, y % 4000, y % 700, 4000, 1500, y * 200, x % 50 = 0,
    CASE WHEN x % 50 = 1 THEN 'server_error' END, 1 + (x % 50 = 0), CASE WHEN x % 50 < 2 THEN zeroblob(600) END
FROM d
"""
_REQUESTS = """
INSERT INTO request_sums SELECT 60, CAST(ended_wall_s / 60 AS INTEGER) * 60, route, coalesce(served_by, 'p/m'),
    caller, coalesce(kind, 'ok'), count(*), sum(rescued), sum(stream), sum(input_tokens), sum(output_tokens), 0, 0,
    sum(cost_nusd), 0, sum(received_bytes), sum(sent_bytes), sum(CAST(duration_ms * 1000 AS INTEGER)),
    sum(CAST(first_content_ms * 1000 AS INTEGER)), count(*){more} FROM outcomes GROUP BY 2, 3, 4, 5, 6
"""
_ATTEMPTS = """
INSERT INTO attempt_sums SELECT 60, start_s, route, target, result, sum(requests), sum(duration_us),
    sum(input_tokens), sum(output_tokens), sum(cost_nusd) FROM request_sums GROUP BY 2, 3, 4, 5
"""
_TIMES = """
INSERT INTO time_sums SELECT 60, CAST(ended_wall_s / 60 AS INTEGER) * 60, route, served_by, 'duration_us',
    CAST(ln(duration_ms * 1000) / 0.04 AS INTEGER), count(*) FROM outcomes WHERE served_by IS NOT NULL
    GROUP BY 2, 3, 4, 6
"""


def generate(path: Path, rows: int) -> None:
    """A file with so many rows, and their counts by minute and for all time."""
    import math

    store = SqliteOutcomes(path)
    store.open()
    db = store._db
    db.create_function("ln", 1, math.log, deterministic=True)
    made_again = indexes(ROWS)
    for line in made_again.strip().splitlines():
        db.execute(f"DROP INDEX {line.split()[2]}")
    columns = [row[1] for row in db.execute("PRAGMA table_info(request_sums)")]
    db.execute("PRAGMA synchronous = OFF")
    db.execute(_CONTEXTS)
    for first in range(1, rows + 1, 500_000):
        db.execute(_ROWS, {"first": first, "until": min(first + 500_000, rows + 1)})
    db.executescript(made_again)
    db.execute(_REQUESTS.format(more=", 0" * (len(columns) - 20)))
    db.execute(_ATTEMPTS)
    db.execute(_TIMES)
    for table in ("request_sums", "attempt_sums", "time_sums"):
        names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        keys = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[5] > 2]
        counts = [f"sum({name})" for name in names if name not in ("span_s", "start_s", *keys)]
        db.execute(
            f"INSERT INTO {table} SELECT 0, 0, {', '.join(keys)}, {', '.join(counts)} FROM {table} "
            f"GROUP BY {', '.join(keys)}"
        )
    db.execute(
        "INSERT INTO row_times SELECT min(id), max(id) + 1, min(ended_wall_s), max(ended_wall_s) "
        "FROM outcomes GROUP BY (id - 1) / 2000"
    )
    store.close()


def questions(rows: int) -> dict[str, Callable[[SqliteLedger], int]]:
    """What the overview and the pages behind it ask; each gives how much it found."""
    end_s = BEGIN_S + rows / PER_MINUTE * 60
    since_s = end_s - 86_400

    def minutes(ledger: SqliteLedger) -> int:
        found = ledger.sums(since_s, end_s, span_s=60, only=("request_sums", "attempt_sums", "skip_sums"))
        return sum(counts[0] for counts in found.requests.values())

    def times(ledger: SqliteLedger) -> int:
        return len(ledger.sums(end_s - 3 * 3600, end_s, span_s=60, only=("time_sums",)).times)

    middle = rows // 2
    return {
        "sums of 24 h by minute": minutes,
        "sums of 24 h by hour": lambda ledger: len(ledger.sums(since_s, end_s, span_s=3600).requests) + 1,
        "times of 3 h by minute": times,
        "sums of all time": lambda ledger: len(ledger.sums(0, 1, span_s=0).requests),
        "last 100 failures": lambda ledger: len(ledger.requests(Search(only=Only.FAILED))),
        "last 100 rescues": lambda ledger: len(ledger.requests(Search(only=Only.RESCUED))),
        "100 failures of an hour": lambda ledger: len(
            ledger.requests(Search(only=Only.FAILED, since_s=BEGIN_S + 3600, until_s=BEGIN_S + 7200))
        ),
        "one request": lambda ledger: int(
            ledger.request(f"ho-{middle // 1000000:012x}-{middle:06x}") is not None
        ),
        "a rare caller": lambda ledger: len(ledger.requests(Search(caller="rare"))),
        "nobody": lambda ledger: 1 + len(ledger.requests(Search(caller="nobody"))),
    }


def asked(path: Path, rows: int) -> dict[str, Any]:
    """Seconds for each question, cold and warm, and for all of them together."""
    figures: dict[str, Any] = {}
    ok = True
    for name, ask in questions(rows).items():
        cold, warm = [], []
        for _ in range(ROUNDS):
            _out_of_memory(path)
            ledger = SqliteLedger(path)
            for times in (cold, warm):
                began = time.perf_counter()
                found = ask(ledger)
                times.append(time.perf_counter() - began)
            ledger.close()
        figures[name] = {
            "found": found,
            **{
                f"{label}_s": {"median": round(statistics.median(of), 4), "most": round(max(of), 4)}
                for label, of in (("cold", cold), ("warm", warm))
            },
        }
        ok = ok and found > 0
    together = {
        label: round(sum(each[f"{label}_s"]["median"] for each in figures.values()), 3)
        for label in ("cold", "warm")
    }
    worst = max(each[f"{label}_s"]["most"] for each in figures.values() for label in ("cold", "warm"))
    return {
        "rows": rows,
        "rounds": ROUNDS,
        "file_bytes": path.stat().st_size,
        "questions": figures,
        "together_s": together,
        "ok": ok and worst < ANSWER_S,
    }


def _out_of_memory(path: Path) -> None:
    """Have the pages of the file dropped from memory."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--file", type=Path, help="keep the large file here, and use it if it exists")
    parser.add_argument("--only", choices=["absorb", "ask"])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as directory:
        if given.only != "ask":
            try:
                figures["absorb"] = asyncio.run(absorbed(Path(directory) / "state", given.seconds))
            except TimeoutError:
                sys.stderr.write("control did not come up\n")
                return 2
        if given.only != "absorb":
            path = given.file or Path(directory) / "large.db"
            if not path.exists():
                generate(path, given.rows)
            figures["ask"] = asked(path, given.rows)
    sys.stdout.write(json.dumps(figures) + "\n" if given.json else _table(figures))
    return 0 if all(part["ok"] for part in figures.values()) else 1


def _table(figures: dict[str, Any]) -> str:
    lines = [f"{name:24} {figure}" for name, figure in figures.get("absorb", {}).items()]
    for name, figure in figures.get("ask", {}).get("questions", {}).items():
        cold, warm = figure["cold_s"], figure["warm_s"]
        lines.append(
            f"{name:24} cold {cold['median']:.3f} s (most {cold['most']:.3f}), "
            f"warm {warm['median']:.3f} s (most {warm['most']:.3f}), found {figure['found']}"
        )
    if "ask" in figures:
        lines.append(f"{'together':24} {figures['ask']['together_s']}, {figures['ask']['rows']} rows")
    return "\n".join((*lines, ""))


if __name__ == "__main__":
    sys.exit(main())
