"""The google-genai client's generate_content and generate_content_stream."""

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Self

import msgspec
from google import genai
from google.genai import errors, types

from halfopen.lab.matrix.askers.typed import wrong_type
from halfopen.lab.matrix.seen import (
    CLIENT_TIMEOUT_S,
    TOOL_SCHEMA,
    Asker,
    Seen,
    SeenCall,
    Told,
    Wish,
    note_request,
)

FINISH: Mapping[str, str] = MappingProxyType(
    {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}
)
"""This dialect's reasons under their neutral names. A tool call ends with STOP as well."""
STATUSES: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        400: ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"),
        401: ("UNAUTHENTICATED",),
        403: ("PERMISSION_DENIED",),
        404: ("NOT_FOUND",),
        408: ("DEADLINE_EXCEEDED", "CANCELLED"),
        409: ("ABORTED", "ALREADY_EXISTS"),
        413: ("INVALID_ARGUMENT", "OUT_OF_RANGE"),
        422: ("INVALID_ARGUMENT",),
        429: ("RESOURCE_EXHAUSTED",),
        499: ("CANCELLED",),
        500: ("INTERNAL", "UNKNOWN", "DATA_LOSS"),
        501: ("UNIMPLEMENTED",),
        502: ("UNAVAILABLE", "INTERNAL", "UNKNOWN"),
        503: ("UNAVAILABLE",),
        504: ("DEADLINE_EXCEEDED",),
    }
)
"""Google's names that go with an HTTP status."""


class GenerateAsker(Asker):
    """Asks with `aio.models.generate_content`. This client repeats no request by itself."""

    def __init__(self, client: genai.Client) -> None:
        """Made by `open`."""
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, base_url: str) -> AsyncIterator[Self]:
        """An asker with a client of its own, closed at the end. `base_url` ends in /v1."""
        no_tls = {"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "trust_env": False}
        options = types.HttpOptions(
            base_url=base_url.removesuffix("/v1"),
            timeout=int(CLIENT_TIMEOUT_S * 1000),
            client_args=no_tls,
            async_client_args={**no_tls, "event_hooks": {"request": [note_request]}},
        )
        client = genai.Client(api_key="lab", vertexai=False, http_options=options)
        try:
            yield cls(client)
        finally:
            await client.aio.aclose()
            client.close()

    def told(self, error: Exception) -> Told:
        """An error of this client in a neutral form."""
        if not isinstance(error, errors.APIError) or isinstance(error, errors.UnknownApiResponseError):
            return Told(explicit=False)
        native = None
        if error.message is None or error.status is None:
            native = "its error has no message or no status"
        elif error.status not in STATUSES.get(error.code, (error.status,)):
            native = f"its error has the status {error.status}, which does not go with {error.code}"
        explicit = isinstance(error.code, int)
        return Told(explicit, error.code, error.message, error.status, native=native)

    async def fetch(
        self, model: str, prompt: str, wish: Wish, seen: Seen, on_content: Callable[[], object]
    ) -> None:
        """Ask, and note what comes. Raises what the client raises."""
        config = types.GenerateContentConfig(
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
        )
        if wish.tools:
            config.tools = [types.Tool(function_declarations=[_tool(name) for name in wish.tools])]
        if wish.choices > 1:
            config.candidate_count = wish.choices
        models: Any = self._client.aio.models
        notes = _Notes(seen, wish.choices)
        if not wish.stream:
            notes.part(await models.generate_content(model=model, contents=prompt, config=config))
            return
        async for part in await models.generate_content_stream(model=model, contents=prompt, config=config):
            notes.part(part)
            if seen.text or seen.calls:
                on_content()


class _Notes:
    """What the parts of an answer add up to; a plain answer is a single one."""

    def __init__(self, seen: Seen, choices: int) -> None:
        self._seen = seen
        self._choices = choices
        self._id: str | None = None
        self._finished: set[int] = set()

    def part(self, part: Any) -> None:
        """Note one response."""
        seen = self._seen
        if part.sdk_http_response is not None:
            seen.status, seen.headers = 200, dict(part.sdk_http_response.headers or {})
        if not part.model_version or not part.response_id:
            seen.odd("a response without model_version or response_id")
        elif self._id not in (None, part.response_id):
            seen.odd("responses with different ids")
        self._id = part.response_id or self._id
        for candidate in part.candidates or ():
            self._candidate(candidate)
        if part.usage_metadata is not None:
            self._usage(part.usage_metadata)
        if (wrong := wrong_type(part)) is not None:
            seen.odd(wrong)

    def _usage(self, usage: Any) -> None:
        given = usage.prompt_token_count or 0
        made = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        self._seen.usage = (given, made, usage.total_token_count or 0)

    def _candidate(self, candidate: Any) -> None:
        seen, number = self._seen, candidate.index or 0
        if number not in range(self._choices):
            seen.odd(f"a candidate number {number}")
            return
        parts = (candidate.content.parts or ()) if candidate.content is not None else ()
        said = [each for each in parts if each.text or each.function_call is not None]
        if number in self._finished and (said or candidate.finish_reason):
            seen.odd("content or a second finish after the finish")
        if said and candidate.content.role != "model":
            seen.odd(f"content of role {candidate.content.role}")
        for each in said:
            if each.function_call is not None and not number:
                call = each.function_call
                seen.calls.append(SeenCall(call.name or "", _json(call.args), call.id))
            elif number:
                seen.more[number] = seen.more.get(number, "") + (each.text or "")
            else:
                seen.text += each.text or ""
        if candidate.finish_reason:
            self._finished.add(number)
            reason = str(getattr(candidate.finish_reason, "value", candidate.finish_reason))
            seen.finish.append(FINISH.get(reason, reason))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _tool(name: str) -> types.FunctionDeclaration:
    return types.FunctionDeclaration(
        name=name, description=f"Tool {name}.", parameters_json_schema=dict(TOOL_SCHEMA)
    )


ASKER = GenerateAsker
