"""The whole answer: an OpenAI completion, or a fault for everything that is none."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from halfopen.model import Fault, Kind, Reply, Usage
from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.contract import Answer, StreamKind

USAGE = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 3,
    "cache_read_input_tokens": 20,
    "output_tokens": 7,
}
TEXT = {"type": "text", "text": "Hello"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}
HEADERS = (("content-type", "application/json"), ("Date", "Tue, 15 Nov 1994 08:12:31 GMT"))


def message(content, stop_reason="end_turn", **fields):
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": USAGE,
        **fields,
    }


def reply(body, headers=HEADERS):
    return Reply(
        200, headers, body if isinstance(body, bytes) else json.dumps(body).encode(), dialect="anthropic"
    )


def judged(lab, body, chat=None, headers=HEADERS):
    return ANTHROPIC.answer(chat or lab.chat(), lab.target(), reply(body, headers))


def completed(lab, body, chat=None, headers=HEADERS):
    answer = judged(lab, body, chat, headers)
    assert isinstance(answer, Answer), answer
    completion = ChatCompletion.model_validate_json(answer.body, strict=True)
    assert completion.choices[0].finish_reason == answer.finish_reason
    return completion


def test_text(lab):
    """Text blocks become one message with id, model, date and usage."""
    completion = completed(lab, message([TEXT, {"type": "text", "text": " there"}]))
    assert completion.choices[0].message.content == "Hello there"
    assert completion.choices[0].message.tool_calls is None
    assert completion.choices[0].finish_reason == "stop"
    assert (completion.id, completion.model, completion.created) == (
        "msg_1",
        "claude-haiku-4-5-20251001",
        784887151,
    )
    assert completion.usage.model_dump(exclude_none=True) == {
        "prompt_tokens": 33,
        "completion_tokens": 7,
        "total_tokens": 40,
        "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def test_usage_reaches_the_journey(lab):
    """The answer carries the counts, with cached and reasoning tokens."""
    usage = {**USAGE, "output_tokens_details": {"thinking_tokens": 5}}
    assert judged(lab, message([TEXT], usage=usage)).usage == Usage(33, 7, 20, 5)


@pytest.mark.parametrize(
    "date", [None, "yesterday", "Tue, 99 Nov 1994 08:12:31 GMT", ""], ids=["none", "words", "no-day", "empty"]
)
def test_without_a_date_created_is_0(lab, date):
    """An answer without a usable date is still an answer."""
    assert completed(lab, message([TEXT]), headers=() if date is None else (("date", date),)).created == 0


def test_tool_calls(lab):
    """Parallel calls keep ids, names and arguments as JSON text, to the last digit."""
    body = json.dumps(message([TEXT, CALL, {**CALL, "id": "toolu_2", "input": {"n": "NUMBER"}}], "tool_use"))
    completion = completed(lab, body.replace('"NUMBER"', "12345678901234567890.10").encode())
    said = completion.choices[0].message
    assert said.content == "Hello"
    assert [(call.id, call.function.name, call.function.arguments) for call in said.tool_calls] == [
        ("toolu_1", "f", '{"a": 1}'),
        ("toolu_2", "f", '{"n": 12345678901234567890.10}'),
    ]
    assert completion.choices[0].finish_reason == "tool_calls"


def test_calls_alone_have_null_content(lab):
    """A message of calls only has no content, and is finished by its calls even when it ended its turn."""
    completion = completed(lab, message([CALL], "end_turn"))
    assert completion.choices[0].message.content is None
    assert completion.choices[0].finish_reason == "tool_calls"


def test_legacy_function_call(lab):
    """A client that asked with `functions` gets `function_call`."""
    chat = lab.chat(functions=[{"name": "f"}])
    completion = completed(lab, message([CALL], "tool_use"), chat)
    assert completion.choices[0].message.function_call.model_dump() == {"name": "f", "arguments": '{"a": 1}'}
    assert completion.choices[0].message.tool_calls is None
    assert completion.choices[0].finish_reason == "function_call"
    several = judged(lab, message([CALL, {**CALL, "id": "toolu_2"}], "tool_use"), chat)
    assert several.kind is Kind.MALFORMED_ANSWER


def test_thinking_is_reasoning_content(lab):
    """Thinking is kept apart from the content; redacted thinking and unknown blocks are left out."""
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "x"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "hologram", "pixels": [1]},
        TEXT,
    ]
    said = completed(lab, message(content)).choices[0].message
    assert said.content == "Hello"
    assert said.reasoning_content == "Hm."


def test_refusal(lab):
    """A refusal is a content filter with its explanation."""
    details = {"type": "refusal", "category": "bio", "explanation": "Not this."}
    completion = completed(lab, message([], "refusal", stop_details=details))
    assert completion.choices[0].message.refusal == "Not this."
    assert completion.choices[0].message.content is None
    assert completion.choices[0].finish_reason == "content_filter"


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "length"),
        ("model_context_window_exceeded", "length"),
    ],
)
def test_stop_reasons(lab, reason, finish):
    """Each stop reason has its finish reason."""
    assert completed(lab, message([TEXT], reason)).choices[0].finish_reason == finish


@pytest.mark.parametrize("reason", ["stop_sequence", "max_tokens", "model_context_window_exceeded"])
def test_an_explained_empty_answer_has_empty_content(lab, reason):
    """An answer may be empty when a stop sequence or a limit came first."""
    assert completed(lab, message([], reason)).choices[0].message.content == ""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(message([]), Kind.EMPTY_ANSWER, id="empty"),
        pytest.param(message([{"type": "text", "text": ""}]), Kind.EMPTY_ANSWER, id="empty-text"),
        pytest.param(
            message([{"type": "thinking", "thinking": "Hm."}]), Kind.EMPTY_ANSWER, id="thinking-only"
        ),
        pytest.param(message([TEXT], None), Kind.NO_FINISH, id="null-stop-reason"),
        pytest.param(
            {key: value for key, value in message([TEXT]).items() if key != "stop_reason"},
            Kind.NO_FINISH,
            id="no-stop-reason",
        ),
        pytest.param(message([TEXT], "novel"), Kind.MALFORMED_ANSWER, id="unknown-stop-reason"),
        pytest.param(message([TEXT], "tool_use"), Kind.MALFORMED_ANSWER, id="tool-use-without-tool"),
        pytest.param(message([{**CALL, "id": ""}], "tool_use"), Kind.MALFORMED_ANSWER, id="call-without-id"),
        pytest.param(
            message([{**CALL, "input": "x"}], "tool_use"), Kind.MALFORMED_ANSWER, id="input-is-text"
        ),
        pytest.param(message("Hello"), Kind.MALFORMED_ANSWER, id="content-is-text"),
        pytest.param(
            {"choices": [{"message": {"content": "hi"}}]}, Kind.MALFORMED_ANSWER, id="another-dialect"
        ),
        pytest.param([1], Kind.MALFORMED_ANSWER, id="list"),
    ],
)
def test_what_is_no_answer_is_a_fault(lab, body, kind):
    """A 200 that isn't a whole answer is a fault of the right kind."""
    fault = judged(lab, body)
    assert isinstance(fault, Fault)
    assert fault.kind is kind


