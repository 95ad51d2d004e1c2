"""Simulated providers that fail on demand.

`LabProvider` is one provider on a port of its own, `Lab` all three; `halfopen.lab.faults` has one
fault a module. Nothing here judges what a client makes of a fault.
"""

from halfopen.lab.answer import continued_text, expected_text, is_whole, repeated_words
from halfopen.lab.fault import LabFault, Phase
from halfopen.lab.fleet import Lab
from halfopen.lab.ports import free_port
from halfopen.lab.server import LabProvider
from halfopen.lab.steps import Place

__all__ = [
    "Lab",
    "LabFault",
    "LabProvider",
    "Phase",
    "Place",
    "continued_text",
    "expected_text",
    "free_port",
    "is_whole",
    "repeated_words",
]
