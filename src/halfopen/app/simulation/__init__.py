"""The simulator with files, seeds and processes: what `halfopen simulate` calls."""

from halfopen.app.simulation.comparison import Comparison, Entry, compare, expected, write_trace
from halfopen.app.simulation.contestant import DEFAULT, Contestant, find_contestant
from halfopen.app.simulation.run import Run, RunError, run_all
from halfopen.app.simulation.scenario_source import find_scenario, packaged
from halfopen.app.simulation.unusable import UnusableError

__all__ = [
    "DEFAULT",
    "Comparison",
    "Contestant",
    "Entry",
    "Run",
    "RunError",
    "UnusableError",
    "compare",
    "expected",
    "find_contestant",
    "find_scenario",
    "packaged",
    "run_all",
    "write_trace",
]
