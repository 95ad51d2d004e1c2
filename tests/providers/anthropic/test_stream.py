"""The stream reader: OpenAI's chunks out, a fault for everything that is not a whole answer."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.http1.sse import EVENT_MAX_BYTES
from halfopen.model import Kind, Usage
from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.contract import StreamKind

NAMES = ["text", "tools", "thinking", "refusal"]
K = StreamKind
START = b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","model":"m","usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def sse(**data):
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def begin(block, index=0):
    return sse(type="content_block_start", index=index, content_block=block)


def delta(index=0, **fields):
    return sse(type="content_block_delta", index=index, delta=fields)


def block_stop(index=0):
    return sse(type="content_block_stop", index=index)


def end(reason, **usage):
    return sse(type="message_delta", delta={"stop_reason": reason}, usage=usage or {"output_tokens": 2})


def text(words="Hi"):
    return begin({"type": "text", "text": ""}) + delta(type="text_delta", text=words) + block_stop()


def test_text_arrives_in_order_with_its_finish_and_done(lab, kinds):
    """A text stream becomes an opening, content, a finish and [DONE], and nothing else."""
    events = lab.read([lab.stream("text")])
    assert kinds(events) == [K.OPENING, K.PING, *[K.CONTENT] * 4, K.FINISH, K.DONE]
    answer = lab.joined(events)
    assert answer.text == "Half-open means: one request is let through, to see whether the service is back. ✓"
    assert answer.finish_reasons == ["stop"]
    assert answer.done
    assert answer.chunks[0].choices[0].delta.role == "assistant"
    assert answer.chunks[0].id == "msg_01XFDUDYJgAACzvnptvVoYEL"
    assert answer.chunks[0].model == "claude-haiku-4-5-20251001"
    assert sum(event.chars for event in events) == len(answer.text)


def test_parallel_tool_calls_are_whole(lab):
    """Parallel calls keep their order, ids, names and whole JSON arguments; no input becomes {}."""
    answer = lab.joined(lab.read([lab.stream("tools")]))
    assert answer.text == "I'll look up both cities."
    assert [(call["id"], call["name"], json.loads(call["arguments"])) for call in answer.calls] == [
        ("toolu_01T1x1fJ34qAmk2tNTrN7Up6", "get_weather", {"location": "San Francisco, CA", "unit": "c"}),
        ("toolu_01Ab7Qd3Rk8pJ5yXhZtWmN2c", "get_weather", {"location": "Zürich"}),
        ("toolu_01Pq9Ls4Tn6vCeUwYbGdHj8K", "get_time", {}),
    ]
    assert answer.finish_reasons == ["tool_calls"]


def test_thinking_becomes_reasoning_content(lab):
    """Thinking is content that moves the stream, kept apart from the text; what is redacted is left out."""
    events = lab.read([lab.stream("thinking")])
    answer = lab.joined(events)
    assert answer.reasoning == "27 * 453: 27 * 400 = 10800, 27 * 53 = 1431."
    assert answer.text == "27 * 453 = 12,231"
    assert events[-2].usage == Usage(41, 97, 0, 71)


def test_a_refusal_is_a_content_filter_with_its_explanation(lab):
    """A refusal ends as content_filter, with Anthropic's explanation as the refusal."""
    answer = lab.joined(lab.read([lab.stream("refusal")]))
    assert answer.finish_reasons == ["content_filter"]
    assert answer.refusal == "This request may help with cyber harm."
    assert answer.done


