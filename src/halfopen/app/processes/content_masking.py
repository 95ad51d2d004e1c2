"""Masks what a request said before it is kept.

In control, by a thread that has the time: to mask 16 KiB takes some milliseconds, which a worker's loop
doesn't have. Until then it is in memory only, and on the Unix socket between the two.
"""

from typing import Final

import msgspec

from halfopen.model.content import Content, Message, Part, Transcript
from halfopen.providers.transcript import MARGIN_BYTES, bounded
from halfopen.redact import MASKED, Redactor
from halfopen.seams.content_store import KeptContent

_ENCODER: Final = msgspec.json.Encoder()


def masked(content: Content, redactor: Redactor) -> KeptContent:
    """What of a request is kept: masked, and then cut to its bound."""
    prompt, prompt_masks = _masked(content.prompt, redactor, content.max_bytes)
    answer, answer_masks = _masked(content.answer, redactor, content.max_bytes)
    return KeptContent(
        request_id=content.request_id,
        ended_wall_s=content.ended_wall_s,
        prompt=_ENCODER.encode(prompt),
        answer=_ENCODER.encode(answer),
        cut=prompt.is_cut or answer.is_cut,
        masked=prompt_masks + answer_masks,
    )


def _masked(transcript: Transcript, redactor: Redactor, max_bytes: int) -> tuple[Transcript, int]:
    messages: list[Message] = []
    masks = 0
    for message in transcript.messages:
        parts: list[Part] = []
        for part in message.parts:
            text = redactor.text(part.content)
            masks += _masks(text) - _masks(part.content)
            if part.left_out_bytes:
                text = _without_margin(text)
            parts.append(Part(part.type, text, redactor.text(part.name), part.left_out_bytes))
        messages.append(Message(redactor.text(message.role), tuple(parts)))
    # A mask may be longer than what it stands for.
    kept = bounded(messages, max_bytes, margin_bytes=0, left_out=transcript.left_out)
    return kept, max(masks, 0)


def _without_margin(text: str) -> str:
    """A text that was cut without its end, where half of a secret may stand that no rule knows."""
    return text.encode("utf-8", "replace")[:-MARGIN_BYTES].decode("utf-8", "ignore")


def _masks(text: str) -> int:
    return sum(1 for _ in MASKED.finditer(text)) if "[" in text else 0
