"""The anthropic client's messages, with each provider behind the gateway."""

import asyncio

import anthropic
import pytest
from anthropic.types import (
    Message,
    ModelInfo,
    ParsedMessage,
    TextBlock,
    ThinkingBlock,
    ToolUseBlock,
)

from halfopen.lab import is_whole
from halfopen.providers import CHAT
from halfopen.providers.clients.generate import GENERATE
from halfopen.providers.clients.responses import RESPONSES

feature = pytest.mark.feature
PROMPT = "What is the weather in Berlin?"
USE = "Use the tool for the weather in Berlin"
ARGUMENTS = {"city": "lab text", "days": 7}
IMAGE_URL = "https://images.example.com/sky.png"
TOKENS_MAX = 4000
NOTICED = (KeyError, RuntimeError, ValueError, anthropic.AnthropicError)
"""How an application trips over a wrong answer, but for what every test does."""
THOUGHTS = "The user asks about"


@pytest.fixture
def claude(stage, anthropic_at):
    return anthropic_at(stage)


def user(content=PROMPT):
    return [{"role": "user", "content": content}]


@pytest.fixture
def tool(function):
    return lambda name: function(name, schema="input_schema")


def check_message(message, text, model, typed):
    """A whole text as a typed message."""
    assert isinstance(message, Message)
    typed(message)
    assert (message.type, message.role, message.model) == ("message", "assistant", model)
    assert message.id.startswith("msg_")
    (block,) = message.content
    assert isinstance(block, TextBlock)
    assert (block.type, block.text) == ("text", text)
    assert is_whole(block.text)
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 1


def check_order(events, typed):
    """The order of a stream's raw events: one message, blocks one after another, one end."""
    for event in events:
        typed(event)
    kinds = [event.type for event in events if event.type != "ping"]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    start = next(event.message for event in events if event.type == "message_start")
    assert (start.type, start.role, start.content, start.stop_reason) == ("message", "assistant", [], None)
    inner = [event for event in events if event.type.startswith("content_block_")]
    assert len(inner) == len(kinds) - 3
    index, is_open = -1, False
    for event in inner:
        if event.type == "content_block_start":
            assert not is_open
            index, is_open = index + 1, True
        assert is_open
        assert event.index == index
        is_open = event.type != "content_block_stop"
    assert not is_open
    return start


def check_events(events, text, model, typed):
    """A whole text as typed raw events."""
    start = check_order(events, typed)
    assert start.id.startswith("msg_")
    assert start.model == model
    deltas = [event.delta for event in events if event.type == "content_block_delta"]
    assert {delta.type for delta in deltas} == {"text_delta"}
    assert "".join(delta.text for delta in deltas) == text
    assert len(deltas) > 1
    assert is_whole(text)
    end = events[-2]
    assert (end.delta.stop_reason, end.delta.stop_sequence) == ("end_turn", None)
    assert end.usage.output_tokens > 1
    assert (end.usage.input_tokens or start.usage.input_tokens) > 0


def ask(client, model, stream, typed, text, expected_model, **more):
    """Ask in one way or the other, and check what comes."""
    asked = {"model": model, "max_tokens": TOKENS_MAX, "messages": user(), **more}
    if not stream:
        check_message(client.messages.create(**asked), text, expected_model, typed)
        return
    with client.messages.create(stream=True, **asked) as events:
        check_events(list(events), text, expected_model, typed)


@feature("plain")
def test_plain(claude, stage, provider, typed):
    """A plain answer is a whole, typed Message with usage and a request id."""
    answer = claude.messages.create(
        model=f"app-{provider}", max_tokens=TOKENS_MAX, messages=user(), system="Be brief."
    )
    check_message(answer, stage.text(provider, PROMPT), stage.model(provider), typed)
    assert answer._request_id


@feature("stream")
def test_stream(claude, stage, provider, typed):
    """A stream is the same text in typed events in Anthropic's order."""
    ask(claude, f"app-{provider}", True, typed, stage.text(provider, PROMPT), stage.model(provider))


@feature("stream")
def test_stream_helper(claude, stage, provider, typed):
    """The client's stream helper gathers the same message."""
    asked = {"model": f"app-{provider}", "max_tokens": TOKENS_MAX, "messages": user()}
    with claude.messages.stream(**asked) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text == stage.text(provider, PROMPT)
    check_message(message, text, stage.model(provider), typed)


