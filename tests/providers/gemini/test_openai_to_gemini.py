"""What a request becomes, field by field."""

import pytest

PNG = "data:image/png;base64,iVBORw0KGgo="
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


def test_plain_question(body):
    """A plain question carries nothing but its contents."""
    assert body() == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


def test_system_and_developer_messages_become_the_system_instruction(body):
    """Instructions leave the conversation and keep their order."""
    made = body(
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        ]
    )
    assert made["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
    assert made["contents"] == [{"role": "user", "parts": [{"text": "Hi"}]}]


def test_a_conversation_of_instructions_only_is_sent_as_the_users(body):
    """Gemini refuses empty contents, so lone instructions become the user's words."""
    made = body(messages=[{"role": "system", "content": "Say hello."}])
    assert made == {"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}


def test_an_empty_conversation_still_has_contents(body):
    """A message without words becomes a blank, since contents may not be empty."""
    assert body(messages=user(""))["contents"] == [{"role": "user", "parts": [{"text": " "}]}]


def test_neighbours_of_one_role_are_merged(body):
    """Roles alternate: neighbours of one role share a content."""
    made = body(
        messages=[
            {"role": "user", "content": "a"},
            {"role": "user", "content": "b", "name": "bob"},
            {"role": "assistant", "content": "c", "refusal": None},
            {"role": "assistant", "content": None, "refusal": "no"},
            {"role": "user", "content": [{"type": "text", "text": "d"}, {"type": "text", "text": ""}]},
        ]
    )
    assert made["contents"] == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "bob: "}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}, {"text": "no"}]},
        {"role": "user", "parts": [{"text": "d"}]},
    ]


def test_parallel_calls_and_their_results(body):
    """Results share one content, in the order of the calls, apart from the user's words."""
    made = body(
        messages=[
            *user("Weather?"),
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [called("a", '{"city":"Paris"}'), called("b", '{"city":"Rome"}')],
            },
            {"role": "tool", "tool_call_id": "b", "content": '{"t": 12345678901234567890}'},
            {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "rain"}]},
            {"role": "user", "content": "And?"},
        ]
    )
    assert made["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"name": "get_weather", "args": {"city": "Paris"}, "id": "a"}},
                {"functionCall": {"name": "get_weather", "args": {"city": "Rome"}, "id": "b"}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "get_weather", "response": {"output": "rain"}, "id": "a"}},
                {
                    "functionResponse": {
                        "name": "get_weather",
                        "response": {"output": '{"t": 12345678901234567890}'},
                        "id": "b",
                    }
                },
            ],
        },
        {"role": "user", "parts": [{"text": "And?"}]},
    ]


@pytest.mark.parametrize(
    ("arguments", "args"),
    [
        pytest.param("", {}, id="empty"),
        pytest.param(' {"a": [1]} ', {"a": [1]}, id="object"),
        pytest.param('{"a": ', {"arguments": '{"a": '}, id="cut JSON"),
        pytest.param("[1]", {"arguments": "[1]"}, id="no object"),
        pytest.param("[" * 5000, {"arguments": "[" * 5000}, id="too deep"),
    ],
)
def test_arguments_of_earlier_calls(body, arguments, args):
    """Arguments that are no JSON object are kept as text, never lost."""
    made = body(
        messages=[
            *user("x"),
            {"role": "assistant", "tool_calls": [called("a", arguments)]},
            {"role": "tool", "tool_call_id": "a", "content": "ok"},
        ]
    )
    assert made["contents"][1]["parts"][0]["functionCall"]["args"] == args


@pytest.mark.parametrize(
    ("model", "extra", "signatures"),
    [
        pytest.param("gemini-2.5-flash", {}, [None, None], id="2.5 needs none"),
        pytest.param("gemini-3-pro-preview", {}, ["skip_thought_signature_validator", None], id="stand-in"),
        pytest.param("gemini-flash-latest", {}, ["skip_thought_signature_validator", None], id="newest"),
        pytest.param(
            "gemini-3-pro-preview",
            {"extra_content": {"google": {"thought_signature": "EjQKMg=="}}},
            ["EjQKMg==", None],
            id="its own",
        ),
        pytest.param(
            "gemini-3-pro-preview",
            {"extra_content": {"google": {"thought_signature": "not base64!"}}},
            ["skip_thought_signature_validator", None],
            id="another vendor's",
        ),
    ],
)
def test_thought_signatures_of_calls(body, model, extra, signatures):
    """The first call of a step carries its signature, or the documented stand-in where one is required."""
    made = body(
        model,
        messages=[
            *user("x"),
            {"role": "assistant", "tool_calls": [called("a", "{}", **extra), called("b", "{}")]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "2"},
        ],
    )
    assert [part.get("thoughtSignature") for part in made["contents"][1]["parts"]] == signatures


