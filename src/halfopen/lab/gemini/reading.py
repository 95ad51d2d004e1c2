"""From Gemini's generateContent request to a question, refusing what Gemini refuses."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from halfopen.lab.continuation import Turn, begun
from halfopen.lab.gemini.refusal import Refusal
from halfopen.lab.question import Question, Tool, going_on

_NAME = re.compile(r"\A[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}\Z")
_JSON = "application/json"
_MIME_TYPES = ("text/plain", _JSON, "text/x.enum", "application/xml", "application/yaml")
Body = Mapping[str, Any]


def question(body: Body, model: str, size_bytes: int, *, stream: bool, restarts: bool = False) -> Question:
    """Read a request whose shape is right. Raises Refusal.

    Args:
        body: The request.
        model: From the path.
        size_bytes: How long the body came.
        stream: Whether the answer is streamed.
        restarts: Whether a model that is told to go on with an answer begins it anew.
    """
    contents = body["contents"]
    _check_contents(contents)
    generation = body.get("generationConfig") or {}
    tools = _tools(body)
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    schema = _schema(generation)
    if schema is not None and tools and not model.startswith("gemini-3"):
        raise Refusal("Function calling with a response mime type: 'application/json' is unsupported")
    asked = Question(
        dialect="gemini",
        model=model,
        prompt=_prompt(contents),
        stream=stream,
        images=_images(contents),
        results=_results(contents),
        tools=_allowed(tools, calling),
        tool_choice={"ANY": "required", "NONE": "none"}.get(calling.get("mode", "AUTO"), "auto"),
        schema=schema,
        stop=tuple(generation.get("stopSequences") or ()),
        output_tokens_max=generation.get("maxOutputTokens"),
        choices=generation.get("candidateCount") or 1,
        input_tokens=max(1, size_bytes // 5),
        thinks=bool((generation.get("thinkingConfig") or {}).get("includeThoughts")),
    )
    return going_on(asked, begun(_turns(contents), prefill=True), restarts=restarts)


def _turns(contents: list[Body]) -> list[Turn]:
    return [
        Turn(
            content.get("role", "user") == "user",
            "".join(part["text"] for part in content["parts"] if "text" in part and not part.get("thought")),
        )
        for content in contents
    ]


def _check_contents(contents: list[Body]) -> None:
    several = len(contents) > 1
    for place, content in enumerate(contents):
        if content.get("role", "" if several else "user") not in {"user", "model"}:
            raise Refusal("Please use a valid role: user, model.")
        parts = content.get("parts") or ()
        if not parts:
            raise Refusal(
                f"* GenerateContentRequest.contents[{place}].parts: contents.parts must not be empty.\n"
            )
        for number, part in enumerate(parts):
            kinds = {
                "text",
                "inlineData",
                "fileData",
                "functionCall",
                "functionResponse",
                "executableCode",
                "codeExecutionResult",
            } & set(part)
            if len(kinds) != 1:
                raise Refusal(
                    f"* GenerateContentRequest.contents[{place}].parts[{number}].data: required oneof field "
                    "'data' must have one initialized field\n"
                )
    for place, content in enumerate(contents):
        _check_turn(contents, place, content)


def _count(content: Body | None, kind: str) -> int:
    return 0 if content is None else sum(kind in part for part in content["parts"])


def _is_blank(content: Body) -> bool:
    """The empty text with which a stream of calls ends, sent back by Google's own client."""
    return content.get("role") == "model" and all(part == {"text": ""} for part in content["parts"])


def _spoken(contents: list[Body], places: range) -> Body | None:
    return next((contents[place] for place in places if not _is_blank(contents[place])), None)


