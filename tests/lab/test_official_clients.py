"""The official clients, talking to the lab directly, parse every simulated answer."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors as genai_errors
from google.genai import types

from halfopen.lab import Lab, expected_text, is_whole

GPT, CLAUDE, GEMINI = "gpt-4o-mini", "claude-haiku-4-5", "gemini-2.5-flash"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "array", "items": {"type": "integer"}},
        "sky": {"type": "string", "enum": ["clear", "cloudy"]},
    },
    "required": ["city", "days", "sky"],
    "additionalProperties": False,
}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
QUESTION = "What is the weather in Berlin?"


@contextmanager
def running_lab() -> Iterator[Lab]:
    loop = asyncio.new_event_loop()
    lab = Lab()
    loop.run_until_complete(lab.start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield lab
    finally:
        asyncio.run_coroutine_threadsafe(lab.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab in a thread of its own, for the synchronous clients."""
    with running_lab() as lab:
        yield lab


@pytest.fixture(scope="module")
def gpt(lab):
    with openai.OpenAI(api_key="lab", base_url=lab["openai"].base_url, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def claude(lab):
    with anthropic.Anthropic(api_key="lab", base_url=lab["anthropic"].base_url, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def gemini(lab):
    with genai.Client(api_key="lab", http_options={"base_url": lab["gemini"].base_url}) as client:
        yield client


def user(text=QUESTION):
    return [{"role": "user", "content": text}]


def tool(name):
    return {"type": "function", "function": {"name": name, "parameters": PARAMETERS}}


# OpenAI


def test_openai_text(gpt):
    """A plain answer is a whole ChatCompletion with usage and a request id."""
    answer = gpt.chat.completions.create(model=GPT, messages=user())
    choice = answer.choices[0]
    assert choice.message.content == expected_text("openai", GPT, QUESTION)
    assert is_whole(choice.message.content)
    assert choice.finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer._request_id.startswith("req_")
    assert answer.object == "chat.completion"


def test_openai_stream(gpt):
    """A stream gives the same text, a finish reason and usage when asked for."""
    chunks = list(
        gpt.chat.completions.create(
            model=GPT, messages=user(), stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == expected_text("openai", GPT, QUESTION)
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == [
        "stop"
    ]
    assert chunks[-1].usage.completion_tokens > 0
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_openai_async(lab):
    """The asynchronous client parses plain and streamed answers."""

    async def ask():
        async with openai.AsyncOpenAI(api_key="lab", base_url=lab["openai"].base_url) as client:
            plain = await client.chat.completions.create(model=GPT, messages=user())
            stream = await client.chat.completions.create(model=GPT, messages=user(), stream=True)
            return plain, [chunk async for chunk in stream]

    plain, chunks = asyncio.run(ask())
    assert is_whole(plain.choices[0].message.content)
    assert is_whole("".join(chunk.choices[0].delta.content or "" for chunk in chunks))


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_openai_parallel_tools(gpt, stream):
    """Two tools are called in parallel, with arguments that satisfy their schemas."""
    asked = {"model": GPT, "messages": user("Use the tool, please"), "tools": [tool("a"), tool("b")]}
    if stream:
        with gpt.chat.completions.stream(**asked) as events:
            for _ in events:
                pass
            choice = events.get_final_completion().choices[0]
    else:
        choice = gpt.chat.completions.create(**asked).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert [call.function.name for call in choice.message.tool_calls] == ["a", "b"]
    assert len({call.id for call in choice.message.tool_calls}) == 2
    assert all(
        json.loads(call.function.arguments) == {"city": "lab text"} for call in choice.message.tool_calls
    )


@pytest.mark.parametrize(
    ("choice", "names"),
    [("required", ["a", "b"]), ({"type": "function", "function": {"name": "b"}}, ["b"])],
    ids=["required", "named"],
)
def test_openai_tool_choice(gpt, choice, names):
    """A tool choice that demands a tool gets one."""
    answer = gpt.chat.completions.create(
        model=GPT, messages=user(), tools=[tool("a"), tool("b")], tool_choice=choice
    )
    assert [call.function.name for call in answer.choices[0].message.tool_calls] == names


def test_openai_tool_result(gpt):
    """The answer to a tool's result quotes it."""
    tools = [tool("weather")]
    messages = user("Use the tool")
    called = gpt.chat.completions.create(model=GPT, messages=messages, tools=tools).choices[0].message
    messages += [called, {"role": "tool", "tool_call_id": called.tool_calls[0].id, "content": "21 degrees"}]
    answer = gpt.chat.completions.create(model=GPT, messages=messages, tools=tools)
    assert "The tool said: 21 degrees." in answer.choices[0].message.content


def test_openai_json_schema(gpt):
    """Structured output satisfies the schema."""
    response_format = {"type": "json_schema", "json_schema": {"name": "w", "schema": SCHEMA, "strict": True}}
    answer = gpt.chat.completions.create(model=GPT, messages=user(), response_format=response_format)
    assert json.loads(answer.choices[0].message.content) == {"city": "lab text", "days": [7], "sky": "clear"}


def test_openai_images_stop_length_and_choices(gpt):
    """Images are counted; stop, max_tokens and n do what they say."""
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    seen = gpt.chat.completions.create(
        model=GPT, messages=[{"role": "user", "content": [{"type": "text", "text": "Look"}, image, image]}]
    )
    assert "I saw 2 images." in seen.choices[0].message.content
    stopped = gpt.chat.completions.create(model=GPT, messages=user(), stop=["three"])
    assert stopped.choices[0].message.content.endswith("one two ")
    assert stopped.choices[0].finish_reason == "stop"
    short = gpt.chat.completions.create(model=GPT, messages=user(), max_tokens=4)
    assert (short.choices[0].finish_reason, short.usage.completion_tokens) == ("length", 4)
    several = gpt.chat.completions.create(model=GPT, messages=user(), n=3)
    assert [choice.index for choice in several.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in several.choices}) == 3


def test_openai_models(gpt):
    """The list of models is a page of models."""
    assert GPT in [model.id for model in gpt.models.list()]
    assert gpt.models.retrieve(GPT).object == "model"


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("openai_401_invalid_api_key", openai.AuthenticationError, "invalid_api_key"),
        (
            "openai_403_unsupported_country",
            openai.PermissionDeniedError,
            "unsupported_country_region_territory",
        ),
        ("openai_404_model_not_found", openai.NotFoundError, "model_not_found"),
        ("openai_409_conflict", openai.ConflictError, "conflict"),
        ("openai_422_unprocessable", openai.UnprocessableEntityError, None),
        ("openai_429_insufficient_quota", openai.RateLimitError, "insufficient_quota"),
        ("openai_500_server_error", openai.InternalServerError, None),
    ],
)
def test_openai_errors(gpt, lab, fault, error, code):
    """An error becomes the client's own exception with its code."""
    lab["openai"].set_fault(fault, times=1)
    with pytest.raises(error) as caught:
        gpt.chat.completions.create(model=GPT, messages=user())
    assert caught.value.code == code
    assert caught.value.request_id.startswith("req_")


def test_openai_error_event(gpt, lab):
    """An error in the middle of a stream is raised by the client."""
    lab["openai"].set_fault("stream_error_event_after_content", times=1)
    with pytest.raises(openai.APIError, match="The server had an error"):
        list(gpt.chat.completions.create(model=GPT, messages=user(), stream=True))


# Anthropic


def test_anthropic_text(claude):
    """A plain answer is a whole Message."""
    answer = claude.messages.create(model=CLAUDE, max_tokens=100, messages=user(), system="Be brief.")
    assert answer.content[0].text == expected_text("anthropic", CLAUDE, QUESTION)
    assert (answer.stop_reason, answer.type) == ("end_turn", "message")
    assert answer.usage.output_tokens > 0
    assert answer._request_id.startswith("req_")


def test_anthropic_stream(claude):
    """A stream adds up to the same Message."""
    with claude.messages.stream(model=CLAUDE, max_tokens=100, messages=user()) as stream:
        text = "".join(stream.text_stream)
        answer = stream.get_final_message()
    assert text == answer.content[0].text == expected_text("anthropic", CLAUDE, QUESTION)
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens > 10


def test_anthropic_async(lab):
    """The asynchronous client parses plain and streamed answers."""

    async def ask():
        async with anthropic.AsyncAnthropic(api_key="lab", base_url=lab["anthropic"].base_url) as client:
            plain = await client.messages.create(model=CLAUDE, max_tokens=100, messages=user())
            async with client.messages.stream(model=CLAUDE, max_tokens=100, messages=user()) as stream:
                return plain, await stream.get_final_message()

    for answer in asyncio.run(ask()):
        assert is_whole(answer.content[0].text)


def claude_tool(name):
    return {"name": name, "input_schema": PARAMETERS}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_anthropic_tools_and_result(claude, stream):
    """Two tools are used in parallel, and the answer to their results quotes them."""
    asked = {"model": CLAUDE, "max_tokens": 200, "tools": [claude_tool("a"), claude_tool("b")]}
    messages = user("Use the tool")
    if stream:
        with claude.messages.stream(messages=messages, **asked) as events:
            answer = events.get_final_message()
    else:
        answer = claude.messages.create(messages=messages, **asked)
    assert answer.stop_reason == "tool_use"
    assert [(block.type, block.name, block.input) for block in answer.content] == [
        ("tool_use", "a", {"city": "lab text"}),
        ("tool_use", "b", {"city": "lab text"}),
    ]
    results = [
        {"type": "tool_result", "tool_use_id": b.id, "content": f"{b.name} says 21"} for b in answer.content
    ]
    messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    told = claude.messages.create(messages=messages, **asked)
    assert "The tool said: a says 21. The tool said: b says 21." in told.content[0].text


def test_anthropic_options(claude):
    """Tool choice, structured output, images, stop sequences and max_tokens do what they say."""
    one = claude.messages.create(
        model=CLAUDE,
        max_tokens=100,
        messages=user(),
        tools=[claude_tool("a"), claude_tool("b")],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
    )
    assert [block.name for block in one.content] == ["a"]
    shaped = claude.messages.create(
        model=CLAUDE,
        max_tokens=100,
        messages=user(),
        output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
    )
    assert json.loads(shaped.content[0].text)["sky"] == "clear"
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    seen = claude.messages.create(model=CLAUDE, max_tokens=100, messages=user([image]))
    assert "I saw 1 image." in seen.content[0].text
    stopped = claude.messages.create(model=CLAUDE, max_tokens=100, messages=user(), stop_sequences=["three"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "three")
    short = claude.messages.create(model=CLAUDE, max_tokens=3, messages=user())
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 3)
    assert CLAUDE in [model.id for model in claude.models.list()]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("anthropic_400_invalid_request", anthropic.BadRequestError),
        ("anthropic_401_authentication", anthropic.AuthenticationError),
        ("anthropic_404_not_found", anthropic.NotFoundError),
        ("anthropic_429_rate_limit", anthropic.RateLimitError),
        ("anthropic_529_overloaded", anthropic.InternalServerError),
    ],
)
def test_anthropic_errors(claude, lab, fault, error):
    """An error becomes the client's own exception."""
    lab["anthropic"].set_fault(fault, times=1)
    with pytest.raises(error) as caught:
        claude.messages.create(model=CLAUDE, max_tokens=10, messages=user())
    assert caught.value.body["type"] == "error"


