"""OpenAI's legacy completions endpoint."""

import re
from collections.abc import Iterator
from typing import Any

from halfopen.lab.continuation import Begun
from halfopen.lab.exchange import LabAnswer, Piece, PieceKind
from halfopen.lab.openai.arrival import Arrival, check_exists
from halfopen.lab.openai.refusal import Refusal
from halfopen.lab.openai.rendering import event
from halfopen.lab.question import Draft, Question, compose, going_on
from halfopen.lab.shape import array, boolean, either, integer, mapping, number, optional, record, string

_CHAT_MODEL = re.compile(r"\A(?:gpt-4|gpt-5|o\d|chatgpt|gpt-3\.5-turbo(?!-instruct))")
_OUTPUT_TOKENS = 16
"""How many tokens OpenAI writes when nothing is asked for."""
_BEGUN = "Lab answer from "
_FINISH = {"stop": "stop", "stop_sequence": "stop", "length": "length"}
_TOKEN = integer(0)
_REQUEST = record(
    {
        "model": string,
        "prompt": optional(
            either(
                string=string,
                array=array(either(string=string, integer=_TOKEN, array=array(_TOKEN, least=1)), least=1),
            )
        ),
        "best_of": optional(integer(0, 20)),
        "echo": optional(boolean),
        "frequency_penalty": optional(number(-2, 2)),
        "logit_bias": optional(mapping),
        "logprobs": optional(integer(0, 5)),
        "max_tokens": optional(integer(0)),
        "n": optional(integer(1, 128)),
        "presence_penalty": optional(number(-2, 2)),
        "seed": optional(integer()),
        "stop": optional(either(string=string, array=array(string, most=4))),
        "stream": optional(boolean),
        "stream_options": optional(record({"include_usage": boolean, "include_obfuscation": boolean})),
        "suffix": optional(string),
        "temperature": optional(number(0, 2)),
        "top_p": optional(number(0, 1)),
        "user": string,
    },
    ("model", "prompt"),
)
Json = dict[str, Any]


def completions(arrival: Arrival) -> LabAnswer:
    """POST /v1/completions. Raises Refusal."""
    body = arrival.body(_REQUEST)
    check_exists(body["model"])
    _check(body)
    prompts = _prompts(body.get("prompt"))
    drafts: list[tuple[str, Draft]] = []
    for prompt in prompts:
        asked = _question(body, prompt)
        drafts += [(prompt if body.get("echo") else "", draft) for draft in compose(asked)]
    spent = sum(draft.output_tokens for _, draft in drafts)
    put = sum(max(1, len(prompt) // 4) for prompt in prompts)
    usage = {"prompt_tokens": put, "completion_tokens": spent, "total_tokens": put + spent}
    head: Json = {
        "id": f"cmpl-{arrival.answer_id}",
        "object": "text_completion",
        "created": arrival.now,
        "model": body["model"],
    }
    if body.get("stream"):
        return arrival.stream(tuple(_stream(head, body, drafts, usage)))
    choices = [
        _choice(place, echoed + draft.text, _FINISH[draft.finish])
        for place, (echoed, draft) in enumerate(drafts)
    ]
    return arrival.json({**head, "choices": choices, "usage": usage})


def _check(body: Json) -> None:
    if _CHAT_MODEL.match(body["model"]):
        raise Refusal(
            "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use "
            "v1/chat/completions?",
            status=404,
            param="model",
        )
    if body.get("stream_options") is not None and not body.get("stream"):
        raise Refusal(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    if body.get("best_of") and (body.get("stream") or body["best_of"] < (body.get("n") or 1)):
        raise Refusal("You requested that the server return more choices than it will generate (best_of)")


def _prompts(given: Any) -> list[str]:
    if given is None:
        return ["<|endoftext|>"]
    if isinstance(given, str):
        return [given]
    if isinstance(given[0], int):
        return [" ".join(map(str, given))]
    return [each if isinstance(each, str) else " ".join(map(str, each)) for each in given]


def _question(body: Json, prompt: str) -> Question:
    stop = body.get("stop") or ()
    limit = body.get("max_tokens")
    asked = Question(
        dialect="openai",
        model=body["model"],
        prompt=prompt,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        output_tokens_max=_OUTPUT_TOKENS if limit is None else limit,
        choices=body.get("n") or 1,
    )
    # A model that completes goes on with whatever the prompt ends with: an answer that was begun, too.
    place = prompt.rfind(_BEGUN)
    if place <= 0:
        return asked
    return going_on(asked, Begun(prompt[:place], prompt[place:], told=False), restarts=False)


def _choice(place: int, text: str, finish: str | None) -> Json:
    return {"text": text, "index": place, "logprobs": None, "finish_reason": finish}


def _stream(head: Json, body: Json, drafts: list[tuple[str, Draft]], usage: Json) -> Iterator[Piece]:
    shown: Json = {"usage": None} if (body.get("stream_options") or {}).get("include_usage") else {}

    def chunk(choices: list[Json], spent: Json) -> bytes:
        return event({**head, "choices": choices, **spent})

    for place, (echoed, draft) in enumerate(drafts):
        for text in (*([echoed] if echoed else []), *draft.pieces):
            yield Piece(PieceKind.CONTENT, chunk([_choice(place, text, None)], shown))
        yield Piece(PieceKind.FINISH, chunk([_choice(place, "", _FINISH[draft.finish])], shown))
    if shown:
        yield Piece(PieceKind.USAGE, chunk([], {"usage": usage}))
    yield Piece(PieceKind.DONE, b"data: [DONE]\n\n")