def test_the_signature_of_a_text_goes_back_with_it(body):
    """A text's signature returns on the last part of the text."""
    signature = {"google": {"thought_signature": "AbCd"}}
    made = body(
        messages=[*user("x"), {"role": "assistant", "content": "y", "extra_content": signature}, *user("z")]
    )
    assert made["contents"][1]["parts"] == [{"text": "y", "thoughtSignature": "AbCd"}]


def test_legacy_functions(body):
    """The old functions, function_call and function messages mean the same as tools."""
    made = body(
        messages=[
            *user("Weather?"),
            {
                "role": "assistant",
                "content": None,
                "function_call": {"name": "get_weather", "arguments": "{}"},
            },
            {"role": "function", "name": "get_weather", "content": "rain"},
        ],
        functions=[WEATHER["function"]],
        function_call={"name": "get_weather"},
    )
    assert made["contents"][1:] == [
        {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": {}}}]},
        {
            "role": "user",
            "parts": [{"functionResponse": {"name": "get_weather", "response": {"output": "rain"}}}],
        },
    ]
    assert made["toolConfig"] == {
        "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}
    }


def test_tool_definitions(body):
    """A definition keeps its JSON Schema, whole."""
    made = body(tools=[WEATHER, {"type": "function", "function": {"name": "now"}}])
    function = WEATHER["function"]
    assert made["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "get_weather",
                    "description": "Weather of a city",
                    "parametersJsonSchema": function["parameters"],
                },
                {"name": "now"},
            ]
        }
    ]
    assert "toolConfig" not in made


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        pytest.param("auto", None, id="auto"),
        pytest.param("none", {"mode": "NONE"}, id="none"),
        pytest.param("required", {"mode": "ANY"}, id="required"),
        pytest.param(
            {"type": "function", "function": {"name": "get_weather"}},
            {"mode": "ANY", "allowedFunctionNames": ["get_weather"]},
            id="named",
        ),
    ],
)
def test_tool_choice(body, choice, config):
    """Every choice of tools has its mode."""
    made = body(tools=[WEATHER], tool_choice=choice)
    assert made.get("toolConfig") == (config and {"functionCallingConfig": config})


def test_no_call_is_not_several_calls(body):
    """Where no tool may be called, a request for at most one call is met."""
    assert body(tools=[WEATHER], tool_choice="none", parallel_tool_calls=False)["toolConfig"]


def test_allowed_tools_narrow_the_definitions(body):
    """Of the tools, only the allowed ones are offered."""
    now = {"type": "function", "function": {"name": "now"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [now]}}
    made = body(tools=[WEATHER, now], tool_choice=choice)
    assert made["tools"] == [{"functionDeclarations": [{"name": "now"}]}]
    assert made["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}


@pytest.mark.parametrize(
    ("model", "mode"),
    [pytest.param("gemini-2.5-pro", "VALIDATED", id="2.5"), pytest.param("gemini-2.0-flash", None, id="2.0")],
)
def test_strict_tools_are_validated(body, model, mode):
    """A strict tool asks for calls that keep to their schema, where the model knows that mode."""
    strict = {"type": "function", "function": WEATHER["function"] | {"strict": True}}
    made = body(model, tools=[strict])
    assert made.get("toolConfig") == (mode and {"functionCallingConfig": {"mode": mode}})


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        pytest.param(
            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
            id="inline",
        ),
        pytest.param(
            {"type": "image_url", "image_url": {"url": "DATA:image/jpg;x=y;base64,AAAA"}},
            {"inlineData": {"mimeType": "image/jpeg", "data": "AAAA"}},
            id="inline jpg",
        ),
        pytest.param(
            {"type": "image_url", "image_url": {"url": "data:image/webp,%00%01"}},
            {"inlineData": {"mimeType": "image/webp", "data": "AAE="}},
            id="percent-encoded",
        ),
        pytest.param(
            {"type": "image_url", "image_url": {"url": "https://e.com/a/b.JPG?sig=1#f"}},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://e.com/a/b.JPG?sig=1#f"}},
            id="by URL",
        ),
        pytest.param(
            {
                "type": "image_url",
                "image_url": {"url": "https://generativelanguage.googleapis.com/v1beta/files/abc"},
            },
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
            id="Files API",
        ),
        pytest.param(
            {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
            id="audio",
        ),
        pytest.param(
            {
                "type": "file",
                "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
            },
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}},
            id="file",
        ),
    ],
)
def test_media(body, part, expected):
    """Images, audio and files go inline, or by an address that Gemini fetches."""
    made = body(messages=user([{"type": "text", "text": "Look"}, part]))
    assert made["contents"][0]["parts"] == [{"text": "Look"}, expected]