def test_anthropic_error_event(claude, lab):
    """An error in the middle of a stream is raised by the client."""
    lab["anthropic"].set_fault("stream_error_event_after_content", times=1)
    with pytest.raises(anthropic.APIStatusError, match="had an error"):
        list(claude.messages.create(model=CLAUDE, max_tokens=100, messages=user(), stream=True))


# Gemini


def test_gemini_text(gemini):
    """A plain answer is a whole GenerateContentResponse."""
    answer = gemini.models.generate_content(model=GEMINI, contents=QUESTION)
    assert answer.text == expected_text("gemini", GEMINI, QUESTION)
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    assert answer.usage_metadata.total_token_count > 0
    assert answer.model_version == GEMINI


def test_gemini_stream(gemini):
    """A stream adds up to the same text and ends with a finish reason."""
    chunks = list(gemini.models.generate_content_stream(model=GEMINI, contents=QUESTION))
    assert is_whole("".join(chunk.text or "" for chunk in chunks))
    assert chunks[-1].candidates[0].finish_reason is types.FinishReason.STOP


def test_gemini_async(lab):
    """The asynchronous client parses plain and streamed answers."""

    async def ask():
        async with genai.Client(
            api_key="lab", http_options={"base_url": lab["gemini"].base_url}
        ).aio as client:
            plain = await client.models.generate_content(model=GEMINI, contents=QUESTION)
            stream = await client.models.generate_content_stream(model=GEMINI, contents=QUESTION)
            return plain.text, "".join([chunk.text or "" async for chunk in stream])

    plain, streamed = asyncio.run(ask())
    assert plain == streamed == expected_text("gemini", GEMINI, QUESTION)


