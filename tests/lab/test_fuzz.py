"""The fuzzer: the gateway survives it, and it would notice if the gateway did not."""

import json
import random
from typing import Any

import pytest
from typer.testing import CliRunner

from halfopen.gateway.delivery import Delivery
from halfopen.gateway.handler import Handler
from halfopen.gateway.pool import Pool
from halfopen.http1.response import BadResponseError, ResponseParser
from halfopen.lab.fuzz import fuzz, fuzz_upstreams
from halfopen.lab.fuzz_answer import GoodAnswer, SpoiledAnswer, make_answer
from halfopen.lab.fuzz_client import FuzzAnswer, FuzzSeen
from halfopen.lab.fuzz_ends import judge_end
from halfopen.lab.fuzz_input import FuzzInput, make_input
from halfopen.lab.fuzz_oracle import judge
from halfopen.policy import TargetState
from halfopen.providers.openai.stream import OpenAIReader

MODELS = ("openai", "anthropic", "gemini")
GIVEN = FuzzInput("good", (b"GET / HTTP/1.1\r\n\r\n",))


def test_the_gateway_survives_three_thousand_inputs() -> None:
    """No defect, no hang, no answer in another shape, and nothing is left behind."""
    report = fuzz(3000, 20260101)
    assert report.findings == []
    assert sum(report.outcomes.values()) == 3000
    # Else it tests nothing: good ones pass, and each kind of refusal is met.
    assert report.outcomes["200"] > 200
    assert {"400", "404", "405", "408", "413", "414", "431", "501", "closed", "left"} <= set(report.outcomes)
    assert report.upper_bound == 0.001


def test_an_input_is_the_same_every_time() -> None:
    """By seed and number, so that a finding can be replayed."""
    inputs = [make_input(7, number, MODELS) for number in range(500)]
    assert inputs == [make_input(7, number, MODELS) for number in range(500)]
    assert inputs != [make_input(8, number, MODELS) for number in range(500)]
    assert len({each.data for each in inputs}) > 450


def test_a_handler_that_crashes_on_one_pattern_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted defect that strikes few inputs."""
    original = Handler._ask

    def crashing(self: Handler, client: Any, head: Any, body: bytes, responder: Any) -> None:
        if b'"temperature"' in body:
            raise ZeroDivisionError("planted")
        original(self, client, head, body, responder)

    monkeypatch.setattr(Handler, "_ask", crashing)
    report = fuzz(400, 1)
    assert not report.passed
    assert {"a defect of the gateway"} < {each.problem for each in report.findings}
    struck = [each for each in report.findings if "defect of the gateway" in each.problem]
    replayed = fuzz(1, 1, first=struck[0].number)
    assert [each.number for each in replayed.findings][:1] == [struck[0].number]


def test_a_handler_that_never_answers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted hang."""
    original = Handler._get

    def silent(self: Handler, path: bytes, head: Any, responder: Any) -> None:
        if path == b"/readyz":
            original(self, path, head, responder)

    monkeypatch.setattr(Handler, "_get", silent)
    report = fuzz(150, 1, hang_s=0.8)
    assert "no answer and no end" in {each.problem for each in report.findings}


def test_a_permit_that_is_not_given_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted leak."""
    monkeypatch.setattr(TargetState, "settle_cancelled", lambda *_: None)
    report = fuzz(800, 1, hang_s=0.5)
    assert any("permits" in each.problem for each in report.findings)


def test_a_pool_that_loses_count_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted leak of places for connections."""
    original = Pool._connect_ended

    def forgetful(self: Pool, task: Any) -> None:
        if not task.cancelled():
            original(self, task)

    monkeypatch.setattr(Pool, "_connect_ended", forgetful)
    report = fuzz(1500, 1, hang_s=0.5)
    assert any("upstream calls" in each.problem for each in report.findings)


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (FuzzSeen(hung=True), "no answer"),
        (FuzzSeen(malformed="x"), "not HTTP"),
        (FuzzSeen([FuzzAnswer(400, {}, b"{}", whole=True)]), "not JSON"),
        (FuzzSeen([FuzzAnswer(400, {"content-type": "application/json"}, b"{", whole=True)]), "not JSON"),
        (
            FuzzSeen([FuzzAnswer(400, {"content-type": "application/json"}, b'{"error":{}}', whole=True)]),
            "shape of openai or messages or generate",
        ),
        (FuzzSeen([FuzzAnswer(302, {}, b"", whole=True)]), "nobody expects"),
        (
            FuzzSeen([FuzzAnswer(200, {"transfer-encoding": "chunked"}, b"data: {}\n\n")], closed=True),
            "without its end",
        ),
    ],
    ids=["hang", "no HTTP", "no JSON type", "no JSON", "shape", "redirect", "cut stream"],
)
def test_the_oracle_sees_what_must_not_be(seen: FuzzSeen, problem: str) -> None:
    """Each in its own words."""
    assert problem in str(judge(GIVEN, seen)[1])


