"""A Messages request as a chat completion request."""

import pytest

PNG = "iVBORw0KGgo="


def user(*blocks):
    return [{"role": "user", "content": list(blocks)}]


def text(value):
    return {"type": "text", "text": value}


USE = {"type": "tool_use", "id": "t1", "name": "look", "input": {"a": 1}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "seen"}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
IMAGE_PART = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
TOOL = {"name": "look", "description": "Looks", "input_schema": {"type": "object", "properties": {}}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize(
    ("fields", "chat"),
    [
        pytest.param({"max_tokens": 7}, {"max_completion_tokens": 7}, id="max_tokens"),
        pytest.param({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}, id="sampling"),
        pytest.param({"top_k": 5}, {"top_k": 5}, id="top_k"),
        pytest.param({"stop_sequences": ["a", "b"]}, {"stop": ["a", "b"]}, id="stop_sequences"),
        pytest.param({"metadata": {"user_id": "u"}}, {"user": "u"}, id="user id"),
        pytest.param({"service_tier": "standard_only"}, {"service_tier": "default"}, id="standard tier"),
        pytest.param({"service_tier": "auto"}, {}, id="any tier"),
        pytest.param({"stream": True}, {"stream": True}, id="stream"),
        pytest.param({"cache_control": {"type": "ephemeral"}}, {}, id="cache_control"),
        pytest.param(
            {"tools": [TOOL]},
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {
                            "name": "look",
                            "description": "Looks",
                            "parameters": TOOL["input_schema"],
                        },
                    }
                ]
            },
            id="tools",
        ),
        pytest.param({"tool_choice": {"type": "auto"}}, {"tool_choice": "auto"}, id="choice auto"),
        pytest.param({"tool_choice": {"type": "any"}}, {"tool_choice": "required"}, id="choice any"),
        pytest.param({"tool_choice": {"type": "none"}}, {"tool_choice": "none"}, id="choice none"),
        pytest.param(
            {"tool_choice": {"type": "tool", "name": "look"}},
            {"tool_choice": {"type": "function", "function": {"name": "look"}}},
            id="choice of a tool",
        ),
        pytest.param(
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
            {"tool_choice": "auto", "parallel_tool_calls": False},
            id="one call at a time",
        ),
        pytest.param(
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
                }
            },
            id="output format",
        ),
        pytest.param(
            {"output_format": {"type": "json_schema", "schema": SCHEMA}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
                }
            },
            id="output format of the beta",
        ),
        pytest.param({"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}, id="no thinking"),
        pytest.param({"thinking": {"type": "adaptive"}}, {"reasoning_effort": "medium"}, id="adaptive"),
        pytest.param(
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
            {"reasoning_effort": "max"},
            id="adaptive with an effort",
        ),
        pytest.param({"output_config": {"effort": "low"}}, {"reasoning_effort": "low"}, id="effort alone"),
        *(
            pytest.param(
                {"thinking": {"type": "enabled", "budget_tokens": budget}},
                {"reasoning_effort": effort},
                id=f"budget of {budget}",
            )
            for budget, effort in [
                (1024, "low"),
                (4096, "low"),
                (4097, "medium"),
                (16384, "medium"),
                (16385, "high"),
            ]
        ),
    ],
)
def test_options(lab, fields, chat) -> None:
    """Each option of Anthropic's has its counterpart in the chat, and nothing else is there."""
    deep = lab.parse(**fields).deep
    del deep["messages"], deep["model"]
    assert deep == {"max_completion_tokens": 100} | chat


