"""Streams as the official client puts them together."""

import msgspec
import pytest
from anthropic.types import TextBlock, ThinkingBlock, ToolUseBlock
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.model import Usage
from halfopen.providers.clients.messages import MESSAGES
from halfopen.providers.contract import StreamEvent, StreamKind

USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 2}}


def piece(index=None, call_id=None, name=None, arguments=None):
    call = {"function": {"name": name, "arguments": arguments}}
    call |= {} if index is None else {"index": index}
    return {"tool_calls": [call | ({} if call_id is None else {"id": call_id})]}


@pytest.mark.parametrize(
    ("dialect", "name", "kinds", "stop"),
    [
        pytest.param("openai", "openai_text", ["text"], "end_turn", id="openai text"),
        pytest.param("openai", "openai_azure_crlf", ["text"], "end_turn", id="azure"),
        pytest.param("openai", "openai_length", [], "max_tokens", id="openai length"),
        pytest.param("openai", "openai_reasoning", ["thinking", "text"], "end_turn", id="openai reasoning"),
        pytest.param("openai", "openai_refusal", ["text"], "refusal", id="openai refusal"),
        pytest.param("openai", "openai_tools", None, "tool_use", id="openai tools"),
        pytest.param("gemini", "gemini_text", ["text"], "end_turn", id="gemini text"),
        pytest.param("gemini", "gemini_thoughts", ["thinking", "text"], "end_turn", id="gemini thoughts"),
        pytest.param("gemini", "gemini_tools_parallel", None, "tool_use", id="gemini tools"),
    ],
)
def test_recorded_streams(lab, parsed_events, dialect, name, kinds, stop) -> None:
    """A provider's recorded stream is one well-formed message, with what its chunks said."""
    events = lab.events(dialect, lab.stream(name))
    stream = lab.written(events)
    parsed_events(stream)
    message = lab.streamed(stream)
    assert message.stop_reason == stop
    assert message.id.startswith("msg_")
    assert kinds is None or [block.type for block in message.content] == kinds
    said = "".join(event.text for event in events)
    shown = "".join(block.text for block in message.content if block.type == "text")
    assert shown == said or stop == "refusal"
    assert all(isinstance(block.input, dict) for block in message.content if block.type == "tool_use")
    usage = next((event.usage for event in reversed(events) if event.usage), Usage())
    assert message.usage.output_tokens == usage.output_tokens
    cached = message.usage.cache_read_input_tokens or 0
    assert message.usage.input_tokens + cached == usage.input_tokens


@pytest.mark.parametrize(
    "name", ["anthropic_text", "anthropic_thinking", "anthropic_tools", "anthropic_refusal"]
)
def test_native_streams_pass_byte_for_byte(lab, parsed_events, name) -> None:
    """Anthropic's own stream reaches the client as it came, and nothing is added."""
    raw = lab.stream(name)
    stream = lab.written(lab.events("anthropic", raw))
    assert stream == raw
    parsed_events(stream)
    assert lab.streamed(stream).stop_reason


