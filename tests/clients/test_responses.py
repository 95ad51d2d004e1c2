"""The openai client's responses, with each provider behind the gateway."""

import asyncio
import json

import openai
import pytest
from openai.types.responses import (
    ParsedResponse,
    Response,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

from halfopen.lab import is_whole
from halfopen.providers import CHAT
from halfopen.providers.clients.generate import GENERATE
from halfopen.providers.clients.messages import MESSAGES

feature = pytest.mark.feature
PROMPT = "What is the weather in Berlin?"
USE = "Use the tool for the weather in Berlin"
ARGUMENTS = {"city": "lab text", "days": 7}
IMAGE_URL = "https://images.example.com/sky.png"
NOTICED = (KeyError, ValueError, openai.OpenAIError)
"""How an application trips over a wrong answer, but for what every test does."""
ENDS = ("response.completed", "response.incomplete", "response.failed", "error")


@pytest.fixture
def tool(function):
    return lambda name: function(name, type="function", strict=True)


def check_usage(usage):
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens


def check_response(response, text, model, typed):
    """A whole text as a typed response."""
    assert isinstance(response, Response)
    typed(response)
    assert (response.object, response.model, response.status) == ("response", model, "completed")
    assert response.id.startswith("resp_")
    assert response.created_at > 1_600_000_000
    assert (response.error, response.incomplete_details) == (None, None)
    (item,) = response.output
    assert isinstance(item, ResponseOutputMessage)
    assert (item.type, item.role, item.status) == ("message", "assistant", "completed")
    assert item.id
    (part,) = item.content
    assert isinstance(part, ResponseOutputText)
    assert part.text == response.output_text == text
    assert is_whole(response.output_text)
    check_usage(response.usage)


def check_events(events, typed):
    """The order of a stream's events, and their numbers. Returns the last one's response."""
    for event in events:
        typed(event)
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [kind for kind in kinds if kind in ENDS] == kinds[-1:]
    for begin, end in (
        ("response.output_item.added", "response.output_item.done"),
        ("response.content_part.added", "response.content_part.done"),
    ):
        assert kinds.count(begin) == kinds.count(end)
    last = events[-1].response
    added = [event.item for event in events if event.type == "response.output_item.added"]
    done = [event.item for event in events if event.type == "response.output_item.done"]
    assert [item.id for item in added] == [item.id for item in done] == [item.id for item in last.output]
    assert {event.response.id for event in events if hasattr(event, "response")} == {last.id}
    return last


def check_text_events(events, text, model, typed):
    """A whole text as typed events that agree with one another."""
    response = check_events(events, typed)
    assert events[-1].type == "response.completed"
    check_response(response, text, model, typed)
    deltas = [event for event in events if event.type == "response.output_text.delta"]
    assert len(deltas) > 1
    assert "".join(event.delta for event in deltas) == text
    (done,) = (event for event in events if event.type == "response.output_text.done")
    assert done.text == text
    assert {event.item_id for event in (*deltas, done)} == {response.output[0].id}


def ask(client, model, stream, typed, text, expected_model, **more):
    """Ask in one way or the other, and check what comes."""
    if not stream:
        response = client.responses.create(model=model, input=PROMPT, **more)
        check_response(response, text, expected_model, typed)
        return
    with client.responses.create(model=model, input=PROMPT, stream=True, **more) as events:
        check_text_events(list(events), text, expected_model, typed)


@feature("plain")
def test_plain(gpt, stage, provider, typed):
    """A plain answer is a whole, typed Response with usage and a request id."""
    response = gpt.responses.create(model=f"app-{provider}", input=PROMPT, instructions="Be brief.")
    check_response(response, stage.text(provider, PROMPT), stage.model(provider), typed)
    assert response._request_id


@feature("plain")
def test_settings_come_back(gpt, provider, typed, tool):
    """The response repeats the settings that it was asked for with."""
    asked = {
        "temperature": 0.5,
        "max_output_tokens": 500,
        "metadata": {"team": "sky"},
        "instructions": "Be brief.",
    }
    response = gpt.responses.create(model=f"app-{provider}", input=PROMPT, tools=[tool("weather")], **asked)
    assert {name: getattr(response, name) for name in asked} == asked
    assert [(each.type, each.name) for each in response.tools] == [("function", "weather")]
    assert (response.tool_choice, response.parallel_tool_calls) == ("auto", True)


@feature("stream")
def test_stream(gpt, stage, provider, typed):
    """A stream is the same text in typed, numbered events, of which the last has the whole response."""
    ask(gpt, f"app-{provider}", True, typed, stage.text(provider, PROMPT), stage.model(provider))


@feature("stream")
def test_stream_helper(gpt, stage, provider, typed):
    """The client's stream helper gathers the same response."""
    with gpt.responses.stream(model=f"app-{provider}", input=PROMPT) as events:
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        response = events.get_final_response()
    assert "".join(deltas) == response.output_text == stage.text(provider, PROMPT)
    assert response.status == "completed"
    check_usage(response.usage)


@feature("async")
def test_async(stage, provider, typed, async_gpt):
    """The asynchronous client gets the same, plain and streamed."""
    model, text = f"app-{provider}", stage.text(provider, PROMPT)

    async def both():
        async with async_gpt() as client:
            plain = await client.responses.create(model=model, input=PROMPT)
            stream = await client.responses.create(model=model, input=PROMPT, stream=True)
            return plain, [event async for event in stream]

    plain, events = asyncio.run(both())
    check_response(plain, text, stage.model(provider), typed)
    check_text_events(events, text, stage.model(provider), typed)


def called(client, stream, typed, **asked):
    """The response with the calls."""
    if not stream:
        response = client.responses.create(**asked)
    else:
        with client.responses.create(stream=True, **asked) as found:
            events = list(found)
        response = check_events(events, typed)
        dones = [event for event in events if event.type == "response.function_call_arguments.done"]
        pieces = [event for event in events if event.type == "response.function_call_arguments.delta"]
        for done in dones:
            mine = [event.delta for event in pieces if event.item_id == done.item_id]
            assert "".join(mine) == done.arguments
        assert [done.item_id for done in dones] == [item.id for item in response.output]
    typed(response)
    assert response.status == "completed"
    return response


@feature("tools")
@pytest.mark.parametrize("names", [["weather"], ["weather", "news"]], ids=["one", "parallel"])
def test_tools(gpt, stage, provider, stream, names, typed, tool):
    """Calls come as typed items; the answer to their outputs, sent back with them, quotes them."""
    asked = {"model": f"app-{provider}", "tools": [tool(name) for name in names]}
    response = called(gpt, stream, typed, input=USE, **asked)
    calls = response.output
    assert all(isinstance(call, ResponseFunctionToolCall) for call in calls)
    assert [(call.type, call.name, call.status) for call in calls] == [
        ("function_call", name, "completed") for name in names
    ]
    assert [json.loads(call.arguments) for call in calls] == [ARGUMENTS] * len(names)
    assert len({call.call_id for call in calls} | {call.id for call in calls}) == 2 * len(names)
    outputs = [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"{call.name} is fine"}
        for call in calls
    ]
    history = [{"role": "user", "content": USE}, *calls, *outputs]
    text = stage.text(provider, USE, results=[f"{name} is fine" for name in names])
    if stream:
        events = list(gpt.responses.create(input=history, stream=True, **asked))
        check_text_events(events, text, stage.model(provider), typed)
    else:
        check_response(gpt.responses.create(input=history, **asked), text, stage.model(provider), typed)