@feature("async")
def test_async(stage, provider, typed):
    """The asynchronous client gets the same, plain and streamed."""
    asked = {"model": f"app-{provider}", "max_tokens": TOKENS_MAX, "messages": user()}
    text = stage.text(provider, PROMPT)

    async def both():
        http = anthropic.DefaultAsyncHttpxClient(verify=False, trust_env=False)
        async with anthropic.AsyncAnthropic(
            api_key="lab", base_url=stage.base_url, http_client=http
        ) as client:
            plain = await client.messages.create(**asked)
            async with client.messages.stream(**asked) as stream:
                helped = await stream.get_final_message()
            raw = await client.messages.create(stream=True, **asked)
            return plain, helped, [event async for event in raw]

    plain, helped, events = asyncio.run(both())
    check_message(plain, text, stage.model(provider), typed)
    check_message(helped, text, stage.model(provider), typed)
    check_events(events, text, stage.model(provider), typed)


def called(client, stream, typed, **asked):
    """The message with the calls."""
    if stream:
        with client.messages.create(stream=True, **asked) as raw:
            check_order(list(raw), typed)
        with client.messages.stream(**asked) as events:
            message = events.get_final_message()
    else:
        message = client.messages.create(**asked)
    typed(message)
    assert (message.stop_reason, message.stop_sequence) == ("tool_use", None)
    return message


def results_of(message, said):
    """The results of a message's calls, in the client's own form."""
    return [
        {"type": "tool_result", "tool_use_id": block.id, "content": said.format(block.name)}
        for block in message.content
    ]


@feature("tools")
@pytest.mark.parametrize("names", [["weather"], ["weather", "news"]], ids=["one", "parallel"])
def test_tools(claude, stage, provider, stream, names, typed, tool):
    """Calls come as typed blocks; the answer to their results, sent back with them, quotes them."""
    asked = {
        "model": f"app-{provider}",
        "max_tokens": TOKENS_MAX,
        "tools": [tool(name) for name in names],
    }
    message = called(claude, stream, typed, messages=user(USE), **asked)
    assert all(isinstance(block, ToolUseBlock) for block in message.content)
    assert [(block.type, block.name, block.input) for block in message.content] == [
        ("tool_use", name, ARGUMENTS) for name in names
    ]
    assert len({block.id for block in message.content}) == len(names)
    history = [
        *user(USE),
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": results_of(message, "{} is fine")},
    ]
    text = stage.text(provider, USE, results=[f"{name} is fine" for name in names])
    if stream:
        events = list(claude.messages.create(messages=history, stream=True, **asked))
        check_events(events, text, stage.model(provider), typed)
    else:
        check_message(claude.messages.create(messages=history, **asked), text, stage.model(provider), typed)


@feature("tools")
def test_tool_error(claude, provider, tool):
    """A result that is an error, given as blocks, reaches the model as well."""
    asked = {"model": f"app-{provider}", "max_tokens": TOKENS_MAX, "tools": [tool("weather")]}
    message = claude.messages.create(messages=user(USE), **asked)
    result = {
        "type": "tool_result",
        "tool_use_id": message.content[0].id,
        "is_error": True,
        "content": [{"type": "text", "text": "no station there"}],
    }
    history = [
        *user(USE),
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": [result]},
    ]
    told = claude.messages.create(messages=history, **asked)
    assert "no station there" in told.content[0].text


@feature("tools")
@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "any"}, ["weather", "news"]),
        ({"type": "any", "disable_parallel_tool_use": True}, ["weather"]),
        ({"type": "tool", "name": "news"}, ["news"]),
        ({"type": "none"}, []),
    ],
    ids=["any", "one at a time", "named", "none"],
)
def test_tool_choice(claude, provider, choice, names, tool):
    """A tool choice is followed, or the client is told that nobody can."""
    asked = {
        "model": f"app-{provider}",
        "max_tokens": TOKENS_MAX,
        "messages": user(USE if choice["type"] == "none" else PROMPT),
        "tools": [tool("weather"), tool("news")],
        "tool_choice": choice,
    }
    if provider == "gemini" and choice.get("disable_parallel_tool_use"):
        with pytest.raises(anthropic.BadRequestError, match="parallel"):
            claude.messages.create(**asked)
        return
    answer = claude.messages.create(**asked)
    assert [block.name for block in answer.content if block.type == "tool_use"] == names


@feature("images")
@pytest.mark.parametrize("kind", ["inline", "url"])
def test_images(claude, stage, provider, stream, kind, pixel, typed):
    """Two images are seen, inline and by address."""
    source = {"type": "base64", "media_type": "image/png", "data": pixel}
    if kind == "url":
        source = {"type": "url", "url": IMAGE_URL}
    image = {"type": "image", "source": source}
    ask(
        claude,
        f"app-{provider}",
        stream,
        typed,
        stage.text(provider, PROMPT, images=2),
        stage.model(provider),
        messages=user([image, image, {"type": "text", "text": PROMPT}]),
    )


