"""A completion request as the chat completion request that means the same: the prompt is a user message.

What a chat can't express (several prompts, tokens, `echo`, `suffix`, `best_of`, `logprobs` as a
number) only a server of completions can do, and the request says so. A limit that the client leaves
out stays out: the 16 tokens that OpenAI's completions then end at would cut every answer of a chat.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from halfopen.providers.chat import Chat
from halfopen.providers.clients.completions.request import Completion

_SAME = (
    "temperature",
    "top_p",
    "top_k",
    "stop",
    "n",
    "seed",
    "user",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
)
"""Fields that mean the same in both."""
_READ = frozenset((*_SAME, "model", "prompt", "max_tokens", "stream", "stream_options"))
_NATIVE = ("echo", "suffix", "best_of", "logprobs")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DROPPED_MAX = 8
"""Phrases in a header: the first few tell enough."""


def completions_to_chat(request: Completion) -> Chat:
    """Translate a request. Every field keeps its value."""
    fields = request.fields
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [{"role": "user", "content": request.longest if request.text is None else request.text}],
    }
    body.update({name: fields[name] for name in _SAME if name in fields})
    if "max_tokens" in fields:
        # Every chat server knows the newer name, or its flavour renames it.
        body["max_completion_tokens"] = fields["max_tokens"]
    if request.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return Chat(
        msgspec.json.encode(body),
        request.model,
        request.stream,
        include_usage=True,
        origin=request,
        native_only=_native_only(request),
        dropped=("prompt sent as a chat message", *_dropped(fields)),
    )


def _native_only(request: Completion) -> str | None:
    """What no chat can do, in a few words."""
    if request.text is None:
        return "no lists of prompts" if request.prompts > 1 else "no prompts of tokens"
    if not request.text:
        return "no empty prompt"
    if request.value("echo") is True:
        return "no echo"
    if request.value("suffix"):
        return "no suffix"
    best_of = request.value("best_of")
    if isinstance(best_of, int) and best_of > request.choices:
        return "no best_of"
    logprobs = request.value("logprobs")
    if logprobs is not None and logprobs is not False:
        return "no logprobs of a completion"
    return None


def _dropped(fields: Mapping[str, msgspec.Raw]) -> list[str]:
    """Fields of one kind of server. Names come from the client, so only plain ones are repeated."""
    lost = [
        f"no {name}"
        for name, value in fields.items()
        if name not in _READ
        and name not in _NATIVE
        and bytes(value) not in (b"null", b"false")
        and _NAME.fullmatch(name)
    ]
    return lost[:_DROPPED_MAX]
