"""The openai client's chat completions, with each provider behind the gateway."""

import asyncio
import json

import openai
import pytest
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessage,
    ChatCompletionMessageFunctionToolCall,
    ParsedChatCompletion,
)

from halfopen.lab import is_whole
from halfopen.providers.clients.generate import GENERATE
from halfopen.providers.clients.messages import MESSAGES
from halfopen.providers.clients.responses import RESPONSES

feature = pytest.mark.feature
PROMPT = "What is the weather in Berlin?"
USE = "Use the tool for the weather in Berlin"
ARGUMENTS = {"city": "lab text", "days": 7}
NOTICED = (openai.OpenAIError,)
"""How an application trips over a wrong answer, but for what every test does."""
IMAGE_URL = "https://images.example.com/sky.png"


def user(content=PROMPT):
    return [{"role": "user", "content": content}]


@pytest.fixture
def tool(function):
    return lambda name: {"type": "function", "function": function(name, strict=True)}


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def finishes(chunks):
    found = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    return [each for each in found if each]


def check_usage(usage):
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def check_answer(answer, text, model, typed):
    """A whole text as a typed chat completion."""
    assert type(answer) is ChatCompletion
    typed(answer)
    assert (answer.object, answer.model) == ("chat.completion", model)
    assert answer.id
    assert answer.created > 1_600_000_000
    (choice,) = answer.choices
    assert type(choice.message) is ChatCompletionMessage
    assert (choice.index, choice.message.role) == (0, "assistant")
    assert choice.message.content == text
    assert is_whole(choice.message.content)
    assert (choice.finish_reason, choice.message.tool_calls, choice.message.refusal) == ("stop", None, None)
    check_usage(answer.usage)


def check_chunks(chunks, text, model, typed):
    """A whole text as typed chunks of one completion, with the usage that was asked for."""
    assert {type(chunk) for chunk in chunks} == {ChatCompletionChunk}
    for chunk in chunks:
        typed(chunk)
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.model for chunk in chunks} == {model}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert text_of(chunks) == text
    assert is_whole(text_of(chunks))
    assert finishes(chunks) == ["stop"]
    assert chunks[-1].choices == []
    check_usage(chunks[-1].usage)
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


def ask(client, model, stream, typed, text, expected_model, **more):
    """Ask in one way or the other, and check what comes."""
    if not stream:
        answer = client.chat.completions.create(model=model, messages=user(), **more)
        check_answer(answer, text, expected_model, typed)
        return
    options = {"include_usage": True}
    with client.chat.completions.create(
        model=model, messages=user(), stream=True, stream_options=options, **more
    ) as chunks:
        check_chunks(list(chunks), text, expected_model, typed)


@feature("plain")
def test_plain(gpt, stage, provider, typed):
    """A plain answer is a whole, typed ChatCompletion with usage and a request id."""
    answer = gpt.chat.completions.create(model=f"app-{provider}", messages=user())
    check_answer(answer, stage.text(provider, PROMPT), stage.model(provider), typed)
    assert answer._request_id


@feature("stream")
def test_stream(gpt, stage, provider, typed):
    """A stream is the same text in typed chunks of one id, with one finish reason and usage at its end."""
    ask(gpt, f"app-{provider}", True, typed, stage.text(provider, PROMPT), stage.model(provider))


@feature("stream")
def test_stream_without_usage(gpt, stage, provider):
    """A stream that was not asked for usage has none, and no chunk without a choice."""
    chunks = list(gpt.chat.completions.create(model=f"app-{provider}", messages=user(), stream=True))
    assert text_of(chunks) == stage.text(provider, PROMPT)
    assert all(chunk.usage is None and len(chunk.choices) == 1 for chunk in chunks)
    assert finishes(chunks) == ["stop"]


@feature("stream")
def test_stream_helper(gpt, stage, provider, typed):
    """The client's stream helper gathers the same completion."""
    with gpt.chat.completions.stream(model=f"app-{provider}", messages=user()) as events:
        kinds = [event.type for event in events]
        answer = events.get_final_completion()
    assert {"content.delta", "content.done"} <= set(kinds)
    typed(answer, "usage")
    assert answer.choices[0].message.content == stage.text(provider, PROMPT)
    assert answer.choices[0].finish_reason == "stop"