@feature("tools")
@pytest.mark.parametrize(
    ("choice", "names"),
    [("required", ["weather", "news"]), ({"type": "function", "name": "news"}, ["news"]), ("none", [])],
    ids=["required", "named", "none"],
)
def test_tool_choice(gpt, provider, choice, names, tool):
    """A tool choice is followed, and comes back in the response."""
    response = gpt.responses.create(
        model=f"app-{provider}",
        input=USE if choice == "none" else PROMPT,
        tools=[tool("weather"), tool("news")],
        tool_choice=choice,
    )
    assert [item.name for item in response.output if item.type == "function_call"] == names
    given = response.tool_choice if isinstance(choice, str) else response.tool_choice.to_dict()
    assert given == choice


@feature("images")
@pytest.mark.parametrize("kind", ["inline", "url"])
def test_images(gpt, stage, provider, stream, kind, pixel, typed):
    """Two images are seen, inline and by address."""
    url = f"data:image/png;base64,{pixel}" if kind == "inline" else IMAGE_URL
    image = {"type": "input_image", "image_url": url, "detail": "auto"}
    given = [{"role": "user", "content": [{"type": "input_text", "text": PROMPT}, image, image]}]
    text = stage.text(provider, PROMPT, images=2)
    answer = gpt.responses.create(model=f"app-{provider}", input=given, stream=stream)
    if stream:
        check_text_events(list(answer), text, stage.model(provider), typed)
    else:
        check_response(answer, text, stage.model(provider), typed)


