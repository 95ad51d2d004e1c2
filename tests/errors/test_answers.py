"""Whether a 2xx body is an answer, with the evidence that it is none."""

import json

import pytest

from halfopen import errors
from halfopen.errors.finding import Finding, Weight
from halfopen.errors.json_body import JSON_MAX_BYTES, NoJson, decode_json
from halfopen.errors.success import blocked, error_node, read_body
from halfopen.model import Kind, Place, Reply

STOP = {"finish_reason": "stop"}
GEMINI_STOP = {"finishReason": "STOP"}


def read(body: object) -> Finding | None:
    text = body if isinstance(body, str) else json.dumps(body)
    return read_body(text, decode_json(text))


def empty(fact: str) -> Finding:
    return Finding(Kind.EMPTY_ANSWER, Weight.CODE, fact)


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        pytest.param(" \n", empty("body is empty"), id="blank"),
        pytest.param('{"a": ', Finding(Kind.CUT_BODY, Weight.CODE, "body is JSON that breaks off"), id="cut"),
        pytest.param(
            "<html><title>Sign in</title>",
            Finding(Kind.NOT_JSON, Weight.CODE, 'body is HTML titled "Sign in"'),
            id="titled-page",
        ),
        pytest.param("<html>", Finding(Kind.NOT_JSON, Weight.CODE, "body is HTML"), id="page"),
        pytest.param(
            "OK", Finding(Kind.NOT_JSON, Weight.CODE, "body is not JSON", place=Place.PROVIDER), id="text"
        ),
        pytest.param([], empty("body is an empty list"), id="empty-list"),
        pytest.param([{}], None, id="list"),
        pytest.param(
            "7",
            Finding(Kind.MALFORMED_ANSWER, Weight.CODE, "body is a bare JSON value, not an object"),
            id="number",
        ),
        pytest.param({}, empty("body is an empty object"), id="empty-object"),
        pytest.param({"choices": []}, empty("choices is empty"), id="no-choices"),
        pytest.param({"candidates": None}, empty("candidates is empty"), id="null-candidates"),
        pytest.param({"choices": "x"}, None, id="choices-of-another-type"),
        pytest.param(
            {"object": "chat.completion"}, empty("a chat.completion without choices"), id="choices-missing"
        ),
        pytest.param({"usageMetadata": {}}, empty("no candidates"), id="usage-alone"),
        pytest.param({"modelVersion": "g"}, empty("no candidates"), id="version-alone"),
        pytest.param(
            {"type": "message", "role": "assistant"}, empty("content is empty"), id="message-without-content"
        ),
        pytest.param({"type": "message", "role": "user"}, None, id="a-users-message"),
        pytest.param({"type": "other", "role": "assistant"}, None, id="another-type"),
        pytest.param({"type": "message", "role": "assistant", "content": ["x"]}, None, id="message"),
    ],
)
def test_why_a_body_is_no_answer(body: object, finding: Finding | None) -> None:
    """Each body that is no answer says what it lacks."""
    assert read(body) == finding


NOTHING = empty("finish reason without any content")


@pytest.mark.parametrize(
    ("choices", "finding"),
    [
        pytest.param([{**STOP, "message": {"content": ""}}], NOTHING, id="stopped-with-nothing"),
        pytest.param([{**STOP, "message": None}], NOTHING, id="no-message"),
        pytest.param([STOP], NOTHING, id="nothing-at-all"),
        pytest.param([{**STOP, "message": "text"}], None, id="message-of-another-type"),
        pytest.param([{**STOP, "delta": {}}], None, id="a-chunk"),
        pytest.param([{**STOP, "text": ""}], None, id="a-completion"),
        pytest.param([{"finish_reason": "length", "message": {}}], None, id="cut-by-length"),
        pytest.param([{"message": {}}], None, id="no-finish"),
        pytest.param(["x"], None, id="no-object"),
        pytest.param([STOP, {**STOP, "message": {"content": "x"}}], None, id="one-of-two"),
        *(
            pytest.param([{**STOP, "message": {name: "x"}}], None, id=name)
            for name in (
                "content",
                "refusal",
                "reasoning",
                "reasoning_content",
                "tool_calls",
                "function_call",
                "audio",
            )
        ),
        pytest.param([{**STOP, "message": {"other": "x"}}], NOTHING, id="another-field"),
        pytest.param([GEMINI_STOP], NOTHING, id="gemini-nothing"),
        pytest.param([{**GEMINI_STOP, "content": {"parts": []}}], NOTHING, id="gemini-no-parts"),
        pytest.param([{**GEMINI_STOP, "content": "x"}], NOTHING, id="gemini-content-of-another-type"),
        pytest.param([{**GEMINI_STOP, "content": {"parts": ["x"]}}], None, id="gemini-parts"),
        pytest.param([{"finishReason": "SAFETY"}], None, id="gemini-safety"),
    ],
)
@pytest.mark.parametrize("name", ["choices", "candidates"])
def test_an_empty_choice(name: str, choices: object, finding: Finding | None) -> None:
    """A choice that stopped by itself with nothing in it is no answer; anything in it is one."""
    assert read({name: choices}) == finding


