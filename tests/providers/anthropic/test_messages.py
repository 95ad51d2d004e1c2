"""The conversation: every message arrives in a form that Anthropic takes, or is a reason."""

import pytest

from halfopen.providers.anthropic import ANTHROPIC

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather now",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def user(text):
    return {"role": "user", "content": text}


def called(*calls, **fields):
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
            for call_id, name, arguments in calls
        ],
        **fields,
    }


def result(call_id, content):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def block(text):
    return {"type": "text", "text": text}


@pytest.mark.parametrize(
    ("messages", "system", "turns"),
    [
        pytest.param(
            [
                {"role": "system", "content": "A"},
                user("1"),
                {"role": "developer", "content": [block("B")]},
                user("2"),
            ],
            ["A", "B"],
            [("user", ["1", "2"])],
            id="system-anywhere-is-hoisted-in-order",
        ),
        pytest.param(
            [user("1"), {"role": "assistant", "content": "2"}, user("3")],
            None,
            [("user", ["1"]), ("assistant", ["2"]), ("user", ["3"])],
            id="multi-turn",
        ),
        pytest.param(
            [
                user("1"),
                {"role": "assistant", "content": "2"},
                {"role": "assistant", "content": "3"},
                user("4"),
            ],
            None,
            [("user", ["1"]), ("assistant", ["2", "3"]), ("user", ["4"])],
            id="neighbours-of-one-role-merge",
        ),
        pytest.param(
            [{"role": "assistant", "content": "Hi, I am here to help"}, user("1")],
            None,
            [("user", ["."]), ("assistant", ["Hi, I am here to help"]), ("user", ["1"])],
            id="a-greeting-first",
        ),
        pytest.param(
            [{"role": "system", "content": "A"}, {"role": "system", "content": "B"}],
            ["A"],
            [("user", ["B"])],
            id="system-only",
        ),
        pytest.param(
            [user([block("a"), block("\n"), block("b"), block("")])],
            None,
            [("user", ["a\n", "b"])],
            id="whitespace-parts-join",
        ),
        pytest.param([user(""), user("  "), user("a")], None, [("user", ["a"])], id="empty-messages-go"),
        pytest.param([{**user("a"), "name": "ann"}], None, [("user", ["ann: a"])], id="a-users-name-is-kept"),
        pytest.param(
            [user("a"), {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}, user("b")],
            None,
            [("user", ["a"]), ("assistant", ["no"]), ("user", ["b"])],
            id="refusal-part",
        ),
        pytest.param(
            [user("a"), {"role": "assistant", "content": None, "refusal": "no"}, user("b")],
            None,
            [("user", ["a"]), ("assistant", ["no"]), ("user", ["b"])],
            id="refusal-field",
        ),
    ],
)
def test_conversations(lab, messages, system, turns):
    """A conversation keeps its words and their order."""
    body = lab.body(lab.chat(messages))
    lab.accepted(body)
    assert body.get("system") == (system and [block(text) for text in system])
    assert [(turn["role"], [each["text"] for each in turn["content"]]) for turn in body["messages"]] == turns


def test_parallel_results_are_one_turn_and_come_first(lab):
    """Results of parallel calls become one user turn, before the text that follows them."""
    messages = [
        user("Weather?"),
        called(("c1", "get_weather", '{"city": "Bonn"}'), ("c2", "get_weather", ""), content="Let me see"),
        user("Quick!"),
        result("c1", "rain"),
        result("c2", [block("sun"), block(" and wind")]),
        result("c2", ""),
    ]
    body = lab.body(lab.chat(messages, tools=[TOOL]))
    lab.accepted(body)
    assert body["messages"][1]["content"] == [
        block("Let me see"),
        {"type": "tool_use", "id": "c1", "name": "get_weather", "input": {"city": "Bonn"}},
        {"type": "tool_use", "id": "c2", "name": "get_weather", "input": {}},
    ]
    assert body["messages"][2] == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": "rain"},
            {"type": "tool_result", "tool_use_id": "c2", "content": "sun and wind"},
            {"type": "tool_result", "tool_use_id": "c2"},
            block("Quick!"),
        ],
    }


def test_ids_that_anthropic_refuses_or_that_repeat_are_mended_on_both_sides(lab):
    """A call and its result still agree when the id has odd characters or comes back in a later turn."""
    messages = [user("a")]
    for _ in range(2):
        messages += [called(("functions.f:0", "f", "{}")), result("functions.f:0", "1")]
    turns = lab.body(lab.chat(messages, tools=[TOOL]))["messages"]
    calls = [turns[1]["content"][0]["id"], turns[3]["content"][0]["id"]]
    assert calls == ["functions_2e_f_3a_0", "functions_2e_f_3a_0_2"]
    assert [turns[2]["content"][0]["tool_use_id"], turns[4]["content"][0]["tool_use_id"]] == calls


