"""What a failed connection says."""

from collections.abc import Mapping

from halfopen.errors.finding import Finding, Weight
from halfopen.model import Kind, TransportError, Verdict

KINDS: Mapping[TransportError, Kind] = {
    TransportError.DNS: Kind.DNS_FAILED,
    TransportError.REFUSED: Kind.CONNECTION_REFUSED,
    TransportError.CONNECT_TIMEOUT: Kind.CONNECT_TIMEOUT,
    TransportError.TLS: Kind.TLS_FAILED,
    TransportError.RESET: Kind.CONNECTION_RESET,
    TransportError.CUT: Kind.CUT_BODY,
    TransportError.PROTOCOL: Kind.PROTOCOL_ERROR,
    TransportError.TOO_LARGE: Kind.ANSWER_TOO_LARGE,
    TransportError.NO_RESPONSE: Kind.NO_RESPONSE,
    TransportError.FIRST_TOKEN_TIMEOUT: Kind.FIRST_TOKEN_TIMEOUT,
    TransportError.STALLED: Kind.STALLED,
    TransportError.DRIPPING: Kind.DRIPPING,
    TransportError.STREAM_TOO_LONG: Kind.STREAM_TOO_LONG,
}


def read_transport(error: TransportError, detail: str) -> Finding:
    """Return what a transport error says."""
    fact = f"transport error {error.value}" + (f": {detail[:200]}" if detail else "")
    # A resolver that is busy or unreachable recovers; a name that does not exist stays so.
    temporary = error is TransportError.DNS and "temporary" in detail.lower()
    return Finding(
        KINDS[error],
        Weight.CREDIT,
        fact,
        verdict=Verdict.RETRY if temporary else None,
        retries_max=1 if temporary else None,
    )
