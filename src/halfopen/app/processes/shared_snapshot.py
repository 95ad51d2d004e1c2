"""What of a configuration is the same on every machine, and what each keeps for itself.

A machine keeps its address, its processes and where its Redis is; the rest is shared.
"""

from dataclasses import replace

import msgspec
from msgspec import UNSET

from halfopen.app.processes.state_directory import StateDirectory, StateError
from halfopen.rollout import Snapshot
from halfopen.rollout.settings import Gateway, Processes, Redis
from halfopen.rollout.snapshot import sealed


def common(snapshot: Snapshot) -> Snapshot:
    """The part that all machines share, as a snapshot of its own."""
    usual = Gateway()
    gateway = msgspec.structs.replace(snapshot.gateway, host=usual.host, port=usual.port)
    return sealed(replace(snapshot, gateway=gateway, processes=Processes(), redis=Redis()))


def settled(shared: Snapshot, own: Snapshot) -> Snapshot:
    """What a machine that serves `own` serves of a shared snapshot."""
    gateway = msgspec.structs.replace(shared.gateway, host=own.gateway.host, port=own.gateway.port)
    return sealed(replace(shared, gateway=gateway, processes=own.processes, redis=own.redis))


def gateways_at_first(snapshot: Snapshot, known: int) -> int:
    """How many gateways to reckon with before Redis has said it.

    Args:
        snapshot: What is served.
        known: How many there were when Redis last said it; 0: it never did.
    """
    stated = snapshot.processes.replicas
    return stated if snapshot.redis.url is UNSET else max(stated, known)


def base_of(state: StateDirectory) -> str:
    """The id of what is shared of the configuration that was last read from this machine's file."""
    entry = next((each for each in reversed(state.history()) if each.why in ("start", "file")), None)
    if entry is None:
        return ""
    try:
        return common(state.load(entry.id)).id
    except StateError:
        return ""