def declared(*names):
    return [
        types.Tool(function_declarations=[{"name": n, "parameters_json_schema": PARAMETERS} for n in names])
    ]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_gemini_tools_and_result(gemini, stream):
    """Two functions are called in parallel, and the answer to their responses quotes them."""
    config = types.GenerateContentConfig(
        tools=declared("a", "b"),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    asked = types.Content(role="user", parts=[types.Part(text="Use the tool")])
    if stream:
        chunks = list(gemini.models.generate_content_stream(model=GEMINI, contents=asked, config=config))
        calls = [call for chunk in chunks for call in chunk.function_calls or ()]
    else:
        calls = gemini.models.generate_content(model=GEMINI, contents=asked, config=config).function_calls
    assert [(call.name, call.args) for call in calls] == [
        ("a", {"city": "lab text"}),
        ("b", {"city": "lab text"}),
    ]
    made = types.Content(role="model", parts=[types.Part(function_call=call) for call in calls])
    told = types.Content(
        role="user",
        parts=[
            types.Part.from_function_response(name=c.name, response={"result": f"{c.name} 21"}) for c in calls
        ],
    )
    answer = gemini.models.generate_content(model=GEMINI, contents=[asked, made, told], config=config)
    assert "The tool said: a 21. The tool said: b 21." in answer.text


def test_gemini_options(gemini):
    """Structured output, images, stop sequences, limits and several candidates do what they say."""

    def ask(contents=QUESTION, **config):
        return gemini.models.generate_content(
            model=GEMINI, contents=contents, config=types.GenerateContentConfig(**config)
        )

    shaped = ask(response_mime_type="application/json", response_json_schema=SCHEMA)
    assert json.loads(shaped.text)["sky"] == "clear"
    typed = ask(
        response_mime_type="application/json",
        response_schema={"type": "OBJECT", "properties": {"sky": {"type": "STRING", "enum": ["clear"]}}},
    )
    assert typed.parsed == {"sky": "clear"}
    image = types.Part.from_bytes(data=b"png", mime_type="image/png")
    assert "I saw 2 images." in ask([types.Part(text="Look"), image, image]).text
    assert ask(stop_sequences=["three"]).text.endswith("one two ")
    assert ask(max_output_tokens=3).candidates[0].finish_reason is types.FinishReason.MAX_TOKENS
    assert len(ask(candidate_count=2).candidates) == 2
    forced = ask(tools=declared("a"), tool_config={"function_calling_config": {"mode": "ANY"}})
    assert forced.function_calls[0].name == "a"
    assert f"models/{GEMINI}" in [model.name for model in gemini.models.list()]


@pytest.mark.parametrize(
    ("fault", "error", "status"),
    [
        ("gemini_400_api_key_invalid", genai_errors.ClientError, "INVALID_ARGUMENT"),
        ("gemini_429_resource_exhausted", genai_errors.ClientError, "RESOURCE_EXHAUSTED"),
        ("gemini_503_unavailable", genai_errors.ServerError, "UNAVAILABLE"),
    ],
)
def test_gemini_errors(gemini, lab, fault, error, status):
    """An error becomes the client's own exception with its status."""
    lab["gemini"].set_fault(fault, times=1)
    with pytest.raises(error) as caught:
        gemini.models.generate_content(model=GEMINI, contents=QUESTION)
    assert caught.value.status == status