@feature("schema")
def test_schema(gpt, provider, stream, typed, forecast):
    """The client's own helper parses a structured answer into the application's class."""
    asked = {"model": f"app-{provider}", "input": PROMPT, "text_format": type(forecast)}
    if stream:
        with gpt.responses.stream(**asked) as events:
            for _ in events:
                pass
            response = events.get_final_response()
    else:
        response = gpt.responses.parse(**asked)
    assert isinstance(response, ParsedResponse)
    assert response.output_parsed == forecast
    assert response.output[0].content[0].parsed == forecast
    assert response.status == "completed"


@feature("schema")
def test_json_object(gpt, provider, stream, typed):
    """JSON mode gives a JSON object."""
    asked = {"input": "Answer in JSON", "text": {"format": {"type": "json_object"}}}
    answer = gpt.responses.create(model=f"app-{provider}", stream=stream, **asked)
    response = check_events(list(answer), typed) if stream else answer
    assert isinstance(json.loads(response.output_text), dict)
    assert response.text.format.type == "json_object"


@feature("limits")
def test_length(gpt, stage, provider, stream, typed):
    """An answer that is cut by its limit is an incomplete response that says why."""
    answer = gpt.responses.create(model=f"app-{provider}", input=PROMPT, max_output_tokens=16, stream=stream)
    if stream:
        events = list(answer)
        answer = check_events(events, typed)
        assert events[-1].type == "response.incomplete"
    typed(answer)
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert answer.output[0].status == "incomplete"
    assert answer.usage.output_tokens == 16
    assert stage.text(provider, PROMPT).startswith(answer.output_text)
    assert len(answer.output_text.split()) == 16


@feature("reasoning")
def test_reasoning(gpt, provider, stream, typed):
    """An effort is followed; a summary comes as an item before the message, where the provider shows thoughts."""
    answer = gpt.responses.create(
        model=f"thinker-{provider}",
        input=PROMPT,
        reasoning={"effort": "low", "summary": "auto"},
        stream=stream,
    )
    response = check_events(list(answer), typed) if stream else answer
    typed(response)
    assert is_whole(response.output_text)
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert response.output[0].summary[0].type == "summary_text"
    assert response.output[0].summary[0].text.startswith("The user asks about")
    assert response.usage.output_tokens_details.reasoning_tokens >= 0


@feature("reasoning")
def test_reasoning_comes_back(gpt, provider, typed):
    """The reasoning of one turn may stand in the next one's input."""
    asked = {
        "model": f"thinker-{provider}",
        "reasoning": {"effort": "low", "summary": "auto"},
        "store": False,
    }
    first = gpt.responses.create(input=PROMPT, **asked)
    history = [
        {"role": "user", "content": PROMPT},
        *(item.to_dict(exclude_none=True) for item in first.output),
        {"role": "user", "content": "And tomorrow?"},
    ]
    second = gpt.responses.create(input=history, **asked)
    assert is_whole(second.output_text)
    assert "to: And tomorrow?" in second.output_text


