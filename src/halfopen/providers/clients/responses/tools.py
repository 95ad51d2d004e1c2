"""The tools of a request, and which of them the model may or must call, as a chat has them.

Sources: OpenAI's API reference, "Create a model response" (tools, tool_choice).
"""

from collections.abc import Mapping
from typing import Any

from halfopen.providers.clients.responses.notes import Notes, word
from halfopen.providers.clients.responses.request import missing, wrong_type, wrong_value

_MODES = ("none", "auto", "required")
_HOSTED_NOTHING = ("defer_loading", "async")
"""Settings of a function that belong to OpenAI's own machinery, unless false."""


def tool_fields(request: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """The chat's `tools`, `tool_choice` and `parallel_tool_calls`."""
    given = request.get("tools")
    if given is None:
        given = []
    if not isinstance(given, list):
        notes.fail(wrong_type("tools", "an array of objects", given))
        return {}
    tools = [made for index, tool in enumerate(given) if (made := _tool(tool, f"tools[{index}]", notes))]
    choice = request.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        tools, choice = _allowed(tools, choice, notes)
    if not tools:
        return {}
    fields: dict[str, Any] = {"tools": tools}
    if choice is not None:
        made_choice = _choice(choice, notes)
        if made_choice is not None:
            fields["tool_choice"] = made_choice
    if isinstance(request.get("parallel_tool_calls"), bool):
        fields["parallel_tool_calls"] = request["parallel_tool_calls"]
    return fields


def _tool(tool: Any, where: str, notes: Notes) -> dict[str, Any] | None:
    if not isinstance(tool, dict):
        notes.fail(wrong_type(where, "an object", tool))
        return None
    kind = tool.get("type")
    if kind is None:
        notes.fail(missing(f"{where}.type"))
        return None
    if kind != "function":
        notes.only_native(f"tools of type {word(kind)} are OpenAI's own")
        return None
    name = tool.get("name")
    if not isinstance(name, str):
        notes.fail(
            missing(f"{where}.name") if name is None else wrong_type(f"{where}.name", "a string", name)
        )
        return None
    callers = tool.get("allowed_callers")
    if any(tool.get(setting) for setting in _HOSTED_NOTHING) or callers not in (None, [], ["direct"]):
        notes.only_native("functions that OpenAI's own tools find or call")
    function = {"name": name}
    for field in ("description", "parameters", "strict"):
        if tool.get(field) is not None:
            function[field] = tool[field]
    if "strict" not in tool:
        # There a function is strict unless it says otherwise; in a chat it is not.
        notes.drop("functions not strict by default")
    return {"type": "function", "function": function}


def _allowed(
    tools: list[dict[str, Any]], choice: dict[str, Any], notes: Notes
) -> tuple[list[dict[str, Any]], Any]:
    """Only the tools that may be called: not every server has a choice of several."""
    allowed = choice.get("tools")
    names = {
        name
        for tool in (allowed if isinstance(allowed, list) else ())
        if isinstance(tool, dict) and tool.get("type") == "function"
        if isinstance(name := tool.get("name"), str)
    }
    mode = choice.get("mode")
    if mode not in ("auto", "required"):
        notes.fail(wrong_value("tool_choice.mode", word(mode), ("auto", "required")))
    kept = [tool for tool in tools if tool["function"]["name"] in names]
    return (kept, mode) if kept else (tools, "none")


def _choice(choice: Any, notes: Notes) -> Any:
    if isinstance(choice, str):
        if choice not in _MODES:
            notes.fail(wrong_value("tool_choice", choice, _MODES))
        return choice
    if not isinstance(choice, dict):
        notes.fail(wrong_type("tool_choice", "one of a string or object", choice))
        return None
    kind, name = choice.get("type"), choice.get("name")
    if kind != "function":
        notes.only_native(f"tools of type {word(kind)} are OpenAI's own")
        return None
    if not isinstance(name, str):
        notes.fail(missing("tool_choice.name"))
        return None
    return {"type": "function", "function": {"name": name}}
