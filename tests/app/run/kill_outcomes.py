"""Kills processes of a real gateway at random moments, and counts what becomes of the outcomes.

`python tests/app/run/kill_outcomes.py [--kills N] [--seed N] [--victim worker|control|supervisor] [--stop]
[--patience SECONDS] [--json]`.
In half of the kills requests are being asked at that moment; in the others the last was answered just before,
so that not one may be missing. Exit status: 0 every request is a row of the store or is known as lost, and no
kill lost more than its last second; 1 one isn't; 2 the gateway did not come up.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import uvloop
from kill_outcomes_judge import Kill, Stored, problems, read

from halfopen.lab import LabProvider
from halfopen.lab.drills.lab_process import lab_process
from halfopen.lab.drills.open_loop import Asked, OpenLoop
from halfopen.lab.drills.process import configuration, end
from halfopen.lab.ports import free_port

KILLS = 30
RATE = 200.0
WORKERS = 2
VICTIMS = {"worker": 5, "control": 3, "supervisor": 2}
_PACE_S = 0.005
_GOES_ON_S = 0.3
"""Requests are asked for so long after the kill."""
_QUIET_MAX_S = 0.05
"""After the last answer. Less than the time in which a worker sends what it has, so that mostly some is lost."""
_START_S = 30.0
SETTLE_S = 15.0
_STILL_S = 1.0
_POLL_S = 0.05


class Gateway:
    """`halfopen run` with one state directory, started again when its supervisor was killed."""

    def __init__(self, folder: Path, lab_port: int, patience_s: float) -> None:
        self.patience_s = patience_s
        """What is not known so long after the load is missing."""
        self.port = free_port()
        self.store = folder / "state" / "outcomes.db"
        self._file = folder / "halfopen.toml"
        settings = f'[processes]\nworkers = {WORKERS}\nstate_dir = "{folder / "state"}"\n'
        self._file.write_text(configuration((LabProvider("openai", lab_port),), self.port, settings))
        self._process: Process | None = None

    async def start(self) -> None:
        """Raises RuntimeError when it doesn't serve."""
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "halfopen", "run", "--json", "--config", str(self._file)),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            env={**os.environ, "LAB_KEY": "lab"},
        )
        assert process.stdout is not None
        async with asyncio.timeout(_START_S):
            if not await process.stdout.readline():
                raise RuntimeError("halfopen run ended at once")
        await self.until_whole()

    async def end(self) -> None:
        if self._process is not None:
            await end(self._process)

    async def until_whole(self) -> None:
        """Until all its processes are there, and the store is."""
        async with asyncio.timeout(_START_S):
            while len(self._of("worker")) < WORKERS or not self._of("control") or not self.store.exists():  # noqa: ASYNC110 - the system sets no event
                await asyncio.sleep(_POLL_S)

    async def kill(self, victim: str, rng: random.Random) -> None:
        """SIGKILL. After the supervisor's the others end by themselves, and it is started again."""
        assert self._process is not None
        if victim != "supervisor":
            os.kill(rng.choice(self._of(victim)), signal.SIGKILL)
            return
        orphans = self._children()
        self._process.kill()
        await self._process.wait()
        async with asyncio.timeout(SETTLE_S):
            while any(_is_alive(pid) for pid in orphans):  # noqa: ASYNC110 - as above
                await asyncio.sleep(_POLL_S)

    async def revive(self) -> None:
        """Everything is there again."""
        assert self._process is not None
        if self._process.returncode is None:
            await self.until_whole()
        else:
            await self.start()

    def _children(self) -> list[int]:
        assert self._process is not None
        pid = self._process.pid
        with contextlib.suppress(OSError):
            return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return []

    def _of(self, kind: str) -> list[int]:
        found = []
        for pid in self._children():
            with contextlib.suppress(OSError):
                if f"halfopen.app.processes.{kind}".encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


async def strike(gateway: Gateway, victim: str, before: Stored, rng: random.Random) -> Kill:
    """Load, a kill at a random moment, and what is known when all has settled."""
    busy = rng.random() < 0.5
    client = OpenLoop(gateway.port, RATE, connections=16)
    client.start()
    await asyncio.sleep(rng.uniform(0.3, 1.0))
    if not busy:
        await client.stop()
        await asyncio.sleep(rng.uniform(0.0, _QUIET_MAX_S))
    struck = time.monotonic()
    await gateway.kill(victim, rng)
    if busy:
        await asyncio.sleep(_GOES_ON_S)
        await client.stop()
    answered = [asked for asked in client.asked if asked.answered]
    after = await _settled(gateway, before.known + len(answered))
    return Kill(
        victim=victim,
        busy=busy,
        answered=len(answered),
        cut=len(client.asked) - len(answered),
        last_second=sum(_is_last(asked, struck) for asked in answered),
        before=before,
        after=after,
    )


def _is_last(asked: Asked, struck: float) -> bool:
    return struck - 1.0 <= asked.ended <= struck


async def _settled(gateway: Gateway, known: int) -> Stored:
    """What the store says once it knows of so many and says nothing new, or time is up."""
    until = time.monotonic() + gateway.patience_s
    last, since = Stored(), time.monotonic()
    while time.monotonic() < until:
        await gateway.revive()
        with contextlib.suppress(sqlite3.Error):
            now = read(gateway.store)
            if now != last:
                last, since = now, time.monotonic()
        if last.known >= known and time.monotonic() - since >= _STILL_S:
            break
        await asyncio.sleep(_POLL_S)
    return last


async def run(kills: int, seed: int, only: str | None, patience_s: float, *, stop: bool) -> list[Kill]:
    """All kills; with `stop`, up to the first after which something is wrong."""
    rng = random.Random(seed)
    done: list[Kill] = []
    with tempfile.TemporaryDirectory(prefix="halfopen-kills-") as folder:
        async with lab_process(_PACE_S) as lab:
            gateway = Gateway(Path(folder), lab.port, patience_s)
            try:
                await gateway.start()
                stored = await _settled(gateway, 0)
                for _ in range(kills):
                    victim = only or rng.choices(list(VICTIMS), list(VICTIMS.values()))[0]
                    done.append(await strike(gateway, victim, stored, rng))
                    stored = done[-1].after
                    if stop and problems(done[-1]):
                        break
            finally:
                await gateway.end()
    return done


def main() -> int:
    """Kill, count, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--victim", choices=VICTIMS)
    parser.add_argument("--stop", action="store_true", help="at the first problem")
    parser.add_argument("--patience", type=float, default=SETTLE_S, help="seconds for all to be stored")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        kills = uvloop.run(run(given.kills, given.seed, given.victim, given.patience, stop=given.stop))
    except (TimeoutError, RuntimeError, OSError) as error:
        sys.stderr.write(f"the gateway did not come up: {error!r}\n")
        return 2
    found = [line for kill in kills for line in problems(kill)]
    lost = [kill.after.lost - kill.before.lost for kill in kills]
    told = {
        "kills": Counter(kill.victim for kill in kills),
        "under_load": sum(kill.busy for kill in kills),
        "answered": sum(kill.answered for kill in kills),
        "cut": sum(kill.cut for kill in kills),
        "rows": kills[-1].after.rows if kills else 0,
        "lost": sum(lost),
        "lost_most": max(lost, default=0),
        "exact": sum(not kill.cut for kill in kills),
        "problems": found,
    }
    if given.json:
        each = [{**asdict(kill), "problems": problems(kill)} for kill in kills]
        sys.stdout.write(json.dumps({**told, "each": each}) + "\n")
    else:
        sys.stdout.write("".join(f"{name.replace('_', ' ')}: {value}\n" for name, value in told.items()))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
