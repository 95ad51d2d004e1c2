"""The load generator believes no answer: each lie, cut and delay is found."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from bench import tools
from halfopen.lab.ports import free_port

TEXT = (
    b"The service behind this gateway answers at once, always with the same words, so that what is measured is "
    b"the gateway and nothing else. It says which request it answers: "
)
EVENTS = 3
pytestmark = pytest.mark.usefixtures("built")


def plain(body: bytes, *, status: bytes = b"200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, size, body)


def completion(nonce: bytes, finish: bytes = b',"finish_reason":"stop"') -> bytes:
    return b'{"choices":[{"message":{"content":"%b%b."}%b}]}' % (TEXT, nonce, finish)


def stream(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n" + chunks + end


def item(number: int, before: bytes = b"") -> bytes:
    return b'data: {"choices":[{"delta":{"content":"%b item%02d"}}]}\n\n' % (before, number)


FINISH = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


def ask(mode: str, port: int, cores: SimpleNamespace, *options: str) -> tools.Answers:
    return tools.drive(mode, port, cores.load, options)


def one_plain(port: int, cores: SimpleNamespace) -> tools.Answers:
    return ask("count", port, cores, "--requests", "1", "--timeout-s", "2")


def one_stream(port: int, cores: SimpleNamespace) -> tools.Answers:
    return ask("streams", port, cores, "--events", str(EVENTS), "--timeout-s", "2")


def test_a_whole_answer_counts(replaying: Callable[..., int], cores: SimpleNamespace) -> None:
    """What the lies below are variations of is a success, as it is and with blanks in its JSON."""
    for answer in (
        lambda nonce: plain(completion(nonce)),
        lambda nonce: plain(completion(nonce, b', "finish_reason": "stop"')),
        lambda nonce: stream(completion(nonce)[:90], completion(nonce)[90:]),
    ):
        found = one_plain(replaying(answer), cores)
        assert (found.count, found.failures, found.first_fault) == (1, 0, "")


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        pytest.param(lambda n: plain(completion(n), status=b"500 Oops"), "status", id="status 500"),
        pytest.param(lambda n: plain(completion(n)[:150]), "content", id="cut, with the length of what is left"),
        pytest.param(lambda n: plain(completion(n)[:150], length=400), "cut", id="cut within its length"),
        pytest.param(lambda n: plain(completion(b"1" * 16)), "content", id="answer to another request"),
        pytest.param(lambda n: plain(completion(n, b"")), "end", id="no finish_reason"),
        pytest.param(lambda n: plain(completion(n)[:-1]), "end", id="JSON not closed"),
        pytest.param(lambda n: plain(completion(n)) + b"more", "framing", id="more bytes than its length"),
        pytest.param(lambda n: b"HTTP/1.1 200 OK\r\n\r\n" + completion(n), "framing", id="no framing"),
        pytest.param(lambda n: b"", "cut", id="no answer"),
        pytest.param(lambda n: stream(completion(n), end=b""), "cut", id="chunks without an end"),
        pytest.param(lambda n: stream(completion(n), end=b"zz\r\n\r\n"), "framing", id="bad chunk"),
    ],
)  # fmt: skip
def test_a_lie_is_a_failure(
    answer: Callable[[bytes], bytes], fault: str, replaying: Callable[..., int], cores: SimpleNamespace
) -> None:
    """A plain answer that is not whole, or another's, is counted under what is wrong with it."""
    found = one_plain(replaying(answer), cores)
    assert found.count == 0, found
    assert found.failures == found.faults[fault] == 1, found


