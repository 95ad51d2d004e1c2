"""The simulated APIs refuse what the real ones refuse, in their words."""

import pytest

USER = [{"role": "user", "content": "hi"}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOLS = [{"type": "function", "function": {"name": "f"}}]
OPENAI = [
    ("unknown_field", {"foo": 1}, 400, "Unrecognized request argument supplied: foo", None),
    (
        "nested_unknown",
        {"messages": [{**USER[0], "foo": 1}]},
        400,
        "Unknown parameter: 'messages[0].foo'.",
        "unknown_parameter",
    ),
    ("no_messages", {"messages": None}, 400, "Invalid type for 'messages'", "invalid_type"),
    ("empty_messages", {"messages": []}, 400, "Invalid 'messages': empty array", "empty_array"),
    (
        "bad_role",
        {"messages": [{"role": "robot", "content": "x"}]},
        400,
        "Invalid value: 'robot'. Supported values are: 'system',",
        "invalid_value",
    ),
    (
        "content_number",
        {"messages": [{"role": "user", "content": 3}]},
        400,
        "expected one of a string or an array, but got an integer",
        "invalid_type",
    ),
    (
        "hot",
        {"temperature": 3},
        400,
        "decimal above maximum value. Expected a value <= 2, but got 3",
        "decimal_above_max_value",
    ),
    ("n", {"n": 200}, 400, "Invalid 'n': integer above maximum value", "integer_above_max_value"),
    (
        "stops",
        {"stop": list("abcde")},
        400,
        "maximum length 4, but got an array with length 5",
        "array_above_max_length",
    ),
    ("missing_model", {"model": "missing-1"}, 404, "The model `missing-1` does not exist", "model_not_found"),
    (
        "choice_without_tools",
        {"tool_choice": "auto"},
        400,
        "'tool_choice' is only allowed when 'tools' are specified.",
        None,
    ),
    (
        "options_without_stream",
        {"stream_options": {"include_usage": True}},
        400,
        "only allowed when 'stream' is enabled",
        None,
    ),
    (
        "old_max_tokens",
        {"model": "o4-mini", "max_tokens": 5},
        400,
        "Use 'max_completion_tokens' instead",
        "unsupported_parameter",
    ),
    (
        "fixed_temperature",
        {"model": "gpt-5", "temperature": 0},
        400,
        "Only the default (1) value is supported",
        "unsupported_value",
    ),
    (
        "tool_alone",
        {"messages": [*USER, {"role": "tool", "tool_call_id": "x", "content": ""}]},
        400,
        "must be a response to a preceeding message",
        None,
    ),
    (
        "unanswered_call",
        {"messages": [{"role": "assistant", "tool_calls": [CALL]}, *USER], "tools": TOOLS},
        400,
        "did not have response messages: call_1",
        None,
    ),
    ("json_word", {"response_format": {"type": "json_object"}}, 400, "must contain the word 'json'", None),
    (
        "loose_strict",
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "strict": True, "schema": {"type": "object"}},
            }
        },
        400,
        "'additionalProperties' is required to be supplied and to be false",
        "invalid_json_schema",
    ),
    (
        "bad_image",
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        400,
        "Invalid image URL",
        "invalid_image_url",
    ),
]
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "x"}]}
CLAUDE_TOOLS = [{"name": "f", "input_schema": {"type": "object"}}]
ANTHROPIC = [
    ("no_max_tokens", {"max_tokens": ...}, 400, "max_tokens: Field required"),
    ("unknown_field", {"foo": 1}, 400, "foo: Extra inputs are not permitted"),
    ("openai_field", {"n": 1}, 400, "n: Extra inputs are not permitted"),
    (
        "system_role",
        {"messages": [{"role": "system", "content": "x"}, *USER]},
        400,
        "messages.0.role: Input should be 'user' or 'assistant'",
    ),
    (
        "assistant_first",
        {"messages": [{"role": "assistant", "content": "x"}, *USER]},
        400,
        'first message must use the "user" role',
    ),
    ("hot", {"temperature": 1.5}, 400, "temperature: range: 0..1"),
    ("both_sampling", {"temperature": 0.5, "top_p": 0.5}, 400, "cannot both be specified"),
    (
        "deprecated_sampling",
        {"model": "claude-opus-4-8", "temperature": 0.5},
        400,
        "`temperature` is deprecated for this model",
    ),
    (
        "empty_text",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
        400,
        "text content blocks must be non-empty",
    ),
    ("empty_content", {"messages": [{"role": "user", "content": ""}]}, 400, "must have non-empty content"),
    (
        "result_without_use",
        {"messages": [RESULT], "tools": CLAUDE_TOOLS},
        400,
        "unexpected `tool_use_id` found in `tool_result` blocks: t1",
    ),
    (
        "use_without_result",
        {"messages": [*USER, USE, *USER], "tools": CLAUDE_TOOLS},
        400,
        "`tool_use` ids were found without `tool_result` blocks immediately after: t1",
    ),
    ("tools_missing", {"messages": [*USER, USE, RESULT]}, 400, "must define tools"),
    (
        "trailing_space",
        {"messages": [*USER, {"role": "assistant", "content": "x "}]},
        400,
        "cannot end with trailing whitespace",
    ),
    ("missing_model", {"model": "missing-1"}, 404, "model: missing-1"),
    (
        "open_schema",
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        400,
        "'additionalProperties' must be explicitly set to false",
    ),
    (
        "bounded_schema",
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "integer", "minimum": 1}}}},
        400,
        "properties minimum are not supported",
    ),
    ("blank_stop", {"stop_sequences": [" "]}, 400, "must contain non-whitespace"),
]
ASKED = {"role": "user", "parts": [{"text": "hi"}]}
CALLED = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
TOLD = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]}
GEMINI = [
    ("unknown_field", {"foo": 1}, 400, 'Unknown name "foo": Cannot find field.'),
    ("openai_field", {"messages": USER}, 400, 'Unknown name "messages"'),
    ("no_contents", {"contents": []}, 400, "contents is not specified"),
    (
        "assistant_role",
        {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]},
        400,
        "Please use a valid role: user, model.",
    ),
    ("empty_parts", {"contents": [{"role": "user", "parts": []}]}, 400, "parts must not be empty"),
    (
        "schema_keyword",
        {
            "tools": [
                {
                    "functionDeclarations": [
                        {"name": "f", "parameters": {"type": "object", "additionalProperties": False}}
                    ]
                }
            ]
        },
        400,
        'Unknown name "additionalProperties"',
    ),
    (
        "schema_without_mime",
        {"generationConfig": {"responseSchema": {"type": "STRING"}}},
        400,
        "response mimetype is `application/json`",
    ),
    ("many_stops", {"generationConfig": {"stopSequences": list("abcdef")}}, 400, "must not exceed 5"),
    ("hot", {"generationConfig": {"temperature": 3}}, 400, "supported range"),
    (
        "too_few_responses",
        {"contents": [ASKED, {"role": "model", "parts": CALLED["parts"] * 2}, TOLD]},
        400,
        "number of function response parts is equal",
    ),
    ("response_alone", {"contents": [ASKED, TOLD]}, 400, "immediately after a function call turn"),
    ("call_first", {"contents": [CALLED, TOLD]}, 400, "immediately after a user turn"),
]


