"""Simulated providers that fail on demand.

`LabProvider` is one provider on a port of its own, `Lab` all three; `halfopen.lab.faults` has one
fault a module. Nothing here judges what a client makes of a fault.
"""

from halfopen.lab.answer import expected_text, is_whole
from halfopen.lab.fault import LabFault, Phase
from halfopen.lab.fleet import Lab
from halfopen.lab.ports import free_port
from halfopen.lab.server import LabProvider

__all__ = ["Lab", "LabFault", "LabProvider", "Phase", "expected_text", "free_port", "is_whole"]
