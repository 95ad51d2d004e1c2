"""What recording adds to a worker's CPU time for each request: real processes, with it and without, in turns.

`python tests/app/run/recording_share.py [--rounds N] [--requests N] [--json]`. Two gateways with a worker each
are asked the same in turns; in one of them the worker forgets each outcome at once. Told is the median of the
rounds' ratios and its 95 % interval. Exit status: 0 the median is at most 5 %, 1 it is more, 2 a gateway did
not come up or did not answer.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import uvloop

from halfopen.lab import LabProvider
from halfopen.lab.drills.lab_process import lab_process
from halfopen.lab.drills.open_loop import End, OpenLoop
from halfopen.lab.drills.process import configuration, end
from halfopen.lab.ports import free_port

MOST = 0.05
RATE = 500.0
_START_S = 30.0
_FORGETS = """
import halfopen.app.processes.outcome_sender as sender


class Forgets(sender.OutcomeSender):
    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.add = lambda outcome: None


if {forgets}:
    sender.OutcomeSender = Forgets
"""


class Gateway:
    """One, and the CPU time of its only worker."""

    def __init__(self, process: Process, port: int, worker: int) -> None:
        self.process = process
        self.port = port
        self._worker = worker

    async def us_a_request(self, requests: int) -> float:
        """Ask so many, at a fixed rate. Raises RuntimeError when one isn't answered whole."""
        began_ns = self._cpu_ns()
        client = OpenLoop(self.port, RATE, connections=16)
        client.start()
        await asyncio.sleep(requests / RATE)
        await client.stop()
        failed = [asked.problem for asked in client.asked if asked.end is not End.WHOLE]
        if failed:
            raise RuntimeError(f"{len(failed)} of {len(client.asked)} requests failed: {failed[0]}")
        return (self._cpu_ns() - began_ns) / len(client.asked) / 1000.0

    def _cpu_ns(self) -> int:
        return int(Path(f"/proc/{self._worker}/schedstat").read_text().split()[0])


def _furnish(folder: Path, lab_port: int, port: int, *, forgets: bool) -> Path:
    """The configuration file, and beside it what every process runs first."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_FORGETS.format(forgets=forgets))
    settings = f'[processes]\nworkers = 1\nstate_dir = "{folder / "state"}"\n'
    file = folder / "halfopen.toml"
    file.write_text(configuration((LabProvider("openai", lab_port),), port, settings))
    return file


@asynccontextmanager
async def gateway(folder: Path, lab_port: int, *, forgets: bool) -> AsyncIterator[Gateway]:
    """Raises RuntimeError when it doesn't serve."""
    port = free_port()
    file = _furnish(folder, lab_port, port, forgets=forgets)
    paths = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "halfopen", "run", "--json", "--config", str(file)),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
        env={**os.environ, "LAB_KEY": "lab", "PYTHONPATH": paths},
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_START_S):
            line = await process.stdout.readline()
        if not line:
            raise RuntimeError("halfopen run ended at once")
        yield Gateway(process, port, json.loads(line)["processes"]["workers"][0])
    finally:
        await end(process)


async def measure(rounds: int, requests: int) -> list[tuple[float, float]]:
    """CPU time in µs for each request, with recording and without, of each round."""
    found = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="halfopen-share-")))
        lab = await stack.enter_async_context(lab_process(0.0))
        with_it = await stack.enter_async_context(gateway(folder / "with", lab.port, forgets=False))
        without = await stack.enter_async_context(gateway(folder / "without", lab.port, forgets=True))
        for number in range(-1, rounds):
            order = (with_it, without) if number % 2 else (without, with_it)
            us = {each.port: await each.us_a_request(requests) for each in order}
            if number >= 0:  # the first warms up
                found.append((us[with_it.port], us[without.port]))
    return found


def interval(ratios: list[float]) -> tuple[float, float]:
    """Of the median, by order statistics (normal approximation of the binomial)."""
    ordered, spread = sorted(ratios), 0.98 * len(ratios) ** 0.5
    last = len(ordered) - 1
    return ordered[max(round(last / 2 - spread), 0)], ordered[min(round(last / 2 + spread), last)]


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        found = uvloop.run(measure(given.rounds, given.requests))
    except (TimeoutError, RuntimeError, OSError) as error:
        sys.stderr.write(f"no figure: {error!r}\n")
        return 2
    ratios = [one / other - 1.0 for one, other in found]
    share, (low, high) = statistics.median(ratios), interval(ratios)
    us = [statistics.median(column) for column in zip(*found, strict=True)]
    if given.json:
        told = {"share": share, "interval": [low, high], "us": us, "rounds": len(ratios), "most": MOST}
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        sys.stdout.write(
            f"recording adds {share:+.1%} ({low:+.1%} to {high:+.1%}) of a worker's CPU time, at most {MOST:.0%}\n"
            f"{us[0]:.1f} and {us[1]:.1f} µs a request, {len(ratios)} rounds of {given.requests} requests\n"
        )
    return 0 if share <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
