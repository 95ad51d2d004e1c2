"""What can be seen of this gateway: `seams.seen.Seen`, for pages, exporters and whoever asks control.

Rules
1. What is counted is in memory, so that nobody who looks waits for a disk. What is kept of single requests is
   read from the store, in a thread of its own.
2. An overview is worked out four times a second at most, however many look.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import msgspec

from halfopen import redact
from halfopen.app.processes.changes import Changes
from halfopen.app.processes.content_desk import ContentDesk
from halfopen.app.processes.content_writer import outline
from halfopen.app.processes.dashboard import Dashboard
from halfopen.app.processes.disk import Disk
from halfopen.app.processes.exports import Exports
from halfopen.app.processes.key_desk import KeyDesk
from halfopen.app.processes.messages import Answer, Ask, Role
from halfopen.app.processes.objective_history import ObjectiveHistory
from halfopen.app.processes.outcome_rows import outcome_of
from halfopen.app.processes.peers import Peers
from halfopen.app.processes.record import Record
from halfopen.app.processes.replicas import Replicas
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.app.processes.status import control_of, outcomes_of, problems_of, processes_of
from halfopen.app.processes.store_reads import StoreReads
from halfopen.app.processes.store_writer import StoreWriter
from halfopen.redact import Redactor
from halfopen.rollout import Snapshot
from halfopen.rollout.snapshot import canonical
from halfopen.seams.ledger import Kept, Ledger, Search
from halfopen.seams.outcome_store import StoreError
from halfopen.seams.sums import Sums
from halfopen.signals.digests import Digests
from halfopen.signals.exemplars import Exemplars
from halfopen.signals.exposition import Facts, WorkerFacts, exposition, openmetrics
from halfopen.signals.health import health_now
from halfopen.signals.overview import UpstreamState
from halfopen.signals.spend import DAY_S, DAYS_MAX, Spending, first_second
from halfopen.signals.survey import Known, survey
from halfopen.signals.upstream_states import Upstreams

FRESH_S: Final = 0.25
"""An overview is shown again for so long."""
CLOSE_S: Final = 0.5
_BUSY_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of a control process that are looked at."""

    state: StateDirectory
    changes: Changes
    peers: Peers
    record: Record
    writer: StoreWriter
    replicas: Replicas
    disk: Disk
    keys: KeyDesk
    defect: Callable[[], str]
    """What control failed at last; empty: nothing."""
    began_wall_s: float
    exports: Exports | None = None
    """Who else is told."""
    exemplars: Exemplars = field(default_factory=Exemplars)
    """Requests that stand for others."""
    contents: ContentDesk | None = None
    """What requests said."""


