"""The two C programs of the bench, upstream and load: built, started, and their answers read."""

import fcntl
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.processes import Cores, Program, pinned

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent
PLACE: Final = ROOT / ".bench"
"""Everything that the bench makes, and the peers that it measures; ignored by git."""
LONGEST_S: Final = 900.0
MODEL: Final = "gpt-4o-mini"


class CannotRunError(Exception):
    """The bench can't measure here; the text says why."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Microseconds."""

    p50_us: float = 0.0
    p90_us: float = 0.0
    p99_us: float = 0.0
    p999_us: float = 0.0
    max_us: float = 0.0


NO_LATENCY: Final = Latency()


@dataclass(frozen=True, slots=True)
class Answers:
    """What load.c saw."""

    count: int
    """Requests whose answer was whole and right."""
    failures: int
    seconds: float
    """From the start to the last answer."""
    faults: Mapping[str, int] = field(default_factory=dict)
    first_fault: str = ""
    events: int = 0
    reads: int = 0
    open: int = 0
    cpu_s: float = 0.0
    """Of the load itself."""
    latency: Latency = NO_LATENCY
    first_byte: Latency = NO_LATENCY


def parse_answers(text: str) -> Answers:
    """Read what load.c prints.

    Raises:
        ValueError: It is not that.
    """
    try:
        data: dict[str, Any] = json.loads(text)
        kept = {name: data[name] for name in Answers.__slots__ if name not in ("latency", "first_byte")}
        return Answers(**kept, latency=Latency(**data["latency"]), first_byte=Latency(**data["first_byte"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"load said {text[:200]!r}: {error}") from error


def place() -> Path:
    """The bench's own directory, made if need be and out of git's sight."""
    PLACE.mkdir(exist_ok=True)
    (PLACE / ".gitignore").write_text("*\n")
    return PLACE


@contextmanager
def alone() -> Iterator[None]:
    """One run at a time: two would disturb each other, and share files. The second waits."""
    with (place() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("bench: waiting for another run to end\n")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build() -> None:
    """Compile both programs where their source is newer.

    Raises:
        CannotRunError: There is no compiler, or it refuses.
    """
    place()
    for name in ("upstream", "load"):
        source, binary = HERE / f"{name}.c", PLACE / name
        if binary.exists() and binary.stat().st_mtime > source.stat().st_mtime:
            continue
        command = ["gcc", "-O2", "-Wall", "-Wextra", "-o", str(binary), str(source)]
        try:
            subprocess.run(command, check=True)  # noqa: S603 - the sources are the bench's own
        except (OSError, subprocess.CalledProcessError) as error:
            raise CannotRunError(f"{name}.c can't be compiled: {error}") from error


def upstream(port: int, cores: Cores, *options: str) -> Program:
    """An upstream that listens when this returns."""
    log = PLACE / f"upstream-{port}.log"
    log.unlink(missing_ok=True)
    started = Program((str(PLACE / "upstream"), "--port", str(port), *options), cores, log)
    until_s = time.monotonic() + 5.0
    while time.monotonic() < until_s and started.alive:
        if "ready" in log.read_text():
            return started
        time.sleep(0.01)
    started.stop()
    raise CannotRunError(f"the upstream did not start: {started.end_of_log()}")


class Load:
    """One run of load.c, started."""

    def __init__(self, mode: str, port: int, cores: Cores, options: Sequence[str]) -> None:
        command = (str(PLACE / "load"), mode, "--port", str(port), "--model", MODEL, *options)
        self._process = subprocess.Popen(  # noqa: S603 - the commands are the bench's own
            pinned(command, cores),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", "")},
        )

    def report(self, within_s: float = LONGEST_S) -> Answers:
        """Wait for its report; connections that it holds stay open.

        Raises:
            CannotRunError: It prints none in time.
        """
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], within_s)
        line = self._process.stdout.readline().decode() if ready else ""
        if not line:
            self._process.kill()
            _, said = self._process.communicate()
            raise CannotRunError(f"load gave no report: {said.decode().strip() or 'it took too long'}")
        return parse_answers(line)

    def finish(self) -> None:
        """Let go of everything."""
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def drive(mode: str, port: int, cores: Cores, options: Sequence[str] = ()) -> Answers:
    """Run load.c to its end."""
    load = Load(mode, port, cores, options)
    try:
        return load.report()
    finally:
        load.finish()
