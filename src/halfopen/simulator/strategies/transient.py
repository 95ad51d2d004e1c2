"""Which failures a client that sees only status and connection takes for passing ones.

Rules
1. A connection that could not be made, broke or stayed silent is retried, whatever was sent on it.
2. Of the statuses 408, 409, 429 and all from 500 on are retried; no other is.
3. An answer that came with a good status is no failure to such a client, whatever is in it.

Source: `_should_retry` of openai-python 3.x and anthropic-sdk-python, which agree.
"""

from typing import Final

from halfopen.model import Fault, Kind

_STATUSES: Final = (408, 409, 429)
_TRANSPORT: Final = frozenset(
    {
        Kind.DNS_FAILED,
        Kind.CONNECTION_REFUSED,
        Kind.CONNECT_TIMEOUT,
        Kind.TLS_FAILED,
        Kind.CONNECTION_RESET,
        Kind.CUT_BODY,
        Kind.PROTOCOL_ERROR,
        Kind.NO_RESPONSE,
        Kind.FIRST_TOKEN_TIMEOUT,
        Kind.STALLED,
    }
)


def is_transient(fault: Fault) -> bool:
    """Whether the same request may well be answered when it is sent again, by these rules."""
    status = fault.status
    if status is None or fault.kind in _TRANSPORT:
        return fault.kind in _TRANSPORT
    return status >= 500 or status in _STATUSES