def test_everything_in_one_stream(lab, parsed_events) -> None:
    """Thoughts, text and mixed pieces of two calls become blocks in turn; the counts come at the end."""
    events = [
        StreamEvent(StreamKind.OPENING, lab.chunk({"role": "assistant", "content": ""}).data),
        lab.chunk({"reasoning_content": "h"}),
        lab.chunk({"reasoning": "m"}),
        lab.chunk({"content": "Hel"}),
        lab.chunk({"content": "lo"}),
        lab.chunk(piece(0, "c1", "look", "")),
        lab.chunk(piece(1, "c2", "see", '{"b"')),
        lab.chunk(piece(0, arguments='{"a": 1}')),
        lab.chunk(piece(1, arguments=":2}")),
        lab.chunk(finish="tool_calls"),
        lab.chunk(usage=USAGE),
    ]
    stream = lab.written(events)
    parsed_events(stream)
    message = lab.streamed(stream)
    assert message.content == [
        ThinkingBlock(type="thinking", thinking="hm", signature=""),
        TextBlock(type="text", text="Hello"),
        ToolUseBlock(type="tool_use", id="c1", name="look", input={"a": 1}),
        ToolUseBlock(type="tool_use", id="c2", name="see", input={"b": 2}),
    ]
    assert (message.id, message.model, message.stop_reason) == ("msg_1", "gpt-4o", "tool_use")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (7, 4)
    assert message.usage.cache_read_input_tokens == 2


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        pytest.param(
            [piece(0, "a", "f", "{}"), piece(0, "b", "f", "{}")], ["a", "b"], id="one index, two ids"
        ),
        pytest.param([piece(None, "a", "f", "{"), piece(None, None, None, "}")], ["a"], id="no index"),
        pytest.param([piece(0, None, "f", None)], ["toolu_1_1"], id="no id and no arguments"),
        pytest.param([piece(0, "a", "f", {"x": 1})], ["a"], id="arguments as an object"),
    ],
)
def test_calls_of_careless_servers(lab, parsed_events, pieces, calls) -> None:
    """Calls are told apart also where indices, ids or arguments are missing."""
    stream = lab.written([*map(lab.chunk, pieces), lab.chunk(finish="tool_calls")])
    parsed_events(stream)
    assert [block.id for block in lab.streamed(stream).content if block.type == "tool_use"] == calls


def test_invalid_arguments_do_not_break_the_client(lab) -> None:
    """A finished call whose arguments are no JSON is delivered as text inside an object."""
    stream = lab.written([lab.chunk(piece(0, "a", "f", '{"x": nope')), lab.chunk(finish="tool_calls")])
    (block,) = lab.streamed(stream).content
    assert block.type == "tool_use"
    assert block.input == {"INVALID_JSON": '{"x": nope'}


def test_a_stop_sequence_that_is_known(lab) -> None:
    """Where the server names the stop sequence, the message does."""
    chat = lab.parse(stream=True, stop_sequences=["END"])
    events = [lab.chunk({"content": "a"}), lab.chunk(finish="stop", stop_reason="END")]
    message = lab.streamed(lab.written(events, chat))
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "END")


def test_content_in_the_last_chunk_and_usage_without_a_chunk(lab) -> None:
    """A finish may carry text, and the counts may come with it."""
    last = lab.chunk({"content": "b"}, finish="stop")
    last = msgspec.structs.replace(last, usage=Usage(5, 3, 1, 0))
    message = lab.streamed(lab.written([lab.chunk({"content": "a"}), last]))
    assert message.content == [TextBlock(type="text", text="ab")]
    assert (message.usage.input_tokens, message.usage.output_tokens) == (4, 3)


def test_an_empty_answer_is_a_message(lab, parsed_events) -> None:
    """An answer without a word has a beginning and an end."""
    stream = lab.written([])
    parsed_events(stream)
    message = lab.streamed(stream)
    assert (message.id, message.content, message.stop_reason) == ("msg_req_7", [], "end_turn")


@pytest.mark.parametrize(
    "thinking",
    [
        pytest.param({"type": "disabled"}, id="disabled"),
        pytest.param({"type": "adaptive", "display": "omitted"}, id="omitted"),
    ],
)
def test_thoughts_that_the_client_does_not_want(lab, thinking) -> None:
    """A client that turned thinking or its display off sees no thoughts."""
    chat = lab.parse(stream=True, thinking=thinking)
    events = [lab.chunk({"reasoning_content": "hm"}), lab.chunk({"content": "a"}), lab.chunk(finish="stop")]
    assert lab.streamed(lab.written(events, chat)).content == [TextBlock(type="text", text="a")]


