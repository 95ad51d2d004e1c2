"""A whole chat completion as a message, read by the official client."""

import msgspec
import pytest
from anthropic.types import TextBlock, ThinkingBlock, ToolUseBlock

from halfopen.model import Fault, Kind, Reply
from halfopen.providers import DIALECTS
from halfopen.providers.clients.messages import MESSAGES

CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}


def completion(message, finish="stop", **fields):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    choice.update(fields.pop("choice", {}))
    return {"id": "chatcmpl-9", "model": "gpt-4o-mini", "choices": [choice], **fields}


def test_text(lab) -> None:
    """Text is one block; id, model, role and counts are those of a message."""
    usage = {
        "prompt_tokens": 50,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    message = lab.answered("openai", completion({"content": "Hi"}, usage=usage))
    assert message.content == [TextBlock(type="text", text="Hi")]
    assert (message.id, message.role, message.type, message.model) == (
        "msg_9",
        "assistant",
        "message",
        "gpt-4o-mini",
    )
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert (message.usage.input_tokens, message.usage.output_tokens) == (12, 7)
    assert message.usage.cache_read_input_tokens == 30
    assert message.usage.cache_creation_input_tokens == 8
    assert message.usage.output_tokens_details is not None
    assert message.usage.output_tokens_details.thinking_tokens == 2


def test_everything_in_its_order(lab) -> None:
    """Thoughts come first, then text, then the calls."""
    said = {"content": "Hi", "reasoning_content": "hm", "tool_calls": [CALL, {**CALL, "id": "call_2"}]}
    message = lab.answered("openai", completion(said, "tool_calls"))
    assert message.content == [
        ThinkingBlock(type="thinking", thinking="hm", signature=""),
        TextBlock(type="text", text="Hi"),
        ToolUseBlock(type="tool_use", id="call_1", name="look", input={"a": 1}),
        ToolUseBlock(type="tool_use", id="call_2", name="look", input={"a": 1}),
    ]
    assert message.stop_reason == "tool_use"


@pytest.mark.parametrize(
    ("said", "finish", "stop"),
    [
        pytest.param({"content": "a"}, "stop", "end_turn", id="stop"),
        pytest.param({"content": "a"}, "length", "max_tokens", id="length"),
        pytest.param({"content": "a"}, "model_length", "model_context_window_exceeded", id="context"),
        pytest.param({"content": "a"}, "content_filter", "refusal", id="filter"),
        pytest.param({"content": "a"}, "eos", "end_turn", id="unknown"),
        pytest.param({"tool_calls": [CALL]}, "stop", "tool_use", id="calls with stop"),
        pytest.param({"content": "a"}, "tool_calls", "end_turn", id="tool_calls without calls"),
        pytest.param({"tool_calls": [CALL]}, "length", "max_tokens", id="calls that were cut"),
        pytest.param({"refusal": "No."}, "stop", "refusal", id="refusal"),
    ],
)
def test_stop_reasons(lab, said, finish, stop) -> None:
    """Each finish reason has its stop reason."""
    assert lab.answered("openai", completion(said, finish)).stop_reason == stop


def test_a_refusal_is_text_with_details(lab) -> None:
    """What the model said instead can be read, and is the explanation."""
    message = lab.answered("openai", completion({"content": None, "refusal": "No."}))
    assert message.content == [TextBlock(type="text", text="No.")]
    assert message.stop_details is not None
    assert message.stop_details.explanation == "No."


@pytest.mark.parametrize(
    ("matched", "stop"),
    [
        pytest.param("END", ("stop_sequence", "END"), id="named"),
        pytest.param("other", ("end_turn", None), id="not the client's"),
        pytest.param(151643, ("end_turn", None), id="a token"),
        pytest.param(None, ("end_turn", None), id="none"),
    ],
)
def test_stop_sequences(lab, matched, stop) -> None:
    """The stop sequence is named where the server says which one it was."""
    body = completion({"content": "a"}, choice={"stop_reason": matched})
    message = lab.answered("openai", body, lab.parse(stop_sequences=["END"]))
    assert (message.stop_reason, message.stop_sequence) == stop


@pytest.mark.parametrize(
    "thinking",
    [
        pytest.param({"type": "disabled"}, id="disabled"),
        pytest.param({"type": "adaptive", "display": "omitted"}, id="omitted"),
    ],
)
def test_thoughts_that_the_client_does_not_want(lab, thinking) -> None:
    """A client that turned thinking or its display off sees no thoughts."""
    body = completion({"content": "a", "reasoning_content": "hm"})
    message = lab.answered("openai", body, lab.parse(thinking=thinking))
    assert [block.type for block in message.content] == ["text"]


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        pytest.param("", {}, id="empty"),
        pytest.param('{"a": [1]}', {"a": [1]}, id="object"),
        pytest.param('{"a": ', {"INVALID_JSON": '{"a": '}, id="cut"),
        pytest.param("[1]", {"INVALID_JSON": "[1]"}, id="no object"),
    ],
)
def test_arguments(lab, arguments, given) -> None:
    """Arguments are an object; what is none is kept as text where Anthropic advises."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    (block,) = lab.answered("openai", completion({"tool_calls": [call]}, "tool_calls")).content
    assert block.type == "tool_use"
    assert block.input == given


@pytest.mark.parametrize(
    ("ids", "made"),
    [
        pytest.param(["functions.f:0"], ["functions_2e_f_3a_0"], id="characters"),
        pytest.param(["a", "a"], ["a", "a_2"], id="twice"),
        pytest.param([None], ["toolu_9_1"], id="none"),
    ],
)
def test_ids_of_calls_can_come_back(lab, ids, made) -> None:
    """Every call gets an id that Anthropic takes in the next turn, each once."""
    calls = [{"id": each, "function": {"name": "f", "arguments": "{}"}} for each in ids]
    message = lab.answered("openai", completion({"tool_calls": calls}, "tool_calls"))
    assert [block.id for block in message.content if block.type == "tool_use"] == made


def test_log_probabilities_and_other_choices_are_left_out(lab) -> None:
    """Of several choices the first is given, without log-probabilities."""
    body = completion({"content": "a"}, choice={"logprobs": {"content": []}})
    body["choices"].append({"index": 1, "message": {"content": "b"}, "finish_reason": "stop"})
    assert lab.answered("openai", body).content == [TextBlock(type="text", text="a")]


def test_text_in_parts(lab) -> None:
    """Mistral's reasoning models answer in parts: thoughts and text."""
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "a"},
    ]
    message = lab.answered("openai", completion({"content": parts}))
    assert message.content == [
        ThinkingBlock(type="thinking", thinking="hm", signature=""),
        TextBlock(type="text", text="a"),
    ]


