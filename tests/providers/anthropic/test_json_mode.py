"""JSON mode: a forced tool whose input is the answer."""

import json

import pytest
from openai.types.chat import ChatCompletion

from halfopen.model import Fault, Kind, Reply
from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.contract import Answer, StreamKind

K = StreamKind
FORM = {"response_format": {"type": "json_object"}}
START = b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"c","usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
CALL = {"type": "tool_use", "id": "toolu_1", "name": "json_answer", "input": {}}


def sse(**data):
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def block(index, content, *deltas):
    made = [sse(type="content_block_start", index=index, content_block=content)]
    made += [sse(type="content_block_delta", index=index, delta=each) for each in deltas]
    return b"".join([*made, sse(type="content_block_stop", index=index)])


def pieces(*texts):
    return [{"type": "input_json_delta", "partial_json": text} for text in texts]


def end(reason):
    return sse(type="message_delta", delta={"stop_reason": reason}, usage={"output_tokens": 2})


PREAMBLE = block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Here:"})


def judged(lab, content, reason="tool_use"):
    body = {"id": "m", "type": "message", "model": "c", "content": content, "stop_reason": reason}
    return ANTHROPIC.answer(
        lab.chat(**FORM), lab.target(), Reply(200, (), json.dumps(body).encode(), dialect="anthropic")
    )


def test_the_request_forces_a_tool(lab):
    """The model must call one tool, once, whose schema is any object."""
    body = lab.body(lab.chat(**FORM))
    (tool,) = body["tools"]
    assert tool["name"] == "json_answer"
    assert tool["input_schema"] == {"type": "object"}
    assert body["tool_choice"] == {"type": "tool", "name": "json_answer", "disable_parallel_tool_use": True}
    assert "thinking" not in body
    assert "output_config" not in body
    lab.accepted(body)


def test_tools_of_the_past_stay_defined(lab):
    """A conversation with calls in it keeps them, and the answer's tool has a name of its own."""
    call = {"id": "c", "type": "function", "function": {"name": "json_answer", "arguments": "{}"}}
    history = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "4"},
    ]
    body = lab.body(lab.chat(history, **FORM))
    assert [tool["name"] for tool in body["tools"]] == ["json_answer", "json_answer_"]
    assert body["tool_choice"]["name"] == "json_answer_"


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("claude-haiku-4-5", None),
        ("claude-opus-4-8", None),
        ("claude-sonnet-5", {"type": "disabled"}),
        ("claude-haiku-5-5", {"type": "disabled"}),
    ],
)
def test_a_model_that_thinks_unasked_is_told_not_to(lab, model, thinking):
    """Anthropic refuses a forced tool call while the model thinks."""
    assert lab.body(lab.chat(**FORM), lab.target(model)).get("thinking") == thinking


@pytest.mark.parametrize(
    ("content", "reason", "text", "finish"),
    [
        pytest.param([{**CALL, "input": {"a": 1.50}}], "tool_use", '{"a": 1.5}', "stop", id="object"),
        pytest.param([CALL], "tool_use", "{}", "stop", id="empty object"),
        pytest.param([{"type": "text", "text": "Here:"}, CALL], "tool_use", "{}", "stop", id="text before"),
        pytest.param([CALL], "end_turn", "{}", "stop", id="end of turn"),
        pytest.param([CALL], "max_tokens", "{}", "length", id="cut"),
        pytest.param([{"type": "text", "text": "Here"}], "max_tokens", "", "length", id="cut before"),
        pytest.param([], "refusal", None, "content_filter", id="refusal"),
    ],
)
def test_the_input_is_the_content(lab, content, reason, text, finish):
    """The answer is the tool's input as JSON text, and no tool call is to be seen."""
    answer = judged(lab, content, reason)
    assert isinstance(answer, Answer), answer
    completion = ChatCompletion.model_validate_json(answer.body, strict=True)
    (choice,) = completion.choices
    assert choice.message.content == text
    assert choice.message.tool_calls is None
    assert choice.finish_reason == answer.finish_reason == finish


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param([{"type": "text", "text": "No JSON"}], "end_turn", id="text"),
        pytest.param([], "end_turn", id="nothing"),
        pytest.param([CALL, {**CALL, "id": "toolu_2"}], "tool_use", id="two"),
        pytest.param([CALL, {**CALL, "id": "toolu_2"}], "max_tokens", id="two, cut"),
        pytest.param([{**CALL, "input": [1]}], "tool_use", id="list"),
        pytest.param([CALL], "new_reason", id="unknown reason"),
    ],
)
def test_no_object_is_a_fault(lab, content, reason):
    """The promise of one JSON object is kept, or the answer failed."""
    fault = judged(lab, content, reason)
    assert isinstance(fault, Fault)
    assert fault.kind is Kind.MALFORMED_ANSWER


@pytest.mark.parametrize(
    ("raw", "text", "finish"),
    [
        pytest.param(
            block(0, CALL, *pieces('{"a": ', "1}")) + end("tool_use"), '{"a": 1}', "stop", id="pieces"
        ),
        pytest.param(block(0, CALL) + end("tool_use"), "{}", "stop", id="empty object"),
        pytest.param(PREAMBLE + block(1, CALL) + end("tool_use"), "{}", "stop", id="text before"),
        pytest.param(block(0, CALL, *pieces('{"a": ')) + end("max_tokens"), '{"a": ', "length", id="cut"),
    ],
)
def test_a_stream_of_the_input_is_a_stream_of_content(lab, raw, text, finish):
    """The pieces of the input are the pieces of the answer."""
    events = lab.read([START + raw + STOP], lab.chat(stream=True, **FORM))
    answer = lab.joined(events)
    assert (answer.text, answer.calls, answer.finish_reasons, answer.done) == (text, [], [finish], True)
    assert sum(event.chars for event in events) == len(text)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        pytest.param(block(0, CALL, *pieces('{"a": ')), Kind.NO_FINISH, id="cut inside"),
        pytest.param(PREAMBLE + end("end_turn") + STOP, Kind.MALFORMED_ANSWER, id="text only"),
        pytest.param(block(0, CALL) + block(1, CALL), Kind.MALFORMED_ANSWER, id="two"),
        pytest.param(end("end_turn") + STOP, Kind.MALFORMED_ANSWER, id="nothing"),
    ],
)
def test_a_stream_without_a_whole_object_is_a_fault(lab, raw, kind):
    """Neither text nor a cut object passes for JSON."""
    events = lab.read([START + raw], lab.chat(stream=True, **FORM))
    assert events[-1].kind is K.FAULT
    assert events[-1].fault.kind is kind
    assert b"Here" not in b"".join(event.data for event in events)