@pytest.mark.parametrize(
    ("dialect", "error", "whole"),
    [
        ("openai", {"message": "m", "type": "t", "param": None, "code": None, "halfopen": {}}, {}),
        ("messages", {"type": "t", "message": "m", "halfopen": {}}, {"type": "error", "request_id": "r"}),
        ("generate", {"code": 400, "message": "m", "status": "S", "details": [], "halfopen": {}}, {}),
    ],
    ids=["openai", "messages", "generate"],
)
def test_the_oracle_knows_each_dialects_errors(dialect: str, error: dict[str, Any], whole: Any) -> None:
    """And takes none for another's, where the dialect is known."""
    headers = {"content-type": "application/json", "x-should-retry": "false"}
    seen = FuzzSeen([FuzzAnswer(400, headers, json.dumps({"error": error, **whole}).encode(), whole=True)])
    for each in (None, "openai", "messages", "generate"):
        given = FuzzInput("good", (b"x",), dialect=each)
        assert (judge(given, seen)[1] is None) is (each in (None, dialect))


def test_every_kind_of_client_is_fuzzed() -> None:
    """All paths of the gateway are among the good inputs, and each is answered well by some."""
    inputs = [make_input(3, number, MODELS) for number in range(4000)]
    paths = {each.data.split(b" ")[1] for each in inputs if each.kind == "good"}
    for path in (b"chat/completions", b"responses", b"completions", b"embeddings", b"messages", b"models"):
        assert b"/v1/" + path in paths
    assert {b"/v1/messages/count_tokens", b"/v1/files", b"/v1/moderations"} <= paths
    assert any(b":streamGenerateContent?alt=sse" in path for path in paths)
    assert any(path.endswith(b":generateContent") for path in paths)
    assert {each.dialect for each in inputs} == {None, "openai", "messages", "generate"}


def test_the_oracle_has_nothing_against_an_end() -> None:
    """A connection that is closed without an answer is a refusal, too."""
    assert judge(GIVEN, FuzzSeen(closed=True)) == ("closed", None)
    leaving = FuzzInput("leaves", (b"x",), leaves=True)
    assert judge(leaving, FuzzSeen()) == ("left", None)


# Spoiled bytes from upstreams.


def test_clients_get_one_end_whatever_upstreams_send() -> None:
    """No defect, no hang, no second end, in any dialect; and nothing is left behind."""
    report = fuzz_upstreams(700, 20260101)
    assert report.findings == []
    assert sum(report.outcomes.values()) == 700
    # Else it tests nothing: streams end well and badly, and answers as well.
    assert min(report.outcomes[each] for each in ("whole", "broken", "200", "502")) > 35
    assert len(report.kinds) == 12


def test_an_upstream_sends_the_same_every_time() -> None:
    """By seed, number and attempt."""
    good = GoodAnswer(200, (("content-type", "text/event-stream"),), b'data: {"a": "\xc3\xa9"}\n\n' * 5)

    def made(seed: int) -> list[SpoiledAnswer]:
        return [make_answer(random.Random(f"{seed}:{number}"), good) for number in range(200)]

    assert made(1) == made(1)
    assert made(1) != made(2)
    assert {each.ending for each in made(1)} == {"keeps", "closes", "resets", "stalls"}


def test_a_cut_stream_that_looks_whole_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted defect: the stream is broken off with its dialect's proper end, and no error."""

    def ending(self: Delivery, failure: Any) -> None:
        self.drop()
        self._send(self._writing().finish())
        self._responder.abort()

    monkeypatch.setattr(Delivery, "break_off", ending)
    report = fuzz_upstreams(150, 1)
    assert any("errors at []" in each.problem for each in report.findings)


def test_an_end_after_an_error_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted defect: an error, and then the body ends as if it were whole."""

    def ending(self: Delivery, failure: Any) -> None:
        self.drop()
        self._send(self._writing().error(failure))
        self._responder.finish()

    monkeypatch.setattr(Delivery, "break_off", ending)
    report = fuzz_upstreams(150, 1)
    assert any("a proper end after an error" in each.problem for each in report.findings)


def test_a_reader_that_raises_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted defect in what reads a stream."""

    def raising(*_: object) -> Any:
        raise KeyError("planted")

    monkeypatch.setattr(OpenAIReader, "_note", raising)
    report = fuzz_upstreams(100, 1)
    assert any("planted" in each.problem for each in report.findings)