def _check_turn(contents: list[Body], place: int, content: Body) -> None:
    before = _spoken(contents, range(place - 1, -1, -1))
    after = _spoken(contents, range(place + 1, len(contents)))
    calls, responses = _count(content, "functionCall"), _count(content, "functionResponse")
    if calls and (before is None or before.get("role") == "model"):
        raise Refusal(
            "Please ensure that function call turn comes immediately after a user turn or after a function "
            "response turn."
        )
    if calls and after is not None and _count(after, "functionResponse") != calls:
        raise Refusal(
            "Please ensure that the number of function response parts is equal to the number of function "
            "call parts of the function call turn."
        )
    if responses and (before is None or not _count(before, "functionCall")):
        raise Refusal(
            "Please ensure that function response turn comes immediately after a function call turn."
        )


def _text(content: Body) -> str:
    return " ".join(part["text"] for part in content["parts"] if "text" in part and not part.get("thought"))


def _prompt(contents: list[Body]) -> str:
    for content in reversed(contents):
        if content.get("role", "user") == "user":
            text = _text(content)
            if text:
                return text
    return ""


def _images(contents: list[Body]) -> int:
    images = 0
    for content in contents:
        for part in content["parts"]:
            media = part.get("inlineData") or part.get("fileData")
            if media is not None:
                images += str(media.get("mimeType", "image/")).startswith("image/")
    return images


def _results(contents: list[Body]) -> tuple[str, ...]:
    found: list[str] = []
    for part in contents[-1]["parts"]:
        if "functionResponse" in part:
            response = part["functionResponse"]["response"]
            told = next(
                (response[key] for key in ("result", "output", "content") if key in response), response
            )
            found.append(told if isinstance(told, str) else msgspec.json.encode(told).decode())
    return tuple(found)


def _tools(body: Body) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for place, tool in enumerate(body.get("tools") or ()):
        for number, function in enumerate(tool.get("functionDeclarations") or ()):
            where = f"tools[{place}].function_declarations[{number}]"
            if not _NAME.match(function["name"]):
                raise Refusal(
                    f"* GenerateContentRequest.{where}.name: Invalid function name. Must start with a letter "
                    "or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), "
                    "colons (:), or dashes (-), with a maximum length of 64.\n"
                )
            if "parameters" in function and "parametersJsonSchema" in function:
                raise Refusal(f"* GenerateContentRequest.{where}: only one of parameters may be set\n")
            schema = function.get("parametersJsonSchema") or function.get("parameters") or {"type": "object"}
            tools.append(Tool(function["name"], schema))
    names = [tool.name for tool in tools]
    if len(set(names)) < len(names):
        raise Refusal("Duplicate function declaration found: " + max(names, key=names.count))
    return tuple(tools)


def _allowed(tools: tuple[Tool, ...], calling: Body) -> tuple[Tool, ...]:
    names = calling.get("allowedFunctionNames") or ()
    if not names:
        return tools
    if calling.get("mode") not in {"ANY", "VALIDATED"}:
        raise Refusal(
            "* GenerateContentRequest.tool_config.function_calling_config: allowed_function_names should "
            "only be set when mode is ANY or VALIDATED.\n"
        )
    unknown = set(names) - {tool.name for tool in tools}
    if unknown:
        raise Refusal(
            "* GenerateContentRequest.tool_config.function_calling_config.allowed_function_names: "
            f"{min(unknown)} is not a declared function\n"
        )
    return tuple(tool for tool in tools if tool.name in names)


def _schema(generation: Body) -> Mapping[str, Any] | None:
    mime = generation.get("responseMimeType", "text/plain")
    if mime not in _MIME_TYPES:
        raise Refusal(
            f"* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are "
            f"{', '.join(f'`{name}`' for name in _MIME_TYPES)}.\n"
        )
    schema = generation.get("responseJsonSchema") or generation.get("responseSchema")
    if schema is not None and mime not in {_JSON, "text/x.enum"}:
        raise Refusal(
            "* GenerateContentRequest.generation_config.response_schema: only allowed when response mimetype "
            "is `application/json`.\n"
        )
    if mime != _JSON:
        return None
    found: Mapping[str, Any] = schema or {}
    return found