def test_only_sixteen_choices_are_looked_at() -> None:
    """Content beyond the sixteenth choice is not looked for, content in it is."""
    full = {**STOP, "message": {"content": "x"}}
    assert read({"choices": [STOP] * 15 + [full]}) is None
    assert read({"choices": [STOP] * 16 + [full]}) == NOTHING


ERROR = {"message": "m"}


@pytest.mark.parametrize(
    ("value", "node"),
    [
        pytest.param({"error": ERROR}, ("error", ERROR), id="error"),
        pytest.param({"error": "text"}, ("error", "text"), id="text"),
        pytest.param({"error": True}, ("error", {"error": True}), id="true"),
        pytest.param({"error": 7}, ("error", {"error": 7}), id="number"),
        pytest.param({"error": 1.5}, ("error", {"error": 1.5}), id="float"),
        pytest.param({"error": {}}, ("error", {}), id="empty-error"),
        *(
            pytest.param({"error": {}, name: []}, None, id=f"empty-error-beside-{name}")
            for name in ("choices", "candidates", "content", "output", "data", "message", "response")
        ),
        pytest.param({"error": {}, "other": []}, ("error", {}), id="empty-error-beside-another-field"),
        pytest.param({"error": None}, None, id="null"),
        pytest.param({"error": ""}, None, id="empty-text"),
        pytest.param({"type": "error"}, ("body", {"type": "error"}), id="type"),
        pytest.param({"object": "error"}, ("body", {"object": "error"}), id="object"),
        pytest.param({"response": {"error": ERROR}}, ("response.error", ERROR), id="response"),
        pytest.param({"response": {"error": "x"}}, None, id="response-with-text"),
        pytest.param({"response": "x"}, None, id="response-is-text"),
        pytest.param({"choices": [{}, {"error": ERROR}]}, ("choices.error", ERROR), id="choice"),
        pytest.param({"choices": [{"error": "x"}, "x"]}, None, id="choice-with-text"),
        pytest.param({"choices": "x"}, None, id="choices-are-text"),
        pytest.param(
            {"choices": [{}] * 7 + [{"error": ERROR}]}, ("choices.error", ERROR), id="eighth-choice"
        ),
        pytest.param({"choices": [{}] * 8 + [{"error": ERROR}]}, None, id="ninth-choice"),
        pytest.param(["x", {}, {"error": ERROR}], ("error", ERROR), id="list"),
        pytest.param([{}] * 7 + [{"error": ERROR}], ("error", ERROR), id="eighth-item"),
        pytest.param([{}] * 8 + [{"error": ERROR}], None, id="ninth-item"),
        pytest.param([], None, id="empty-list"),
        pytest.param("error", None, id="bare-text"),
        pytest.param(NoJson.OTHER, None, id="no-json"),
    ],
)
def test_where_errors_are_looked_for(value: object, node: object) -> None:
    """An error is found where providers put it, with its path, and nowhere else."""
    assert error_node(value) == node


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param({"promptFeedback": {"blockReason": "SAFETY"}}, "SAFETY", id="blocked"),
        pytest.param({"promptFeedback": {"blockReason": "x" * 100}}, "x" * 80, id="long"),
        pytest.param({"promptFeedback": {"blockReason": ""}}, None, id="empty"),
        pytest.param({"promptFeedback": {"blockReason": 7}}, None, id="number"),
        pytest.param({"promptFeedback": "SAFETY"}, None, id="text"),
        pytest.param({}, None, id="none"),
        pytest.param([], None, id="list"),
    ],
)
def test_a_blocked_prompt(value: object, reason: str | None) -> None:
    """Gemini's block reason is a content filter, and the evidence quotes it."""
    expected = Finding(Kind.CONTENT_FILTERED, Weight.CODE, f"promptFeedback.blockReason = {reason}")
    assert blocked(value) == (None if reason is None else expected)


def test_why_there_is_no_json() -> None:
    """JSON that breaks off is told from what never was any, and nothing raises."""
    assert decode_json('{"a": [1') is NoJson.TRUNCATED
    assert decode_json("OK") is NoJson.OTHER
    assert decode_json(b"[" * 100_000) is NoJson.OTHER
    assert decode_json("\ud800") is NoJson.OTHER
    assert decode_json("null") is None
    assert JSON_MAX_BYTES == 1_048_576


def test_a_body_of_a_mebibyte_is_still_json() -> None:
    """A failed body of exactly 1 MiB is decoded; a longer one is text."""
    start = b'{"error": {"code": "invalid_api_key"}, "x": "'
    body = start + b"y" * (JSON_MAX_BYTES - len(start) - 2) + b'"}'
    assert len(body) == JSON_MAX_BYTES
    for data, words in ((body, 1), (body + b" ", 0)):
        fault = errors.decode(Reply(500, (), data))
        assert fault is not None
        assert len([f for f in fault.evidence if f.startswith("error.code = ")]) == words
        event = errors.decode_event(data)
        assert (event is not None) is bool(words)
