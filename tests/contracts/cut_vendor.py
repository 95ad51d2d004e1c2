"""The second upstream: a vendor that reads what the gateway asks and goes on with the answer.

It answers every endpoint in that endpoint's own form. Asked for the first time it gives its whole
answer; asked to go on it reads from the request what the client has, and gives the rest: exactly, or
with the last words again, or from the start, as models do. Written against the vendors'
documentation; it shares nothing with the product.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

PROMPT = "Say it."
"""The one message of the client. What stands after it in a request was added by the gateway."""
EXACT, WORDS, RESTART = "exact", "words", "restart"


@dataclass
class Speaker:
    """What the vendor has to say, and how."""

    text: str
    calls: Sequence[tuple[str, str]] = ()
    choices: int = 1
    style: str = EXACT
    words: int = 1
    """How many of the last words are said again, in that style."""
    told: list[str] = field(default_factory=list)
    """The beginnings that it was asked to go on with."""
    problems: list[str] = field(default_factory=list)

    def answer(self, request: tuple[bytes, bytes]) -> list[bytes]:
        """The events of a streamed answer."""
        path = request[0].split(b" ", 2)[1].decode()
        body = json.loads(request[1])
        told = beginning(path, body)
        text = self.text
        if told is not None:
            text = self._rest(*told)
        endpoint = next((each for each in _ANSWERS if each in path), None)
        if endpoint is None or (told is not None and endpoint in ("/responses", "/completions")):
            self.problems.append(f"a request to {path}")
            return []
        return list(_rendered(endpoint, text, tuple(self.calls), self.choices))

    def _rest(self, told: str, prefilled: bool) -> str:
        """What is said after a beginning."""
        self.told.append(told)
        if not self.text.startswith(told):
            self.problems.append(f"asked to go on with {told!r}, which is not what was said")
            return ""
        if prefilled and told != told.rstrip():
            self.problems.append("a prefill that ends with white space is refused")
        rest = self.text[len(told) :]
        if not rest or prefilled:
            return rest
        if self.style == RESTART:
            return self.text
        # A model that is told to go on inside a word writes the word again. And where white space meets
        # white space nobody can tell what is new, unless the last word is there to show it.
        inside_word = told[-1:].isalnum() and rest[0].isalnum() and told[-1:].isascii()
        inside_space = told[-1:].isspace() and rest[0].isspace()
        if self.style == WORDS or inside_word or inside_space:
            words = max(self.words, 2 if inside_word else 1)
            return said_again(told, words) + rest
        return rest


@lru_cache(maxsize=4096)
def _rendered(
    endpoint: str, text: str, calls: tuple[tuple[str, str], ...], choices: int
) -> tuple[bytes, ...]:
    return tuple(each.encode() for each in _ANSWERS[endpoint](_pieces(text), calls, choices))


def said_again(told: str, words: int) -> str:
    """The last words of a text, at least so many that there is a letter or digit in them."""
    starts = [each.start() for each in re.finditer(r"\S+", told)]
    for start in reversed(starts[: max(0, len(starts) - words) + 1]):
        if any(each.isalnum() for each in told[start:]):
            return told[start:]
    return ""


def beginning(path: str, body: dict[str, Any]) -> tuple[str, bool] | None:
    """What a request has of the answer already, and whether it ends with it; None: it is the first."""
    if "contents" in body:
        turns = [(each.get("role"), _text(each["parts"])) for each in body["contents"]]
    elif "messages" in body:
        turns = [(each["role"], _text(each["content"])) for each in body["messages"]]
    else:
        return None
    after = turns[[text for _, text in turns].index(PROMPT) + 1 :]
    if not after:
        return None
    return after[0][1], len(after) == 1


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _pieces(text: str) -> list[str]:
    """A text in pieces of about two words, as tokens come."""
    words = re.findall(r"\s*\S+|\s+$", text)
    return ["".join(words[at : at + 2]) for at in range(0, len(words), 2)]


def _event(value: Any, name: str = "") -> str:
    data = f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
    return f"event: {name}\n{data}" if name else data


def _chat(texts: list[str], calls: Sequence[tuple[str, str]], choices: int) -> list[str]:
    head = {"id": "chatcmpl-second", "object": "chat.completion.chunk", "created": 7, "model": "gpt-4o-mini"}

    def chunk(index: int, delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event(head | {"choices": [choice], "usage": None})

    out = [chunk(index, {"role": "assistant", "content": ""}) for index in range(choices)]
    out += [chunk(index, {"content": text}) for text in texts for index in range(choices)]
    for number, (name, arguments) in enumerate(calls):
        begun = {"index": number, "id": f"call_second{number}", "type": "function"}
        out.append(chunk(0, {"tool_calls": [begun | {"function": {"name": name, "arguments": ""}}]}))
        for piece in (arguments[:5], arguments[5:]):
            out.append(chunk(0, {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}))
    out += [chunk(index, {}, "tool_calls" if calls else "stop") for index in range(choices)]
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    return [*out, _event(head | {"choices": [], "usage": usage}), "data: [DONE]\n\n"]


def _completions(texts: list[str], calls: Sequence[tuple[str, str]], choices: int) -> list[str]:
    head = {"id": "cmpl-second", "object": "text_completion", "created": 7, "model": "gpt-3.5-turbo-instruct"}

    def chunk(index: int, text: str, finish: str | None = None) -> str:
        choice = {"text": text, "index": index, "logprobs": None, "finish_reason": finish}
        return _event(head | {"choices": [choice]})

    out = [chunk(index, text) for text in texts for index in range(choices)]
    return [*out, *[chunk(index, "", "stop") for index in range(choices)], "data: [DONE]\n\n"]


def _messages(texts: list[str], calls: Sequence[tuple[str, str]], choices: int) -> list[str]:
    message: dict[str, Any] = {
        "id": "msg_second",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
    }
    message |= {"content": [], "stop_reason": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
    out = [_event({"type": "message_start", "message": message}, "message_start")]
    index = 0

    def add(kind: str, **fields: Any) -> None:
        out.append(_event({"type": kind, "index": index, **fields}, kind))

    if texts:
        add("content_block_start", content_block={"type": "text", "text": ""})
        for text in texts:
            add("content_block_delta", delta={"type": "text_delta", "text": text})
        add("content_block_stop")
        index += 1
    for name, arguments in calls:
        block = {"type": "tool_use", "id": f"toolu_second{index}", "name": name, "input": {}}
        add("content_block_start", content_block=block)
        for piece in (arguments[:5], arguments[5:]):
            add("content_block_delta", delta={"type": "input_json_delta", "partial_json": piece})
        add("content_block_stop")
        index += 1
    delta = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
    end = {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 5}}
    return [*out, _event(end, "message_delta"), _event({"type": "message_stop"}, "message_stop")]


def _generate(texts: list[str], calls: Sequence[tuple[str, str]], choices: int) -> list[str]:
    tail: dict[str, Any] = {"modelVersion": "gemini-2.5-flash", "responseId": "c2Vjb25k"}
    tail["usageMetadata"] = {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}

    def chunk(index: int, parts: list[Any], finish: str | None = None) -> str:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": index}
        if finish is not None:
            candidate["finishReason"] = finish
        return _event({"candidates": [candidate], **tail}).replace("\n", "\r\n")

    out = [chunk(index, [{"text": text}]) for text in texts for index in range(choices)]
    if calls:
        parts = [{"functionCall": {"name": name, "args": json.loads(arguments)}} for name, arguments in calls]
        out.append(chunk(0, parts))
    return [*out, *[chunk(index, [{"text": ""}], "STOP") for index in range(choices)]]


def _responses(texts: list[str], calls: Sequence[tuple[str, str]], choices: int) -> list[str]:
    response: dict[str, Any] = {
        "id": "resp_second",
        "object": "response",
        "created_at": 7,
        "model": "gpt-4o-mini",
    }
    response |= {"status": "in_progress", "output": [], "usage": None}
    out: list[str] = []
    items: list[dict[str, Any]] = []

    def say(kind: str, **fields: Any) -> None:
        out.append(_event({"type": kind, "sequence_number": len(out), **fields}, kind))

    say("response.created", response=response)
    if texts:
        item: dict[str, Any] = {"id": "msg_second", "type": "message", "role": "assistant", "content": []}
        say("response.output_item.added", output_index=0, item=item | {"status": "in_progress"})
        place = {"item_id": "msg_second", "output_index": 0, "content_index": 0}
        part = {"type": "output_text", "annotations": [], "text": ""}
        say("response.content_part.added", **place, part=part)
        for text in texts:
            say("response.output_text.delta", **place, delta=text)
        part["text"] = "".join(texts)
        say("response.output_text.done", **place, text=part["text"])
        say("response.content_part.done", **place, part=part)
        items.append(item | {"status": "completed", "content": [part]})
        say("response.output_item.done", output_index=0, item=items[-1])
    for name, arguments in calls:
        index, identity = len(items), f"fc_second{len(items)}"
        item = {"id": identity, "type": "function_call", "call_id": f"call_{index}", "name": name}
        begun = item | {"arguments": "", "status": "in_progress"}
        say("response.output_item.added", output_index=index, item=begun)
        for piece in (arguments[:5], arguments[5:]):
            say("response.function_call_arguments.delta", item_id=identity, output_index=index, delta=piece)
        say(
            "response.function_call_arguments.done", item_id=identity, output_index=index, arguments=arguments
        )
        items.append(item | {"arguments": arguments, "status": "completed"})
        say("response.output_item.done", output_index=index, item=items[-1])
    usage = {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14}
    say("response.completed", response=response | {"status": "completed", "output": items, "usage": usage})
    return out


_ANSWERS: Mapping[str, Callable[[list[str], Sequence[tuple[str, str]], int], list[str]]] = {
    "/chat/completions": _chat,
    "/completions": _completions,
    "/messages": _messages,
    "/responses": _responses,
    ":streamGenerateContent": _generate,
}
"""By the end of the path; the longer one first."""
