"""Failed connections and exceeded times."""

import pytest

from halfopen import errors
from halfopen.errors.transport import KINDS
from halfopen.model import Fault, Kind, Place, Reply, TransportError, Verdict


def decode(error: TransportError, detail: str = "", status: int | None = None, body: bytes = b"") -> Fault:
    fault = errors.decode(Reply(status, (), body, error, detail))
    assert fault is not None
    return fault


@pytest.mark.parametrize("error", list(TransportError), ids=lambda error: error.value)
@pytest.mark.parametrize("status", [None, 200])
def test_every_transport_error_has_its_kind(error: TransportError, status: int | None) -> None:
    """A transport error decides, even after a 200."""
    fault = decode(error, "detail", status)
    assert fault.kind is KINDS[error]
    assert fault.evidence[0] == f"transport error {error.value}: detail"
    assert fault.message.endswith(": detail")


@pytest.mark.parametrize(
    ("error", "verdict", "place"),
    [
        pytest.param(TransportError.DNS, Verdict.FAILOVER, Place.NETWORK, id="dns"),
        pytest.param(TransportError.REFUSED, Verdict.RETRY, Place.NETWORK, id="refused"),
        pytest.param(TransportError.TLS, Verdict.FAILOVER, Place.NETWORK, id="tls"),
        pytest.param(TransportError.RESET, Verdict.RETRY, Place.NETWORK, id="reset"),
        pytest.param(TransportError.CUT, Verdict.RETRY, Place.NETWORK, id="cut"),
        pytest.param(TransportError.STALLED, Verdict.RETRY, Place.PROVIDER, id="stalled"),
        pytest.param(TransportError.DRIPPING, Verdict.FAILOVER, Place.PROVIDER, id="dripping"),
        pytest.param(TransportError.TOO_LARGE, Verdict.FAILOVER, Place.PROVIDER, id="too-large"),
    ],
)
def test_verdict_and_place(error: TransportError, verdict: Verdict, place: Place) -> None:
    """What lasts is failed over; what passes is retried."""
    fault = decode(error)
    assert (fault.verdict, fault.place) == (verdict, place)


def test_a_resolver_that_is_busy_is_asked_again() -> None:
    """A temporary failure of the resolver is retried once, unlike a name that does not exist."""
    fault = decode(TransportError.DNS, "Temporary failure in name resolution")
    assert (fault.verdict, fault.retries_max) == (Verdict.RETRY, 1)
    assert decode(TransportError.DNS, "Name or service not known").verdict is Verdict.FAILOVER


def test_an_error_status_says_more_than_a_cut_body() -> None:
    """A 401 whose body was cut is still a bad key, and the cut is evidence."""
    fault = decode(TransportError.CUT, "eof", 401, b'{"error": {"code": "invalid_api')
    assert fault.kind is Kind.BAD_KEY
    assert "the body was cut: cut" in fault.evidence
