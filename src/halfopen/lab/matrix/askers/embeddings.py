"""The openai client's embeddings."""

from collections.abc import Callable
from typing import Any

from halfopen.lab.matrix.askers.openai_client import OpenAIAsker
from halfopen.lab.matrix.askers.typed import wrong_type
from halfopen.lab.matrix.seen import Seen, Wish, embedded_texts


class EmbeddingsAsker(OpenAIAsker):
    """Asks with `embeddings.create`, for two vectors at once. They are never streamed."""

    async def fetch(
        self, model: str, prompt: str, wish: Wish, seen: Seen, on_content: Callable[[], object]
    ) -> None:
        """Ask, and note what comes. Raises what the client raises."""
        del wish, on_content
        inputs = embedded_texts(prompt)
        # Left alone the client asks for base64 and decodes it, as in applications.
        raw = await self._client.embeddings.with_raw_response.create(model=model, input=inputs)
        seen.status, seen.headers = raw.status_code, dict(raw.headers)
        answer: Any = raw.parse()
        if answer.object != "list" or not answer.model:
            seen.odd("no list with a model")
        if [each.index for each in answer.data] != list(range(len(inputs))):
            seen.odd(f"the numbers {[each.index for each in answer.data]} for {len(inputs)} texts")
        seen.vectors = [list(each.embedding) for each in answer.data]
        if answer.usage is not None:
            seen.usage = (answer.usage.prompt_tokens, 0, answer.usage.total_tokens)
        if (wrong := wrong_type(answer)) is not None:
            seen.odd(wrong)


ASKER = EmbeddingsAsker
