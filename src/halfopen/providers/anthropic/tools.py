"""Tools: definitions, choice and parallel calls, also in the legacy form of functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from halfopen.providers.anthropic.messages import tool_name
from halfopen.providers.anthropic.schema import Schemas, refuse_unsendable
from halfopen.providers.anthropic.translation_error import TranslationError

_OPEN_TOP = frozenset(("oneOf", "allOf", "anyOf"))
_NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class Toolset:
    """What the model may call, and what it must."""

    tools: tuple[dict[str, Any], ...]
    choice: dict[str, Any] | None

    @property
    def forced(self) -> bool:
        """Whether the model must call a tool."""
        return self.choice is not None and self.choice["type"] in ("any", "tool")


def toolset_of(
    request: Mapping[str, Any], called: tuple[str, ...], schemas: Schemas, *, can_be_strict: bool
) -> Toolset:
    """Translate the tools of a request.

    Args:
        request: The client's request.
        called: Names of tools that were called earlier in the conversation. Anthropic wants them
            defined, so without any tools in the request they are defined and forbidden.
        schemas: Where strict schemas are counted.
        can_be_strict: Whether the model can guarantee arguments.

    Raises:
        TranslationError: There is something that Anthropic can't do.
    """
    functions = _functions(request)
    if not functions:
        if _choice_of(request) not in (None, "auto", "none"):
            raise TranslationError("a tool choice without tools")
        past = tuple({"name": name, "input_schema": dict(_NO_ARGUMENTS)} for name in called)
        return Toolset(past, {"type": "none"} if past else None)
    choice = _choice_of(request)
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        functions, choice = _allowed(functions, choice)
    tools = tuple(_tool(function, schemas, can_be_strict=can_be_strict) for function in functions)
    names = [tool["name"] for tool in tools]
    if len(set(names)) < len(names):
        raise TranslationError("two tools of one name")
    one_call = request.get("parallel_tool_calls") is False or bool(request.get("functions"))
    return Toolset(tools, _choice(choice, names, one_call=one_call))


def _functions(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    tools = request.get("tools") or []
    functions = request.get("functions") or []
    if not isinstance(tools, list) or not isinstance(functions, list):
        raise TranslationError("tools is no list")
    if tools and functions:
        raise TranslationError("both tools and functions")
    for index, tool in enumerate(tools):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind != "function":
            raise TranslationError(f"no tools but functions (tools[{index}])")
    found = [tool.get("function") for tool in tools] or functions
    if not all(isinstance(function, dict) for function in found):
        raise TranslationError("a tool without a function")
    return found


def _tool(function: Mapping[str, Any], schemas: Schemas, *, can_be_strict: bool) -> dict[str, Any]:
    name = tool_name(function.get("name"), "a tool")
    tool: dict[str, Any] = {"name": name}
    description = function.get("description")
    if isinstance(description, str) and description.strip():
        tool["description"] = description
    parameters = function.get("parameters") or _NO_ARGUMENTS
    if not isinstance(parameters, dict | Mapping):
        raise TranslationError(f"the parameters of tool {name} are no schema")
    if function.get("strict") is True:
        if not can_be_strict:
            raise TranslationError("no strict tools")
        tool["input_schema"] = schemas.tool(dict(parameters), name)
        tool["strict"] = True
        return tool
    if parameters.get("type", "object") != "object" or _OPEN_TOP & parameters.keys():
        raise TranslationError(f"the parameters of tool {name} are no plain object")
    refuse_unsendable(parameters, f"the schema of tool {name}")
    tool["input_schema"] = {**parameters, "type": "object"}
    return tool


def _choice_of(request: Mapping[str, Any]) -> object:
    """The choice in today's form: the legacy one is the same but for the named function."""
    choice: object = request.get("tool_choice")
    legacy: object = request.get("function_call")
    if choice is None and legacy is not None:
        return {"type": "function", "function": legacy} if isinstance(legacy, dict) else legacy
    return choice


def _allowed(
    functions: list[Mapping[str, Any]], choice: Mapping[str, Any]
) -> tuple[list[Mapping[str, Any]], object]:
    allowed = choice.get("allowed_tools")
    tools = allowed.get("tools") if isinstance(allowed, dict) else None
    if not isinstance(allowed, dict) or not isinstance(tools, list):
        raise TranslationError("a tool choice without its allowed tools")
    names = {_named(tool) for tool in tools}
    kept = [function for function in functions if function.get("name") in names]
    if not kept:
        raise TranslationError("none of the allowed tools is defined")
    return kept, allowed.get("mode", "auto")


def _named(choice: object) -> object:
    function = choice.get("function") if isinstance(choice, dict) else None
    name: object = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None


def _choice(choice: object, names: list[str], *, one_call: bool) -> dict[str, Any] | None:
    made: dict[str, Any]
    if choice is None or choice == "auto":
        if not one_call:
            return None
        made = {"type": "auto"}
    elif choice == "none":
        return {"type": "none"}
    elif choice == "required":
        made = {"type": "any"}
    else:
        name = _named(choice)
        if name not in names:
            raise TranslationError("a tool choice that names no defined function")
        made = {"type": "tool", "name": name}
    if one_call:
        made["disable_parallel_tool_use"] = True
    return made