@pytest.mark.parametrize(
    ("system", "turns", "messages"),
    [
        pytest.param(
            "Be brief",
            user(text("a")),
            [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "a"}],
            id="system text",
        ),
        pytest.param(
            [text("A"), {**text("B"), "cache_control": {"type": "ephemeral"}}],
            user(text("a")),
            [{"role": "system", "content": [text("A"), text("B")]}, {"role": "user", "content": "a"}],
            id="system blocks",
        ),
        pytest.param(
            None,
            [*user(text("a")), {"role": "system", "content": "now"}],
            [{"role": "user", "content": "a"}, {"role": "system", "content": "now"}],
            id="system turn",
        ),
        pytest.param(
            None, user(text("a"), IMAGE), [{"role": "user", "content": [text("a"), IMAGE_PART]}], id="image"
        ),
        pytest.param(
            None,
            user({"type": "image", "source": {"type": "url", "url": "https://x/a.png"}}),
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/a.png"}}]}],
            id="image by URL",
        ),
        pytest.param(
            None,
            user(
                {
                    "type": "document",
                    "title": "T",
                    "source": {"type": "text", "media_type": "text/plain", "data": "D"},
                }
            ),
            [{"role": "user", "content": "T\n\nD"}],
            id="text document",
        ),
        pytest.param(
            None,
            user(
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                }
            ),
            [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "file",
                            "file": {
                                "filename": "document.pdf",
                                "file_data": "data:application/pdf;base64,JVBERi0=",
                            },
                        }
                    ],
                }
            ],
            id="PDF",
        ),
        pytest.param(
            None,
            user({"type": "search_result", "source": "S", "title": "T", "content": [text("c")]}),
            [{"role": "user", "content": "T (S)\n\nc"}],
            id="search result",
        ),
        pytest.param(
            None,
            [{"role": "assistant", "content": [text("x"), USE]}, *user(RESULT)],
            [
                {
                    "role": "assistant",
                    "content": "x",
                    "tool_calls": [
                        {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}}
                    ],
                },
                {"role": "tool", "tool_call_id": "t1", "content": "seen"},
            ],
            id="tool call and result",
        ),
        pytest.param(
            None,
            user({**RESULT, "is_error": True}),
            [{"role": "tool", "tool_call_id": "t1", "content": "Error: seen"}],
            id="failed tool call",
        ),
        pytest.param(
            None,
            user({"type": "tool_result", "tool_use_id": "t1"}, text("go on")),
            [{"role": "tool", "tool_call_id": "t1", "content": ""}, {"role": "user", "content": "go on"}],
            id="empty result and text",
        ),
        pytest.param(
            None,
            user({**RESULT, "content": [text("p"), IMAGE]}, {**RESULT, "tool_use_id": "t2"}),
            [
                {"role": "tool", "tool_call_id": "t1", "content": "p"},
                {"role": "tool", "tool_call_id": "t2", "content": "seen"},
                {"role": "user", "content": [text("Content of the result of tool call t1:"), IMAGE_PART]},
            ],
            id="image in a result",
        ),
        pytest.param(
            None,
            [
                *user(text("a")),
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "s"},
                        {"type": "redacted_thinking", "data": "x"},
                        text("b"),
                    ],
                },
            ],
            [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
            id="thoughts",
        ),
        pytest.param(
            None,
            [*user(text("a")), {"role": "assistant", "content": "The answer is "}],
            [{"role": "user", "content": "a"}, {"role": "assistant", "content": "The answer is "}],
            id="prefill",
        ),
    ],
)
def test_conversations(lab, system, turns, messages) -> None:
    """Each kind of block has its place in the messages."""
    chat = lab.parse(turns, **({} if system is None else {"system": system}))
    assert chat.deep["messages"] == messages
    assert chat.native_only is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param(
            {"tools": [{"type": "web_search_20260318", "name": "web_search"}]}, "web_search", id="web search"
        ),
        pytest.param({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "bash", id="bash"),
        pytest.param({"tools": [{"type": "computer_toolset_20260801"}]}, "computer", id="computer"),
        pytest.param({"tools": [{"type": "memory_20250818", "name": "memory"}]}, "memory", id="memory"),
        pytest.param({"tools": [{**TOOL, "defer_loading": True}]}, "tool search", id="deferred tool"),
        pytest.param(
            {"tools": [{**TOOL, "allowed_callers": ["code_execution_20260120"]}]}, "code", id="caller"
        ),
        pytest.param({"mcp_servers": [{"type": "url", "url": "https://x"}]}, "mcp_servers", id="MCP"),
        pytest.param({"container": "c"}, "container", id="container"),
        pytest.param(
            {"context_management": {"edits": [{"type": "compact_20260112"}]}}, "compact", id="compaction"
        ),
        pytest.param(
            {"context_management": {"edits": [5]}}, "context_management", id="an edit of no known shape"
        ),
        pytest.param(
            {"context_management": {"edits": [], "more": 1}}, "context_management.more", id="more of context"
        ),
        pytest.param({"inference_geo": "eu"}, "inference_geo", id="region"),
        pytest.param({"max_tokens": 0}, "max_tokens", id="filling the cache"),
        pytest.param({"new_field": 1}, "new_field", id="unknown field"),
        pytest.param({"output_config": {"task_budget": 1}}, "task_budget", id="unknown output option"),
        pytest.param({"thinking": {"type": "between_tools"}}, "between_tools", id="unknown thinking"),
        pytest.param(
            {"messages": user({"type": "image", "source": {"type": "file", "file_id": "f"}})},
            "stored",
            id="file",
        ),
        pytest.param(
            {"messages": user({"type": "document", "source": {"type": "url", "url": "https://x"}})},
            "url",
            id="PDF URL",
        ),
        pytest.param(
            {
                "messages": user(
                    {
                        "type": "document",
                        "citations": {"enabled": True},
                        "source": {"type": "text", "media_type": "text/plain", "data": "D"},
                    }
                )
            },
            "citations",
            id="citations",
        ),
        pytest.param(
            {
                "messages": [
                    *user(text("a")),
                    {
                        "role": "assistant",
                        "content": [
                            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
                        ],
                    },
                    *user(text("b")),
                ]
            },
            "server_tool_use",
            id="a server's tool call",
        ),
        pytest.param({"messages": user({"type": "näw"})}, "unknown block of type n?w", id="unknown block"),
    ],
)
def test_what_only_anthropic_can_do(lab, fields, reason) -> None:
    """Such a request keeps its reason, which every other provider's translation gives."""
    messages = fields.pop("messages", None)
    chat = lab.parse(messages, **fields)
    assert chat.native_only is not None
    assert chat.native_only.startswith("Anthropic only: ")
    assert reason in chat.native_only
    assert chat.native_only.isascii()


