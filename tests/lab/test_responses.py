"""OpenAI's Responses, as the official client and bare bytes see them."""

import asyncio
import json
from collections.abc import Iterator
from threading import Thread

import openai
import pytest

from halfopen.lab import LabProvider, continued_text, expected_text, is_whole, repeated_words
from halfopen.providers.continuation import MARK

GPT, REASONING = "gpt-4o-mini", "gpt-5-mini"
QUESTION = "What is the weather in Berlin?"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"type": "integer"}}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture(scope="module")
def provider() -> Iterator[LabProvider]:
    """A simulated OpenAI in a thread of its own, for the synchronous client."""
    loop = asyncio.new_event_loop()
    provider = LabProvider("openai")
    loop.run_until_complete(provider.start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield provider
    finally:
        asyncio.run_coroutine_threadsafe(provider.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def gpt(provider):
    with openai.OpenAI(api_key="lab", base_url=provider.base_url, max_retries=0) as client:
        yield client


def tool(name):
    return {"type": "function", "name": name, "parameters": PARAMETERS, "strict": False}


def test_text(gpt):
    """A plain answer is a whole Response with usage, settings and a request id."""
    answer = gpt.responses.create(model=GPT, input=QUESTION, instructions="Be brief.", metadata={"a": "b"})
    assert answer.output_text == expected_text("openai", GPT, QUESTION)
    assert (answer.status, answer.object, answer.error) == ("completed", "response", None)
    assert (answer.instructions, answer.metadata) == ("Be brief.", {"a": "b"})
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0
    assert answer._request_id.startswith("req_")


def test_stream(gpt):
    """The events come in OpenAI's order, numbered from 0, and add up to the answer."""
    events = list(gpt.responses.create(model=GPT, input=QUESTION, stream=True))
    types = [event.type for event in events]
    assert types[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert set(types[4:-4]) == {"response.output_text.delta"}
    assert types[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == events[-1].response.output_text == expected_text("openai", GPT, QUESTION)
    assert events[0].response.usage is None
    assert events[-1].response.usage.output_tokens > 0
    assert len(events) >= 20


def test_stream_helper(gpt):
    """The client's own accumulator agrees with the final response."""
    with gpt.responses.stream(model=GPT, input=QUESTION) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == final.output_text


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_tools_over_two_turns(gpt, stream):
    """Two tools are called in parallel; the next answer quotes their results."""
    asked = {"model": GPT, "tools": [tool("a"), tool("b")]}
    context = [{"role": "user", "content": "Use the tool, please"}]
    if stream:
        with gpt.responses.stream(**asked, input=context) as events:
            kinds = [event.type for event in events]
            first = events.get_final_response()
        assert kinds.count("response.function_call_arguments.delta") >= 32
    else:
        first = gpt.responses.create(**asked, input=context)
    calls = [item for item in first.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["a", "b"]
    assert all(json.loads(call.arguments) == {"city": "lab text"} for call in calls)
    context += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    context += [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"result of {call.name}"}
        for call in calls
    ]
    second = gpt.responses.create(**asked, input=context)
    assert "The tool said: result of a." in second.output_text
    assert "The tool said: result of b." in second.output_text


def test_json_schema_images_and_a_limit(gpt):
    """Structured output satisfies its schema, images are counted, a limit makes it incomplete."""
    text = {"format": {"type": "json_schema", "name": "w", "schema": SCHEMA, "strict": True}}
    assert json.loads(gpt.responses.create(model=GPT, input=QUESTION, text=text).output_text) == {
        "city": "lab text",
        "days": [7],
    }
    image = {"type": "input_image", "image_url": PIXEL, "detail": "auto"}
    content = [{"type": "input_text", "text": "Look"}, image]
    seen = gpt.responses.create(model=GPT, input=[{"role": "user", "content": content}])
    assert "I saw 1 image." in seen.output_text
    short = gpt.responses.create(model=GPT, input=QUESTION, max_output_tokens=16)
    assert (short.status, short.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert short.usage.output_tokens == 16
    events = list(gpt.responses.create(model=GPT, input=QUESTION, max_output_tokens=16, stream=True))
    assert events[-1].type == "response.incomplete"


def test_reasoning(gpt):
    """Models that reason give an item for it, with a summary when one is asked for."""
    plain = gpt.responses.create(model=REASONING, input=QUESTION)
    assert [item.type for item in plain.output] == ["reasoning", "message"]
    assert plain.output[0].summary == []
    with gpt.responses.stream(model=REASONING, input=QUESTION, reasoning={"summary": "auto"}) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.reasoning_summary_text.delta" in kinds
    assert "Berlin" in final.output[0].summary[0].text
    assert final.usage.output_tokens_details.reasoning_tokens > 0


def test_stored_state(gpt):
    """A kept response can be read, gone on from and deleted; then it is gone."""
    first = gpt.responses.create(model=GPT, input="Use the tool", tools=[tool("a")])
    call = first.output[0]
    second = gpt.responses.create(
        model=GPT,
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}],
    )
    assert "The tool said: 21 degrees." in second.output_text
    assert "to: Use the tool." in second.output_text
    assert gpt.responses.retrieve(second.id).output_text == second.output_text
    assert len(gpt.responses.input_items.list(second.id).data) == 3
    gpt.responses.delete(second.id)
    with pytest.raises(openai.NotFoundError, match="not found"):
        gpt.responses.retrieve(second.id)
    with pytest.raises(openai.BadRequestError) as caught:
        gpt.responses.create(model=GPT, input="x", previous_response_id=second.id)
    assert caught.value.code == "previous_response_not_found"
    unkept = gpt.responses.create(model=GPT, input="x", store=False)
    with pytest.raises(openai.NotFoundError):
        gpt.responses.retrieve(unkept.id)


def test_memory_is_bounded(gpt):
    """The oldest responses are forgotten."""
    first = gpt.responses.create(model=GPT, input="first")
    for number in range(260):
        last = gpt.responses.create(model=GPT, input=f"later {number}")
    assert gpt.responses.retrieve(last.id).id == last.id
    with pytest.raises(openai.NotFoundError):
        gpt.responses.retrieve(first.id)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"messages": []}, "unsupported_parameter", "has moved to 'input'"),
        ({"max_tokens": 5}, "unsupported_parameter", "'max_output_tokens'"),
        ({"stop": ["x"]}, "unknown_parameter", "'stop'"),
        ({"max_output_tokens": 5}, "integer_below_min_value", ">= 16"),
        ({"input": 5}, "invalid_type", "'input'"),
        (
            {"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
            "invalid_value",
            "input_text",
        ),
        (
            {"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]},
            "invalid_value",
            "'output_text' and 'refusal'",
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]},
            None,
            "No tool call found",
        ),
        (
            {"input": [{"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"}]},
            None,
            "No tool output found",
        ),
        ({"tool_choice": {"type": "function", "name": "n"}}, None, "Tool choice"),
        ({"text": {"format": {"type": "json_object"}}}, None, "word 'json'"),
        ({"tools": [{"type": "function", "function": {"name": "n"}}]}, "missing_required_parameter", "name"),
        ({"stream_options": {"include_obfuscation": True}}, None, "stream_options"),
        ({"reasoning": {"effort": "low"}}, "unsupported_parameter", "reasoning.effort"),
        ({"model": "missing-model"}, "model_not_found", "does not exist"),
    ],
)
def test_it_refuses_what_openai_refuses(change, code, words, with_lab):
    """Wrong requests get OpenAI's words and codes."""
    body = {"model": GPT, "input": "hello", **change}
    seen = with_lab("openai", lambda _, wire: wire.call("POST", "/v1/responses", body))
    assert seen.status in {400, 404}
    assert seen.json["error"]["code"] == code
    assert words in seen.json["error"]["message"]