@feature("async")
def test_async(stage, provider, typed, async_gpt):
    """The asynchronous client gets the same, plain and streamed."""
    model, text = f"app-{provider}", stage.text(provider, PROMPT)

    async def both():
        async with async_gpt() as client:
            plain = await client.chat.completions.create(model=model, messages=user())
            options = {"include_usage": True}
            stream = await client.chat.completions.create(
                model=model, messages=user(), stream=True, stream_options=options
            )
            return plain, [chunk async for chunk in stream]

    plain, chunks = asyncio.run(both())
    check_answer(plain, text, stage.model(provider), typed)
    check_chunks(chunks, text, stage.model(provider), typed)


def called(client, stream, typed, **asked):
    """The message with the calls as it is sent back, and the calls as the client gives them."""
    if stream:
        with client.chat.completions.stream(**asked) as events:
            dones = [event for event in events if event.type == "tool_calls.function.arguments.done"]
            choice = events.get_final_completion().choices[0]
        assert [json.loads(event.arguments) for event in dones] == [ARGUMENTS] * len(asked["tools"])
    else:
        answer = client.chat.completions.create(**asked)
        typed(answer)
        choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.role == "assistant"
    assert not choice.message.content
    # The client's helper adds what it has parsed to the calls, which OpenAI refuses to read.
    message = assistant(choice.message) if stream else choice.message
    return message, choice.message.tool_calls


def assistant(message):
    calls = [
        call.model_dump(include={"id": True, "type": True, "function": {"name", "arguments"}})
        for call in message.tool_calls
    ]
    return {"role": "assistant", "tool_calls": calls}


@feature("tools")
@pytest.mark.parametrize("names", [["weather"], ["weather", "news"]], ids=["one", "parallel"])
def test_tools(gpt, stage, provider, stream, names, typed, tool):
    """Calls come typed, with ids of their own; the answer to their results, sent back as they came, quotes them."""
    asked = {"model": f"app-{provider}", "tools": [tool(name) for name in names]}
    message, calls = called(gpt, stream, typed, messages=user(USE), **asked)
    assert all(isinstance(call, ChatCompletionMessageFunctionToolCall) for call in calls)
    assert [(call.type, call.function.name) for call in calls] == [("function", name) for name in names]
    assert [json.loads(call.function.arguments) for call in calls] == [ARGUMENTS] * len(names)
    assert all(calls[place].id for place in range(len(names)))
    assert len({call.id for call in calls}) == len(names)
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} is fine"}
        for call in calls
    ]
    text = stage.text(provider, USE, results=[f"{name} is fine" for name in names])
    history = [*user(USE), message, *results]
    if stream:
        chunks = list(gpt.chat.completions.create(messages=history, stream=True, **asked))
        assert (text_of(chunks), finishes(chunks)) == (text, ["stop"])
    else:
        answer = gpt.chat.completions.create(messages=history, **asked)
        check_answer(answer, text, stage.model(provider), typed)


@feature("tools")
def test_tool_stream_chunks(gpt, provider, typed, tool):
    """Streamed calls begin with id, name and type, and add arguments under the same index."""
    tools = [tool("weather"), tool("news")]
    chunks = list(
        gpt.chat.completions.create(model=f"app-{provider}", messages=user(USE), tools=tools, stream=True)
    )
    for chunk in chunks:
        typed(chunk)
    deltas = [call for chunk in chunks if chunk.choices for call in chunk.choices[0].delta.tool_calls or ()]
    for index, name in enumerate(("weather", "news")):
        first, *rest = (call for call in deltas if call.index == index)
        assert (first.type, first.function.name, bool(first.id)) == ("function", name, True)
        assert all(call.id is None and call.function.name is None for call in rest)
        arguments = "".join(call.function.arguments or "" for call in (first, *rest))
        assert json.loads(arguments) == ARGUMENTS
    assert finishes(chunks) == ["tool_calls"]