def test_pings_and_comments_are_harmless(lab) -> None:
    """Keep-alives and remarks, before the message and inside it, leave it as it is."""
    writer = MESSAGES.writer(lab.parse(stream=True), request_id="r", created_s=0)
    noise = writer.ping() + writer.comment("continued by openai/gpt-4o")
    assert noise.endswith(b": continued by openai/gpt-4o\n\n")
    body = b"".join(
        noise + writer.write(event) for event in (lab.chunk({"content": "a"}), lab.chunk(finish="stop"))
    )
    assert writer.write(StreamEvent(StreamKind.PING, b": ping\n\n")) == b""
    assert lab.streamed(body + noise + writer.finish()).content == [TextBlock(type="text", text="a")]


NATIVE = ("anthropic_text", "anthropic_thinking")


@pytest.mark.parametrize("name", NATIVE)
def test_a_native_stream_goes_on_in_chunks_from_any_event(lab, parsed_events, name) -> None:
    """Cut after any event, and continued by another provider, it is one message without a seam."""
    events = [
        event for event in lab.events("anthropic", lab.stream(name)) if event.kind is not StreamKind.PING
    ]
    last = next(i for i, event in enumerate(events) if event.kind is StreamKind.FINISH)
    for cut in range(last + 1):
        delivered = "".join(event.text for event in events[:cut])
        rest = [lab.chunk({"content": " and"}), lab.chunk({"content": " on"}), lab.chunk(finish="stop")]
        stream = lab.written([*events[:cut], *rest, lab.chunk(usage=USAGE)])
        parsed_events(stream)
        assert stream.startswith(b"".join(event.native for event in events[:cut]))
        message = lab.streamed(stream)
        text = "".join(block.text for block in message.content if block.type == "text")
        assert text == delivered + " and on"
        assert message.stop_reason == "end_turn"
        assert (message.usage.input_tokens, message.usage.cache_read_input_tokens) == (7, 2)
        assert message.usage.cache_creation_input_tokens == 0
        assert message.usage.output_tokens == 4


PIECES = st.lists(
    st.tuples(st.sampled_from(["text", "thinking", "refusal"]), st.text(min_size=1, max_size=5)), max_size=6
)
CALLS = st.lists(st.tuples(st.text(min_size=1, max_size=4), st.text(max_size=8)), max_size=3)
FIELDS = {"text": "content", "thinking": "reasoning_content", "refusal": "refusal"}


def native(kind, **fields):
    data = b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **fields}))
    return StreamEvent(StreamKind.CONTENT, b"", native=data)


def native_events(blocks):
    """A native stream of blocks of text and thoughts, without its end."""
    message = {"id": "msg_n", "type": "message", "role": "assistant", "model": "claude", "content": []}
    usage = {"input_tokens": 1, "output_tokens": 1}
    yield native("message_start", message={**message, "stop_reason": None, "usage": usage}), ""
    for index, (kind, pieces) in enumerate(blocks):
        empty = {"text": ""} if kind == "text" else {"thinking": "", "signature": ""}
        yield native("content_block_start", index=index, content_block={"type": kind, **empty}), ""
        for each in pieces:
            delta = {"type": f"{kind}_delta", kind: each}
            yield native("content_block_delta", index=index, delta=delta), each if kind == "text" else ""
        yield native("content_block_stop", index=index), ""


BLOCKS = st.lists(
    st.tuples(st.sampled_from(["text", "thinking"]), st.lists(st.text(min_size=1, max_size=5), max_size=3)),
    max_size=3,
)


