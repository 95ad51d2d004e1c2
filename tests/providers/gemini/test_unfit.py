"""What Gemini can't do, and why."""

import pytest

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def user(content):
    return [{"role": "user", "content": content}]


def called(call_id, arguments, **more):
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": "get_weather", "arguments": arguments},
    } | more


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        pytest.param(
            {"parallel_tool_calls": False, "tools": [WEATHER]}, "at most one tool call", id="one call"
        ),
        pytest.param({"logit_bias": {"50256": -100}}, "logit_bias", id="logit bias"),
        pytest.param({"presence_penalty": 1}, "presence_penalty", id="penalty"),
        pytest.param({"n": 9}, "8 choices", id="n"),
        pytest.param({"stop": list("abcdef")}, "5 stop", id="stops"),
        pytest.param({"stop": [5]}, "no text", id="stop no text"),
        pytest.param({"web_search_options": {}}, "web_search_options", id="web search"),
        pytest.param(
            {"audio": {"voice": "x", "format": "mp3"}, "modalities": ["audio"]}, "audio", id="audio out"
        ),
        pytest.param({"moderation": {"model": "m"}}, "moderation", id="moderation"),
        pytest.param({"whatever": 1}, "whatever", id="unknown field"),
        pytest.param({"reasoning_effort": "absurd"}, "reasoning effort", id="effort"),
        pytest.param({"reasoning_effort": ["low"]}, "reasoning effort", id="effort no text"),
        pytest.param({"response_format": {"type": "grammar"}}, "response format", id="format"),
        pytest.param({"response_format": {"type": "json_schema"}}, "without a schema", id="no schema"),
        pytest.param(
            {"response_format": {"type": "json_object"}, "tools": [WEATHER]}, "together", id="JSON and tools"
        ),
        pytest.param(
            {"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "type custom", id="custom tool"
        ),
        pytest.param({"tools": [{"type": "function", "function": {"name": "1x"}}]}, "'1x'", id="name"),
        pytest.param({"tools": [WEATHER], "tool_choice": {"type": "custom"}}, "tool_choice", id="choice"),
        pytest.param(
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "no"}}},
            "not defined",
            id="choice undefined",
        ),
        pytest.param(
            {"tools": [WEATHER], "functions": [{"name": "f"}]}, "in one request", id="tools and functions"
        ),
        pytest.param(
            {"function_call": {"name": "f"}}, "in one request", id="function_call without functions"
        ),
        pytest.param(
            {"functions": [{"name": "f"}], "tool_choice": "required"},
            "in one request",
            id="tool_choice with functions",
        ),
        pytest.param({"tool_choice": "required"}, "without tools", id="choice without tools"),
        pytest.param({"messages": [{"role": "robot", "content": "x"}]}, "role robot", id="role"),
        pytest.param({"messages": user(5)}, "neither text", id="content"),
        pytest.param({"messages": user([{"type": "video_url"}])}, "type video_url", id="part"),
        pytest.param(
            {"messages": user([{"type": "image_url", "image_url": {"url": "http://e.com/a.png"}}])},
            "other than https",
            id="http image",
        ),
        pytest.param(
            {"messages": user([{"type": "image_url", "image_url": {"url": "https://e.com/a"}}])},
            "doesn't tell the type",
            id="image type",
        ),
        pytest.param(
            {"messages": user([{"type": "image_url", "image_url": {"url": "https://[/a.png"}}])},
            "malformed",
            id="image address",
        ),
        pytest.param(
            {"messages": user([{"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lG"}}])},
            "image/gif",
            id="gif",
        ),
        pytest.param(
            {"messages": user([{"type": "file", "file": {"file_id": "file-1"}}])},
            "OpenAI id",
            id="file by id",
        ),
        pytest.param(
            {"messages": [*user("x"), {"role": "assistant", "audio": {"id": "a"}}, *user("y")]},
            "audio",
            id="earlier audio",
        ),
        pytest.param(
            {"messages": [*user("x"), {"role": "tool", "tool_call_id": "z", "content": "1"}]},
            "not in the conversation",
            id="orphan result",
        ),
        pytest.param(
            {"messages": [{"role": "assistant", "tool_calls": [called("a", "{}")]}, *user("x")]},
            "before any user",
            id="call first",
        ),
        pytest.param(
            {"messages": [*user("x"), {"role": "assistant", "content": "y"}]}, "at the end", id="prefill"
        ),
    ],
)
def test_what_gemini_cannot_do_is_a_reason(unfit, fields, word):
    """What can't be said to Gemini is a reason to skip it, which names the thing."""
    reason = unfit(**fields)
    assert reason is not None
    assert word in reason


def test_image_urls_are_for_newer_models(unfit):
    """Models before 2.5 take images only inline."""
    image = [{"type": "image_url", "image_url": {"url": "https://e.com/a.png"}}]
    assert unfit(messages=user(image)) is None
    assert "inline" in (unfit("gemini-2.0-flash", messages=user(image)) or "")


def test_json_output_with_tools_is_for_newer_models(unfit):
    """Gemini 3 gives JSON output with tools."""
    assert unfit("gemini-3-flash-preview", response_format={"type": "json_object"}, tools=[WEATHER]) is None


def test_reasoning_is_refused_for_models_without_it(unfit):
    """A model that can't reason isn't asked to."""
    assert "no reasoning" in (unfit("gemini-2.0-flash", reasoning_effort="low") or "")
