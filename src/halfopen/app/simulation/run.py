"""Runs of the simulator, in this process or in several.

Where a run takes place changes nothing in its report. Processes are started afresh, not forked: this
one may have threads. They get one run after the other, and end when their pipe is closed, which the
death of this process does as well.
"""

import gc
import os
import random
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from halfopen.app.simulation.contestant import Contestant
from halfopen.seams import Entropy
from halfopen.simulator.report import Report
from halfopen.simulator.run import simulate
from halfopen.simulator.scenario import Scenario

Progress = Callable[[float], None]
"""Told the share of all runs that is done, 0 to 1, now and then."""
_GARBAGE_MAX = 200_000
"""Objects that may be made before cyclic garbage is looked for."""
_STEP = 0.005
"""Progress that is worth a message."""
_ENDING_S = 5.0


@dataclass(frozen=True, slots=True)
class Run:
    """One policy in one scenario."""

    scenario: Scenario
    contestant: Contestant
    seed: int
    trace: bool = False
    """Whether the report holds every event and decision in words."""


class RunError(Exception):
    """A process of a run ended before the run did."""


def run_all(
    runs: Sequence[Run], *, jobs: int | None = None, progress: Progress | None = None
) -> list[Report]:
    """Run them all. The reports are in the order of the runs.

    Args:
        runs: What to run.
        jobs: Processes at the same time. None: one a core.
        progress: Is told how far they are.

    Raises:
        RunError: A process died.
    """
    told = _nobody if progress is None else progress
    at_once = min(cores() if jobs is None else jobs, len(runs))
    if at_once > 1:
        return _Crew(runs, at_once, told).reports()
    return [_simulated(run, partial(_tell_whole, told, index, len(runs))) for index, run in enumerate(runs)]


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for cyclic garbage rarely: a run makes nearly none, and looking takes a tenth of its time."""
    before = gc.get_threshold()
    gc.set_threshold(_GARBAGE_MAX)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _simulated(run: Run, progress: Progress) -> Report:
    def streams(name: str) -> Entropy:
        return random.Random(f"{run.seed}:{name}").random  # noqa: S311 - to be repeated, not to be secret

    contestant = run.contestant
    with rare_collections():
        report = simulate(
            run.scenario, contestant.maker(), contestant.rank, streams, progress=progress, trace=run.trace
        )
    return replace(report, policy=contestant.name)


def _tell_whole(progress: Progress, done: int, number: int, share: float) -> None:
    progress((done + share) / number)


def _nobody(_share: float) -> None:
    pass


class _Crew:
    """Processes that take one run after the other."""

    def __init__(self, runs: Sequence[Run], size: int, progress: Progress) -> None:
        self._runs = runs
        self._progress = progress
        self._shares = [0.0] * len(runs)
        self._reports: dict[int, Report] = {}
        self._waiting = deque(range(len(runs)))
        self._size = size
        self._busy: dict[Connection, int] = {}
        """What each process runs, by its pipe."""
        self._processes: dict[Connection, BaseProcess] = {}

    def reports(self) -> list[Report]:
        """Runs everything."""
        try:
            for _ in range(self._size):
                self._give(self._start())
            while self._busy:
                for pipe in wait(list(self._busy)):
                    assert isinstance(pipe, Connection)
                    self._take(pipe)
        except BaseException:
            for process in self._processes.values():
                process.terminate()
            raise
        finally:
            for pipe, process in self._processes.items():
                pipe.close()
                process.join(_ENDING_S)
        return [self._reports[index] for index in range(len(self._runs))]

    def _start(self) -> Connection:
        context = get_context("spawn")
        pipe, far_end = context.Pipe()
        process = context.Process(target=_work, args=(far_end,), daemon=True)
        process.start()
        far_end.close()
        self._processes[pipe] = process
        return pipe

    def _give(self, pipe: Connection) -> None:
        index = self._waiting.popleft()
        self._busy[pipe] = index
        try:
            pipe.send(self._runs[index])
        except OSError:
            raise RunError(self._death(pipe, self._runs[index])) from None

    def _take(self, pipe: Connection) -> None:
        index = self._busy[pipe]
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            raise RunError(self._death(pipe, self._runs[index])) from None
        if isinstance(message, float):
            self._tell(index, message)
            return
        self._reports[index] = message
        self._tell(index, 1.0)
        del self._busy[pipe]
        if self._waiting:
            self._give(pipe)

    def _tell(self, index: int, share: float) -> None:
        self._shares[index] = share
        self._progress(sum(self._shares) / len(self._shares))

    def _death(self, pipe: Connection, run: Run) -> str:
        process = self._processes[pipe]
        process.join(_ENDING_S)
        status = process.exitcode
        killed = status is not None and status < 0
        how = f"was killed by signal {-(status or 0)}" if killed else f"ended with status {status}"
        hint = "; if memory is short, try --jobs 1" if killed else ""
        return f"the process that ran {run.contestant.name} in {run.scenario.name} {how}{hint}"


def _work(pipe: Connection) -> None:
    """What a process does."""
    # Ctrl-C reaches every process of a terminal; who started this one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            run = pipe.recv()
            pipe.send(_simulated(run, _Steps(pipe)))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


class _Steps:
    """Sends progress that is worth it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._sent = 0.0

    def __call__(self, share: float) -> None:
        if share - self._sent >= _STEP:
            self._sent = share
            self._pipe.send(float(share))
