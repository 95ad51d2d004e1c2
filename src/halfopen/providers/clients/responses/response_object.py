"""The Response object: what every one of them says beside the answer itself.

Source: OpenAI's API reference, "The response object". The official client's type requires most of
these fields, and OpenAI echoes the request in them.
"""

from collections.abc import Mapping
from typing import Any

from halfopen.providers.ask import Ask
from halfopen.providers.chat import Chat

_ECHOED: Mapping[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "temperature": None,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""Fields of a request that the response repeats, each with what it says when the request didn't."""

INCOMPLETE: Mapping[str, str] = {
    "length": "max_output_tokens",
    "model_length": "max_output_tokens",
    "content_filter": "content_filter",
}
"""Finish reasons of an answer that is not complete, with the reason that is said."""


def response_object(chat: Chat, identity: str, created_s: int, model: str) -> dict[str, Any]:
    """A Response in progress, without any output.

    Args:
        chat: The translated request; its origin is what the client sent.
        identity: The response's id.
        created_s: When the answer was begun, in Unix seconds.
        model: Who answers.
    """
    request = _request(chat.origin)
    echoed = {
        name: request[name] if request.get(name) is not None else default for name, default in _ECHOED.items()
    }
    echoed["tools"] = [_tool(tool) for tool in echoed["tools"]]
    reasoning = request.get("reasoning")
    text = request.get("text")
    return {
        "id": identity,
        "object": "response",
        "created_at": created_s,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "usage": None,
        "store": False,
        "service_tier": "default",
        "reasoning": {"effort": None, "summary": None} | (reasoning if isinstance(reasoning, dict) else {}),
        "text": {"format": {"type": "text"}} | (text if isinstance(text, dict) else {}),
        **echoed,
    }


def _request(origin: Ask | None) -> dict[str, Any]:
    return {} if origin is None else origin.deep


def _tool(tool: Any) -> Any:
    """A function with the members that its type requires."""
    if isinstance(tool, dict) and tool.get("type") == "function":
        return {"description": None, "parameters": None, "strict": None} | tool
    return tool


def ended(response: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
    """A Response at its end: completed, or incomplete for a reason."""
    reason = INCOMPLETE.get(finish_reason or "")
    if reason is None:
        return response | {"status": "completed"}
    return response | {"status": "incomplete", "incomplete_details": {"reason": reason}}


def item_status(finish_reason: str | None) -> str:
    """The status of an item that was open when the answer ended."""
    return "incomplete" if (finish_reason or "") in INCOMPLETE else "completed"


def usage_object(usage: Any) -> dict[str, Any] | None:
    """A chat completion's `usage` by the names of this API; None: there is none that makes sense."""
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    read, written = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    return {
        "input_tokens": read,
        "input_tokens_details": {
            "cached_tokens": _count(prompt, "cached_tokens"),
            "cache_write_tokens": _count(prompt, "cache_write_tokens"),
        },
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": _count(completion, "reasoning_tokens")},
        "total_tokens": read + written,
    }


def _count(counts: Any, name: str) -> int:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
