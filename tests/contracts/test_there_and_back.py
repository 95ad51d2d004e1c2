"""Requests of one dialect, translated to another and back, mean what they meant.

The generator is `neutral_request.py`, the independent reader `wire_meaning.py`, the documented losses
are in `there_and_back.py`; figures over many more examples come from `properties.py`.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from halfopen.providers import DIALECTS, Call

CLIENTS = ("chat", "responses", "messages", "generate")
PROVIDERS = ("openai", "anthropic", "gemini")
pairs = pytest.mark.parametrize(
    ("client", "provider"), [(client, provider) for client in CLIENTS for provider in PROVIDERS]
)
EXAMPLES = 200
SEARCHED = 400
"""Within so many examples of a pair a planted defect must be met."""


@pytest.fixture(scope="module")
def journeys(load: Callable[[str], ModuleType]) -> ModuleType:
    """Trips, losses, reasons."""
    return load("there_and_back")


@pytest.fixture(scope="module")
def trips(journeys: ModuleType) -> Callable[..., Iterator[Any]]:
    """Trips of a pair that were not passed over."""

    def take(client: str, provider: str, count: int) -> Iterator[Any]:
        for seed in range(count):
            trip = journeys.trip(random.Random(f"{client}:{provider}:{seed}"), client, provider)[1]
            if trip.passed_over is None:
                yield trip

    return take


@pairs
def test_a_request_keeps_its_meaning(
    trips: Callable[..., Iterator[Any]], examples: Callable[[int], int], client: str, provider: str
) -> None:
    """There and back, but for the documented losses; few are passed over, each for a documented reason."""
    count = examples(EXAMPLES)
    made = list(trips(client, provider, count))
    assert [trip.problem for trip in made if trip.problem] == []
    assert len(made) > count * 0.6


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(rng=st.randoms(use_true_random=False), place=st.sampled_from(range(12)))
def test_requests_that_hypothesis_looks_for(journeys: ModuleType, rng: random.Random, place: int) -> None:
    """The same, with requests that shrink to the smallest that shows a problem."""
    asked, trip = journeys.trip(rng, *journeys.PAIRS[place])
    assert trip.problem is None, asked


def test_every_pair_is_tested(journeys: ModuleType) -> None:
    """Each client with each provider."""
    assert set(journeys.PAIRS) == {(client, provider) for client in CLIENTS for provider in PROVIDERS}


def test_every_documented_loss_and_reason_is_met(journeys: ModuleType) -> None:
    """A list that names what doesn't happen is no documentation."""
    losses, reasons = {loss.name for loss in journeys.LOSSES}, set(journeys.UNFIT)
    for seed in range(SEARCHED):
        for client, provider in journeys.PAIRS:
            trip = journeys.trip(random.Random(f"{client}:{provider}:{seed}"), client, provider)[1]
            losses -= set(trip.losses)
            reasons.discard(trip.passed_over)
        if not losses and not reasons:
            break
    assert losses == set()
    assert reasons == set()
    assert all(loss.reason for loss in journeys.LOSSES)
    assert all(journeys.UNFIT.values())


def test_generated_requests_have_everything(load: Callable[[str], ModuleType]) -> None:
    """Every part of the shared subset is among the examples of every client that has it."""
    neutral = load("neutral_request")
    for client in CLIENTS:
        asked = [neutral.make(random.Random(f"{client}:{seed}"), client) for seed in range(300)]
        for name in ("system", "tools", "choice", "temperature", "top_p", "max_tokens", "schema", "stream"):
            assert any(getattr(each, name) for each in asked), (client, name)
        assert any(each.stop for each in asked) is (client != "responses")
        assert any(each.parallel is False for each in asked) is (client != "generate")
        turns = [turn for each in asked for turn in each.turns]
        users = [turn for turn in turns if isinstance(turn, neutral.UserTurn)]
        uses = [turn for turn in turns if isinstance(turn, neutral.AssistantTurn) and turn.calls]
        assert any(isinstance(part, neutral.Image) for turn in users for part in turn.parts)
        assert any(len(turn.calls) > 1 and list(turn.order) != sorted(turn.order) for turn in uses)
        assert any(
            sum(isinstance(turn, neutral.AssistantTurn) and bool(turn.calls) for turn in each.turns) > 1
            for each in asked
        )


