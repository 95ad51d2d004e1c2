"""The fault of an attempt whose time ran out."""

from halfopen import errors
from halfopen.model import Fault, Reply, TransportError


def timeout_fault(kind: TransportError, detail: str) -> Fault:
    """What is said of an attempt that we gave up."""
    fault = errors.decode(Reply(transport=kind, detail=detail))
    assert fault is not None, "a transport error is always a fault"
    return fault