@pytest.mark.parametrize(
    ("change", "status", "message", "code"), [c[1:] for c in OPENAI], ids=[c[0] for c in OPENAI]
)
def test_openai_refuses(with_lab, change, status, message, code):
    """OpenAI's error object says what is wrong and where."""
    body = {"model": "gpt-4o-mini", "messages": USER, **change}
    seen = with_lab("openai", lambda _, wire: wire.call("POST", "/v1/chat/completions", body))
    error = seen.json["error"]
    assert seen.status == status
    assert message in error["message"]
    assert (error["code"], error["type"]) == (code, "invalid_request_error")


@pytest.mark.parametrize(
    ("change", "status", "message"), [c[1:] for c in ANTHROPIC], ids=[c[0] for c in ANTHROPIC]
)
def test_anthropic_refuses(with_lab, change, status, message):
    """Anthropic's error object says what is wrong and where."""
    body = {"model": "claude-haiku-4-5", "max_tokens": 10, "messages": USER, **change}
    body = {name: value for name, value in body.items() if value is not ...}
    seen = with_lab("anthropic", lambda _, wire: wire.call("POST", "/v1/messages", body))
    assert seen.status == status
    assert message in seen.json["error"]["message"]
    assert seen.json["error"]["type"] == {400: "invalid_request_error", 404: "not_found_error"}[status]


