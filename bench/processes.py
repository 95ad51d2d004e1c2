"""Processes on chosen cores: started, watched with everything they start, and ended by their own ids."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
STOP_S: Final = 10.0
WORKER: Final = "halfopen.app.processes.worker"

Cores = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stat:
    """What the kernel says of one process."""

    pid: int
    parent: int
    name: str
    cpu_s: float
    """Its own and that of the children that it has waited for."""
    rss_bytes: int


def parse_stat(text: str) -> Stat:
    """Read a line of /proc/PID/stat; the name in brackets may hold blanks and brackets itself."""
    opening, closing = text.index("("), text.rindex(")")
    fields = text[closing + 2 :].split()
    ticks = sum(int(field) for field in fields[11:15])
    return Stat(
        pid=int(text[:opening]),
        parent=int(fields[1]),
        name=text[opening + 1 : closing],
        cpu_s=ticks / TICKS_A_SECOND,
        rss_bytes=int(fields[21]) * PAGE_BYTES,
    )


def running() -> dict[int, Stat]:
    """Every process of this machine, by its id."""
    found = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                stat = parse_stat((place / "stat").read_text())
            except (OSError, ValueError):
                continue  # it has ended since
            found[stat.pid] = stat
    return found


def command_line(pid: int) -> list[str]:
    """How a process was started; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def tree(root: int, processes: Mapping[int, Stat]) -> list[Stat]:
    """A process and everything that descends from it."""
    children: dict[int, list[int]] = {}
    for stat in processes.values():
        children.setdefault(stat.parent, []).append(stat.pid)
    found, pending = [], [root]
    while pending:
        pid = pending.pop()
        if pid in processes:
            found.append(processes[pid])
        pending += children.get(pid, ())
    return found


def busy_s(cores: Sequence[int]) -> float:
    """Seconds for which these cores have worked for anybody, time stolen by the host included."""
    wanted = {f"cpu{core}" for core in cores}
    total = 0.0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name in wanted:
            idle = int(fields[3]) + int(fields[4])
            total += (sum(int(field) for field in fields[:8]) - idle) / TICKS_A_SECOND
    return total


class Program:
    """A program with all its processes on some cores. Leaving the block ends it."""

    def __init__(
        self,
        command: Sequence[str],
        cores: Cores,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.started_s = time.monotonic()
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - the commands are the bench's own
                pinned(command, cores),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Of the process that was started."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether the process that was started still runs."""
        return self.process.poll() is None

    def tree(self) -> list[Stat]:
        """It and everything that it has started."""
        return tree(self.pid, running())

    def cpu_s(self) -> float:
        """Processor time of the whole tree since its start."""
        return sum(stat.cpu_s for stat in self.tree())

    def rss_bytes(self) -> int:
        """Resident memory of the whole tree; what processes share counts for each."""
        return sum(stat.rss_bytes for stat in self.tree())

    def workers(self) -> list[Stat]:
        """The gateway workers of Halfopen among it, oldest first; where it has none, the program itself."""
        found = [stat for stat in self.tree() if WORKER in command_line(stat.pid)]
        alone = [stat for stat in self.tree() if stat.pid == self.pid]
        return sorted(found, key=lambda stat: stat.pid) or alone

    def end_of_log(self, lines: int = 5) -> str:
        """Its last words."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """Ask it to end, and kill what is left of its tree after ten seconds."""
        left = [stat.pid for stat in self.tree()]
        if self.alive:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        now = running()
        for pid in left:
            if pid != self.pid and pid in now and os.getsid(pid) == self.pid:
                os.kill(pid, signal.SIGKILL)


def pinned(command: Sequence[str], cores: Cores) -> list[str]:
    """The command, on some cores only; its children inherit them."""
    return ["taskset", "-c", ",".join(map(str, cores)), *command]