@pytest.mark.parametrize(
    "body",
    [
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"error": {"message": "boom", "type": "server_error"}},
        b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
        b"",
        json.dumps(message([TEXT])).encode()[:-9],
        b"\xff\xfe",
        b"[" * 5000,
    ],
    ids=["error", "other-error", "html", "nothing", "cut", "no-utf8", "nested"],
)
def test_an_error_or_rubbish_in_a_200_is_a_fault(lab, body):
    """An error object, a page or half an answer with status 200 is a fault."""
    assert isinstance(judged(lab, body), Fault)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_body_raises(lab, data):
    """Damaged bodies give a fault or an answer that the client's types accept, never an exception."""
    body = bytearray(json.dumps(message([TEXT, CALL], "tool_use")).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=4))
    answer = judged(lab, bytes(body))
    if isinstance(answer, Answer):
        ChatCompletion.model_validate_json(answer.body, strict=True)


@pytest.mark.parametrize("name", ["text", "tools", "thinking", "refusal"])
def test_a_stream_and_a_whole_answer_agree(lab, name):
    """The same message says the same, streamed or whole."""
    blocks: dict[int, dict] = {}
    whole = message([])
    for event in lab.stream(name).split(b"\n\n")[:-1]:
        data = json.loads(event.partition(b"data: ")[2])
        if data["type"] == "message_start":
            whole |= data["message"]
        elif data["type"] == "content_block_start":
            blocks[data["index"]] = {**data["content_block"], "json": ""}
        elif data["type"] == "content_block_delta":
            block, delta = blocks[data["index"]], data["delta"]
            for kind, key in (("text", "text"), ("thinking", "thinking"), ("partial_json", "json")):
                block[key] = block.get(key, "") + delta.get(kind, "")
        elif data["type"] == "message_delta":
            whole |= {**data["delta"], "usage": {**whole["usage"], **data["usage"]}}
    whole["content"] = [
        {**block, "input": json.loads(block["json"] or "{}")} if block["type"] == "tool_use" else block
        for block in blocks.values()
    ]
    said = completed(lab, whole)
    events = lab.read([lab.stream(name)])
    streamed = lab.joined(events)
    plain = said.choices[0].message
    assert streamed.text == (plain.content or "")
    assert streamed.refusal == (plain.refusal or "")
    assert streamed.reasoning == (getattr(plain, "reasoning_content", None) or "")
    assert [json.loads(call["arguments"]) for call in streamed.calls] == [
        json.loads(call.function.arguments) for call in plain.tool_calls or []
    ]
    assert streamed.finish_reasons == [said.choices[0].finish_reason]
    finish = next(event for event in events if event.kind is StreamKind.FINISH)
    assert finish.usage == judged(lab, whole).usage


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param(HEADERS, 784887151, id="date"),
        pytest.param((), 1700000000, id="none"),
        pytest.param((("date", "soon"),), 1700000000, id="odd"),
    ],
)
def test_created_without_a_date_is_the_drivers_time(lab, headers, expected):
    """The reply's date goes first, then the time that the driver gives."""
    answer = ANTHROPIC.answer(lab.chat(), lab.target(), reply(message([TEXT]), headers), created_s=1700000000)
    assert ChatCompletion.model_validate_json(answer.body, strict=True).created == expected


RESULT = [
    {"role": "user", "content": "?"},
    {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c", "content": "4"},
]


@pytest.mark.parametrize(
    ("messages", "fields"),
    [pytest.param(None, {"stop": "END"}, id="stop"), pytest.param(RESULT, {}, id="tool")],
)
def test_an_empty_answer_that_has_a_reason(lab, messages, fields):
    """Before a stop sequence and after a tool's result Claude may say nothing."""
    completion = completed(lab, message([]), lab.chat(messages, **fields))
    assert completion.choices[0].message.content == ""
    assert completion.choices[0].finish_reason == "stop"
    assert judged(lab, message([])).kind is Kind.EMPTY_ANSWER