def test_an_error_event_in_the_middle_is_the_decoded_fault(lab, kinds):
    """An error event after content is a fault that carries the provider's words, and the last event."""
    events = lab.read([lab.stream("error"), text(), STOP])
    assert kinds(events) == [K.OPENING, K.PING, K.CONTENT, K.FAULT]
    assert events[-1].fault.kind is Kind.OVERLOADED
    assert "Overloaded" in events[-1].fault.message


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not-asked"])
def test_usage_chunk_comes_only_when_asked_for(lab, kinds, asked):
    """The usage chunk has no choices and comes before [DONE], if the client asked; the journey always gets it."""
    chat = lab.chat(stream=True, stream_options={"include_usage": asked})
    events = lab.read([lab.stream("text")], chat)
    assert kinds(events)[-2:] == [K.USAGE if asked else K.FINISH, K.DONE]
    finish = next(event for event in events if event.kind is K.FINISH)
    assert finish.usage == Usage(50, 21, 30, 0)
    assert finish.finish_reason == "stop"
    last = lab.joined(events).chunks[-1]
    if asked:
        assert last.choices == []
        assert last.usage.model_dump(exclude_none=True) == {
            "prompt_tokens": 50,
            "completion_tokens": 21,
            "total_tokens": 71,
            "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 8},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }
    else:
        assert last.usage is None


def test_legacy_functions_get_a_function_call(lab):
    """A client that asked with `functions` gets `function_call`, not `tool_calls`."""
    chat = lab.chat(stream=True, functions=[{"name": "f", "parameters": {"type": "object"}}])
    call = begin({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}})
    events = lab.read(
        [
            START
            + call
            + delta(type="input_json_delta", partial_json='{"a":1}')
            + block_stop()
            + end("tool_use")
            + STOP
        ],
        chat,
    )
    answer = lab.joined(events)
    assert answer.function_call == {"name": "f", "arguments": '{"a":1}'}
    assert answer.calls == []
    assert answer.finish_reasons == ["function_call"]


def test_input_given_at_the_start_of_a_block_is_kept(lab):
    """A server that sends a call's whole input at once, without deltas, loses no argument."""
    call = begin({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 18446744073709551617}})
    answer = lab.joined(lab.read([START + call + block_stop() + end("tool_use") + STOP]))
    assert json.loads(answer.calls[0]["arguments"]) == {"a": 18446744073709551617}


@pytest.mark.parametrize(
    "extra",
    [
        sse(type="content_block_sparkle", index=7, delta="new"),
        b'event: novelty\ndata: {"type":"novelty"}\n\n',
        begin({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}, 9)
        + delta(9, type="input_json_delta", partial_json='{"query":"x"}')
        + block_stop(9),
        begin({"type": "hologram", "pixels": [1]}, 9) + delta(9, type="pixel_delta", pixel=1) + block_stop(9),
        sse(type="message_delta", delta={"stop_reason": None}, usage={"output_tokens": 1}),
        b"event: ping\n\n",
        b": comment\n\n",
        b"event: novelty\n\n",
    ],
    ids=[
        "event-type",
        "event-name",
        "server-tool",
        "block-type",
        "delta-without-stop",
        "bare-ping",
        "comment",
        "no-data",
    ],
)
def test_the_unknown_is_left_out(lab, extra):
    """Events and blocks of unknown types change nothing in the answer."""
    plain = lab.joined(lab.read([START + text() + end("end_turn") + STOP]))
    with_extra = lab.joined(
        lab.read([START + extra + text() + extra.replace(b": 9", b": 8") + end("end_turn") + STOP])
    )
    assert with_extra == plain


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        pytest.param(b"", Kind.NO_FINISH, id="nothing"),
        pytest.param(START + text(), Kind.NO_FINISH, id="no-stop-reason"),
        pytest.param(START + text() + STOP, Kind.NO_FINISH, id="stop-without-reason"),
        pytest.param(START + text() + end("end_turn"), Kind.NO_FINISH, id="reason-without-stop"),
        pytest.param(
            START + text() + end("end_turn") + STOP[:-20], Kind.CUT_BODY, id="cut-in-the-last-event"
        ),
        pytest.param(
            START + text() + end("end_turn") + b"event: message_stop\n",
            Kind.NO_FINISH,
            id="a-name-is-no-event",
        ),
        pytest.param(START + end("end_turn") + STOP, Kind.EMPTY_ANSWER, id="empty"),
        pytest.param(
            START + begin({"type": "text", "text": ""}) + block_stop() + end("end_turn") + STOP,
            Kind.EMPTY_ANSWER,
            id="empty-block",
        ),
        pytest.param(
            START + text() + end("tool_use") + STOP, Kind.MALFORMED_ANSWER, id="tool-use-without-tool"
        ),
        pytest.param(
            START + text() + end("new_reason") + STOP, Kind.MALFORMED_ANSWER, id="unknown-stop-reason"
        ),
        pytest.param(START + b'data: {"type":"content_block_de\n\n', Kind.MALFORMED_ANSWER, id="json"),
        pytest.param(START + b"data: [DONE]\n\n", Kind.MALFORMED_ANSWER, id="another-dialects-done"),
        pytest.param(START + b'data: {"choices":[]}\n\n', Kind.MALFORMED_ANSWER, id="another-dialect"),
        pytest.param(
            START + delta(type="input_json_delta", partial_json="{}"),
            Kind.MALFORMED_ANSWER,
            id="delta-before-its-block",
        ),
        pytest.param(text(), Kind.MALFORMED_ANSWER, id="no-message-start"),
        pytest.param(START + START, Kind.MALFORMED_ANSWER, id="two-starts"),
        pytest.param(
            START + begin({"type": "text"}) + begin({"type": "text"}),
            Kind.MALFORMED_ANSWER,
            id="two-blocks-of-one-index",
        ),
        pytest.param(
            START + text() + end("end_turn") + delta(type="text_delta", text="x"),
            Kind.MALFORMED_ANSWER,
            id="text-after-the-finish",
        ),
        pytest.param(
            START + begin({"type": "tool_use", "id": "", "name": "f", "input": {}}),
            Kind.MALFORMED_ANSWER,
            id="call-without-id",
        ),
        pytest.param(
            START + begin({"type": "tool_use", "id": "t", "name": "f", "input": [1]}),
            Kind.MALFORMED_ANSWER,
            id="input-is-a-list",
        ),
        pytest.param(START + delta("0", type="text_delta"), Kind.MALFORMED_ANSWER, id="index-is-text"),
        pytest.param(START + b"data: \xff\xfe\n\n", Kind.MALFORMED_ANSWER, id="no-utf8"),
        pytest.param(START + b"data: " + b"[" * 5000 + b"\n\n", Kind.MALFORMED_ANSWER, id="nested"),
        pytest.param(START + b"<html>502</html>\n\n", Kind.MALFORMED_ANSWER, id="html"),
        pytest.param(START + b"data: " + b"x" * EVENT_MAX_BYTES, Kind.ANSWER_TOO_LARGE, id="event-too-large"),
    ],
)
def test_what_is_not_a_whole_answer_is_a_fault(lab, stream, kind):
    """A stream that isn't a whole answer ends with one fault of the right kind, and never with DONE."""
    events = lab.read([stream])
    assert events[-1].kind is K.FAULT
    assert events[-1].fault.kind is kind
    assert [event.kind for event in events].count(K.FAULT) == 1
    assert K.DONE not in [event.kind for event in events]