@feature("tools")
@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", ["weather", "news"]),
        ({"type": "function", "function": {"name": "news"}}, ["news"]),
        ("none", []),
    ],
    ids=["required", "named", "none"],
)
def test_tool_choice(gpt, provider, choice, names, tool):
    """A tool choice is followed."""
    answer = gpt.chat.completions.create(
        model=f"app-{provider}",
        messages=user(USE if choice == "none" else PROMPT),
        tools=[tool("weather"), tool("news")],
        tool_choice=choice,
    )
    assert [call.function.name for call in answer.choices[0].message.tool_calls or ()] == names


@feature("images")
@pytest.mark.parametrize("kind", ["inline", "url"])
def test_images(gpt, stage, provider, stream, kind, pixel, typed):
    """Two images are seen, inline and by address."""
    url = f"data:image/png;base64,{pixel}" if kind == "inline" else IMAGE_URL
    image = {"type": "image_url", "image_url": {"url": url}}
    messages = user([{"type": "text", "text": PROMPT}, image, image])
    asked = {"model": f"app-{provider}", "messages": messages}
    text = stage.text(provider, PROMPT, images=2)
    if stream:
        assert text_of(gpt.chat.completions.create(stream=True, **asked)) == text
    else:
        check_answer(gpt.chat.completions.create(**asked), text, stage.model(provider), typed)


@feature("schema")
def test_schema(gpt, provider, stream, typed, forecast):
    """The client's own helper parses a structured answer into the application's class."""
    asked = {"model": f"app-{provider}", "messages": user(), "response_format": type(forecast)}
    if stream:
        with gpt.chat.completions.stream(**asked) as events:
            done = [event for event in events if event.type == "content.done"]
            answer = events.get_final_completion()
        assert [event.parsed for event in done] == [forecast]
    else:
        answer = gpt.chat.completions.parse(**asked)
    assert isinstance(answer, ParsedChatCompletion)
    assert answer.choices[0].message.parsed == forecast
    assert answer.choices[0].finish_reason == "stop"


@feature("schema")
def test_json_object(gpt, provider, stream):
    """JSON mode gives a JSON object."""
    asked = {
        "model": f"app-{provider}",
        "messages": user("Answer in JSON"),
        "response_format": {"type": "json_object"},
        "stream": stream,
    }
    answer = gpt.chat.completions.create(**asked)
    text = text_of(answer) if stream else answer.choices[0].message.content
    assert isinstance(json.loads(text), dict)


@feature("limits")
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_length(gpt, stage, provider, stream, name):
    """An answer that is cut by its limit says so: finish_reason length."""
    asked = {"model": f"app-{provider}", "messages": user(), name: 5, "stream": stream}
    answer = gpt.chat.completions.create(**asked)
    if stream:
        chunks = list(answer)
        text, finish = text_of(chunks), finishes(chunks)
    else:
        text, finish = answer.choices[0].message.content, [answer.choices[0].finish_reason]
        assert answer.usage.completion_tokens == 5
    assert finish == ["length"]
    assert stage.text(provider, PROMPT).startswith(text)
    assert len(text.split()) == 5


@feature("limits")
@pytest.mark.parametrize("stop", ["three", ["three", "nine"]], ids=["one", "list"])
def test_stop(gpt, provider, stream, stop):
    """A stop sequence ends the answer before it: finish_reason stop."""
    asked = {"model": f"app-{provider}", "messages": user(), "stop": stop, "stream": stream}
    answer = gpt.chat.completions.create(**asked)
    if stream:
        chunks = list(answer)
        text, finish = text_of(chunks), finishes(chunks)
    else:
        text, finish = answer.choices[0].message.content, [answer.choices[0].finish_reason]
    assert text.endswith("one two ")
    assert finish == ["stop"]