@feature("schema")
def test_schema(claude, provider, stream, typed, forecast):
    """The client's own helper parses a structured answer into the application's class."""
    asked = {
        "model": f"app-{provider}",
        "max_tokens": TOKENS_MAX,
        "messages": user(),
        "output_format": type(forecast),
    }
    if stream:
        with claude.messages.stream(**asked) as events:
            for _ in events:
                pass
            answer = events.get_final_message()
    else:
        answer = claude.messages.parse(**asked)
    assert isinstance(answer, ParsedMessage)
    assert answer.parsed_output == forecast
    assert answer.stop_reason == "end_turn"


@feature("limits")
def test_length(claude, stage, provider, stream):
    """An answer that is cut by its limit says so: stop_reason max_tokens."""
    asked = {"model": f"app-{provider}", "max_tokens": 5, "messages": user()}
    if stream:
        with claude.messages.stream(**asked) as events:
            answer = events.get_final_message()
    else:
        answer = claude.messages.create(**asked)
    assert (answer.stop_reason, answer.usage.output_tokens) == ("max_tokens", 5)
    assert stage.text(provider, PROMPT).startswith(answer.content[0].text)
    assert len(answer.content[0].text.split()) == 5


@feature("limits")
def test_stop(claude, provider, stream):
    """A stop sequence ends the answer before it; Anthropic names it, others don't tell which one it was."""
    asked = {
        "model": f"app-{provider}",
        "max_tokens": TOKENS_MAX,
        "messages": user(),
        "stop_sequences": ["three", "nine"],
    }
    if stream:
        with claude.messages.stream(**asked) as events:
            answer = events.get_final_message()
    else:
        answer = claude.messages.create(**asked)
    assert answer.content[0].text.endswith("one two ")
    reasons = [("stop_sequence", "three")]
    if provider != "anthropic":
        reasons.append(("end_turn", None))
    assert (answer.stop_reason, answer.stop_sequence) in reasons


