"""Frozen values that every layer shares. Nothing here does anything."""

from halfopen.model.capability import Capabilities, Price, Target
from halfopen.model.demand import Demand, Priority
from halfopen.model.fault import Fault
from halfopen.model.kind import Kind
from halfopen.model.outcome import Attempt, Continuation, Outcome, Skip, Usage
from halfopen.model.rate_limit import Dimension, RateLimit
from halfopen.model.reply import Reply, TransportError
from halfopen.model.verdict import Place, Verdict

__all__ = [
    "Attempt",
    "Capabilities",
    "Continuation",
    "Demand",
    "Dimension",
    "Fault",
    "Kind",
    "Outcome",
    "Place",
    "Price",
    "Priority",
    "RateLimit",
    "Reply",
    "Skip",
    "Target",
    "TransportError",
    "Usage",
    "Verdict",
]