@feature("choices")
def test_several_choices(gpt, stage, provider, stream):
    """Several answers come where the provider has them; else the client is told that nobody can."""
    asked = {"model": f"app-{provider}", "messages": user(), "n": 2, "stream": stream}
    if provider == "anthropic":
        with pytest.raises(openai.APIStatusError, match="one choice only") as caught:
            gpt.chat.completions.create(**asked)
        assert caught.value.status_code == 400
        return
    answer = gpt.chat.completions.create(**asked)
    texts = {0: "", 1: ""}
    if stream:
        for chunk in answer:
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
    else:
        texts = {choice.index: choice.message.content for choice in answer.choices}
    assert texts == {number: stage.text(provider, PROMPT, choice=number) for number in (0, 1)}


@feature("reasoning")
def test_reasoning(gpt, stage, provider, stream):
    """An effort is followed; thoughts come apart from the text, where the provider shows them."""
    asked = {
        "model": f"thinker-{provider}",
        "messages": user(),
        "reasoning_effort": "low",
        "max_completion_tokens": 3000,
        "stream": stream,
    }
    answer = gpt.chat.completions.create(**asked)
    thoughts, text = "", ""
    for part in answer if stream else [answer]:
        for choice in part.choices:
            said = choice.delta if stream else choice.message
            text += said.content or ""
            thoughts += getattr(said, "reasoning_content", None) or ""
    assert is_whole(text)
    assert f"to: {PROMPT}" in text
    # OpenAI shows no thoughts in chats.
    assert thoughts.startswith("The user asks about") == (provider != "openai")


@feature("headers")
def test_headers(gpt, provider, stream, target_names):
    """The headers say who answered, in how many attempts, and under which ids."""
    create = gpt.chat.completions.with_raw_response.create
    raw = create(model=f"app-{provider}", messages=user(), stream=stream)
    assert raw.headers["x-halfopen-upstream"] == target_names[provider]
    assert raw.headers["x-halfopen-attempts"] == "1"
    assert raw.headers["x-halfopen-request-id"].startswith("ho-")
    assert raw.request_id == raw.headers["x-request-id"]
    parsed = raw.parse()
    if stream:
        assert finishes(parsed) == ["stop"]
    else:
        assert parsed._request_id == raw.request_id


@feature("models")
def test_models(gpt, provider):
    """The routes are listed and retrieved as typed models."""
    page = gpt.models.list()
    assert all(isinstance(model, openai.types.Model) for model in page)
    assert f"app-{provider}" in [model.id for model in page]
    found = gpt.models.retrieve(f"app-{provider}")
    assert (found.id, found.object, found.owned_by) == (f"app-{provider}", "model", "halfopen")
    with pytest.raises(openai.NotFoundError):
        gpt.models.retrieve("nobody")


@feature("errors")
def test_unknown_model(gpt, check_error, stream):
    """A model without a route: NotFoundError with OpenAI's code, sent once."""
    with pytest.raises(openai.NotFoundError, match="nobody") as caught:
        gpt.chat.completions.create(model="nobody", messages=user(), stream=stream)
    check_error(caught.value)
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"


@feature("errors")
def test_bad_request(gpt, sent, provider, stream):
    """A request that is wrong for everybody: BadRequestError."""
    with pytest.raises(openai.BadRequestError, match="messages") as caught:
        gpt.chat.completions.create(model=f"app-{provider}", messages=[], stream=stream)
    assert caught.value.request_id
    assert caught.value.type == "invalid_request_error"
    assert len(sent.paths) == 1


@feature("errors")
def test_refused_request(gpt, sent, provider, stream):
    """What the provider finds wrong: BadRequestError in its words."""
    with pytest.raises(openai.BadRequestError, match="temperature") as caught:
        gpt.chat.completions.create(model=f"app-{provider}", messages=user(), temperature=-3, stream=stream)
    assert caught.value.request_id
    assert caught.value.type == "invalid_request_error"
    assert len(sent.paths) == 1


@feature("errors")
def test_all_dead(dead, openai_at, check_error, stream):
    """With every provider dead: InternalServerError with the cause, the attempts and the request's id."""
    with pytest.raises(openai.InternalServerError) as caught:
        openai_at(dead).chat.completions.create(model="app", messages=user(), stream=stream)
    error = caught.value
    assert error.status_code in (500, 502, 503)
    check_error(error)
    assert error.code == error.body["code"]
    attempts = error.body["halfopen"]["attempts"]
    assert len({attempt["target"] for attempt in attempts}) == 2
    assert error.body["halfopen"]["request_id"].startswith("ho-")


