"""Drills: one promise each, proved with real sockets and real processes, and stated as figures.

One file a drill. Needs the `openai` package (extra `lab`).
"""

from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any

from halfopen.lab.drills import all_dead, crowd, disconnect, fail_static, last_resort, outage, outage_run
from halfopen.lab.drills.figure import DrillReport, Figure

Drill = Callable[[int | None], Coroutine[Any, Any, DrillReport]]
"""Runs a drill with so many requests or repetitions; None: as many as it needs for its promise."""

DRILLS: Mapping[str, Drill] = MappingProxyType(
    {
        "outage": outage.drill,
        "all-dead": all_dead.drill,
        "disconnect": disconnect.drill,
        "crowd": crowd.drill,
        "last-resort": last_resort.drill,
        "fail-static": fail_static.drill,
        "outage-run": outage_run.drill,
    }
)
"""The drills by name."""

__all__ = ["DRILLS", "Drill", "DrillReport", "Figure"]