@pytest.mark.parametrize(
    ("failed", "type_"), [(False, "error"), (True, "response.failed")], ids=["error", "failed"]
)
def test_an_error_in_its_stream_has_its_own_shape(failed, type_, with_lab):
    """The event is that of the Responses API, numbered like the others."""

    async def play(provider, wire):
        provider.set_fault("stream_error_event_after_content", at_event=6, as_failed=failed)
        return await wire.call("POST", "/v1/responses", {"model": GPT, "input": QUESTION, "stream": True})

    seen = with_lab("openai", play)
    last = seen.events[-1]
    assert (last["type"], last["sequence_number"]) == (type_, 6)
    assert f"event: {type_}\n".encode() in seen.body
    if failed:
        assert last["response"]["status"] == "failed"
        assert last["response"]["error"]["code"] == "server_error"
        assert last["response"]["id"] == seen.events[0]["response"]["id"]


def test_a_stream_without_content_repeats_none(with_lab):
    """`stream_finish_before_content` leaves the text out of the closing events as well."""

    async def play(provider, wire):
        provider.set_fault("stream_finish_before_content")
        return await wire.call("POST", "/v1/responses", {"model": GPT, "input": QUESTION, "stream": True})

    seen = with_lab("openai", play)
    assert seen.events[-1]["type"] == "response.completed"
    assert b"Lab answer" not in seen.body


def test_it_goes_on_when_told(with_lab):
    """By instruction the model continues a cut answer here as in chats."""
    cut = expected_text("openai", GPT, QUESTION)[:70]
    items = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": cut},
        {"role": "user", "content": MARK},
    ]
    seen = with_lab(
        "openai", lambda _, wire: wire.call("POST", "/v1/responses", {"model": GPT, "input": items})
    )
    text = seen.json["output"][0]["content"][0]["text"]
    assert text == repeated_words(QUESTION, cut) + continued_text("openai", GPT, QUESTION, cut)
    assert is_whole(cut + continued_text("openai", GPT, QUESTION, cut))