@feature("stored state")
def test_stored(gpt, provider, typed):
    """OpenAI's stored responses are gone on from, retrieved and deleted; with others the client is told why not."""
    first = gpt.responses.create(model=f"app-{provider}", input=PROMPT)
    more = {"model": f"app-{provider}", "input": "And tomorrow?", "previous_response_id": first.id}
    if provider != "openai":
        with pytest.raises(openai.BadRequestError, match="not stored"):
            gpt.responses.create(**more)
        return
    second = gpt.responses.create(**more)
    typed(second)
    assert second.previous_response_id == first.id
    assert "to: And tomorrow?" in second.output_text
    found = gpt.responses.retrieve(first.id)
    assert isinstance(found, Response)
    assert (found.id, found.output_text) == (first.id, first.output_text)
    items = gpt.responses.input_items.list(first.id)
    assert [item.role for item in items] == ["user"]
    assert gpt.responses.delete(first.id) is None
    with pytest.raises(openai.NotFoundError):
        gpt.responses.retrieve(first.id)


@feature("headers")
def test_headers(gpt, provider, stream, target_names):
    """The headers say who answered, in how many attempts, and under which ids."""
    raw = gpt.responses.with_raw_response.create(model=f"app-{provider}", input=PROMPT, stream=stream)
    assert raw.headers["x-halfopen-upstream"] == target_names[provider]
    assert raw.headers["x-halfopen-attempts"] == "1"
    assert raw.headers["x-halfopen-request-id"].startswith("ho-")
    assert raw.request_id == raw.headers["x-request-id"]
    parsed = raw.parse()
    if stream:
        assert [event.type for event in parsed][-1] == "response.completed"


@feature("errors")
def test_unknown_model(gpt, check_error, stream):
    """A model without a route: NotFoundError with OpenAI's code, sent once."""
    with pytest.raises(openai.NotFoundError, match="nobody") as caught:
        gpt.responses.create(model="nobody", input=PROMPT, stream=stream)
    check_error(caught.value)
    assert caught.value.code == "model_not_found"


@feature("errors")
def test_bad_request(gpt, check_error, provider, stream):
    """A request that is wrong for everybody: BadRequestError that names the parameter."""
    with pytest.raises(openai.BadRequestError, match="input") as caught:
        gpt.responses.create(model=f"app-{provider}", input=7, stream=stream)
    check_error(caught.value)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.param == "input"


@feature("errors")
def test_refused_request(gpt, check_error, provider, stream):
    """What the provider finds wrong: BadRequestError in its words."""
    with pytest.raises(openai.BadRequestError, match="temperature") as caught:
        gpt.responses.create(model=f"app-{provider}", input=PROMPT, temperature=-3, stream=stream)
    check_error(caught.value)
    assert caught.value.type == "invalid_request_error"


@feature("errors")
def test_all_dead(dead, openai_at, check_error, stream):
    """With every provider dead: InternalServerError with the cause, the attempts and the request's id."""
    with pytest.raises(openai.InternalServerError) as caught:
        openai_at(dead).responses.create(model="app", input=PROMPT, stream=stream)
    check_error(caught.value)
    assert caught.value.code == caught.value.body["code"]
    attempts = caught.value.body["halfopen"]["attempts"]
    assert len({attempt["target"] for attempt in attempts}) == 2


@feature("errors")
def test_all_overloaded(overloaded, openai_at, check_error, stream):
    """Other vendors' words for being overloaded become OpenAI's."""
    with pytest.raises(openai.InternalServerError) as caught:
        openai_at(overloaded).responses.create(model="app", input=PROMPT, stream=stream)
    check_error(caught.value)
    assert caught.value.status_code in (503, 529)
    assert caught.value.type in ("server_error", "service_unavailable_error")