@pytest.mark.parametrize(("change", "status", "message"), [c[1:] for c in GEMINI], ids=[c[0] for c in GEMINI])
def test_gemini_refuses(with_lab, change, status, message):
    """Gemini's error object says what is wrong and where."""
    body = {"contents": [ASKED], **change}
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    seen = with_lab("gemini", lambda _, wire: wire.call("POST", path, body))
    assert seen.status == status
    assert message in seen.json["error"]["message"]
    assert seen.json["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("dialect", "headers", "status", "message"),
    [
        ("openai", {}, 401, "You didn't provide an API key"),
        (
            "openai",
            {"authorization": "Bearer wrong-key-0123456789"},
            401,
            "Incorrect API key provided: wrong-ke",
        ),
        ("anthropic", {"anthropic-version": "2023-06-01"}, 401, "x-api-key header is required"),
        ("anthropic", {"x-api-key": "wrong", "anthropic-version": "2023-06-01"}, 401, "invalid x-api-key"),
        ("anthropic", {"x-api-key": "right"}, 400, "anthropic-version: header is required"),
        ("gemini", {}, 403, "unregistered callers"),
        ("gemini", {"x-goog-api-key": "wrong"}, 400, "API key not valid"),
    ],
)
def test_keys(with_lab, chat_request, dialect, headers, status, message):
    """A missing or wrong key gets the vendor's own refusal."""
    path, body = chat_request(dialect)
    seen = with_lab(dialect, lambda _, wire: wire.call("POST", path, body, headers), key="right")
    assert seen.status == status
    assert message in seen.json["error"]["message"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000], ids=["empty", "cut", "list", "bytes", "deep"]
)
@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
def test_what_is_no_request_is_a_400(with_lab, chat_request, dialect, body):
    """Bytes that are no request get a 400 of the vendor's own shape, and the lab lives on."""

    async def play(provider, wire):
        path, _ = chat_request(dialect)
        bad = await wire.call("POST", path, body)
        return bad, await wire.chat()

    bad, good = with_lab(dialect, play)
    assert (bad.status, good.status) == (400, 200)
    assert "error" in bad.json


@pytest.mark.parametrize(
    ("dialect", "method", "path", "status"),
    [
        ("openai", "GET", "/v1/chat/completions", 405),
        ("openai", "POST", "/v1/nothing", 404),
        ("openai", "GET", "/v1/models", 200),
        ("openai", "GET", "/v1/models/missing-1", 404),
        ("anthropic", "GET", "/v1/messages", 405),
        ("anthropic", "GET", "/nothing", 404),
        ("anthropic", "GET", "/v1/models", 200),
        ("gemini", "GET", "/v1beta/models", 200),
        ("gemini", "GET", "/v1/models/gemini-2.5-pro", 200),
        ("gemini", "POST", "/v1beta/models/missing-1:generateContent", 404),
        ("gemini", "POST", "/v1beta/models/x:unknownVerb", 404),
    ],
)
def test_paths_and_methods(with_lab, dialect, method, path, status):
    """What exists answers; the rest gets the vendor's own 404 or 405."""
    seen = with_lab(dialect, lambda _, wire: wire.call(method, path))
    assert seen.status == status
    assert seen.json


def test_gemini_takes_snake_case_and_a_key_in_the_query(with_lab):
    """Protocol buffers read both spellings, and the key may be a parameter."""
    body = {
        "contents": [
            {"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "AA=="}}]}
        ],
        "generation_config": {"max_output_tokens": 3},
    }
    path = "/v1/models/gemini-2.5-flash:generateContent?key=lab"
    seen = with_lab("gemini", lambda _, wire: wire.call("POST", path, body, {}))
    assert seen.json["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_gemini_streams_an_array_without_alt_sse(with_lab):
    """Without `alt=sse` the stream is one JSON array."""
    path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
    seen = with_lab("gemini", lambda _, wire: wire.call("POST", path, {"contents": [ASKED]}))
    assert seen.json[-1]["candidates"][0]["finishReason"] == "STOP"


def test_gemini_takes_back_its_empty_text(with_lab):
    """The empty text that ends a stream of calls may stand before their results, as its client sends it."""
    blank = {"role": "model", "parts": [{"text": ""}]}
    body = {"contents": [ASKED, CALLED, blank, TOLD]}
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    seen = with_lab("gemini", lambda _, wire: wire.call("POST", path, body))
    assert seen.status == 200
