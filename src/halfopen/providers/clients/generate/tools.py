"""Gemini's tools and toolConfig as OpenAI's tools and tool_choice.

Rules
1. Functions are carried; every tool that Google's servers run themselves is Gemini's own.
2. ANY is `required`; with one allowed function it is that function; with several, only those are
   offered, because few servers know OpenAI's `allowed_tools`.
3. VALIDATED (calls keep to their schema, and the model may also answer with text) is `strict` on
   every function whose schema can be guaranteed.

Source: ai.google.dev/gemini-api/docs/function-calling.
"""

from typing import Any

from halfopen.providers.clients.generate.losses import Losses
from halfopen.providers.clients.generate.proto_json import (
    BadRequestError,
    list_at,
    message_at,
    text_at,
)
from halfopen.providers.clients.generate.schema import binds, closed, json_schema

_MODES = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")


def tool_fields(fields: dict[str, Any], losses: Losses) -> dict[str, Any]:
    """Return `tools` and `tool_choice`; empty without functions. Raises BadRequestError."""
    functions: list[dict[str, Any]] = []
    for index, tool in enumerate(list_at(fields.get("tools"))):
        functions += _functions(tool, f"tools[{index}]", losses)
    mode, allowed = _mode(fields.get("toolConfig"), losses)
    if not functions:
        return {}
    names = {function["name"] for function in functions}
    for name in allowed:
        if name not in names:
            where = "toolConfig.functionCallingConfig.allowedFunctionNames"
            raise BadRequestError(f"{where} has {name[:80]!r}, which is not declared.", where)
    if mode == "VALIDATED":
        functions = [_validated(function, losses) for function in functions]
    chosen = frozenset(allowed)
    if len(allowed) > 1 or (allowed and mode != "ANY"):
        functions = [function for function in functions if function["name"] in chosen]
    made: dict[str, Any] = {"tools": [{"type": "function", "function": each} for each in functions]}
    match mode:
        case "ANY" if len(allowed) == 1:
            made["tool_choice"] = {"type": "function", "function": {"name": allowed[0]}}
        case "ANY":
            made["tool_choice"] = "required"
        case "NONE":
            made["tool_choice"] = "none"
    return made


def _functions(tool: Any, where: str, losses: Losses) -> list[dict[str, Any]]:
    fields = message_at(tool, where)
    for name in fields:
        if name != "functionDeclarations":
            losses.only_native(f"the tool {name[:40]}")
    declared = list_at(fields.get("functionDeclarations"))
    return [
        _function(each, f"{where}.functionDeclarations[{index}]", losses)
        for index, each in enumerate(declared)
    ]


def _function(declaration: Any, where: str, losses: Losses) -> dict[str, Any]:
    fields = message_at(declaration, where)
    function: dict[str, Any] = {"name": text_at(fields.get("name"), f"{where}.name")}
    if description := fields.get("description"):
        function["description"] = text_at(description, f"{where}.description")
    if "parametersJsonSchema" in fields:
        function["parameters"] = _own_schema(fields["parametersJsonSchema"], f"{where}.parametersJsonSchema")
    elif "parameters" in fields:
        function["parameters"] = json_schema(fields["parameters"], f"{where}.parameters")
    if fields.get("behavior") == "NON_BLOCKING":
        losses.only_native("functions that don't block")
    return function


def _own_schema(schema: Any, where: str) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise BadRequestError(f"{where} must be an object.", where)
    return schema


def _validated(function: dict[str, Any], losses: Losses) -> dict[str, Any]:
    parameters = function.get("parameters")
    if parameters is None:
        return function
    schema = closed(parameters)
    if not binds(schema):
        losses.drop("function calls are not validated")
        return function
    return {**function, "parameters": schema, "strict": True}


def _mode(config: Any, losses: Losses) -> tuple[str, list[str]]:
    if config is None:
        return "AUTO", []
    fields = message_at(config, "toolConfig")
    for name, value in fields.items():
        if name != "functionCallingConfig" and value:
            losses.only_native(f"toolConfig.{name[:40]}")
    where = "toolConfig.functionCallingConfig"
    calling = message_at(fields.get("functionCallingConfig", {}), where)
    mode = calling.get("mode", "AUTO")
    if not isinstance(mode, str) or mode.upper() not in _MODES:
        raise BadRequestError(f"{where}.mode must be AUTO, ANY, NONE or VALIDATED.", f"{where}.mode")
    if calling.get("streamFunctionCallArguments"):
        losses.drop("function calls come whole")
    allowed = [
        text_at(each, f"{where}.allowedFunctionNames")
        for each in list_at(calling.get("allowedFunctionNames"))
    ]
    return mode.upper(), allowed
