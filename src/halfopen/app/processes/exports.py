"""Who else is told what happens: a receiver of OpenTelemetry, and a DogStatsD agent.

Each has threads of its own, and drops and counts what it can't send, so that control waits for none.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from halfopen.app.processes.store_writer import StoreWriter
from halfopen.exporters.dogstatsd.exporter import StatsdExporter
from halfopen.exporters.otlp.names import Upstream, upstreams
from halfopen.rollout import Snapshot, reference
from halfopen.rollout.settings import Otel, Statsd
from halfopen.seams.outcome_store import Rows
from halfopen.seams.sums import Sums
from halfopen.signals.exemplars import Exemplars

if TYPE_CHECKING:  # it needs an extra
    from halfopen.exporters.otlp.exporter import OtlpExporter

LOOK_S: Final = 5.0
"""How everything is, is told this often."""
STOP_S: Final = 1.0
"""What waits is sent for so long at the end."""
EARLY_MAX: Final = 16_384
"""Rows that are held while an exporter is being made."""


class _Early:
    """What is counted while an exporter is being made."""

    def __init__(self) -> None:
        self.sums = Sums()
        self.rows: list[Rows] = []
        self._count = 0
        self.dropped = 0

    def add(self, rows: Rows, sums: Sums) -> None:
        self.sums.add(sums)
        if self._count + rows.count > EARLY_MAX:
            self.dropped += rows.count
        else:
            self.rows.append(rows)
            self._count += rows.count


class Exports:
    """Follows `[otel]` and `[statsd]`."""

    def __init__(self, writer: StoreWriter) -> None:
        """Nobody is told yet. `writer` says what is counted."""
        writer.listener = self.add
        self.exemplars = Exemplars()
        """Requests that stand for others in `/metrics`."""
        self._lock = threading.Lock()
        self._otlp: OtlpExporter | None = None
        self._early: _Early | None = None
        """None: none is being made."""
        self._otel: Otel | None = None
        self._values: dict[str, str] = {}
        self._upstreams: Mapping[str, Upstream] = {}
        self._otlp_problem = ""
        self._agent: StatsdExporter | None = None
        self._statsd: Statsd | None = None

    def follow(self, snapshot: Snapshot, values: Mapping[str, str]) -> None:
        """Tell whom this snapshot names from now on. `values` are those that references name."""
        self._follow_otel(snapshot, values)
        if snapshot.statsd != self._statsd:
            self._statsd = snapshot.statsd
            if self._agent is not None:
                self._agent.stop(0.0)
            self._agent = None
            if isinstance(snapshot.statsd.host, str):
                self._agent = StatsdExporter(snapshot.statsd, snapshot.statsd.host)
                self._agent.start()

    def _follow_otel(self, snapshot: Snapshot, values: Mapping[str, str]) -> None:
        otel = snapshot.otel
        named = {name for value in otel.headers.values() for name in reference.names(value)}
        wanted = {name: values[name] for name in named if name in values}
        with self._lock:
            self._upstreams = upstreams(snapshot)
            if otel == self._otel and wanted == self._values:
                if self._otlp is not None:
                    self._otlp.upstreams = self._upstreams
                return
            before, self._otlp, self._otlp_problem = self._otlp, None, ""
            self._otel, self._values = otel, wanted
            early = self._early = _Early() if isinstance(otel.endpoint, str) else None
        if before is not None:
            before.stop(0.0)
        if isinstance(otel.endpoint, str) and early is not None:
            # To load what it needs takes half a second and more, for which control must not stand still.
            arguments = snapshot, otel.endpoint, wanted, early
            threading.Thread(target=self._begin, args=arguments, name="otlp-begin", daemon=True).start()

    def _begin(self, snapshot: Snapshot, endpoint: str, values: Mapping[str, str], early: _Early) -> None:
        """Thread: make an exporter, and tell it what was counted meanwhile."""
        made, problem = None, ""
        try:
            made = _otlp(snapshot, endpoint, values)
        except ImportError:
            problem = "[otel] needs the extra: pip install 'halfopen[otel]'"
        except KeyError as error:
            problem = f"[otel] headers: no value for ${{{error.args[0]}}}"
        except ValueError as error:
            problem = f"[otel] endpoint: {error}"
        except Exception as error:  # noqa: BLE001 - a defect must be seen, and the thread shows nobody
            problem = f"[otel] a defect: {type(error).__name__}: {error}"
        with self._lock:
            if self._early is not early:
                return  # others are to be told by now
            self._early, self._otlp_problem, self._otlp = None, problem, made
            if made is not None:
                made.upstreams = self._upstreams
                made.start()
                made.status.dropped["rows"] += early.dropped
                made.add(Rows([], []), early.sums)
                for rows in early.rows:
                    made.add(rows, Sums())

    def add(self, rows: Rows, sums: Sums) -> None:
        """Take outcomes and their counts. In any thread."""
        self.exemplars.add(rows)
        with self._lock:
            if self._otlp is not None:
                self._otlp.add(rows, sums)
            elif self._early is not None:
                self._early.add(rows, sums)
        if self._agent is not None:
            self._agent.add(sums)

    async def watch(self, overview: Callable[[], Mapping[str, Any]]) -> None:
        """Tell how everything is, every few seconds. For ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self._otlp is not None or self._agent is not None:
                self.look(overview())

    def look(self, overview: Mapping[str, Any]) -> None:
        """Take how everything is: an `Overview` as JSON has it."""
        if self._otlp is not None:
            self._otlp.look(overview)
        if self._agent is not None:
            self._agent.look(overview)

    def stop(self) -> None:
        """Send what waits, for `STOP_S` at most, and end. Blocks, so it belongs into a thread."""
        until = time.monotonic() + STOP_S
        running = [each for each in (self._otlp, self._agent) if each is not None]
        for most_s in (0.0, STOP_S):  # first tell both
            for each in running:
                each.stop(max(min(until - time.monotonic(), most_s), 0.0))

    def status(self) -> dict[str, Any]:
        """How it goes: `otel` and `statsd`, each None when nobody is told."""
        otlp, agent = self._otlp, self._agent
        return {
            "otel": None
            if otlp is None
            else {
                "sent": dict(otlp.status.sent),
                "dropped": dict(otlp.status.dropped),
                "untold": otlp.untold,
            },
            "statsd": None
            if agent is None
            else {"sent": agent.sent, "dropped": agent.dropped, "untold": agent.untold},
        }

    def problems(self) -> list[str]:
        """What a person should look after."""
        otlp, agent = self._otlp, self._agent
        found = [self._otlp_problem] if self._otlp_problem else []
        if otlp is not None and otlp.status.problem and self._otel is not None:
            found.append(f"[otel] {self._otel.endpoint} takes nothing: {otlp.status.problem}")
        if agent is not None and agent.problem:
            found.append(f"[statsd] {agent.problem}")
        for name, exporter, defect in (
            ("otel", otlp, "" if otlp is None else otlp.status.defect),
            ("statsd", agent, "" if agent is None else agent.defect),
        ):
            if defect:
                found.append(f"[{name}] something could not be sent, by a defect: {defect}")
            if exporter is not None and exporter.has_ended:
                found.append(f"[{name}] the thread that sends has ended")
        return found


def _otlp(snapshot: Snapshot, endpoint: str, values: Mapping[str, str]) -> "OtlpExporter":
    """An exporter that has not begun. Raises ImportError, KeyError and ValueError."""
    from halfopen.exporters.otlp.exporter import Options, OtlpExporter  # noqa: PLC0415 - needs an extra
    from halfopen.exporters.otlp.post import Receiver  # noqa: PLC0415 - as above

    otel = snapshot.otel
    headers = {name: reference.resolve(value, values) for name, value in otel.headers.items()}
    where = f"{socket.gethostname()}:{snapshot.gateway.port}"
    options = Options(
        traces=otel.traces,
        metrics=otel.metrics,
        logs=otel.logs,
        delta=otel.temporality == "delta",
        resource={
            "service.name": otel.service,
            "service.version": version("halfopen"),
            "service.instance.id": where,
        },
    )
    return OtlpExporter(Receiver(endpoint, headers), options, upstreams(snapshot))