@feature("errors")
def test_all_overloaded(overloaded, openai_at, check_error, stream):
    """Other vendors' words for being overloaded become OpenAI's."""
    with pytest.raises(openai.InternalServerError) as caught:
        openai_at(overloaded).chat.completions.create(model="app", messages=user(), stream=stream)
    check_error(caught.value)
    assert caught.value.status_code in (503, 529)
    assert caught.value.type in ("server_error", "service_unavailable_error")


@feature("errors")
def test_error_inside_a_stream(broken, openai_at, provider):
    """A stream that may not be continued ends with APIError after its beginning, never as if it were whole."""
    stage = broken(provider, "stream_cut_after_content", after_commit="error")
    text = ""
    stream = openai_at(stage).chat.completions.create(model="app", messages=user(), stream=True)
    with pytest.raises(openai.APIError) as caught:  # noqa: PT012 - what came before it counts
        for chunk in stream:
            text += text_of([chunk])
            assert not finishes([chunk])
    assert text
    assert stage.text(provider, PROMPT).startswith(text)
    assert caught.value.message
    assert set(caught.value.body) >= {"message", "type", "param", "code"}


@feature("failover")
def test_failover(failing, openai_at, stream, typed):
    """When the first provider answers 500, the second one's answer comes as if it were the first."""
    ask(openai_at(failing.stage), "app", stream, typed, failing.text, failing.model)
    assert failing.asked_first()


@feature("failover")
def test_failover_with_tools(broken_call, openai_at, stream, typed, tool):
    """Calls that one provider began are made by the other, and its answer follows on the results."""
    client = openai_at(broken_call)
    asked = {"model": "app", "tools": [tool("weather"), tool("news")]}
    message, calls = called(client, stream, typed, messages=user(USE), **asked)
    assert [call.function.name for call in calls] == ["weather", "news"]
    results = [{"role": "tool", "tool_call_id": call.id, "content": "fine"} for call in calls]
    answer = client.chat.completions.create(messages=[*user(USE), message, *results], **asked)
    assert "The tool said: fine. The tool said: fine." in answer.choices[0].message.content
    assert is_whole(answer.choices[0].message.content)


@feature("continuation")
def test_continuation(cut, openai_at, provider, typed, check_joined):
    """A stream that is cut is finished by the other provider: one text, one id, one finish, one usage."""
    chunks = list(
        openai_at(cut).chat.completions.create(
            model="app", messages=user(), stream=True, stream_options={"include_usage": True}
        )
    )
    text = text_of(chunks)
    check_chunks(chunks, text, cut.model(provider), typed)
    check_joined(text)


BUGS = {
    "another finish": (rb'"finish_reason": ?"stop"', b'"finish_reason":"end_turn"'),
    "no finish": (rb'"finish_reason": ?"stop"', b'"finish_reason":null'),
    "another role": (rb'"role": ?"assistant"', b'"role":"model"'),
    "a word is lost": (rb" two", b""),
    "a word comes twice": (rb" two", b" two two"),
    "no usage": (rb'"usage": ?\{', b'"usage_":{'),
    "another object": (rb"chat\.completion", b"response"),
    "choices under another name": (rb'"choices"', b'"candidates"'),
    "a time in words": (rb'"created": ?\d+', b'"created":"today"'),
    "another model": (rb'"model": ?"', b'"model":"x'),
    "messages writes": MESSAGES,
    "responses writes": RESPONSES,
    "generate writes": GENERATE,
}


@feature("planted bug")
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_noticed(gpt, stage, provider, stream, typed, noticed, bug):
    """What a broken gateway could write fails these tests."""
    with noticed("/v1/chat/completions", BUGS[bug], NOTICED, openai.APIStatusError):
        ask(gpt, f"app-{provider}", stream, typed, stage.text(provider, PROMPT), stage.model(provider))