def test_legacy_functions(lab):
    """Functions, their calls and results are translated like tools, one call at a time."""
    messages = [
        user("a"),
        {"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": "{}"}},
        {"role": "function", "name": "get_weather", "content": "rain"},
    ]
    body = lab.body(lab.chat(messages, functions=[TOOL["function"]], function_call={"name": "get_weather"}))
    lab.accepted(body)
    assert body["tools"][0]["name"] == "get_weather"
    assert body["tool_choice"] == {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}
    assert body["messages"][1]["content"][0]["id"] == body["messages"][2]["content"][0]["tool_use_id"]


def test_tools_of_the_past_stay_defined(lab):
    """A conversation with tool calls but no tools any more keeps its tools defined and forbidden."""
    body = lab.body(lab.chat([user("a"), called(("c1", "f", "{}")), result("c1", "1")]))
    lab.accepted(body)
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    assert body["tool_choice"] == {"type": "none"}


def test_arguments_keep_every_digit(lab):
    """Arguments of past calls are passed on verbatim."""
    chat = lab.chat([user("a"), called(("c1", "f", '{"n": 12345678901234567890.10}')), result("c1", "1")])
    assert b'{"n": 12345678901234567890.10}' in ANTHROPIC.call(chat, lab.target(), None).body


def test_prefill_goes_to_models_that_have_it(lab):
    """A last assistant message is continued, without the whitespace at its end that Anthropic refuses."""
    messages = [user("a"), {"role": "assistant", "content": "{ \n"}]
    body = lab.body(lab.chat(messages), lab.target(prefill=True))
    assert body["messages"][-1] == {"role": "assistant", "content": [block("{")]}
    assert lab.unfit(lab.chat(messages)) is not None


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        pytest.param([user("")], "content", id="empty"),
        pytest.param(
            [user([{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}])],
            "audio",
            id="audio",
        ),
        pytest.param([user([{"type": "file", "file": {"file_id": "file-1"}}])], "files by id", id="file-id"),
        pytest.param(
            [user([{"type": "file", "file": {"file_data": "data:application/zip;base64,aGk="}}])],
            "files of type",
            id="zip",
        ),
        pytest.param(
            [user([{"type": "file", "file": {"filename": "a.txt", "file_data": "%"}}])],
            "UTF-8",
            id="broken-text-file",
        ),
        pytest.param(
            [user([{"type": "image_url", "image_url": {"url": "http://x.example/a.png"}}])],
            "https",
            id="http-image",
        ),
        pytest.param(
            [user([{"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,PHN2Zz4="}}])],
            "images of type",
            id="svg",
        ),
        pytest.param(
            [user([{"type": "image_url", "image_url": {"url": "data:image/png"}}])],
            "malformed",
            id="data-url",
        ),
        pytest.param([user([{"type": "video_url"}])], "video_url", id="unknown-part"),
        pytest.param([user([3])], "no content part", id="number-part"),
        pytest.param([user(3)], "neither text", id="number"),
        pytest.param([{"role": "critic", "content": "x"}], "unknown role", id="role"),
        pytest.param(
            [
                {
                    "role": "system",
                    "content": [{"type": "image_url", "image_url": {"url": "https://x.example"}}],
                },
                user("a"),
            ],
            "text only",
            id="system-image",
        ),
        pytest.param([user("a"), called(("c1", "f", "{oops"))], "JSON object", id="broken-arguments"),
        pytest.param([user("a"), called(("c1", "f", "[1]"))], "JSON object", id="list-arguments"),
        pytest.param([user("a"), called(("c1", "f", "{}"))], "no results", id="unanswered-call"),
        pytest.param(
            [user("a"), {"role": "tool", "content": "x"}], "which tool call", id="result-without-id"
        ),
        pytest.param(
            [user("a"), {"role": "assistant", "audio": {"id": "audio_1"}}, user("b")],
            "audio",
            id="past-audio",
        ),
        pytest.param(
            [user("a"), {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {}}]}],
            "functions",
            id="custom-call",
        ),
    ],
)
def test_messages_that_cannot_be_sent_are_a_reason(lab, messages, reason):
    """A message that Anthropic can't take is a reason that says what it is."""
    assert reason in (lab.unfit(lab.chat(messages)) or "")
