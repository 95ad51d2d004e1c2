"""The openai client's chat completions."""

from collections.abc import Callable
from typing import Any

from halfopen.lab.matrix.askers.openai_client import OpenAIAsker
from halfopen.lab.matrix.askers.typed import wrong_type
from halfopen.lab.matrix.seen import TOOL_SCHEMA, Seen, SeenCall, Wish


class ChatAsker(OpenAIAsker):
    """Asks with `chat.completions.create`."""

    async def fetch(
        self, model: str, prompt: str, wish: Wish, seen: Seen, on_content: Callable[[], object]
    ) -> None:
        """Ask, and note what comes. Raises what the client raises."""
        asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": prompt}]}
        if wish.tools:
            asked["tools"] = [_tool(name) for name in wish.tools]
        if wish.choices > 1:
            asked["n"] = wish.choices
        if wish.stream:
            await self._stream(asked, wish, seen, on_content)
        else:
            await self._plain(asked, wish, seen)

    async def _plain(self, asked: dict[str, Any], wish: Wish, seen: Seen) -> None:
        raw = await self._client.chat.completions.with_raw_response.create(**asked)
        seen.status, seen.headers = raw.status_code, dict(raw.headers)
        answer: Any = raw.parse()  # a broken gateway keeps to no type
        if answer.object != "chat.completion" or not answer.id or not answer.model:
            seen.odd("no chat.completion with id and model")
        if answer.usage is not None:
            usage = answer.usage
            seen.usage = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
        if len(answer.choices or ()) != wish.choices:
            seen.odd(f"{len(answer.choices or ())} choices instead of {wish.choices}")
        for number, choice in enumerate(answer.choices or ()):
            if choice.index != number:
                seen.odd(f"choice {number} has the number {choice.index}")
            if choice.message.role != "assistant":
                seen.odd(f"a message of role {choice.message.role}")
            text = choice.message.content or ""
            if number:
                seen.more[number] = text
            else:
                seen.text = text
                for call in choice.message.tool_calls or ():
                    seen.calls.append(SeenCall(call.function.name, call.function.arguments, call.id))
            if choice.finish_reason:
                seen.finish.append(choice.finish_reason)
        if (wrong := wrong_type(answer)) is not None:
            seen.odd(wrong)

    async def _stream(
        self, asked: dict[str, Any], wish: Wish, seen: Seen, on_content: Callable[[], object]
    ) -> None:
        raw = await self._client.chat.completions.with_raw_response.create(
            **asked, stream=True, stream_options={"include_usage": True}
        )
        seen.status, seen.headers = raw.status_code, dict(raw.headers)
        notes = _Notes(seen, wish.choices)
        stream: Any = raw.parse()
        async with stream:
            async for chunk in stream:
                notes.chunk(chunk)
                if seen.text or seen.calls:
                    on_content()


class _Notes:
    """What a stream's chunks add up to."""

    def __init__(self, seen: Seen, choices: int) -> None:
        self._seen = seen
        self._choices = choices
        self._id: str | None = None
        self._finished: set[int] = set()
        self._calls: list[SeenCall] = []

    def chunk(self, chunk: Any) -> None:
        """Note one chunk."""
        seen = self._seen
        if chunk.object != "chat.completion.chunk" or not chunk.id or not chunk.model:
            seen.odd("no chat.completion.chunk with id and model")
        if self._id not in (None, chunk.id):
            seen.odd("chunks with different ids")
        self._id = chunk.id
        if chunk.usage is not None:
            usage = chunk.usage
            if seen.usage is not None:
                seen.odd("token counts twice")
            seen.usage = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
            if not seen.finish:
                seen.odd("token counts before the finish")
        for choice in chunk.choices or ():
            self._choice(choice)
        if (wrong := wrong_type(chunk)) is not None:
            seen.odd(wrong)

    def _choice(self, choice: Any) -> None:
        seen, number = self._seen, choice.index
        if number not in range(self._choices):
            seen.odd(f"a choice number {number}")
            return
        content, parts = choice.delta.content or "", choice.delta.tool_calls or ()
        if number in self._finished and (content or parts or choice.finish_reason):
            seen.odd("content or a second finish after the finish")
        if number:
            seen.more[number] = seen.more.get(number, "") + content
        else:
            seen.text += content
            for part in parts:
                self._part(part)
        if choice.finish_reason:
            self._finished.add(number)
            seen.finish.append(choice.finish_reason)

    def _part(self, part: Any) -> None:
        """A piece of a tool call: the first names it, the others have its arguments."""
        calls, function = self._seen.calls, part.function
        name, arguments = (function.name, function.arguments or "") if function else (None, "")
        if part.index == len(calls):
            if not part.id or not name:
                self._seen.odd("a tool call that begins without id and name")
            calls.append(SeenCall(name or "", arguments, part.id))
        elif part.index == len(calls) - 1:
            old = calls[-1]
            if (part.id or old.id) != old.id or (name or old.name) != old.name:
                self._seen.odd(f"tool call {part.index} changes its id or name")
            calls[-1] = SeenCall(old.name, old.arguments + arguments, old.id)
        else:
            self._seen.odd(f"a piece of tool call {part.index} where {len(calls)} have begun")


def _tool(name: str) -> dict[str, Any]:
    function = {"name": name, "description": f"Tool {name}.", "parameters": dict(TOOL_SCHEMA)}
    return {"type": "function", "function": function}


ASKER = ChatAsker
