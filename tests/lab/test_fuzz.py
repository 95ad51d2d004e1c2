"""The fuzzer: the gateway survives it, and it would notice if the gateway did not."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from halfopen.gateway.handler import Handler
from halfopen.gateway.pool import Pool
from halfopen.lab.fuzz import fuzz
from halfopen.lab.fuzz_client import FuzzAnswer, FuzzSeen
from halfopen.lab.fuzz_input import FuzzInput, make_input
from halfopen.lab.fuzz_oracle import judge
from halfopen.policy import TargetState

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


def test_an_input_is_the_same_every_time() -> None:
    """By seed and number, so that a finding can be replayed."""
    inputs = [make_input(7, number, MODELS) for number in range(500)]
    assert inputs == [make_input(7, number, MODELS) for number in range(500)]
    assert inputs != [make_input(8, number, MODELS) for number in range(500)]
    assert len({each.data for each in inputs}) > 450


def test_a_handler_that_crashes_on_one_pattern_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted defect that strikes few inputs."""
    original = Handler._chat

    def crashing(self: Handler, body: bytes, responder: Any) -> None:
        if b'"seed"' in body:
            raise ZeroDivisionError("planted")
        original(self, body, responder)

    monkeypatch.setattr(Handler, "_chat", crashing)
    report = fuzz(400, 1)
    assert not report.passed
    assert {"a defect of the gateway"} < {each.problem for each in report.findings}
    struck = [each for each in report.findings if "defect of the gateway" in each.problem]
    replayed = fuzz(1, 1, first=struck[0].number)
    assert [each.number for each in replayed.findings][:1] == [struck[0].number]


def test_a_handler_that_never_answers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted hang."""
    original = Handler._get

    def silent(self: Handler, path: bytes, responder: Any) -> None:
        if path != b"/readyz":
            original(self, path, responder)

    monkeypatch.setattr(Handler, "_get", silent)
    report = fuzz(150, 1, hang_s=0.8)
    assert "no answer and no end" in {each.problem for each in report.findings}


def test_a_permit_that_is_not_given_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted leak."""
    monkeypatch.setattr(TargetState, "settle_cancelled", lambda self, permit: None)
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
            "OpenAI's shape",
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


def test_the_oracle_has_nothing_against_an_end() -> None:
    """A connection that is closed without an answer is a refusal, too."""
    assert judge(GIVEN, FuzzSeen(closed=True)) == ("closed", None)
    leaving = FuzzInput("leaves", (b"x",), leaves=True)
    assert judge(leaving, FuzzSeen()) == ("left", None)


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


def test_the_command_fails_when_something_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 1, and how to replay it."""
    from halfopen.cli import app

    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Handler, "_get", broken)
    result = CliRunner().invoke(app, ["lab", "fuzz", "--inputs", "60"])
    assert result.exit_code == 1
    assert "--first NUMBER" in result.stdout