@feature("reasoning")
def test_thinking(claude, provider, stream, typed):
    """Thoughts come as a typed block before the text, where the provider shows them."""
    asked = {
        "model": f"thinker-{provider}",
        "max_tokens": TOKENS_MAX,
        "messages": user(),
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    if stream:
        with claude.messages.create(stream=True, **asked) as raw:
            check_order(list(raw), typed)
        with claude.messages.stream(**asked) as events:
            answer = events.get_final_message()
    else:
        answer = claude.messages.create(**asked)
    typed(answer)
    *thoughts, text = answer.content
    assert isinstance(text, TextBlock)
    assert is_whole(text.text)
    assert all(isinstance(block, ThinkingBlock) for block in thoughts)
    assert bool(thoughts) == (provider != "openai")  # which shows no thoughts in chats
    assert all(block.thinking.startswith(THOUGHTS) for block in thoughts)
    assert all(bool(block.signature) == (provider == "anthropic") for block in thoughts)


@feature("reasoning")
def test_thoughts_come_back(claude, provider, tool):
    """The thoughts of one turn may stand in the next one's conversation, tools and all."""
    asked = {
        "model": f"thinker-{provider}",
        "max_tokens": TOKENS_MAX,
        "tools": [tool("weather")],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    message = claude.messages.create(messages=user(USE), **asked)
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [ARGUMENTS]
    history = [
        *user(USE),
        {"role": "assistant", "content": message.content},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": calls[0].id, "content": "fine"}],
        },
    ]
    told = claude.messages.create(messages=history, **asked)
    assert "The tool said: fine." in told.content[-1].text


@feature("count")
def test_count_tokens(claude, provider):
    """Anthropic counts the tokens of a request; for others' models the client is told that it can't be done."""
    asked = {"model": f"app-{provider}", "messages": user(), "system": "Be brief."}
    if provider != "anthropic":
        with pytest.raises(anthropic.APIStatusError, match="count") as caught:
            claude.messages.count_tokens(**asked)
        assert caught.value.body["type"] == "error"
        return
    assert claude.messages.count_tokens(**asked).input_tokens > 0


@feature("headers")
def test_headers(claude, provider, stream, target_names):
    """The headers say who answered, in how many attempts, and under which ids."""
    raw = claude.messages.with_raw_response.create(
        model=f"app-{provider}", max_tokens=TOKENS_MAX, messages=user(), stream=stream
    )
    assert raw.headers["x-halfopen-upstream"] == target_names[provider]
    assert raw.headers["x-halfopen-attempts"] == "1"
    assert raw.headers["x-halfopen-request-id"].startswith("ho-")
    assert raw.headers["request-id"]
    parsed = raw.parse()
    if stream:
        assert [event.type for event in parsed][-1] == "message_stop"
    else:
        assert parsed._request_id == raw.headers["request-id"]


@feature("models")
def test_models(claude, provider, typed):
    """The routes are listed and retrieved as typed models."""
    page = claude.models.list()
    found = {model.id: model for model in page}
    listed, retrieved = found[f"app-{provider}"], claude.models.retrieve(f"app-{provider}")
    assert isinstance(listed, ModelInfo)
    typed(listed)
    typed(retrieved)
    assert (retrieved.id, retrieved.type, retrieved.display_name) == (listed.id, "model", listed.display_name)
    with pytest.raises(anthropic.NotFoundError):
        claude.models.retrieve("nobody")


@feature("failover")
def test_failover(failing, anthropic_at, stream, typed):
    """When the first provider answers 500, the second one's answer comes as if it were the first."""
    ask(anthropic_at(failing.stage), "app", stream, typed, failing.text, failing.model)
    assert failing.asked_first()


@feature("failover")
def test_failover_with_tools(broken_call, anthropic_at, stream, typed, tool):
    """Calls that one provider began are made by the other, and its answer follows on the results."""
    client = anthropic_at(broken_call)
    asked = {"model": "app", "max_tokens": TOKENS_MAX, "tools": [tool("weather"), tool("news")]}
    message = called(client, stream, typed, messages=user(USE), **asked)
    assert [block.name for block in message.content] == ["weather", "news"]
    history = [
        *user(USE),
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": results_of(message, "fine")},
    ]
    told = client.messages.create(messages=history, **asked)
    assert "The tool said: fine. The tool said: fine." in told.content[0].text
    assert is_whole(told.content[0].text)


@feature("continuation")
def test_continuation(cut, anthropic_at, provider, typed, check_joined):
    """A stream that is cut is finished by the other provider: one block, one text, one end, one usage."""
    asked = {"model": "app", "max_tokens": TOKENS_MAX, "messages": user()}
    events = list(anthropic_at(cut).messages.create(stream=True, **asked))
    text = "".join(event.delta.text for event in events if event.type == "content_block_delta")
    check_events(events, text, cut.model(provider), typed)
    check_joined(text)


@feature("continuation")
def test_continuation_through_the_helper(cut, anthropic_at, provider, typed):
    """The client's stream helper gathers an answer of two providers into one typed message."""
    asked = {"model": "app", "max_tokens": TOKENS_MAX, "messages": user()}
    with anthropic_at(cut).messages.stream(**asked) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert "Continued by " in text
    check_message(message, text, cut.model(provider), typed)


BUGS = {
    "another reason": (rb'"stop_reason": ?"end_turn"', b'"stop_reason":"stop"'),
    "no reason": (rb'"stop_reason": ?"end_turn"', b'"stop_reason":null'),
    "another role": (rb'"role": ?"assistant"', b'"role":"model"'),
    "a word is lost": (rb" two", b""),
    "a word comes twice": (rb" two", b" two two"),
    "no usage": (rb'"usage": ?\{', b'"usage_":{'),
    "no tokens": (rb'"output_tokens": ?\d+', b'"output_tokens":0'),
    "another type": (rb'"type": ?"message"', b'"type":"chat.completion"'),
    "another block": (rb'"type": ?"text"', b'"type":"output_text"'),
    "another model": (rb'"model": ?"', b'"model":"x'),
    "another id": (rb'"id": ?"msg_', b'"id":"chatcmpl-'),
    "chat writes": CHAT,
    "responses writes": RESPONSES,
    "generate writes": GENERATE,
}


@feature("planted bug")
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_noticed(claude, stage, provider, stream, typed, noticed, bug):
    """What a broken gateway could write fails these tests."""
    with noticed("/v1/messages", BUGS[bug], NOTICED, anthropic.APIStatusError):
        ask(claude, f"app-{provider}", stream, typed, stage.text(provider, PROMPT), stage.model(provider))


STREAM_BUGS = {
    "indices": (rb'"index": ?0', b'"index":1'),
    "no start": (rb"event: ?content_block_start", b"event: ping"),
    "no stop of a block": (rb"event: ?content_block_stop", b"event: ping"),
    "no end": (rb"event: ?message_stop", b"event: ping"),
    "another delta": (rb'"text_delta"', b'"input_json_delta"'),
}


@feature("planted bug")
@pytest.mark.parametrize("bug", STREAM_BUGS)
def test_a_bug_in_the_events_is_noticed(claude, stage, provider, typed, noticed, bug):
    """What a broken gateway could write into a stream fails these tests."""
    with noticed("/v1/messages", STREAM_BUGS[bug], NOTICED, anthropic.APIStatusError):
        ask(claude, f"app-{provider}", True, typed, stage.text(provider, PROMPT), stage.model(provider))
