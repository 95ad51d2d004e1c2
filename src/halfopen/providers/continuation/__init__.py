"""Going on with an answer that was cut: what was delivered, the next request, the joint.

The client has a part of the answer (`Delivered`). The next target is asked to go on (`continued`);
what it writes is joined to that part (`Splice`, `Joint`), so that the client reads one text.
"""

from halfopen.providers.continuation.delivered import TEXT_MAX_CHARS, Delivered
from halfopen.providers.continuation.identity import Identity
from halfopen.providers.continuation.instruction import MARK, instruction
from halfopen.providers.continuation.joint import Joint
from halfopen.providers.continuation.overlap import Splice
from halfopen.providers.continuation.request import continued, is_prefilled
from halfopen.providers.continuation.spent import estimated, summed

__all__ = [
    "MARK",
    "TEXT_MAX_CHARS",
    "Delivered",
    "Identity",
    "Joint",
    "Splice",
    "continued",
    "estimated",
    "instruction",
    "is_prefilled",
    "summed",
]
