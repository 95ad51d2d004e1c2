"""The openai client's legacy completions."""

from collections.abc import Callable
from typing import Any

from halfopen.lab.matrix.askers.openai_client import OpenAIAsker
from halfopen.lab.matrix.askers.typed import wrong_type
from halfopen.lab.matrix.seen import Seen, Wish

TOKENS_MAX = 1000
"""This API gives 16 when nothing is said, which would cut every answer."""


class CompletionsAsker(OpenAIAsker):
    """Asks with `completions.create`. It knows no tools."""

    async def fetch(
        self, model: str, prompt: str, wish: Wish, seen: Seen, on_content: Callable[[], object]
    ) -> None:
        """Ask, and note what comes. Raises what the client raises."""
        asked: dict[str, Any] = {"model": model, "prompt": prompt, "max_tokens": TOKENS_MAX}
        if wish.choices > 1:
            asked["n"] = wish.choices
        create: Any = self._client.completions.with_raw_response.create
        if not wish.stream:
            raw = await create(**asked)
            seen.status, seen.headers = raw.status_code, dict(raw.headers)
            notes = _Notes(seen, wish.choices)
            answer: Any = raw.parse()
            notes.part(answer)
            if len(answer.choices or ()) != wish.choices:
                seen.odd(f"{len(answer.choices or ())} choices instead of {wish.choices}")
            if (wrong := wrong_type(answer)) is not None:
                seen.odd(wrong)
            return
        raw = await create(**asked, stream=True, stream_options={"include_usage": True})
        seen.status, seen.headers = raw.status_code, dict(raw.headers)
        notes = _Notes(seen, wish.choices)
        stream: Any = raw.parse()
        async with stream:
            async for part in stream:
                notes.part(part)
                # A part of a stream has no finish reason until the last, whatever the type says.
                if (wrong := wrong_type(part, "finish_reason")) is not None:
                    seen.odd(wrong)
                if seen.text:
                    on_content()


class _Notes:
    """What the parts of an answer add up to; a plain answer is a single one."""

    def __init__(self, seen: Seen, choices: int) -> None:
        self._seen = seen
        self._choices = choices
        self._id: str | None = None
        self._finished: set[int] = set()

    def part(self, part: Any) -> None:
        """Note one part."""
        seen = self._seen
        if part.object != "text_completion" or not part.id or not part.model:
            seen.odd("no text_completion with id and model")
        if self._id not in (None, part.id):
            seen.odd("parts with different ids")
        self._id = part.id
        for choice in part.choices or ():
            if choice.index not in range(self._choices):
                seen.odd(f"a choice number {choice.index}")
                continue
            if choice.index in self._finished and (choice.text or choice.finish_reason):
                seen.odd("content or a second finish after the finish")
            if choice.index:
                seen.more[choice.index] = seen.more.get(choice.index, "") + (choice.text or "")
            else:
                seen.text += choice.text or ""
            if choice.finish_reason:
                self._finished.add(choice.index)
                seen.finish.append(choice.finish_reason)
        if part.usage is not None:
            usage = part.usage
            if seen.usage is not None:
                seen.odd("token counts twice")
            if not seen.finish:
                seen.odd("token counts before the finish")
            seen.usage = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)


ASKER = CompletionsAsker
