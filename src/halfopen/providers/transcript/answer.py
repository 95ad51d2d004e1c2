"""What a whole answer says."""

from collections.abc import Iterator, Mapping
from typing import Any

from halfopen.model.content import Message, Part, Transcript
from halfopen.providers.ask import plain_value
from halfopen.providers.transcript.bound import bounded
from halfopen.providers.transcript.parts import calls_of, parts_of
from halfopen.providers.transcript.prompt import READ_MAX_BYTES


def answer_of(body: bytes, max_bytes: int) -> Transcript:
    """What an answer says, a message for each choice, the first ones if not all fit.

    Args:
        body: A whole answer, in the client's dialect.
        max_bytes: Of its texts.
    """
    if len(body) > READ_MAX_BYTES:
        return Transcript((_noted(f"an answer of {len(body)} bytes, too long to be kept"),))
    try:
        answer = plain_value(body)
    except (ValueError, RecursionError):
        return Transcript()
    return bounded(_messages(answer), max_bytes) if isinstance(answer, dict) else Transcript()


def _messages(answer: Mapping[str, Any]) -> Iterator[Message]:
    for choice in _objects(answer, "choices"):
        message = choice.get("message")
        if isinstance(message, dict):
            yield Message("assistant", tuple(_chat(message)))
        else:
            yield Message("assistant", tuple(parts_of(choice.get("text"))))
    for candidate in _objects(answer, "candidates"):
        content = candidate.get("content")
        yield Message(
            "assistant", tuple(parts_of(content.get("parts") if isinstance(content, dict) else None))
        )
    output = answer.get("output")
    if isinstance(output, list):
        yield Message("assistant", tuple(_output(output)))
    elif "content" in answer:
        yield Message("assistant", tuple(parts_of(answer["content"])))
    for name in ("data", "embeddings"):
        vectors = answer.get(name)
        if isinstance(vectors, list):
            yield _noted(f"{len(vectors)} embeddings")
    if "embedding" in answer:
        yield _noted("1 embedding")


def _chat(message: Mapping[str, Any]) -> Iterator[Part]:
    for name in ("reasoning_content", "reasoning"):
        if isinstance(message.get(name), str) and message[name]:
            yield Part("reasoning", message[name])
            break
    yield from parts_of(message.get("content"))
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        yield Part("refusal", message["refusal"])
    if isinstance(message.get("audio"), dict):
        yield from parts_of({"type": "audio", **message["audio"]})
    yield from calls_of(message)


def _output(items: list[Any]) -> Iterator[Part]:
    """The items of a response."""
    for item in items:
        if isinstance(item, dict) and item.get("type") == "message":
            yield from parts_of(item.get("content"))
        else:
            yield from parts_of(item)


def _objects(answer: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    items = answer.get(name)
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield item


def _noted(text: str) -> Message:
    return Message("assistant", (Part("blob", text),))
