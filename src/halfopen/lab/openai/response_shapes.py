"""The Responses request as OpenAI accepts it."""

from halfopen.lab.openai.refusal import Refusal, place_of, worded
from halfopen.lab.shape import (
    Mismatch,
    Path,
    Reason,
    Shape,
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

_MOVED = {
    "messages": "input",
    "response_format": "text.format",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
}
"""Parameters of chat completions, and what they are called here."""
_STATUS = choice("in_progress", "completed", "incomplete")
_INPUT_PARTS = tagged(
    "type",
    {
        "input_text": record(
            {"type": string, "text": string, "prompt_cache_breakpoint": anything}, ("text",)
        ),
        "input_image": record(
            {
                "type": string,
                "image_url": optional(string),
                "file_id": optional(string),
                "detail": optional(choice("low", "high", "auto", "original")),
                "prompt_cache_breakpoint": anything,
            }
        ),
        "input_file": record(
            {
                "type": string,
                "file_data": optional(string),
                "file_id": optional(string),
                "file_url": optional(string),
                "filename": optional(string),
                "detail": optional(string),
                "prompt_cache_breakpoint": anything,
            }
        ),
    },
)
_OUTPUT_PARTS = tagged(
    "type",
    {
        "output_text": record(
            {"type": string, "text": string, "annotations": array(mapping), "logprobs": anything}, ("text",)
        ),
        "refusal": record({"type": string, "refusal": string}, ("refusal",)),
    },
)
_PHASE = optional(choice("commentary", "final_answer"))


def _message_of(parts: Shape) -> Shape:
    return record(
        {
            "type": string,
            "id": string,
            "role": string,
            "status": optional(_STATUS),
            "phase": _PHASE,
            "content": either(string=string, array=array(parts)),
        },
        ("content",),
    )


_MESSAGE = tagged(
    "role",
    {
        "user": _message_of(_INPUT_PARTS),
        "system": _message_of(_INPUT_PARTS),
        "developer": _message_of(_INPUT_PARTS),
        "assistant": _message_of(_OUTPUT_PARTS),
    },
)
_CALL = record(
    {
        "type": string,
        "id": optional(string),
        "call_id": string,
        "name": string,
        "arguments": string,
        "status": optional(_STATUS),
        "caller": anything,
        "namespace": optional(string),
        "async": anything,
    },
    ("call_id", "name", "arguments"),
)
_CALL_OUTPUT = record(
    {
        "type": string,
        "id": optional(string),
        "call_id": string,
        "output": either(string=string, array=array(_INPUT_PARTS)),
        "status": optional(_STATUS),
        "caller": anything,
        "name": optional(string),
        "namespace": optional(string),
    },
    ("call_id", "output"),
)
_REASONING = record(
    {
        "type": string,
        "id": string,
        "summary": array(record({"type": string, "text": string}, ("text",))),
        "content": optional(array(mapping)),
        "encrypted_content": optional(string),
        "status": optional(_STATUS),
    },
    ("id", "summary"),
)
_HOSTED = (
    "file_search_call",
    "computer_call",
    "computer_call_output",
    "web_search_call",
    "image_generation_call",
    "code_interpreter_call",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "custom_tool_call",
    "custom_tool_call_output",
    "compaction",
)
_ITEMS = tagged(
    "type",
    {
        "message": _MESSAGE,
        "function_call": _CALL,
        "function_call_output": _CALL_OUTPUT,
        "reasoning": _REASONING,
        "item_reference": record({"type": string, "id": string}, ("id",)),
        **dict.fromkeys(_HOSTED, mapping),
    },
)


def _item(value: object, path: Path) -> None:
    """An item of the input; one without a type is a message."""
    shape = _MESSAGE if isinstance(value, dict) and "type" not in value else _ITEMS
    shape(value, path)


_FUNCTION = record(
    {
        "type": string,
        "name": string,
        "description": optional(string),
        "parameters": optional(mapping),
        "strict": optional(boolean),
        "defer_loading": boolean,
        "allowed_callers": anything,
        "output_schema": anything,
    },
    ("name",),
)
_HOSTED_TOOLS = (
    "web_search",
    "web_search_preview",
    "file_search",
    "computer_use_preview",
    "computer",
    "code_interpreter",
    "image_generation",
    "mcp",
    "local_shell",
    "shell",
    "custom",
    "apply_patch",
    "tool_search",
    "namespace",
)
_TOOL = tagged("type", {"function": _FUNCTION, **dict.fromkeys(_HOSTED_TOOLS, mapping)})
_TOOL_CHOICE = either(
    string=choice("none", "auto", "required"),
    object=tagged(
        "type",
        {
            "function": record({"type": string, "name": string}, ("name",)),
            "allowed_tools": record({"type": string, "mode": string, "tools": array(mapping)}, ("tools",)),
            **dict.fromkeys(_HOSTED_TOOLS, mapping),
        },
    ),
)
_FORMAT = tagged(
    "type",
    {
        "text": record({"type": string}),
        "json_object": record({"type": string}),
        "json_schema": record(
            {
                "type": string,
                "name": string,
                "schema": mapping,
                "description": optional(string),
                "strict": optional(boolean),
            },
            ("name", "schema"),
        ),
    },
)
REQUEST = record(
    {
        "model": string,
        "input": either(string=string, array=array(_item)),
        "background": optional(boolean),
        "context_management": anything,
        "conversation": optional(either(string=string, object=mapping)),
        "include": optional(array(string)),
        "instructions": optional(string),
        "max_output_tokens": optional(integer(16)),
        "max_tool_calls": optional(integer(1)),
        "metadata": optional(mapping),
        "moderation": optional(mapping),
        "parallel_tool_calls": optional(boolean),
        "previous_response_id": optional(string),
        "prompt": optional(mapping),
        "prompt_cache_key": optional(string),
        "prompt_cache_options": optional(mapping),
        "prompt_cache_retention": optional(string),
        "reasoning": optional(
            record(
                {
                    "effort": optional(choice("none", "minimal", "low", "medium", "high", "xhigh", "max")),
                    "summary": optional(choice("auto", "concise", "detailed")),
                    "generate_summary": optional(string),
                    "context": anything,
                    "mode": anything,
                }
            )
        ),
        "safety_identifier": optional(string),
        "service_tier": optional(choice("auto", "default", "flex", "scale", "priority", "fast")),
        "store": optional(boolean),
        "stream": optional(boolean),
        "stream_options": optional(record({"include_obfuscation": boolean})),
        "temperature": optional(number(0, 2)),
        "text": record({"format": _FORMAT, "verbosity": optional(choice("low", "medium", "high"))}),
        "tool_choice": _TOOL_CHOICE,
        "tools": array(_TOOL, most=128),
        "top_logprobs": optional(integer(0, 20)),
        "top_p": optional(number(0, 1)),
        "truncation": optional(choice("auto", "disabled")),
        "user": string,
    },
    ("model",),
)


def response_worded(problem: Mismatch) -> Refusal:
    """A mismatch in the words of the Responses API, which differ in places from those of chat."""
    place = place_of(problem.path)
    if problem.reason is Reason.UNKNOWN and place in _MOVED:
        return Refusal(
            f"Unsupported parameter: '{place}'. In the Responses API, this parameter has moved to "
            f"'{_MOVED[place]}'. Try again with the new parameter. See the API documentation for more "
            "information: https://platform.openai.com/docs/api-reference/responses/create.",
            code="unsupported_parameter",
        )
    if problem.reason is Reason.UNKNOWN:
        return Refusal(f"Unknown parameter: '{place}'.", param=place, code="unknown_parameter")
    if problem.reason is Reason.MISSING:
        return Refusal(
            f"Missing required parameter: '{place}'.", param=place, code="missing_required_parameter"
        )
    return worded(problem)