# The neutral reader.


@pytest.mark.parametrize("client", CLIENTS)
def test_the_reader_agrees_with_the_generator(load: Callable[[str], ModuleType], client: str) -> None:
    """What was made is what is read, in every client's words; two words of one request mean the same."""
    neutral, wire = load("neutral_request"), load("wire_meaning")
    for seed in range(200):
        rng = random.Random(f"{client}:{seed}")
        asked = neutral.make(rng, client)
        read = []
        for _ in range(2):
            written = neutral.write(rng, client, asked)
            read.append(wire.meaning_of(written.path, json.dumps(written.body).encode()))
        assert read[0] == read[1]
        assert read[0].system == asked.system
        assert read[0].stop == asked.stop
        assert read[0].max_tokens == asked.max_tokens
        assert len(read[0].tools) == len(asked.tools)
        calls = [call for turn in asked.turns for call in getattr(turn, "calls", ())]
        items = [item for _, turn in read[0].turns for item in turn]
        assert [item[2] for item in items if item[0] == "call"] == [call.name for call in calls]
        results = sorted(item[1:] for item in items if item[0] == "result")
        assert results == [(at, wire.result_value(call.result)) for at, call in enumerate(calls)]
        images = [
            part.data for turn in asked.turns for part in getattr(turn, "parts", ()) if part != str(part)
        ]
        assert [item[2] for item in items if item[0] == "image"] == images