def test_a_stream_without_an_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted hang: nobody ends what was broken."""
    monkeypatch.setattr(Delivery, "break_off", lambda self, failure: None)
    report = fuzz_upstreams(60, 1, hang_s=2.5)
    assert any("no answer and no end" in each.problem for each in report.findings)


def _ends(client: str, body: bytes, kind: str = "text/event-stream", *, whole: bool = True) -> str:
    answer = FuzzAnswer(200, {"content-type": kind}, body, whole=whole)
    return str(judge_end(client, FuzzSeen([answer], closed=True))[1])


_ERROR = b'data: {"error":{"message":"m","halfopen":{}}}\n\n'


@pytest.mark.parametrize(
    ("client", "end", "error"),
    [
        ("chat", b"data: [DONE]\n\n", _ERROR),
        ("completions", b"data: [DONE]\n\n", _ERROR),
        (
            "responses",
            b'data: {"type":"response.completed"}\n\n',
            b'event: error\ndata: {"type":"error"}\n\n',
        ),
        ("messages", b'data: {"type":"message_stop"}\n\n', b'event: error\ndata: {"type":"error"}\n\n'),
        ("generate", b"", b'{"error":{"message":"m","halfopen":{}}}\r\n'),
    ],
    ids=["chat", "completions", "responses", "messages", "generate"],
)
def test_the_judge_of_ends_wants_exactly_one(client: str, end: bytes, error: bytes) -> None:
    """A proper end, or an error in a body that is cut: not both, not neither, not twice, and last."""
    content = b'data: {"x":1}\n\n'
    assert _ends(client, content + end) == "None"
    assert _ends(client, content + error, whole=False) == "None"
    assert _ends(client, content + error) == "a proper end after an error"
    assert "errors at []" in _ends(client, content, whole=False)
    assert _ends(client, content + b"data: {", whole=False) != "None"
    if end:
        assert "ends at" in _ends(client, content)
        assert "ends at" in _ends(client, content + end + end)
        assert "ends at" in _ends(client, content + end + content)
        assert _ends(client, content + end + error, whole=False) == "an end and an error"
        assert "errors at" in _ends(client, content + error + error, whole=False)


def test_the_judge_of_ends_reads_arrays_and_answers() -> None:
    """Gemini's streams can be one array; an answer has its dialect's own member."""
    kind = "application/json"
    assert _ends("generate", b'[{"candidates":[]}]', kind) == "None"
    assert _ends("generate", b'[{"candidates":[]},{"error":{"halfopen":{}}}]', kind, whole=False) == "None"
    assert "errors at []" in _ends("generate", b'[{"candidates":[]}', kind, whole=False)
    assert _ends("chat", b'{"choices":[]}', kind) == "None"
    assert "without choices" in _ends("chat", b'{"output":[]}', kind)
    assert "not whole" in _ends("chat", b'{"choices":[]}', kind, whole=False)
    assert "not JSON" in _ends("chat", b'{"choices":[', kind)
    assert judge_end("chat", FuzzSeen(hung=True))[1] == "no answer and no end"
    assert judge_end("chat", FuzzSeen(closed=True))[1] == "0 answers to one request"


def test_an_interim_response_with_a_body_is_a_bad_response() -> None:
    """What fuzzing found: of 1xx statuses that nobody has registered llhttp reads a body, of which we have no head."""
    parser = ResponseParser(_Nothing())
    with pytest.raises(BadResponseError, match="interim"):
        parser.feed(b"HTTP/1.1 199 X\r\ncontent-length: 3\r\n\r\nabc")


class _Nothing:
    def on_response_head(self, head: Any) -> None:
        raise AssertionError(head)

    def on_response_body(self, data: bytes) -> None:
        raise AssertionError(data)

    def on_response_end(self) -> None:
        raise AssertionError


# The command.


def test_the_command_prints_counts_and_says_by_its_status_what_it_found() -> None:
    """As JSON and as text; 0 when nothing was found."""
    from halfopen.cli import app

    result = CliRunner().invoke(app, ["lab", "fuzz", "--inputs", "60", "--seed", "3", "--json"])
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert (data["inputs"], data["seed"], data["passed"], data["findings"]) == (60, 3, True, [])
    assert sum(data["outcomes"].values()) == 60
    assert data["rate"] > 0
    text = CliRunner().invoke(app, ["lab", "fuzz", "--inputs", "20"])
    assert "20 inputs (seed 0)" in text.stdout
    assert "Nothing found" in text.stdout
    assert "fewer than 0.15 of all such inputs are bad" in text.stdout
    upstreams = CliRunner().invoke(app, ["lab", "fuzz", "--upstream", "--inputs", "30", "--json"])
    assert upstreams.exit_code == 0, upstreams.output
    data = json.loads(upstreams.stdout)
    assert (sum(data["outcomes"].values()), data["upper_bound_95"], data["passed"]) == (30, 0.1, True)


def test_the_command_fails_when_something_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 1, and how to replay it."""
    from halfopen.cli import app

    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Handler, "_get", broken)
    result = CliRunner().invoke(app, ["lab", "fuzz", "--inputs", "60"])
    assert result.exit_code == 1
    assert "--first NUMBER" in result.stdout