class View:
    """A `Seen`. For the event loop."""

    def __init__(self, running: Running, *, wall: Callable[[], float] = time.time) -> None:
        """Opens nothing yet. `wall`: seconds since the Unix epoch."""
        self._running = running
        self._wall = wall
        self._reads = StoreReads(running.record.ledger)
        self._objectives = ObjectiveHistory(running.record, self._reads, wall=wall)
        self._digests = Digests()
        self._upstreams = Upstreams()
        self._version = version("halfopen")
        self._shown: tuple[float, dict[str, Any]] | None = None
        self.dashboard: Dashboard | None = None
        """Its pages; None: there are none."""
        self._redactor: Redactor | None = None

    def follow(self, snapshot: Snapshot, redactor: Redactor | None) -> None:
        """Show the objectives of this snapshot from now on. `redactor` knows its secrets, if anyone does."""
        self._objectives.keep_to(snapshot)
        self._redactor = redactor
        if self.dashboard is not None:
            self.dashboard.follow(snapshot)

    async def run(self) -> None:
        """Keep up to date what nobody may be looking at, until it is cancelled."""
        await self._objectives.run()

    async def close(self) -> None:
        """End the pages, and give back what is read from, if it can be had within a moment."""
        if self.dashboard is not None:
            await self.dashboard.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._reads.close()
                if self._running.contents is not None:
                    await self._running.contents.close()

    async def answer(self, ask: Ask) -> Answer:
        """What the command line asks: `overview`, `status`, `configuration`, `requests` or `request`.

        `requests` has a `Search` in JSON as its argument, and is answered with `requests` and `next`, the
        `before` of the next page or None. `request` has an id, and is answered as `Seen.request` says.
        """
        try:
            match ask.what:
                case "overview":
                    return Answer(ok=True, data=self.overview())
                case "status":
                    return Answer(ok=True, data=self.status())
                case "configuration":
                    return Answer(ok=True, data=self.configuration())
                case "requests":
                    search = msgspec.json.decode(ask.argument or "{}", type=Search)
                    return Answer(ok=True, data=page(search, await self.requests(search)))
                case "request":
                    found = await self.request(ask.argument)
                    if found is None:
                        return Answer(ok=False, data={}, problem=f"no request {ask.argument!r} is kept")
                    return Answer(ok=True, data=found)
                case _:
                    return Answer(ok=False, data={}, problem=f"control doesn't know {ask.what!r}")
        except msgspec.DecodeError as error:
            return Answer(ok=False, data={}, problem=f"control doesn't understand the question: {error}")
        except StoreError as error:
            return Answer(ok=False, data={}, problem=f"the store can't be read: {error}")

    def overview(self) -> dict[str, Any]:
        """As `Seen`."""
        now_s = self._wall()
        if self._shown is None or not 0 <= now_s - self._shown[0] < FRESH_S:
            self._shown = now_s, self._survey(now_s)
        return self._shown[1]

    def _survey(self, now_s: float) -> dict[str, Any]:
        status = self.status()
        known = Known(
            snapshot=status["snapshot"],
            routes=self._routes(),
            heard=self._heard(),
            states=self.states(now_s),
            lost=self._running.writer.status.dropped,
            objectives=self._objectives.states(now_s),
            problems=status["problems"],
        )
        with self._running.record.windows() as windows:
            made = survey(windows, self._digests, now_s, known)
        return _plain(made)

    def _heard(self) -> bool:
        return bool(self._running.peers.of(Role.WORKER))

    def _routes(self) -> Mapping[str, Sequence[str]]:
        snapshot = self._running.changes.snapshot
        if snapshot is None:
            return {}
        return {name: [target.name for target in route.targets] for name, route in snapshot.routes.items()}

    def states(self, now_s: float) -> Mapping[str, UpstreamState]:
        """What the workers know of each target. `now_s`: seconds since the Unix epoch."""
        said = [peer.states.targets for peer in self._running.peers.of(Role.WORKER) if peer.states]
        return self._upstreams.merge(
            [
                [UpstreamState(workers=1, **msgspec.structs.asdict(known)) for known in targets]
                for targets in said
            ],
            now_s,
        )

    def status(self) -> dict[str, Any]:
        """As `Seen`."""
        running = self._running
        changes, store = running.changes, running.writer.status
        processes = processes_of(running.peers, self._wall() - running.began_wall_s)
        problems = problems_of(changes.current, changes.problem, processes, store)
        problems += running.replicas.problems() + running.keys.problems()
        if running.record.store.problem:
            problems.append(running.record.store.problem)
        problems += running.exports.problems() if running.exports else ()
        contents = running.contents.writer.status if running.contents else None
        if contents is not None and contents.problem:
            problems.append(f"prompts and answers can't be kept: {contents.problem}")
        if defect := running.defect():
            problems.append(defect)
        if running.disk.busy_s > _BUSY_S:
            problems.append("the disk with the configuration has not answered for some seconds")
        dashboard = self.dashboard.status() if self.dashboard is not None else None
        if dashboard is not None and dashboard["problem"]:
            problems.append(dashboard["problem"])
        return {
            "snapshot": changes.current,
            "configuration": {
                "path": str(changes.path) if changes.path else None,
                "problem": changes.problem,
            },
            "state": str(running.state.path),
            **processes,
            "control": control_of(running.began_wall_s),
            "outcomes": outcomes_of(store),
            "store": {
                "state": store.state,
                "problem": store.problem,
                "path": running.record.store.place,
                "size_bytes": store.size_bytes,
                "max_bytes": running.writer.max_bytes,
            },
            "content": outline(contents) if contents else None,
            "replicas": running.replicas.status(),
            "exports": running.exports.status() if running.exports else None,
            "dashboard": dashboard,
            "problems": problems,
        }

    def configuration(self) -> dict[str, Any]:
        """As `Seen`."""
        changes = self._running.changes
        content = None if changes.snapshot is None else msgspec.json.decode(canonical(changes.snapshot))
        mask = redact.json_value if self._redactor is None else self._redactor.json_value
        return {
            "id": changes.current,
            "since_s": changes.since_wall_s,
            "path": str(changes.path) if changes.path else None,
            "problem": changes.problem,
            "content": mask(content),
        }

    def metrics(self, *, as_openmetrics: bool = False) -> bytes:
        """As `Seen`."""
        now_s = self._wall()
        status, store = self.status(), self._running.writer.status
        objectives = self._objectives.states(now_s)
        with self._running.record.windows() as windows:
            self._digests.follow(windows)
            health = health_now(self._digests.minutes(), now_s, heard=self._heard())
            facts = Facts(
                health=health,
                version=self._version,
                snapshot=status["snapshot"],
                lost=store.dropped,
                problems=len(status["problems"]),
                store_up=store.state == "ok",
                store_waiting=store.waiting,
                store_bytes=store.size_bytes,
                states=self.states(now_s),
                workers=[worker_facts(row) for row in status["workers"]],
                restarts=status["supervisor"]["restarts"],
                objectives=objectives,
            )
            if as_openmetrics:
                return openmetrics(windows.ever, facts, self._running.exemplars)
            return exposition(windows.ever, facts)

    async def spend(self, days: int) -> dict[str, Any]:
        """As `Seen`. A day at a time, so that nobody else who reads waits for long."""
        days = max(1, min(days, DAYS_MAX))
        spending = Spending()
        first_s = first_second(days, self._wall())
        for day in range(days):
            for sums in await self._reads.read(partial(_sums_of_day, first_s + day * DAY_S)):
                spending.add(sums)
        return spending.told(days)

    async def requests(self, search: Search) -> list[Kept]:
        """As `Seen`."""
        return await self._reads.read(lambda ledger: ledger.requests(search))

    async def request(self, request_id: str) -> dict[str, Any] | None:
        """As `Seen`."""
        kept = await self._reads.read(lambda ledger: ledger.request(request_id))
        if kept is None:
            return None
        outcome = None
        if kept.detail is not None:
            try:
                outcome = _plain(outcome_of(kept.detail))
            except msgspec.DecodeError:
                outcome = None  # of a later version: the row tells the rest
        row = _plain(kept)
        del row["detail"]
        return {"row": row, "outcome": outcome, "content": await self._content(request_id)}

    async def _content(self, request_id: str) -> dict[str, Any] | None:
        """What a request said. A store of content that is down must not hide the rest."""
        contents = self._running.contents
        with suppress(StoreError):
            return None if contents is None else await contents.find(request_id)
        return None


def _sums_of_day(start_s: int, ledger: Ledger) -> list[Sums]:
    """Requests of a day, by minute and by hour: a stretch is in one of the two."""
    return [
        ledger.sums(start_s, start_s + DAY_S, span_s=span_s, only=("request_sums",)) for span_s in (60, 3600)
    ]


def worker_facts(row: dict[str, Any]) -> WorkerFacts:
    """A worker of `halfopen status` as `/metrics` tells of it."""
    names = ("in_flight", "waiting", "connections", "cpu_s", "memory_bytes")
    known = {name: row.get(name) for name in names}
    return WorkerFacts(number=str(row["number"]), up=row["connected"], **known)


def page(search: Search, found: Sequence[Kept]) -> dict[str, Any]:
    """Rows as JSON has them, and where the next page begins; None: there is none."""
    rows = [_plain(kept) for kept in found]
    for row in rows:
        del row["detail"]
    return {"requests": rows, "next": found[-1].number if found and len(found) >= search.limit else None}


def _plain(value: object) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(value)
    return made
