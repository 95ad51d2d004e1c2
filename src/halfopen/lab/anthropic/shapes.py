"""The messages request as Anthropic accepts it."""

from halfopen.lab.shape import (
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

_CACHE = optional(mapping)
_TEXT = record(
    {"type": string, "text": string, "cache_control": _CACHE, "citations": optional(array(mapping))},
    ("text",),
)
_SOURCE = tagged(
    "type",
    {
        "base64": record(
            {
                "type": string,
                "media_type": choice("image/jpeg", "image/png", "image/gif", "image/webp"),
                "data": string,
            },
            ("media_type", "data"),
        ),
        "url": record({"type": string, "url": string}, ("url",)),
        "file": record({"type": string, "file_id": string}, ("file_id",)),
    },
)
_IMAGE = record({"type": string, "source": _SOURCE, "cache_control": _CACHE}, ("source",))
_DOCUMENT = record(
    {
        "type": string,
        "source": mapping,
        "title": optional(string),
        "context": optional(string),
        "citations": optional(mapping),
        "cache_control": _CACHE,
    },
    ("source",),
)
_TOOL_USE = record(
    {
        "type": string,
        "id": string,
        "name": string,
        "input": mapping,
        "cache_control": _CACHE,
        "caller": mapping,
    },
    ("id", "name", "input"),
)
_TOOL_RESULT = record(
    {
        "type": string,
        "tool_use_id": string,
        "content": either(
            string=string,
            array=array(tagged("type", {"text": _TEXT, "image": _IMAGE, "document": _DOCUMENT})),
        ),
        "is_error": boolean,
        "cache_control": _CACHE,
    },
    ("tool_use_id",),
)
_THINKING = record({"type": string, "thinking": string, "signature": string}, ("thinking", "signature"))
_BLOCK = tagged(
    "type",
    {
        "text": _TEXT,
        "image": _IMAGE,
        "document": _DOCUMENT,
        "tool_use": _TOOL_USE,
        "tool_result": _TOOL_RESULT,
        "thinking": _THINKING,
        "redacted_thinking": record({"type": string, "data": string}, ("data",)),
    },
)
_MESSAGE = record(
    {
        "role": choice("user", "assistant"),
        "content": either(string=string, array=array(_BLOCK)),
    },
    ("role", "content"),
)
_INPUT_SCHEMA = record({"type": choice("object")}, ("type",), closed=False)
_TOOL = record(
    {
        "type": optional(choice("custom")),
        "name": string,
        "description": string,
        "input_schema": _INPUT_SCHEMA,
        "cache_control": _CACHE,
        "strict": boolean,
        "input_examples": array(mapping),
        "eager_input_streaming": optional(boolean),
        "defer_loading": boolean,
        "allowed_callers": array(string),
    },
    ("name", "input_schema"),
)
_FREE = record({"type": string, "disable_parallel_tool_use": boolean})
_TOOL_CHOICE = tagged(
    "type",
    {
        "auto": _FREE,
        "any": _FREE,
        "none": record({"type": string}),
        "tool": record({"type": string, "name": string, "disable_parallel_tool_use": boolean}, ("name",)),
    },
)
_FORMAT = tagged("type", {"json_schema": record({"type": string, "schema": mapping}, ("schema",))})
_OUTPUT_CONFIG = record(
    {"effort": optional(choice("low", "medium", "high", "xhigh", "max")), "format": optional(_FORMAT)}
)
_THINKING_CONFIG = tagged(
    "type",
    {
        "enabled": record(
            {"type": string, "budget_tokens": integer(1024), "display": optional(string)}, ("budget_tokens",)
        ),
        "disabled": record({"type": string}),
        "adaptive": record({"type": string, "display": optional(string)}),
        "between_tools": record({"type": string}),
    },
)

_FIELDS = {
    "model": string,
    "messages": array(_MESSAGE, least=1, most=100_000),
    "max_tokens": integer(1),
    "cache_control": _CACHE,
    "container": optional(string),
    "inference_geo": optional(string),
    "metadata": record({"user_id": optional(string)}),
    "output_config": _OUTPUT_CONFIG,
    "service_tier": choice("auto", "standard_only"),
    "speed": optional(string),
    "stop_sequences": array(string),
    "stream": boolean,
    "system": either(string=string, array=array(tagged("type", {"text": _TEXT}))),
    "temperature": number(0.0, 1.0),
    "thinking": _THINKING_CONFIG,
    "tool_choice": _TOOL_CHOICE,
    "tools": array(_TOOL),
    "top_k": integer(0),
    "top_p": number(0.0, 1.0),
}
_COUNTED = (
    "model",
    "messages",
    "cache_control",
    "output_config",
    "speed",
    "system",
    "thinking",
    "tool_choice",
    "tools",
)

REQUEST = record(_FIELDS, ("model", "max_tokens", "messages"))
COUNT_REQUEST = record({name: _FIELDS[name] for name in _COUNTED}, ("model", "messages"))
