"""Frozen values that every layer shares. Nothing here does anything."""

from halfopen.model.capability import Capabilities, Price, Target
from halfopen.model.fault import Fault
from halfopen.model.kind import Kind
from halfopen.model.outcome import Attempt, Continuation, Outcome, Skip, Usage
from halfopen.model.reply import Reply, TransportError
from halfopen.model.verdict import Place, Verdict

__all__ = [
    "Attempt",
    "Capabilities",
    "Continuation",
    "Fault",
    "Kind",
    "Outcome",
    "Place",
    "Price",
    "Reply",
    "Skip",
    "Target",
    "TransportError",
    "Usage",
    "Verdict",
]