def test_gemini(lab) -> None:
    """Gemini's answer is a message, too."""
    call = {"functionCall": {"name": "look", "args": {"a": 1}}}
    body = {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": "Hi"}, call]},
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8},
        "responseId": "r1",
        "modelVersion": "gemini-2.5-flash",
    }
    message = lab.answered("gemini", body)
    assert message.id == "msg_r1"
    assert message.stop_reason == "tool_use"
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert (message.usage.input_tokens, message.usage.output_tokens) == (5, 3)


ODD = {"x": [1, None, 1.5]}


@pytest.mark.parametrize(
    ("said", "fields", "content"),
    [
        pytest.param({"reasoning": ODD}, {}, [], id="thoughts as an object"),
        pytest.param(
            {"reasoning_content": ["h", "m"]},
            {},
            [ThinkingBlock(type="thinking", thinking="hm", signature="")],
            id="thoughts as a list",
        ),
        pytest.param({}, {"id": 5, "model": 7}, [], id="numbers for id and model"),
        pytest.param({}, {"id": ODD, "model": ODD}, [], id="objects for id and model"),
        pytest.param({}, {"choice": {"stop_reason": ODD}}, [], id="stop reason as an object"),
    ],
)
def test_odd_fields_do_not_cost_the_answer(lab, said, fields, content) -> None:
    """A field that hardly matters may be of any type: what the answer says is delivered."""
    message = lab.answered("openai", completion({"content": "Hi", **said}, **fields))
    assert message.content == [*content, TextBlock(type="text", text="Hi")]
    assert message.stop_reason == "end_turn"


@pytest.mark.parametrize(
    ("call", "call_id", "given"),
    [
        pytest.param({**CALL, "id": 5, "index": "x"}, "5", {"a": 1}, id="number for an id"),
        pytest.param(
            {**CALL, "function": {"name": "look", "arguments": [1]}},
            "call_1",
            {"INVALID_JSON": "[1]"},
            id="arguments as a list",
        ),
    ],
)
def test_odd_calls_are_delivered(lab, call, call_id, given) -> None:
    """A call whose id or arguments are of another type is still a call."""
    message = lab.answered("openai", completion({"tool_calls": [call]}, "tool_calls"))
    assert message.content == [ToolUseBlock(type="tool_use", id=call_id, name="look", input=given)]


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"tool_calls": [5]}, id="a call that is a number"),
        pytest.param({"tool_calls": [{**CALL, "function": {"name": 5}}]}, id="a name that is a number"),
    ],
)
def test_an_answer_that_can_not_be_read_is_a_fault(lab, said) -> None:
    """Nothing is left out in silence: such an answer is answered elsewhere."""
    chat, target = lab.parse(), lab.target("openai")
    raw = msgspec.json.encode(completion({"content": "Hi", **said}))
    fault = MESSAGES.translation(DIALECTS["openai"], target).answer(chat, target, Reply(200, body=raw))
    assert isinstance(fault, Fault)
    assert fault.kind is Kind.MALFORMED_ANSWER


def test_ids_of_calls_are_new_in_the_conversation(lab) -> None:
    """A server that begins its ids anew in every answer gives none that the conversation has."""
    uses = [{"type": "tool_use", "id": each, "name": "f", "input": {}} for each in ("call_1", "call_1_2")]
    results = [{"type": "tool_result", "tool_use_id": each["id"], "content": "r"} for each in uses]
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": uses},
        {"role": "user", "content": results},
    ]
    said = completion({"tool_calls": [CALL, CALL, {**CALL, "id": "call_2"}]}, "tool_calls")
    message = lab.answered("openai", said, lab.parse(turns))
    ids = [block.id for block in message.content if block.type == "tool_use"]
    assert ids == ["call_1_3", "call_1_4", "call_2"]
