"""The fail-static drill: a short run with real processes, and defects that it must find."""

import asyncio
import contextlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from halfopen.lab.drills import DRILLS, fail_static, strikes
from halfopen.lab.drills.bystander import Told, is_alive
from halfopen.lab.drills.fail_static import Around, Plan
from halfopen.lab.drills.figure import DrillReport
from halfopen.lab.drills.private_names import NAME, PrivateNames, is_known_to
from halfopen.lab.drills.process import GatewayProcess
from halfopen.lab.drills.redis_strikes import RedisKilled, RedisStopped, redis_server
from halfopen.lab.drills.strikes import NamesGone

RATE = 100.0


def played(*faults: Any, seconds: float = 3.0, rate: float = RATE) -> DrillReport:
    return uvloop.run(fail_static.drill(plan=Plan(seconds, rate, faults or None)))


def told(report: DrillReport) -> str:
    """All that a person would read."""
    return "\n".join(
        [*(figure.line() for figure in report.figures), *report.failures, *map(str, report.rows)]
    )


def row(report: DrillReport, fault: str) -> dict[str, Any]:
    return next(each for each in report.rows if each["fault"] == fault)


def row_names(report: DrillReport) -> list[str]:
    return [each["fault"] for each in report.rows]


@pytest.mark.alone
def test_requests_go_on_whatever_fails() -> None:
    """The whole drill, short: every fault is met, and only the killed worker's requests are lost."""
    report = played(seconds=10.0)
    assert report.ok, told(report)
    faults = [each for each in report.rows if each["fault"] != "healthy"]
    names = [each["fault"] for each in faults]
    assert {each.name for each in fail_static.all_strikes(Around())} <= set(names)
    for fault in ("names gone", "redis stopped", "redis killed"):
        assert (fault in names) is not any(fault in line for line in report.failures), told(report)
    assert all(each["met"] and each["requests"] > 50 for each in faults), told(report)
    assert [each["fault"] for each in faults if each["in_flight_lost"]] == ["worker killed"]
    assert row(report, "store locked")["outcomes_waiting_most"] > 0


def test_the_drill_is_offered() -> None:
    """`halfopen lab drill` knows it."""
    assert DRILLS["fail-static"] is fail_static.drill