def test_a_whole_stream_counts(replaying: Callable[..., int], cores: SimpleNamespace) -> None:
    """Every item in order, finish_reason and [DONE]."""
    found = one_stream(replaying(lambda n: stream(item(0, n), item(1), FINISH + DONE)), cores)
    assert (found.count, found.failures, found.events) == (1, 0, EVENTS), found


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        pytest.param(lambda n: stream(item(0, n), FINISH, DONE), "content", id="item missing"),
        pytest.param(lambda n: stream(item(1, n), item(0), FINISH, DONE), "content", id="items out of order"),
        pytest.param(lambda n: stream(item(0, b"1" * 16), item(1), FINISH, DONE), "content", id="another's"),
        pytest.param(lambda n: stream(item(0, n), item(1), DONE), "end", id="no finish_reason"),
        pytest.param(lambda n: stream(item(0, n), item(1), FINISH), "end", id="no DONE"),
        pytest.param(lambda n: stream(item(0, n), item(1), end=b""), "cut", id="cut between events"),
    ],
)
def test_a_broken_stream_is_a_failure(
    answer: Callable[[bytes], bytes], fault: str, replaying: Callable[..., int], cores: SimpleNamespace
) -> None:
    """A stream that loses, turns round or does not end is counted under what is wrong with it."""
    found = one_stream(replaying(answer), cores)
    assert found.count == 0, found
    assert found.failures == found.faults[fault] == 1, found


def test_nobody_there_is_a_failure(cores: SimpleNamespace) -> None:
    """Refused connections end the run instead of hanging it, and count."""
    found = one_plain(free_port(), cores)
    assert found.count == 0
    assert found.failures == found.faults["connect"] > 0


def test_the_upstream_is_believed(cores: SimpleNamespace) -> None:
    """Bench's own upstream passes every check of the load, plain and streamed, and its counts agree."""
    port = free_port()
    with tools.upstream(port, cores.load, "--events", "20", "--pace-us", "1000", "--limits") as supply:
        plain_found = ask("count", port, cores, "--requests", "500", "--concurrency", "16")
        streamed = ask("streams", port, cores, "--concurrency", "20", "--rounds", "2", "--events", "20")
    assert (plain_found.count, plain_found.failures) == (500, 0), plain_found
    assert (streamed.count, streamed.failures, streamed.events) == (40, 0, 800), streamed
    assert streamed.latency.p50_us >= 20_000
    assert "answers 540, failures 0" in supply.log.read_text()


def test_every_cut_answer_is_counted(cores: SimpleNamespace) -> None:
    """Of 100 answers of which each tenth is cut, 10 fail."""
    port = free_port()
    with tools.upstream(port, cores.load, "--cut", "10"):
        found = ask("count", port, cores, "--requests", "100")
    assert (found.count, found.faults["cut"], found.failures) == (90, 10, 10), found


def test_latency_counts_from_the_intended_time(cores: SimpleNamespace) -> None:
    """A server that takes 20 ms is asked 200 times a second on one connection: the wait in line is seen."""
    port = free_port()
    options = ("--concurrency", "1", "--rate", "200", "--seconds", "0.2")
    with tools.upstream(port, cores.load, "--delay-us", "20000"):
        found = ask("open", port, cores, *options)
    assert (found.count, found.failures) == (40, 0), found
    # Request n is due at 5 n ms and answered at 20 (n + 1) ms.
    assert 250_000 < found.latency.p50_us < 1_000_000, found
    assert found.first_byte.p50_us < found.latency.p50_us / 4


def test_idle_connections_are_held(cores: SimpleNamespace) -> None:
    """Each has had its answer, and all are open until the load is let go."""
    port = free_port()
    with tools.upstream(port, cores.load):
        load = tools.Load("idle", port, cores.load, ("--concurrency", "300"))
        try:
            found = load.report()
        finally:
            load.finish()
    assert (found.count, found.failures, found.open) == (300, 0, 300), found


def test_nonsense_is_refused() -> None:
    """What is not a report of the load is an error that shows it."""
    with pytest.raises(ValueError, match="load said 'oops'"):
        tools.parse_answers("oops")
    with pytest.raises(ValueError, match="faults"):
        tools.parse_answers('{"count": 1, "failures": 0, "seconds": 1}')
