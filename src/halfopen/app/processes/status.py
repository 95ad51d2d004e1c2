"""What `halfopen status` tells: the processes, the snapshot that each serves, recording, problems."""

import os
import resource
from typing import Any, Final

from halfopen.app.processes.messages import Role
from halfopen.app.processes.peers import Peer, Peers
from halfopen.app.processes.store_writer import StoreStatus

STARTING_S: Final = 5.0
"""So long after its own start control doesn't miss the others: each tries to connect once a second."""


def processes_of(peers: Peers, age_s: float) -> dict[str, Any]:
    """The other processes, and which of them control still waits for, which has run for `age_s` seconds."""
    supervisor, workers = _supervisor_of(peers), workers_of(peers)
    return {
        "starting": _starting_of(age_s, supervisor, workers),
        "supervisor": supervisor,
        "workers": workers,
    }


def _starting_of(age_s: float, supervisor: dict[str, Any], workers: list[dict[str, Any]]) -> str:
    """Whom control still waits for, in words. Empty: for nobody, or no longer."""
    if age_s > STARTING_S:
        return ""
    missing = [] if supervisor["connected"] else ["the supervisor"]
    missing += [f"worker {worker['number']}" for worker in workers if not worker["connected"]]
    return f"not connected to control yet: {', '.join(missing)}" if missing else ""


def workers_of(peers: Peers) -> list[dict[str, Any]]:
    """A row for each worker: those that are connected, and those that the supervisor has started."""
    rows = [_worker(peer) for peer in peers.of(Role.WORKER)]
    known = {row["pid"] for row in rows}
    for supervisor in peers.of(Role.SUPERVISOR):
        pids = supervisor.children.worker_pids if supervisor.children else []
        rows += [
            {"number": number, "pid": pid, "connected": False}
            for number, pid in enumerate(pids)
            if pid and pid not in known
        ]
    return sorted(rows, key=lambda row: (row["number"], row["pid"]))


def _worker(peer: Peer) -> dict[str, Any]:
    assert peer.hello is not None
    row: dict[str, Any] = {
        "number": peer.hello.number,
        "pid": peer.hello.pid,
        "connected": True,
        "snapshot": peer.snapshot,
        "problem": peer.problem,
    }
    load = peer.load
    if load is not None:
        row |= {
            "connections": load.connections,
            "in_flight": load.in_flight,
            "waiting": load.waiting,
            "requests": load.requests,
            "failures": load.failures,
            "dropped": load.dropped,
            "content_dropped": load.content_dropped,
            "parked": load.parked,
            "cpu_s": round(load.cpu_s, 3),
            "memory_bytes": load.memory_bytes,
        }
    return row


def _supervisor_of(peers: Peers) -> dict[str, Any]:
    """The supervisor, with what it says of its children."""
    for peer in reversed(peers.of(Role.SUPERVISOR)):
        assert peer.hello is not None
        children = peer.children
        return {
            "pid": peer.hello.pid,
            "connected": True,
            "snapshot": peer.snapshot,
            "problem": peer.problem,
            "restarts": dict(children.restarts) if children else {},
            "notes": list(children.notes) if children else [],
        }
    return {"pid": None, "connected": False, "snapshot": "", "problem": "", "restarts": {}, "notes": []}


def control_of(began_wall_s: float) -> dict[str, Any]:
    """This process. `began_wall_s`: seconds since the Unix epoch."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "pid": os.getpid(),
        "began_wall_s": round(began_wall_s, 3),
        "cpu_s": round(used.ru_utime + used.ru_stime, 3),
    }


def outcomes_of(store: StoreStatus) -> dict[str, Any]:
    """What became of outcomes."""
    return {
        "written": store.written,
        "waiting": store.waiting,
        "kept": store.kept,
        "dropped": store.dropped,
        "without_detail": store.without_detail,
    }


def problems_of(current: str, configuration: str, processes: dict[str, Any], store: StoreStatus) -> list[str]:
    """What a person should look after, one line each. Empty: all is well.

    That a process is not connected is no problem as long as control waits for it.
    """
    supervisor, waited_for = processes["supervisor"], bool(processes["starting"])
    found = [f"configuration: {line}" for line in configuration.splitlines()]
    if not supervisor["connected"] and not waited_for:
        found.append("the supervisor is not connected to control")
    if supervisor["problem"]:
        found.append(f"the supervisor does not serve snapshot {current}: {supervisor['problem']}")
    for worker in processes["workers"]:
        name = f"worker {worker['number']} (pid {worker['pid']})"
        if not worker["connected"]:
            if not waited_for:
                found.append(f"{name} is not connected to control")
        elif worker["problem"]:
            found.append(f"{name} does not serve snapshot {current}: {worker['problem']}")
        elif current and worker["snapshot"] != current:
            found.append(f"{name} still serves snapshot {worker['snapshot'] or 'unknown'}")
    if store.state != "ok":
        found.append(f"outcomes can't be stored: {store.problem}")
    if store.dropping:
        found.append(f"{store.dropped} outcomes could not be recorded, some of them in the last minutes")
    return found
