"""Errors as values: the taxonomy of faults, and the decoder that finds a fault's kind.

A fault keeps the upstream's words as they came. Whoever logs, stores or shows one passes it through
`redact.fault()` first; this layer and that one are independent siblings.
"""

from halfopen.errors.decode import decode
from halfopen.errors.event import decode_event
from halfopen.errors.http_status import kind_of_status
from halfopen.errors.make import BODY_MAX_BYTES, make
from halfopen.errors.page import PLACES, VERDICTS, faults_page
from halfopen.errors.retry_after import DELAY_MAX_S, rate_limit_reset, retry_after
from halfopen.errors.row import Row
from halfopen.errors.taxonomy import TAXONOMY

__all__ = [
    "BODY_MAX_BYTES",
    "DELAY_MAX_S",
    "PLACES",
    "TAXONOMY",
    "VERDICTS",
    "Row",
    "decode",
    "decode_event",
    "faults_page",
    "kind_of_status",
    "make",
    "rate_limit_reset",
    "retry_after",
]
