"""Tool definitions and the choice among them, as Gemini's tools and toolConfig.

Source: ai.google.dev/gemini-api/docs/function-calling (modes AUTO, ANY, NONE, VALIDATED).
"""

import re
from collections.abc import Mapping
from typing import Any

from halfopen.providers.gemini.generation import Generation
from halfopen.providers.gemini.schema import to_gemini_schema
from halfopen.providers.gemini.untranslatable import UntranslatableError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")


def is_legacy(deep: Mapping[str, Any]) -> bool:
    """Whether the request speaks of `functions`, so that the answer must say `function_call`."""
    return bool(deep.get("functions")) and not deep.get("tools")


def tool_fields(deep: Mapping[str, Any], generation: Generation) -> dict[str, Any]:
    """Return `tools` and `toolConfig`; nothing for a request without tools.

    Raises:
        UntranslatableError: Gemini has no such tool or choice.
    """
    legacy = is_legacy(deep)
    _refuse_mixture(deep, legacy=legacy)
    functions = _legacy_functions(deep) if legacy else _functions(deep)
    choice = _legacy_choice(deep) if legacy else deep.get("tool_choice")
    if not functions:
        if choice in (None, "none", "auto"):
            return {}
        raise UntranslatableError("a choice of tools without tools")
    if deep.get("parallel_tool_calls") is False and choice != "none":
        raise UntranslatableError("at most one tool call in an answer (parallel_tool_calls = false)")
    names = [function["name"] for function in functions]
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        allowed, choice = _allowed(choice)
        _require(allowed, names)
        functions = [function for function in functions if function["name"] in allowed]
        names = [function["name"] for function in functions]
    fields: dict[str, Any] = {"tools": [{"functionDeclarations": [_declaration(each) for each in functions]}]}
    strict = generation.validated_calls and any(function.get("strict") is True for function in functions)
    if config := _config(choice, names, strict=strict):
        fields["toolConfig"] = {"functionCallingConfig": config}
    return fields


def _config(choice: Any, names: list[str], *, strict: bool) -> dict[str, Any]:
    """Translate tool_choice. With AUTO, schemas bind only in the mode VALIDATED; with ANY they always do."""
    match choice:
        case None | "auto":
            return {"mode": "VALIDATED"} if strict else {}
        case "none":
            return {"mode": "NONE"}
        case "required":
            return {"mode": "ANY"}
        case {"type": "function", "function": {"name": str(name)}}:
            _require([name], names)
            return {"mode": "ANY", "allowedFunctionNames": [name]}
        case _:
            raise UntranslatableError("this tool_choice")


def _refuse_mixture(deep: Mapping[str, Any], *, legacy: bool) -> None:
    """One of the two ways to speak of functions would be dropped if a request used both."""
    other = "tool_choice" if legacy else "function_call"
    if deep.get(other) not in (None, "auto", "none") or (deep.get("tools") and deep.get("functions")):
        raise UntranslatableError("tools and functions in one request")


def _functions(deep: Mapping[str, Any]) -> list[dict[str, Any]]:
    functions = []
    for tool in _list(deep.get("tools")):
        if not isinstance(tool, dict) or tool.get("type") != "function":
            kind = tool.get("type") if isinstance(tool, dict) else None
            raise UntranslatableError(f"tools of type {str(kind)[:40]}")
        functions.append(_function(tool.get("function")))
    return functions


def _legacy_functions(deep: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_function(each) for each in _list(deep.get("functions"))]


def _legacy_choice(deep: Mapping[str, Any]) -> Any:
    choice = deep.get("function_call")
    if isinstance(choice, dict):
        return {"type": "function", "function": choice}
    return choice


def _function(function: Any) -> dict[str, Any]:
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str):
        raise UntranslatableError("a function without a name")
    if not _NAME.fullmatch(name):
        raise UntranslatableError(f"the function name {name[:80]!r}")
    return function


def _declaration(function: Mapping[str, Any]) -> dict[str, Any]:
    declaration: dict[str, Any] = {"name": function["name"]}
    if isinstance(description := function.get("description"), str) and description:
        declaration["description"] = description
    if parameters := function.get("parameters"):
        declaration["parametersJsonSchema"] = to_gemini_schema(parameters)
    return declaration


def _allowed(choice: Mapping[str, Any]) -> tuple[list[str], str]:
    """The names in an allowed_tools choice, and the plain choice among them."""
    allowed = choice.get("allowed_tools")
    tools = allowed.get("tools") if isinstance(allowed, dict) else None
    mode = allowed.get("mode") if isinstance(allowed, dict) else None
    if not isinstance(tools, list) or mode not in ("auto", "required"):
        raise UntranslatableError("this tool_choice")
    functions = [tool.get("function") if isinstance(tool, dict) else None for tool in tools]
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    if not names or len(names) != len(tools):
        raise UntranslatableError("this tool_choice")
    return [str(name) for name in names], str(mode)


def _require(wanted: list[str], names: list[str]) -> None:
    for name in wanted:
        if name not in names:
            raise UntranslatableError(f"the choice of a tool that is not defined: {name[:80]!r}")


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise UntranslatableError("tools that are no list")
    return value
