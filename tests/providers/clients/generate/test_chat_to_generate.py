"""Whole answers for Google's clients, read by the official client."""

from typing import Any

import msgspec
import pytest

from halfopen.model import Fault, Kind
from halfopen.providers import Answer


def test_text(desk: Any, completion: Any) -> None:
    """Text, finish, usage, model and id of OpenAI's answer."""
    got = desk.answered("openai", completion({"content": "Hello"}))
    assert got.text == "Hello"
    assert got.candidates[0].finish_reason.value == "STOP"
    assert (got.usage_metadata.prompt_token_count, got.usage_metadata.total_token_count) == (9, 13)
    assert (got.model_version, got.response_id) == ("gpt-4.1-2025-04-14", "abc")


def test_anthropic(desk: Any) -> None:
    """Anthropic's text and tool use."""
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "Rome"}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 5, "output_tokens": 6},
    }
    got = desk.answered("anthropic", body)
    assert got.text == "Let me see."
    assert [(call.id, call.name, call.args) for call in got.function_calls] == [
        ("toolu_1", "look", {"at": "Rome"})
    ]
    assert got.candidates[0].finish_reason.value == "STOP"


def test_native_bytes(desk: Any) -> None:
    """A whole answer of Gemini's passes byte for byte, with what no chat completion could carry."""
    body = (
        b'{"candidates": [{"content": {"parts": [{"executableCode": {"language": "PYTHON", "code": "1"}},'
        b' {"text": "One"}]}, "finishReason": "STOP", "groundingMetadata": {"webSearchQueries": ["x"]}}],'
        b' "usageMetadata": {"promptTokenCount": 2, "totalTokenCount": 3, "candidatesTokenCount": 1}}'
    )
    answer = desk.whole("gemini", body)
    assert isinstance(answer, Answer)
    assert answer.body == body
    assert answer.usage is not None
    assert desk.answered("gemini", body).candidates[0].grounding_metadata.web_search_queries == ["x"]


def test_native_stream_of_other_parts(desk: Any) -> None:
    """Native events with what no chunk could carry pass, and count as content."""
    events = [
        b'data: {"candidates": [{"content": {"parts": [{"executableCode": {"code": "1"}}]}}]}\r\n\r\n',
        b'data: {"candidates": [{"content": {"parts": [{"inlineData": {"data": "AA"}}]}, "finishReason": "STOP"}]}\r\n\r\n',
    ]
    data = b"".join(events)
    assert desk.written(desk.events("gemini", data)) == data


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"{}", {"candidates": []}, {"error": {"code": 500, "message": "no", "status": "INTERNAL"}}],
    ids=["page", "nothing", "no candidates", "error"],
)
def test_native_fault(desk: Any, body: Any) -> None:
    """A 200 of Gemini's that is no answer is a fault, so that another target is asked."""
    assert isinstance(desk.whole("gemini", body), Fault)


def test_blocked_prompt(desk: Any) -> None:
    """A prompt that Gemini blocks is a fault of the content filter."""
    fault = desk.whole("gemini", {"promptFeedback": {"blockReason": "SAFETY"}})
    assert isinstance(fault, Fault)
    assert fault.kind is Kind.CONTENT_FILTERED


def test_thoughts(desk: Any, completion: Any) -> None:
    """Reasoning is shown as thoughts to a client that asked, else left out."""
    body = completion({"content": "42", "reasoning_content": "hmm"})
    asked = desk.ask(generationConfig={"thinkingConfig": {"includeThoughts": True}})
    parts = desk.answered("openai", body, asked).candidates[0].content.parts
    assert [(part.text, part.thought) for part in parts] == [("hmm", True), ("42", None)]
    assert [part.text for part in desk.answered("openai", body).candidates[0].content.parts] == ["42"]


def test_refusal(desk: Any, completion: Any) -> None:
    """A refusal is text, and SAFETY."""
    got = desk.answered("openai", completion({"refusal": "I can't."}))
    assert (got.text, got.candidates[0].finish_reason.value) == ("I can't.", "SAFETY")


def test_logprobs(desk: Any, completion: Any) -> None:
    """Log-probabilities, their alternatives and their average."""
    tokens = [
        {"token": "A", "logprob": -1.0, "bytes": [65], "top_logprobs": [{"token": "B", "logprob": -2.0}]}
    ]
    got = desk.answered("openai", completion({"content": "A"}, logprobs={"content": tokens, "refusal": None}))
    (candidate,) = got.candidates
    assert candidate.avg_logprobs == -1.0
    assert candidate.logprobs_result.chosen_candidates[0].token == "A"
    assert candidate.logprobs_result.top_candidates[0].candidates[0].log_probability == -2.0


def test_citations(desk: Any, completion: Any) -> None:
    """Pages that an answer cites, at positions in bytes."""
    cited = {
        "type": "url_citation",
        "url_citation": {"url": "https://a.test/", "title": "A", "start_index": 1, "end_index": 3},
    }
    answer = desk.whole("openai", completion({"content": "äöü", "annotations": [cited]}))
    assert isinstance(answer, Answer)
    (candidate,) = msgspec.json.decode(answer.body)["candidates"]
    (source,) = candidate["citationMetadata"]["citationSources"]
    assert source == {"uri": "https://a.test/", "title": "A", "startIndex": 2, "endIndex": 6}


def called(name: str, arguments: str) -> dict[str, Any]:
    return {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": arguments}}


def test_parallel_calls(desk: Any, completion: Any) -> None:
    """Calls keep their order and ids; no arguments are an empty object."""
    calls = [called("a", '{"x": 1}'), called("b", "")]
    got = desk.answered("openai", completion({"tool_calls": calls}, "tool_calls"))
    assert [(call.id, call.args) for call in got.function_calls] == [("call_a", {"x": 1}), ("call_b", {})]
    assert got.candidates[0].finish_reason.value == "STOP"


@pytest.mark.parametrize("arguments", ['{"x": ', "[1]", '"x"', "null"], ids=["cut", "list", "text", "null"])
def test_malformed_call(desk: Any, completion: Any, arguments: str) -> None:
    """Arguments that are no object finish with MALFORMED_FUNCTION_CALL and the model's words; other calls stay."""
    calls = [called("a", arguments), called("b", "{}")]
    answer = desk.whole("openai", completion({"tool_calls": calls}, "tool_calls"))
    assert isinstance(answer, Answer)
    (candidate,) = msgspec.json.decode(answer.body)["candidates"]
    assert candidate["finishReason"] == "MALFORMED_FUNCTION_CALL"
    assert candidate["finishMessage"] == f"Malformed function call: a({arguments})"
    assert [part["functionCall"]["name"] for part in candidate["content"]["parts"]] == ["b"]


def test_two_choices(desk: Any, completion: Any) -> None:
    """Each choice is a candidate."""
    body = completion({"content": "A"})
    body["choices"].append(
        {"index": 1, "message": {"role": "assistant", "content": "B"}, "finish_reason": "length"}
    )
    got = desk.answered("openai", body, desk.ask(generationConfig={"candidateCount": 2}))
    assert [each.content.parts[0].text for each in got.candidates] == ["A", "B"]
    assert [each.finish_reason.value for each in got.candidates] == ["STOP", "MAX_TOKENS"]