@settings(max_examples=300, deadline=None)
@given(BLOCKS, st.integers(0, 20), PIECES, CALLS, st.sampled_from(["stop", "length", "tool_calls"]))
def test_any_switch_from_native_events_to_chunks_is_one_message(
    lab, parsed_events, blocks, cut, pieces, calls, finish
) -> None:
    """Whatever came natively and whatever follows in chunks: one message, balanced, with all the text."""
    begun = list(native_events(blocks))[:cut]
    chunks = [lab.chunk({FIELDS[kind]: value}) for kind, value in pieces]
    chunks += [
        lab.chunk(piece(index, call_id, "f", arguments)) for index, (call_id, arguments) in enumerate(calls)
    ]
    stream = lab.written([*(event for event, _ in begun), *chunks, lab.chunk(finish=finish)])
    parsed_events(stream)
    message = lab.streamed(stream)
    text = "".join(block.text for block in message.content if block.type == "text")
    assert text == "".join(each for _, each in begun) + "".join(
        value for kind, value in pieces if kind != "thinking"
    )
    assert sum(block.type == "tool_use" for block in message.content) == len(calls)


def test_blocks_that_a_server_forgets_to_begin_or_close(lab, parsed_events) -> None:
    """A native stream of a careless server is mended, so that the official client can read it."""
    message = {"id": "msg_n", "type": "message", "role": "assistant", "model": "m", "content": []}
    usage = {"input_tokens": 1, "output_tokens": 1}
    events = [
        native("message_start", message={**message, "stop_reason": None, "usage": usage}),
        native("content_block_delta", index=0, delta={"type": "text_delta", "text": "a"}),
        native("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=usage),
    ]
    stream = lab.written(events)
    parsed_events(stream)
    assert lab.streamed(stream).content == [TextBlock(type="text", text="a")]


def test_native_events_after_chunks_are_written_from_their_chunks(lab, parsed_events) -> None:
    """An answer that another provider began is gone on with in chunks, though Anthropic speaks natively."""
    native_part = [
        event
        for event in lab.events("anthropic", lab.stream("anthropic_text"))
        if event.kind in (StreamKind.CONTENT, StreamKind.FINISH)
    ]
    stream = lab.written([lab.chunk({"content": "First. "}), *native_part])
    parsed_events(stream)
    (block,) = lab.streamed(stream).content
    assert block.type == "text"
    assert block.text == "First. " + "".join(event.text for event in native_part)


ODD = st.sampled_from([None, 5, -1, 1.5, True, "x", "", [], ["x"], {}, {"x": [1]}, 10**400])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["id", "model", "created", "object", "service_tier"]), ODD), ODD, ODD)
def test_a_chunk_that_a_reader_passes_is_written(lab, parsed_events, fields, stop_reason, place) -> None:
    """Fields that hardly matter may be of any type: the text and the calls of their chunk are delivered."""
    call = {"index": place, "id": stop_reason, "function": {"name": "f", "arguments": "{}"}}
    chunks = [
        lab.chunk({"content": "Hello"}, stop_reason=stop_reason, **fields),
        lab.chunk({"tool_calls": [call]}, **fields),
        lab.chunk({"content": " world"}, finish="tool_calls", stop_reason=stop_reason, **fields),
    ]
    events = lab.events("openai", b"".join(chunk.data for chunk in chunks))
    stream = lab.written(events)
    parsed_events(stream)
    text, use = lab.streamed(stream).content
    assert text == TextBlock(type="text", text="Hello world")
    assert isinstance(use, ToolUseBlock)


def test_one_chunk_that_can_not_be_read_costs_no_other(lab) -> None:
    """Chunks in one event are read each by itself."""
    good, bad = lab.chunk({"content": "a"}), b'data: {"choices": 5}\n\n'
    event = StreamEvent(StreamKind.CONTENT, good.data + bad + good.data)
    assert lab.streamed(lab.written([event])).content == [TextBlock(type="text", text="aa")]


def test_ids_of_calls_are_new_in_the_conversation(lab) -> None:
    """An id that the conversation has gets a number in a stream, too."""
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "0", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "0", "content": "r"}]},
    ]
    chat = lab.parse(turns, stream=True)
    stream = lab.written([lab.chunk(piece(0, "0", "f", "{}")), lab.chunk(finish="tool_calls")], chat)
    (block,) = lab.streamed(stream).content
    assert isinstance(block, ToolUseBlock)
    assert block.id == "0_2"
