"""What a worker tells of itself."""

import os
import resource
import sys
import time
from pathlib import Path

from halfopen.app.processes.messages import Load
from halfopen.app.processes.outcome_sender import OutcomeSender
from halfopen.gateway.server import GatewayServer

_STATM = Path("/proc/self/statm")
_KIB = 1024


def vital_signs(
    server: GatewayServer, sender: OutcomeSender, demand: dict[str, float], content_dropped: int
) -> Load:
    """What this process does now.

    Args:
        server: Serves requests.
        sender: Sends their outcomes.
        demand: What it asks of each provider. Tokens a second.
        content_dropped: Requests whose content was given up.
    """
    in_flight, runtime, now = server.in_flight, server.runtime, time.monotonic()
    return Load(
        connections=server.connections,
        in_flight=in_flight,
        waiting=runtime.waiting,
        requests=sender.requests + in_flight,
        failures=sender.failures,
        dropped=sender.dropped,
        cpu_s=time.process_time(),
        memory_bytes=memory_bytes(),
        demand=demand,
        held={provider: runtime.pacing_part(provider) for provider in runtime.providers},
        parked=sum(key.is_parked(now) for keys in runtime.credentials.values() for key in keys),
        content_dropped=content_dropped,
    )


def memory_bytes() -> int:
    """Resident memory of this process; its largest so far, where the system doesn't say what it is now."""
    try:
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest if sys.platform == "darwin" else largest * _KIB
