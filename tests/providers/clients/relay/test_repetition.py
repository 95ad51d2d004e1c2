"""A request is sent twice only where that does no harm."""

import pytest

from halfopen import errors
from halfopen.model import Fault, Kind, Reply, TransportError
from halfopen.providers.clients.relay import may_repeat, rule_of

READ = rule_of("GET", "/v1/files/file-1")
COSTS = rule_of("POST", "/v1/images/generations")
STORES = rule_of("POST", "/v1/files")


def replied(status: int, body: bytes = b"", **headers: str) -> Fault:
    fault = errors.decode(
        Reply(status, tuple((k.replace("_", "-"), v) for k, v in headers.items()), body, dialect="openai")
    )
    assert fault is not None
    return fault


def broken(error: TransportError, status: int | None = None) -> Fault:
    fault = errors.decode(Reply(status, transport=error, dialect="openai"))
    assert fault is not None
    return fault


BUSY = b'{"error":{"message":"Overloaded","type":"service_unavailable_error","code":"server_is_overloaded"}}'
CASES = [
    # fault, may a read be repeated, what costs, what stores
    pytest.param(broken(TransportError.REFUSED), (True, True, True), id="refused"),
    pytest.param(broken(TransportError.DNS), (True, True, True), id="dns"),
    pytest.param(broken(TransportError.CONNECT_TIMEOUT), (True, True, True), id="connect timeout"),
    pytest.param(broken(TransportError.TLS), (True, True, True), id="tls"),
    pytest.param(broken(TransportError.RESET), (True, False, False), id="reset"),
    pytest.param(broken(TransportError.NO_RESPONSE), (True, False, False), id="no response"),
    pytest.param(broken(TransportError.CUT, 200), (True, False, False), id="cut"),
    pytest.param(broken(TransportError.PROTOCOL), (True, False, False), id="no HTTP"),
    pytest.param(broken(TransportError.STALLED, 200), (True, False, False), id="stalled"),
    pytest.param(broken(TransportError.TOO_LARGE, 200), (True, False, False), id="too large"),
    pytest.param(replied(500), (True, True, False), id="500"),
    pytest.param(replied(502), (True, True, False), id="502"),
    pytest.param(replied(504), (True, False, False), id="504"),
    pytest.param(replied(524), (True, False, False), id="edge timeout"),
    pytest.param(replied(503), (True, True, False), id="bare 503"),
    pytest.param(replied(503, BUSY), (True, True, True), id="503 with a reason"),
    pytest.param(replied(503, retry_after="3"), (True, True, True), id="503 with a delay"),
    pytest.param(replied(429), (True, True, True), id="429"),
    pytest.param(replied(401), (True, True, True), id="401"),
    pytest.param(replied(403), (True, True, True), id="403"),
    pytest.param(replied(200, b"<html></html>"), (True, False, False), id="a page in a 200"),
    pytest.param(errors.make(Kind.INVALID_REQUEST, status=400), (False, False, False), id="bad request"),
    pytest.param(errors.make(Kind.NO_CAPACITY), (True, True, True), id="not sent for want of room"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "expected"), CASES)
def test_repetition(fault, expected) -> None:
    """Reads always, what costs after an error reply, what stores only if it was surely not processed."""
    rules = (READ, COSTS, STORES)
    assert tuple(may_repeat(rule, fault, sent=True) for rule in rules) == expected, fault.kind


@pytest.mark.parametrize("kind", [Kind.CONNECTION_RESET, Kind.NO_RESPONSE, Kind.DEADLINE_EXCEEDED], ids=str)
def test_what_was_not_sent_may_be_sent(kind) -> None:
    """Nothing can have happened."""
    assert all(may_repeat(rule, errors.make(kind), sent=False) for rule in (READ, COSTS, STORES))
