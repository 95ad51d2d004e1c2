"""Tools: Anthropic's definitions and choice as a chat completion's.

Tools that run at Anthropic, and those whose schema only Anthropic's models know (`bash`, the text
editor, the computer, memory), can be served by Anthropic alone.
"""

from collections.abc import Mapping
from typing import Any

from halfopen.providers.clients.messages.notes import Notes, WrongShapeError, text_at

_CHOICES: Mapping[str, str] = {"auto": "auto", "any": "required", "none": "none"}


def tool_fields(tools: object, choice: object, notes: Notes) -> dict[str, Any]:
    """The fields `tools`, `tool_choice` and `parallel_tool_calls`.

    Args:
        tools: The request's `tools`.
        choice: Its `tool_choice`.
        notes: Where it is noted what only Anthropic can do.

    Raises:
        WrongShapeError: Something is of a shape that Anthropic refuses.
    """
    if tools is not None and not isinstance(tools, list):
        raise WrongShapeError("tools", "Input should be a valid list")
    made = [_tool(tool, f"tools.{index}", notes) for index, tool in enumerate(tools or ())]
    fields: dict[str, Any] = {}
    functions = [function for function in made if function is not None]
    if functions:
        fields["tools"] = functions
    if choice is not None:
        fields |= _choice(choice)
    return fields


def _tool(tool: object, where: str, notes: Notes) -> dict[str, Any] | None:
    if not isinstance(tool, dict):
        raise WrongShapeError(where, "Input should be an object")
    kind = tool.get("type")
    if kind not in (None, "custom"):
        notes.only_native(f"Anthropic's own tool {kind}")
        return None
    name = text_at(tool, "name", where)
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        what = "Field required" if schema is None else "Input should be an object"
        raise WrongShapeError(f"{where}.input_schema", what)
    _note_options(tool, name, notes)
    function: dict[str, Any] = {"name": name, "parameters": schema}
    description = tool.get("description")
    if isinstance(description, str) and description:
        function["description"] = description
    if tool.get("strict") is True:
        function["strict"] = True
    return {"type": "function", "function": function}


def _note_options(tool: Mapping[str, Any], name: str, notes: Notes) -> None:
    callers = tool.get("allowed_callers")
    if callers is not None and callers != ["direct"]:
        notes.only_native(f"the tool {name} is called by Anthropic's code execution")
    if tool.get("defer_loading") is True:
        notes.only_native(f"the tool {name} is found by Anthropic's tool search")
    if tool.get("input_examples"):
        notes.drop("input_examples of tools have no effect")


def _choice(choice: object) -> dict[str, Any]:
    if not isinstance(choice, dict):
        raise WrongShapeError("tool_choice", "Input should be an object")
    kind = text_at(choice, "type", "tool_choice")
    made: dict[str, Any]
    if kind == "tool":
        name = text_at(choice, "name", "tool_choice")
        made = {"tool_choice": {"type": "function", "function": {"name": name}}}
    elif kind in _CHOICES:
        made = {"tool_choice": _CHOICES[kind]}
    else:
        raise WrongShapeError("tool_choice.type", "Input should be 'auto', 'any', 'tool' or 'none'")
    if choice.get("disable_parallel_tool_use") is True:
        made["parallel_tool_calls"] = False
    return made