@feature("errors")
def test_error_inside_a_stream(broken, openai_at, provider, typed):
    """A stream that may not be continued ends with a typed failure after its beginning, never as if it were whole."""
    stage = broken(provider, "stream_cut_after_content", content_events=12, after_commit="error")
    events = []
    try:
        events.extend(openai_at(stage).responses.create(model="app", input=PROMPT, stream=True))
        last = events[-1]
        typed(last)
        assert last.type in ("response.failed", "error")
        message = last.response.error.message if last.type == "response.failed" else last.message
    except openai.APIError as error:
        message = error.message
    assert message
    kinds = [event.type for event in events]
    assert not {"response.completed", "response.incomplete", "response.output_text.done"} & set(kinds)
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text
    assert stage.text(provider, PROMPT).startswith(text)


@feature("failover")
def test_failover(failing, openai_at, stream, typed):
    """When the first provider answers 500, the second one's answer comes as if it were the first."""
    ask(openai_at(failing.stage), "app", stream, typed, failing.text, failing.model)
    assert failing.asked_first()


@feature("failover")
def test_failover_with_tools(broken_call, openai_at, stream, typed, tool):
    """Calls that one provider began are made by the other, and its answer follows on the outputs."""
    client = openai_at(broken_call)
    asked = {"model": "app", "tools": [tool("weather"), tool("news")]}
    response = called(client, stream, typed, input=USE, **asked)
    assert [call.name for call in response.output] == ["weather", "news"]
    outputs = [
        {"type": "function_call_output", "call_id": call.call_id, "output": "fine"}
        for call in response.output
    ]
    history = [{"role": "user", "content": USE}, *response.output, *outputs]
    told = client.responses.create(input=history, **asked)
    assert "The tool said: fine. The tool said: fine." in told.output_text
    assert is_whole(told.output_text)


@feature("continuation")
def test_continuation(cut, openai_at, provider, typed, check_joined):
    """A stream that is cut is finished by the other provider: one item, one text, one numbering, one end."""
    events = list(openai_at(cut).responses.create(model="app", input=PROMPT, stream=True))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    check_text_events(events, text, cut.model(provider), typed)
    check_joined(text)


BUGS = {
    "another status": (rb'"status": ?"completed"', b'"status":"done"'),
    "another role": (rb'"role": ?"assistant"', b'"role":"model"'),
    "a word is lost": (rb" two", b""),
    "a word comes twice": (rb" two", b" two two"),
    "no usage": (rb'"usage": ?\{', b'"usage_":{'),
    "another object": (rb'"object": ?"response"', b'"object":"chat.completion"'),
    "another part": (rb'"output_text"', b'"text"'),
    "output under another name": (rb'"output"', b'"choices"'),
    "a time in words": (rb'"created_at": ?[\d.]+', b'"created_at":"today"'),
    "another model": (rb'"model": ?"', b'"model":"x'),
    "chat writes": CHAT,
    "messages writes": MESSAGES,
    "generate writes": GENERATE,
}


@feature("planted bug")
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_noticed(gpt, stage, provider, stream, typed, noticed, bug):
    """What a broken gateway could write fails these tests."""
    with noticed("/v1/responses", BUGS[bug], NOTICED, openai.APIStatusError):
        ask(gpt, f"app-{provider}", stream, typed, stage.text(provider, PROMPT), stage.model(provider))


STREAM_BUGS = {
    "numbers": (rb'"sequence_number": ?\d+', b'"sequence_number":3'),
    "no deltas": (rb'"response.output_text.delta"', b'"response.output_text.piece"'),
    "no end": (rb'"type": ?"response.completed"', b'"type":"response.in_progress"'),
    "a block that never ends": (rb'"type": ?"response.output_item.done"', b'"type":"response.in_progress"'),
    "ids of the item": (rb'"item_id": ?"', b'"item_id":"x'),
}


@feature("planted bug")
@pytest.mark.parametrize("bug", STREAM_BUGS)
def test_a_bug_in_the_events_is_noticed(gpt, stage, provider, typed, noticed, bug):
    """What a broken gateway could write into a stream fails these tests."""
    with noticed("/v1/responses", STREAM_BUGS[bug], NOTICED, openai.APIStatusError):
        ask(gpt, f"app-{provider}", True, typed, stage.text(provider, PROMPT), stage.model(provider))
