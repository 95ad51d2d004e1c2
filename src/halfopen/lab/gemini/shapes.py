"""The generateContent request as Gemini accepts it, in camelCase.

Gemini reads JSON as protocol buffers do: every field may be written in snake_case as well, so
`camel` renames first.
"""

import re
from typing import Any

from halfopen.lab.shape import (
    Path,
    Shape,
    anything,
    array,
    boolean,
    choice,
    integer,
    mapping,
    number,
    record,
    string,
)

_SNAKE = re.compile(r"_([a-z0-9])")
_FREE = frozenset({"args", "response", "parametersJsonSchema", "responseJsonSchema", "labels", "properties"})
"""Fields whose keys are the caller's own."""


def camel(value: Any) -> Any:
    """`value` with its fields renamed from snake_case, except in the caller's own data."""
    if isinstance(value, dict):
        renamed: dict[str, Any] = {}
        for key, each in value.items():
            name = _SNAKE.sub(lambda match: match[1].upper(), key) if "_" in key else key
            if name == "properties" and isinstance(each, dict):
                renamed[name] = {own: camel(part) for own, part in each.items()}
            else:
                renamed[name] = each if name in _FREE else camel(each)
        return renamed
    return [camel(each) for each in value] if isinstance(value, list) else value


_BLOB = record({"mimeType": string, "data": string, "displayName": string}, ("mimeType", "data"))
_PART = record(
    {
        "text": string,
        "inlineData": _BLOB,
        "fileData": record({"mimeType": string, "fileUri": string}, ("fileUri",)),
        "functionCall": record({"id": string, "name": string, "args": mapping}, ("name",)),
        "functionResponse": record(
            {
                "id": string,
                "name": string,
                "response": mapping,
                "parts": array(mapping),
                "willContinue": boolean,
                "scheduling": string,
            },
            ("name", "response"),
        ),
        "thought": boolean,
        "thoughtSignature": string,
        "executableCode": mapping,
        "codeExecutionResult": mapping,
        "videoMetadata": mapping,
        "mediaResolution": mapping,
        "partMetadata": mapping,
    }
)
_CONTENT = record({"role": string, "parts": array(_PART)})
_TYPES = choice(
    "STRING",
    "NUMBER",
    "INTEGER",
    "BOOLEAN",
    "ARRAY",
    "OBJECT",
    "NULL",
    "TYPE_UNSPECIFIED",
    "string",
    "number",
    "integer",
    "boolean",
    "array",
    "object",
    "null",
)


def _schema(value: Any, path: Path) -> None:
    _SCHEMA(value, path)


def _properties(value: Any, path: Path) -> None:
    mapping(value, path)
    for name, part in value.items():
        _schema(part, (*path, name))


_SCHEMA: Shape = record(
    {
        "type": _TYPES,
        "format": string,
        "title": string,
        "description": string,
        "nullable": boolean,
        "enum": array(string),
        "items": _schema,
        "maxItems": anything,
        "minItems": anything,
        "properties": _properties,
        "required": array(string),
        "propertyOrdering": array(string),
        "minProperties": anything,
        "maxProperties": anything,
        "minimum": number(),
        "maximum": number(),
        "minLength": anything,
        "maxLength": anything,
        "pattern": string,
        "example": anything,
        "anyOf": array(_schema),
        "default": anything,
    }
)
_FUNCTION = record(
    {
        "name": string,
        "description": string,
        "parameters": _schema,
        "parametersJsonSchema": mapping,
        "response": mapping,
        "responseJsonSchema": mapping,
        "behavior": string,
    },
    ("name",),
)
_TOOL = record(
    {
        "functionDeclarations": array(_FUNCTION),
        "googleSearch": mapping,
        "googleSearchRetrieval": mapping,
        "codeExecution": mapping,
        "urlContext": mapping,
        "googleMaps": mapping,
        "computerUse": mapping,
        "fileSearch": mapping,
    }
)
_CALLING = record(
    {
        "mode": choice("AUTO", "ANY", "NONE", "VALIDATED", "MODE_UNSPECIFIED"),
        "allowedFunctionNames": array(string),
    }
)
_GENERATION = record(
    {
        "candidateCount": integer(1, 8),
        "stopSequences": array(string, most=5),
        "maxOutputTokens": integer(1),
        "temperature": number(0, 2),
        "topP": number(0, 1),
        "topK": number(1),
        "seed": integer(-(2**31), 2**31 - 1),
        "presencePenalty": number(-2, 2),
        "frequencyPenalty": number(-2, 2),
        "responseMimeType": string,
        "responseSchema": _schema,
        "responseJsonSchema": mapping,
        "responseModalities": array(string),
        "responseLogprobs": boolean,
        "logprobs": integer(0, 20),
        "thinkingConfig": record(
            {"thinkingBudget": integer(-1), "includeThoughts": boolean, "thinkingLevel": string}
        ),
        "mediaResolution": string,
        "speechConfig": mapping,
        "imageConfig": mapping,
        "enableEnhancedCivicAnswers": boolean,
    }
)

REQUEST = record(
    {
        "model": string,
        "contents": array(_CONTENT, least=1),
        "systemInstruction": _CONTENT,
        "tools": array(_TOOL),
        "toolConfig": record({"functionCallingConfig": _CALLING, "retrievalConfig": mapping}),
        "safetySettings": array(mapping),
        "generationConfig": _GENERATION,
        "cachedContent": string,
        "serviceTier": string,
        "store": boolean,
    },
    ("contents",),
)

_EMBED_FIELDS = {
    "model": string,
    "content": _CONTENT,
    "taskType": string,
    "title": string,
    "outputDimensionality": integer(1, 3072),
    "embedContentConfig": mapping,
}
EMBED_REQUEST = record(_EMBED_FIELDS, ("content",))
BATCH_EMBED_REQUEST = record({"requests": array(EMBED_REQUEST, least=1)}, ("requests",))
COUNT_REQUEST = record({"contents": array(_CONTENT, least=1), "generateContentRequest": REQUEST})