def plant(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Have every worker of a gateway that is started from now on run this first."""
    lines = textwrap.indent(textwrap.dedent(code), "    ")
    text = f'import sys\n\nif "halfopen.app.processes.worker" in sys.orig_argv:\n{lines}'
    (folder / "sitecustomize.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_a_worker_that_waits_for_control_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: what a worker sends to control blocks until control has answered."""
    plant(
        tmp_path,
        monkeypatch,
        """
        from contextlib import suppress

        from halfopen.app.processes.asking import NoAnswerError, ask
        from halfopen.app.processes.link import ControlLink
        from halfopen.app.processes.messages import Ask

        send_frame = ControlLink.send_frame

        def blocking(self, data):
            with suppress(NoAnswerError):
                ask(self._path, Ask("status"), most_s=4.0)
            return send_frame(self, data)

        ControlLink.send_frame = blocking
        """,
    )
    report = played(strikes.ControlStopped())
    assert not report.ok
    failed = row(report, "control stopped")["failed"]
    assert failed.get("late", 0) + failed.get("hang", 0) > 50, told(report)
    assert row(report, "healthy")["failed"] == {}, told(report)


def test_outcomes_that_are_lost_silently_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a worker forgets a tenth of its outcomes, and no gap in their numbers tells of it."""
    plant(
        tmp_path,
        monkeypatch,
        """
        import itertools

        from halfopen.app.processes.outcome_sender import OutcomeSender

        call, turns = OutcomeSender.add, itertools.count()

        def forgetful(self, outcome):
            if next(turns) % 10:
                call(self, outcome)

        OutcomeSender.add = forgetful
        """,
    )
    report = played(strikes.ControlKilled())
    assert [figure.name for figure in report.figures if not figure.sound] == [
        "outcomes stored or counted as lost"
    ], told(report)


def test_a_gateway_that_looks_every_connection_up_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: where a provider was last is forgotten at once."""
    plant(
        tmp_path,
        monkeypatch,
        """
        from halfopen.gateway.dial import LastAddresses

        LastAddresses.recall = lambda self, now: []
        """,
    )
    monkeypatch.setattr(
        fail_static, "all_strikes", lambda around: (NamesGone(around.names),) if around.names else ()
    )
    report = played()
    if row_names(report) == ["healthy"]:
        assert any(line.startswith("names gone: not played") for line in report.failures)
    else:
        assert row(report, "names gone")["failed"].get("status", 0) > 0, told(report)


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it holds before the time is over."""

    async def waited() -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not holds():  # noqa: ASYNC110 - another process, which tells nobody
                    await asyncio.sleep(0.01)
        return holds()

    return asyncio.run(waited())


@pytest.mark.server("redis-server")
def test_the_drills_redis_is_stopped_killed_and_started_again(tmp_path: Path) -> None:
    """Each is seen by the system, and the gateway's word is needed as well."""
    gone, well = Told(0, {"replicas": {"redis": "gone"}}), Told(0, {"replicas": {"redis": "ok"}})
    gateway = GatewayProcess("http://127.0.0.1:1", 1, tmp_path, {})
    with redis_server(tmp_path) as server:
        assert server is not None
        for strike in (RedisStopped(server), RedisKilled(server)):
            before = server.pid
            strike.strike(well, gateway)
            assert within(2.0, strike.is_on)  # a signal takes its time on a busy machine
            assert (strike.shown(well), bool(strike.shown(gone))) == ("", True)
            strike.lift()
            assert within(2.0, lambda strike=strike: not strike.is_on())
            assert strike.shown(gone) == ""
            assert is_alive(server.pid)
            assert (server.pid == before) is isinstance(strike, RedisStopped)
        last = server.pid
    assert not is_alive(last)


def test_what_can_not_be_played_is_told() -> None:
    """Nobody takes it for proved."""
    assert [line.partition(": not played")[0] for line in fail_static.not_played(Around())] == [
        "names gone",
        "redis stopped, redis killed",
    ]


def test_names_are_private_and_can_be_taken_back(tmp_path: Path) -> None:
    """Where they work at all, this process doesn't know them, and others lose them."""
    names = PrivateNames(tmp_path)
    look = (*names.before, sys.executable, "-c", f"import socket; socket.getaddrinfo({NAME!r}, 80)")
    works = asyncio.run(names.work())
    assert works is (subprocess.run(look, capture_output=True, check=False).returncode == 0)
    names.forget()
    assert subprocess.run(look, capture_output=True, check=False).returncode != 0
    names.remember()
    assert asyncio.run(names.work()) is works
    assert not is_known_to(os.getpid())


class Unexcused(strikes.WorkerKilled):
    """A drill that takes a worker's death for something that no request may notice."""

    name = "worker killed, and nothing may fail"
    costs = False

    def excused(self, port: int) -> bool:
        """Nothing is."""
        del port
        return False


class NeverOn(strikes.StoreLocked):
    """A fault that doesn't happen."""

    name = "nothing"

    def strike(self, before: Any, gateway: Any) -> None:
        """It doesn't."""


class WrongProcess(strikes.ControlStopped):
    """A fault that can't be played, because its process is gone."""

    name = "no such process"

    def strike(self, before: Any, gateway: Any) -> None:
        """There is none with this id."""
        del before, gateway
        os.kill(2**22 - 1, 0)


def test_lost_requests_and_faults_that_were_not_met_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost request is counted for its own fault; a fault that never was voids its row."""
    monkeypatch.setattr(fail_static, "SHOWN_MAX_S", 0.5)
    monkeypatch.setattr(fail_static, "NORMAL_MAX_S", 5.0)
    report = played(NeverOn(), WrongProcess(), Unexcused(), seconds=4.0)
    assert not report.ok
    assert row(report, "nothing")["met"] is False
    assert "ProcessLookupError" in row(report, "no such process")["shown_by"]
    void = [figure.name for figure in report.figures if figure.unit.startswith("(void: ")]
    assert void == ["nothing: whole answers in time", "no such process: whole answers in time"]
    last = row(report, Unexcused.name)
    assert last["met"]
    assert last["failed"].get("cut", 0) > 0, told(report)
    assert any(line.startswith(f"{Unexcused.name}: ") for line in report.failures), told(report)
    assert all(each["failed"] == {} for each in report.rows if each["fault"] != Unexcused.name), told(report)


def test_a_strike_is_lifted_when_the_drill_is_ended() -> None:
    """Control goes on, although somebody has pressed Ctrl-C while it was stopped."""
    stopped: list[int] = []

    class Watched(strikes.ControlStopped):
        def strike(self, before: Any, gateway: Any) -> None:
            super().strike(before, gateway)
            stopped.append(before.control)
            asyncio.current_task().cancel()  # type: ignore[union-attr]  # it runs in one

        def lift(self) -> None:
            super().lift()
            stopped.append(0)

    with pytest.raises(asyncio.CancelledError):
        played(Watched(), seconds=2.0)
    assert len(stopped) == 2
    assert stopped[0] > 0
    assert stopped[1] == 0