def test_the_reader_refuses_what_it_does_not_know(load: Callable[[str], ModuleType]) -> None:
    """So that nothing is passed over in silence."""
    wire = load("wire_meaning")
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 1}
    for path in ("/chat/completions", "/v1/messages"):
        wire.meaning_of(path, json.dumps(body).encode())
        with pytest.raises(wire.UnreadableError, match="surprise"):
            wire.meaning_of(path, json.dumps({**body, "surprise": 1}).encode())
    twice = [
        {"role": "assistant", "tool_calls": [_chat_call("a")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "a", "content": "2"},
    ]
    with pytest.raises(wire.UnreadableError, match="two results"):
        wire.meaning_of("/chat/completions", json.dumps({**body, "messages": twice}).encode())


def _chat_call(call_id: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_values_are_compared_as_json(load: Callable[[str], ModuleType]) -> None:
    """`1.0` is 1; true is not 1; no digit of a large number is lost; members have no order."""
    wire = load("wire_meaning")
    assert wire.canonical({"b": 1.0, "a": [2.5]}) == wire.canonical({"a": [2.5], "b": 1})
    assert wire.canonical(True) != wire.canonical(1)
    assert wire.canonical(2**53 + 1) != wire.canonical(2**53)
    assert wire.result_value({"output": '{"a": 1}'}) == wire.result_value('{"a":1.0}')
    assert wire.result_value("1") != wire.result_value({"a": 1})


def test_each_field_of_a_meaning_is_compared(journeys: ModuleType, load: Callable[[str], ModuleType]) -> None:
    """All but the notes."""
    meaning = load("wire_meaning").Meaning()
    for each in fields(meaning):
        other = replace(meaning, **{each.name: "other"})
        assert (journeys.difference(meaning, other) is not None) is (each.name != "notes")


# Planted defects. Each changes what a provider is sent, as a wrong translation would.


def _drop_images(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _drop_images(each) for name, each in value.items()}
    if isinstance(value, list):
        kept = [each for each in value if not _is_image(each)]
        return [_drop_images(each) for each in kept or value]
    return value


def _is_image(part: Any) -> bool:
    return isinstance(part, dict) and (part.get("type") in ("image", "image_url") or "inlineData" in part)


def _swap_results(body: Any) -> Any:
    """The contents of the first two results of tools change places."""
    found: list[tuple[dict[str, Any], str]] = []
    for message in body.get("messages") or body.get("contents"):
        if message.get("role") == "tool":
            found.append((message, "content"))
        for part in message.get("parts") or message.get("content") or ():
            if isinstance(part, dict) and part.get("type") == "tool_result":
                found.append((part, "content"))
            if isinstance(part, dict) and "functionResponse" in part:
                found.append((part["functionResponse"], "response"))
    if len(found) > 1:
        (one, name), (other, _) = found[:2]
        one[name], other[name] = other[name], one[name]
    return body


def _lose_stop(body: Any) -> Any:
    for holder in (body, body.get("generationConfig", {})):
        for name in ("stop", "stop_sequences", "stopSequences"):
            if isinstance(holder.get(name), list) and len(holder[name]) > 1:
                holder[name] = holder[name][:-1]
    return body


def _change_number(value: Any) -> Any:
    """A number in the arguments of a call is rounded to a double, or to a whole number."""
    if isinstance(value, dict):
        made = {name: _change_number(each) for name, each in value.items()}
        for name in ("input", "args"):
            if isinstance(made.get(name), dict):
                made[name] = _rounded(made[name])
        if isinstance(made.get("arguments"), str):
            made["arguments"] = json.dumps(_rounded(json.loads(made["arguments"])))
        return made
    return [_change_number(each) for each in value] if isinstance(value, list) else value


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, float):
        return round(value)
    return value


def _forget_system(body: Any) -> Any:
    return {name: each for name, each in body.items() if name not in ("system", "systemInstruction")} | (
        {"messages": [each for each in body["messages"] if each["role"] not in ("system", "developer")]}
        if "messages" in body
        else {}
    )


def _forget_required(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _forget_required(each) for name, each in value.items() if name != "required"}
    return [_forget_required(each) for each in value] if isinstance(value, list) else value


def _always_auto(body: Any) -> Any:
    return {name: each for name, each in body.items() if name not in ("tool_choice", "toolConfig")}


DEFECTS: dict[str, Callable[[Any], Any]] = {
    "an image is dropped": _drop_images,
    "two tool results are swapped": _swap_results,
    "a stop sequence is lost": _lose_stop,
    "a number in arguments is changed": _change_number,
    "the system text is forgotten": _forget_system,
    "required parameters are forgotten": _forget_required,
    "the choice of tools is forgotten": _always_auto,
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_caught(
    trips: Callable[..., Iterator[Any]], monkeypatch: pytest.MonkeyPatch, defect: str, provider: str
) -> None:
    """In the request to each provider, whoever asks."""
    kind = type(DIALECTS[provider])
    good = kind.call

    def bad(self: Any, *given: Any) -> Call:
        call: Call = good(self, *given)
        return structs.replace(call, body=json.dumps(DEFECTS[defect](json.loads(call.body))).encode())

    monkeypatch.setattr(kind, "call", bad)
    client = "messages" if provider == "openai" else "chat"
    assert any(trip.problem for trip in trips(client, provider, SEARCHED))


# The command.


def test_the_command_prints_figures(
    load: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    """Sample sizes and bounds for each property, as text and as JSON; exit status 0."""
    properties = load("properties")
    assert properties.main(["--examples", "5", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["passed"]
    assert [each["name"] for each in data["properties"]] == properties.names()
    assert all(each["upper_bound_95"] == min(1, 3 / each["examples"]) for each in data["properties"])
    assert properties.main(["--examples", "3", "--only", "pieces"]) == 0
    assert "same events in any pieces" in capsys.readouterr().out


def test_the_command_fails_on_a_violation(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1, and the example that shows it; 2 for wrong arguments."""
    properties = load("properties")
    monkeypatch.setattr(properties.there_and_back, "difference", lambda *_: "planted")
    assert properties.main(["--examples", "3", "--only", "chat - openai"]) == 1
    assert "VIOLATED  there and back: chat - openai: example" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        properties.main(["--only", "no such"])
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("violations", "of", "bound"),
    [(0, 100, 0.03), (0, 0, 1.0), (1, 100, 0.0466), (5, 5, 1.0), (10, 1000, 0.0169)],
)
def test_the_bound_is_that_of_the_tables(
    load: Callable[[str], ModuleType], violations: int, of: int, bound: float
) -> None:
    """Rule of three without violations, Clopper and Pearson with."""
    assert load("properties").upper_bound(violations, of) == pytest.approx(bound, abs=2e-4)
