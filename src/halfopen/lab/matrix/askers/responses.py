"""The openai client's responses."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from halfopen.lab.matrix.askers.openai_client import OpenAIAsker
from halfopen.lab.matrix.askers.response_events import ResponseEvents
from halfopen.lab.matrix.askers.typed import wrong_type
from halfopen.lab.matrix.seen import TOOL_SCHEMA, ErrorEvent, Seen, SeenCall, Wish

INCOMPLETE: Mapping[str, str] = MappingProxyType(
    {"max_output_tokens": "length", "content_filter": "content_filter"}
)
"""Why a response is incomplete, under the neutral names."""


class ResponsesAsker(OpenAIAsker):
    """Asks with `responses.create`, and wants nothing stored."""

    async def fetch(
        self, model: str, prompt: str, wish: Wish, seen: Seen, on_content: Callable[[], object]
    ) -> None:
        """Ask, and note what comes. Raises what the client raises, and `ErrorEvent` for its error events."""
        asked: dict[str, Any] = {"model": model, "input": prompt, "store": False}
        if wish.tools:
            asked["tools"] = [_tool(name) for name in wish.tools]
        create: Any = self._client.responses.with_raw_response.create
        if not wish.stream:
            raw = await create(**asked)
            seen.status, seen.headers = raw.status_code, dict(raw.headers)
            note_whole(raw.parse(), seen)
            return
        raw = await create(**asked, stream=True)
        seen.status, seen.headers = raw.status_code, dict(raw.headers)
        events = ResponseEvents(seen)
        stream: Any = raw.parse()
        async with stream:
            async for event in stream:
                events.event(event)
                if seen.text or seen.calls:
                    on_content()
        if events.failure is not None:
            raise ErrorEvent(*events.failure)
        if events.response is None:
            seen.odd("the end without response.completed")
        else:
            _compare(events.response, seen)


def note_whole(response: Any, seen: Seen) -> None:
    """Note a whole response."""
    if response.object != "response" or not response.id or not response.model:
        seen.odd("no response with id and model")
    if response.error is not None:
        seen.odd("an error in a response")
    for item in response.output or ():
        if item.type == "message":
            if item.role != "assistant" or item.status != "completed":
                seen.odd(f"a message of {item.role} that is {item.status}")
            for part in item.content:
                if part.type == "output_text":
                    seen.text += part.text
                else:
                    seen.odd(f"a part of the type {part.type}")
        elif item.type == "function_call":
            seen.calls.append(SeenCall(item.name, item.arguments, item.call_id))
        else:
            seen.odd(f"an output item of the type {item.type}")
    seen.finish.append(_finish(response, seen))
    if response.usage is not None:
        usage = response.usage
        seen.usage = (usage.input_tokens, usage.output_tokens, usage.total_tokens)
    if (wrong := wrong_type(response)) is not None:
        seen.odd(wrong)


def _finish(response: Any, seen: Seen) -> str:
    if response.status == "completed":
        return "tool_calls" if seen.calls else "stop"
    details = response.incomplete_details
    reason = "" if details is None else str(details.reason)
    return INCOMPLETE.get(reason, str(response.status))


def _compare(response: Any, seen: Seen) -> None:
    """Hold the response of the last event against what the events before it said."""
    whole = Seen()
    note_whole(response, whole)
    if whole.text != seen.text:
        seen.odd(f"the completed response says {whole.text[-40:]!r}, its deltas {seen.text[-40:]!r}")
    if whole.calls != seen.calls:
        seen.odd("the completed response has other tool calls than its events")
    seen.finish += whole.finish
    seen.usage = whole.usage
    for each in whole.oddities:
        seen.odd(each)


def _tool(name: str) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "description": f"Tool {name}.",
        "parameters": dict(TOOL_SCHEMA),
        "strict": True,
    }


ASKER = ResponsesAsker