@pytest.mark.parametrize(
    ("fields", "dropped"),
    [
        pytest.param({"speed": "fast"}, ("speed has no effect",), id="speed"),
        pytest.param({"diagnostics": {}}, ("diagnostics has no effect",), id="diagnostics"),
        pytest.param(
            {"tools": [{**TOOL, "input_examples": [{}]}]},
            ("input_examples of tools have no effect",),
            id="examples",
        ),
        pytest.param({"mcp_servers": [], "context_management": {"edits": []}}, (), id="nothing asked"),
        pytest.param(
            {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}},
            ("context is not edited",),
            id="clearing thoughts, as Claude Code asks",
        ),
        pytest.param(
            {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
            ("context is not edited",),
            id="clearing tool uses",
        ),
        pytest.param({"container": None, "inference_geo": None}, (), id="null"),
        pytest.param({"user_profile_id": "u"}, (), id="books"),
    ],
)
def test_wishes_that_are_lost(lab, fields, dropped) -> None:
    """What others can't be told and need not be is noted, and what asks for nothing isn't."""
    chat = lab.parse(**fields)
    assert chat.dropped == dropped
    assert chat.native_only is None


def test_arguments_keep_their_numbers(lab) -> None:
    """Integers beyond 64 bits and floats of whole numbers come through."""
    use = {**USE, "input": {"a": 12345678901234567890123, "b": 1.0}}
    (call,) = lab.parse([{"role": "assistant", "content": [use]}, *user(RESULT)]).deep["messages"][0][
        "tool_calls"
    ]
    assert call["function"]["arguments"] == '{"a":12345678901234567890123,"b":1.0}'
