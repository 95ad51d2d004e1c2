"""What recording an outcome costs, in CPU time: in a worker's call, in its batch, and in control with SQLite.

`python tests/app/processes/recording_cost.py [--outcomes N] [--json]`. Control is the real process on its real
socket and file; its cost is its CPU time from the first outcome to the last one stored. Exit status: 0 every
figure is within its bound, 1 one isn't, 2 control did not come up or did not record all.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from halfopen.app.processes.child import ControlOrders
from halfopen.app.processes.link import ControlLink
from halfopen.app.processes.messages import Hello, Role
from halfopen.app.processes.outcome_rows import rows
from halfopen.app.processes.outcome_sender import BATCH_MAX, KEPT_MAX, OutcomeSender
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.model import Attempt, Outcome, Usage

BOUNDS_US = {"call": 0.3, "batch": 1.5, "control": 4.0}
_ROUNDS = 30
_START_S = 10.0
_MOST_S = 60.0


def plain(number: int) -> Outcome:
    """A request that its first target answered at once."""
    at = number * 0.001
    usage = Usage(120, 45)
    attempt = Attempt("openai/gpt-4o-mini", at, at + 0.4, at, at + 0.2, at + 0.3, 200, usage=usage)
    return Outcome(
        request_id=f"ho-1f3a9c0e52d7-{number:06x}",
        route="gpt-4o-mini",
        stream=False,
        arrived=at,
        ended=at + 0.4,
        attempts=(attempt,),
        skips=(),
        served_by="openai/gpt-4o-mini",
        fault=None,
        client_gone=False,
        usage=usage,
        caller="nightly",
        snapshot="5eed0c0ffee5",
        received_bytes=1200,
        sent_bytes=700,
    )


class _Nowhere:
    """A link that takes everything."""

    connections = 0

    def listen(self, kind: type, callback: Any) -> None:
        """Never called back."""

    def send_frame(self, data: bytes) -> bool:
        """Sent."""
        return bool(data)


async def call_us() -> float:
    """One call of the sink, batches left out. Median of rounds."""
    spent = []
    outcomes = [plain(number) for number in range(BATCH_MAX - 1)]
    for _ in range(_ROUNDS):
        sender = OutcomeSender(_Nowhere(), asyncio.get_running_loop())  # type: ignore[arg-type]  # a double
        began = time.perf_counter()
        for outcome in outcomes:
            sender.add(outcome)
        spent.append((time.perf_counter() - began) / len(outcomes) * 1e6)
        sender.close()
    return statistics.median(spent)


def batch_us() -> float:
    """Making a batch, for each outcome of it. Median of rounds."""
    outcomes = [plain(number) for number in range(BATCH_MAX)]
    spent = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        msgspec.msgpack.encode(rows(outcomes, 5.0))
        spent.append((time.perf_counter() - began) / len(outcomes) * 1e6)
    return statistics.median(spent)


async def control_us(directory: Path, outcomes: int) -> float:
    """Control's CPU time for each outcome, SQLite included."""
    state = StateDirectory(directory)
    state.open()
    ours, theirs = socket.socketpair()
    given = ControlOrders(str(state.path), theirs.fileno())
    command = [
        sys.executable,
        "-P",
        "-m",
        "halfopen.app.processes.control",
        msgspec.json.encode(given).decode(),
    ]
    control = subprocess.Popen(command, pass_fds=(theirs.fileno(),))  # noqa: ASYNC220 - nothing else runs yet
    loop = asyncio.get_running_loop()
    link = ControlLink(state.socket_path, lambda: Hello(Role.WORKER, os.getpid()), lambda _: None, loop)
    sender = OutcomeSender(link, loop)
    try:
        link.start()
        async with asyncio.timeout(_START_S):
            while not link.connected:  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.01)
        await _record(sender, 0, BATCH_MAX)
        began_s = _cpu_s(control.pid)
        await _record(sender, BATCH_MAX, outcomes)
        if sender.dropped:
            raise RuntimeError(f"{sender.dropped} outcomes were dropped")
        return (_cpu_s(control.pid) - began_s) / outcomes * 1e6
    finally:
        link.close()
        sender.close()
        control.terminate()
        control.wait()
        ours.close()
        theirs.close()


async def _record(sender: OutcomeSender, first: int, count: int) -> None:
    """Hand over so many outcomes, never more than the sender keeps, and wait until they are stored."""
    async with asyncio.timeout(_MOST_S):
        for number in range(first, first + count):
            sender.add(plain(number))
            while sender.unrecorded > KEPT_MAX // 2:  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.001)
        while sender.unrecorded:
            sender.flush()
            await asyncio.sleep(0.001)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outcomes", type=int, default=300_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        try:
            control = asyncio.run(control_us(Path(directory), given.outcomes))
        except (TimeoutError, RuntimeError) as error:
            sys.stderr.write(f"control did not record all: {error}\n")
            return 2
    figures = {"call": asyncio.run(call_us()), "batch": batch_us(), "control": control}
    if given.json:
        sys.stdout.write(
            json.dumps({"us": figures, "bounds_us": BOUNDS_US, "outcomes": given.outcomes}) + "\n"
        )
    else:
        for name, figure in figures.items():
            sys.stdout.write(f"{name:8} {figure:6.2f} µs an outcome (at most {BOUNDS_US[name]:g})\n")
    return 0 if all(figures[name] <= bound for name, bound in BOUNDS_US.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