@pytest.mark.parametrize(
    "error",
    [
        b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"boom"}}\n\n',
        b'data: {"type":"error","error":{"type":"api_error","message":"boom"}}\n\n',
        b'{"type":"error","error":{"type":"api_error","message":"boom"}}\n\n',
        b'{"error":{"type":"api_error","message":"boom"}}\n',
        b"event: error\n\n",
        b"event: error\ndata: boom\n\n",
        b'event: error\ndata: {"type":"error"}\n\n',
    ],
    ids=["event", "data-only", "raw-json", "raw-json-at-the-end", "no-data", "text", "no-error-object"],
)
def test_an_error_in_any_form_is_a_fault(lab, error):
    """An error event, however it is written, ends the stream with a fault."""
    events = lab.read([START + text() + error])
    assert events[-1].kind is K.FAULT


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
def test_stop_reasons_with_text(lab, reason, finish):
    """Each stop reason has its finish reason, and only a natural end is `stop`."""
    assert lab.joined(lab.read([START + text() + end(reason) + STOP])).finish_reasons == [finish]


@pytest.mark.parametrize(
    "reason", ["stop_sequence", "max_tokens", "refusal", "model_context_window_exceeded"]
)
def test_no_text_is_no_fault_when_the_reason_explains_it(lab, reason):
    """An answer may be empty when a stop sequence, a limit or a refusal came first."""
    answer = lab.joined(lab.read([START + end(reason) + STOP]))
    assert answer.done
    assert answer.text == ""


@pytest.mark.parametrize("name", NAMES)
def test_truncation_at_every_byte_is_never_success(lab, kinds, name):
    """A stream cut anywhere before the end of message_stop never gives DONE, always a fault, and a prefix of the answer."""
    stream = lab.stream(name)
    whole = lab.joined(lab.read([stream]))
    # The line of message_stop is whole at its LF; the blank line after it adds nothing.
    for cut in range(len(stream) - 1):
        events = lab.read([stream[:cut]])
        assert kinds(events)[-1] is K.FAULT
        assert K.DONE not in kinds(events)
        assert whole.text.startswith(lab.joined(events).text)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("name", [*NAMES, "error"])
