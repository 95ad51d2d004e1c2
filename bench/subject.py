"""Who is measured, and how one is started."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bench.processes import Cores, Program
from bench.tools import PLACE, CannotRunError, drive

START_S: Final = 90.0
WRONG_S: Final = 10.0
"""Who answers, but not rightly, gets so much longer."""
KEY: Final = "sk-bench"


@dataclass(frozen=True, slots=True)
class Subject:
    """A gateway, or none ("direct")."""

    name: str
    port: int
    command: tuple[str, ...] = ()
    """Empty: requests go to the upstream itself."""
    env: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    """What its requests need beside those of OpenAI's API."""
    version: str = ""

    @property
    def options(self) -> tuple[str, ...]:
        """For load.c."""
        return tuple(part for header in self.headers for part in ("--header", header))


@dataclass(frozen=True, slots=True)
class Absent:
    """Who can't be measured here, and why."""

    name: str
    reason: str


def start(subject: Subject, cores: Cores, load_cores: Cores) -> Program:
    """Start it and wait until it answers.

    Raises:
        CannotRunError: It ends, or gives no right answer within 90 s.
    """
    log = PLACE / f"{subject.name.replace(' ', '-')}.log"
    log.unlink(missing_ok=True)
    program = Program(subject.command, cores, log, subject.env, PLACE)
    until_s = time.monotonic() + START_S
    fault = "it does not listen"
    while time.monotonic() < until_s:
        if not program.alive:
            raise CannotRunError(f"{subject.name} ended: {program.end_of_log()}")
        answers = drive(
            "count", subject.port, load_cores, ("--requests", "1", "--retry-s", "1", *subject.options)
        )
        if answers.count == 1:
            return program
        if answers.faults["connect"] == 0:
            until_s = min(until_s, time.monotonic() + WRONG_S)
        fault = answers.first_fault or fault
        time.sleep(0.2)
    program.stop()
    raise CannotRunError(f"{subject.name} gives no right answer: {fault}; {program.end_of_log()}")
