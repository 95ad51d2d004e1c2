"""The chat completion request as OpenAI accepts it."""

from halfopen.lab.shape import (
    anything,
    array,
    boolean,
    choice,
    either,
    integer,
    mapping,
    number,
    optional,
    record,
    string,
    tagged,
)

_TEXT_PART = record({"type": string, "text": string}, ("type", "text"))
_REFUSAL_PART = record({"type": string, "refusal": string}, ("type", "refusal"))
_IMAGE_URL = record({"url": string, "detail": choice("auto", "low", "high")}, ("url",))
_USER_PARTS = tagged(
    "type",
    {
        "text": _TEXT_PART,
        "image_url": record({"type": string, "image_url": _IMAGE_URL}, ("image_url",)),
        "input_audio": record({"type": string, "input_audio": mapping}, ("input_audio",)),
        "file": record({"type": string, "file": mapping}, ("file",)),
    },
)
_TEXT = either(string=string, array=array(tagged("type", {"text": _TEXT_PART}), least=1))
_CALLED = record({"name": string, "arguments": string}, ("name", "arguments"))
_TOOL_CALL = tagged(
    "type",
    {
        "function": record({"id": string, "type": string, "function": _CALLED}, ("id", "function")),
        "custom": record({"id": string, "type": string, "custom": mapping}, ("id", "custom")),
    },
)
_SYSTEM = record({"role": string, "content": _TEXT, "name": string}, ("content",))
_ASSISTANT = record(
    {
        "role": string,
        "content": optional(
            either(
                string=string,
                array=array(tagged("type", {"text": _TEXT_PART, "refusal": _REFUSAL_PART})),
            )
        ),
        "name": string,
        "refusal": optional(string),
        "tool_calls": array(_TOOL_CALL, least=1),
        "function_call": optional(_CALLED),
        "audio": optional(mapping),
        "annotations": anything,
    }
)
_MESSAGE = tagged(
    "role",
    {
        "system": _SYSTEM,
        "developer": _SYSTEM,
        "user": record(
            {"role": string, "content": either(string=string, array=array(_USER_PARTS)), "name": string},
            ("content",),
        ),
        "assistant": _ASSISTANT,
        "tool": record(
            {"role": string, "content": _TEXT, "tool_call_id": string}, ("content", "tool_call_id")
        ),
        "function": record({"role": string, "content": optional(string), "name": string}, ("name",)),
    },
)
_FUNCTION = record(
    {"name": string, "description": string, "parameters": mapping, "strict": optional(boolean)}, ("name",)
)
_TOOL = tagged(
    "type",
    {
        "function": record({"type": string, "function": _FUNCTION}, ("function",)),
        "custom": record({"type": string, "custom": mapping}, ("custom",)),
    },
)
_NAMED = record({"name": string}, ("name",))
_TOOL_CHOICE = either(
    string=choice("none", "auto", "required"),
    object=tagged(
        "type",
        {
            "function": record({"type": string, "function": _NAMED}, ("function",)),
            "custom": record({"type": string, "custom": _NAMED}, ("custom",)),
            "allowed_tools": record({"type": string, "allowed_tools": mapping}, ("allowed_tools",)),
        },
    ),
)
_JSON_SCHEMA = record(
    {"name": string, "description": string, "schema": mapping, "strict": optional(boolean)}, ("name",)
)
_RESPONSE_FORMAT = tagged(
    "type",
    {
        "text": record({"type": string}),
        "json_object": record({"type": string}),
        "json_schema": record({"type": string, "json_schema": _JSON_SCHEMA}, ("json_schema",)),
    },
)

REQUEST = record(
    {
        "model": string,
        "messages": array(_MESSAGE, least=1),
        "audio": optional(mapping),
        "frequency_penalty": optional(number(-2, 2)),
        "function_call": anything,
        "functions": array(mapping, least=1),
        "logit_bias": optional(mapping),
        "logprobs": optional(boolean),
        "max_completion_tokens": optional(integer(1)),
        "max_tokens": optional(integer(1)),
        "metadata": optional(mapping),
        "modalities": optional(array(choice("text", "audio"))),
        "moderation": optional(mapping),
        "n": optional(integer(1, 128)),
        "parallel_tool_calls": boolean,
        "prediction": optional(mapping),
        "presence_penalty": optional(number(-2, 2)),
        "prompt_cache_key": string,
        "prompt_cache_options": optional(mapping),
        "prompt_cache_retention": optional(string),
        "reasoning_effort": optional(choice("none", "minimal", "low", "medium", "high", "xhigh", "max")),
        "response_format": _RESPONSE_FORMAT,
        "safety_identifier": string,
        "seed": optional(integer()),
        "service_tier": optional(choice("auto", "default", "flex", "scale", "priority", "fast")),
        "stop": optional(either(string=string, array=array(string, most=4))),
        "store": optional(boolean),
        "stream": optional(boolean),
        "stream_options": optional(record({"include_usage": boolean, "include_obfuscation": boolean})),
        "temperature": optional(number(0, 2)),
        "tool_choice": _TOOL_CHOICE,
        "tools": array(_TOOL, least=1, most=128),
        "top_logprobs": optional(integer(0, 20)),
        "top_p": optional(number(0, 1)),
        "user": string,
        "verbosity": optional(choice("low", "medium", "high")),
        "web_search_options": mapping,
    },
    ("model", "messages"),
)