def test_bytes_one_at_a_time_give_the_same_events(lab, name, newline):
    """Chunk boundaries change nothing, with LF and with CRLF."""
    stream = lab.stream(name).replace(b"\n", newline)
    whole = lab.read([stream])
    single = lab.read(stream[index : index + 1] for index in range(len(stream)))
    assert [(event.kind, event.data, event.fault and event.fault.kind) for event in single] == [
        (event.kind, event.data, event.fault and event.fault.kind) for event in whole
    ]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_chunk_boundaries_give_the_same_events(lab, data):
    """Any cut into chunks gives the same events."""
    stream = lab.stream(data.draw(st.sampled_from([*NAMES, "error"])))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    chunks = [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert lab.read(chunks) == lab.read([stream])


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_bytes_raise_and_damage_is_never_half_an_answer(lab, data):
    """Mutated streams never raise, and end with exactly one DONE or FAULT."""
    stream = bytearray(lab.stream(data.draw(st.sampled_from([*NAMES, "error"]))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(stream) - 1))
        stream[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=8))
        if not stream:
            break
    events = lab.read([bytes(stream)])
    ends = [event for event in events if event.kind in (K.DONE, K.FAULT)]
    assert len(ends) == 1
    assert events[-1] is ends[0]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=8))
def test_random_bytes_never_raise(lab, chunks):
    """Random bytes end in a fault."""
    assert lab.read(chunks)[-1].kind is K.FAULT


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(min_size=1, max_size=30).map(lambda words: ("text", words)),
            st.dictionaries(
                st.text(max_size=5), st.none() | st.integers() | st.text(max_size=8), max_size=3
            ).map(lambda arguments: ("call", arguments)),
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 9),
)
def test_generated_answers_survive(lab, blocks, size):
    """Whatever text and calls a stream holds, the joined chunks hold the same."""
    stream, words, calls = START, "", []
    for index, (kind, value) in enumerate(blocks):
        if kind == "text":
            words += value
            stream += begin({"type": "text", "text": ""}, index) + delta(index, type="text_delta", text=value)
        else:
            calls.append((f"toolu_{index}", value))
            stream += begin({"type": "tool_use", "id": f"toolu_{index}", "name": "f", "input": {}}, index)
            arguments = json.dumps(value)
            for at in range(0, len(arguments), size):
                stream += delta(index, type="input_json_delta", partial_json=arguments[at : at + size])
        stream += block_stop(index)
    answer = lab.joined(lab.read([stream + end("tool_use" if calls else "end_turn") + STOP]))
    assert answer.text == words
    assert [(call["id"], json.loads(call["arguments"])) for call in answer.calls] == calls
    assert answer.done


def test_nothing_follows_the_end(lab):
    """After DONE or a fault the reader returns nothing more."""
    for stream in (START + text() + end("end_turn") + STOP, START + b"data: x\n\n"):
        reader = ANTHROPIC.reader(lab.chat(stream=True), lab.target())
        assert reader.feed(stream)
        assert reader.feed(START + text()) == []
        assert reader.close() == []


def test_chunks_carry_the_drivers_time(lab):
    """Anthropic's streams say no time, so the driver's is in every chunk."""
    reader = ANTHROPIC.reader(lab.chat(stream=True), lab.target(), created_s=1700000000)
    answer = lab.joined([*reader.feed(lab.stream("text")), *reader.close()])
    assert {chunk.created for chunk in answer.chunks} == {1700000000}


def test_an_empty_stream_that_has_a_reason(lab, kinds):
    """Before a stop sequence Claude may say nothing; otherwise it failed."""
    raw = START + end("end_turn") + STOP
    assert kinds(lab.read([raw], lab.chat(stream=True, stop="END"))) == [K.OPENING, K.FINISH, K.DONE]
    assert lab.read([raw])[-1].fault.kind is Kind.EMPTY_ANSWER


def test_a_server_that_leaves_out_what_carries_nothing_is_understood(lab):
    """Text without the start of its block, and no id or model: servers of this shape send that."""
    opening = b'data: {"type":"message_start","message":{"role":"assistant","content":[]}}\n\n'
    read = lab.read([opening + delta(type="text_delta", text="Hello") + end("end_turn") + STOP])
    joined = lab.joined(read)
    assert (joined.text, joined.finish_reasons, joined.done) == ("Hello", ["stop"], True)
    assert {chunk.model for chunk in joined.chunks} == {lab.target().model}
