"""Completions served by models that only chat: OpenAI's, Claude and Gemini."""

import json

import pytest

from halfopen.model import Reply
from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.clients.completions import COMPLETIONS
from halfopen.providers.contract import Answer
from halfopen.providers.gemini import GEMINI
from halfopen.providers.openai import OPENAI

OPENAI_ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 9, "model": "gpt-4o-mini", "system_fingerprint": "fp",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "a time"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
}  # fmt: skip
ANTHROPIC_ANSWER = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
    "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "a time"}],
    "stop_reason": "end_turn", "usage": {"input_tokens": 2, "output_tokens": 3},
}  # fmt: skip
GEMINI_ANSWER = {
    "candidates": [{"content": {"parts": [{"text": "a time"}], "role": "model"}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 3, "totalTokenCount": 5},
    "modelVersion": "gemini-2.5-flash", "responseId": "r1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "model", "path", "reply"),
    [
        pytest.param(OPENAI, "gpt-4o-mini", "/chat/completions", OPENAI_ANSWER, id="openai"),
        pytest.param(ANTHROPIC, "claude-haiku-4-5", "/v1/messages", ANTHROPIC_ANSWER, id="anthropic"),
        pytest.param(
            GEMINI, "gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:generateContent", GEMINI_ANSWER, id="gemini"
        ),
    ],
)  # fmt: skip
def test_a_chat_model_answers_a_completion(make, make_target, dialect, model, path, reply) -> None:
    """The prompt goes as a message, and the answer comes back as a text_completion."""
    target = make_target(model, dialect.name)
    translation = COMPLETIONS.translation(dialect, target)
    chat = make(model="route", max_tokens=20)
    assert translation.unfit(chat, target) is None
    assert translation.adapted(chat, target)[0] == "prompt sent as a chat message"
    call = translation.call(chat, target, "k")
    assert call.path == path
    assert b"Once upon" in call.body
    answer = translation.answer(
        chat, target, Reply(200, (), json.dumps(reply).encode(), dialect=dialect.name)
    )
    assert isinstance(answer, Answer), answer
    body = json.loads(answer.body)
    assert body["object"] == "text_completion"
    assert body["id"].startswith("cmpl-")
    assert body["choices"] == [{"text": "a time", "index": 0, "logprobs": None, "finish_reason": "stop"}]
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (2, 3)
    assert body["model"] == model


@pytest.mark.parametrize(
    ("message", "reason", "expected"),
    [
        pytest.param({"content": "x"}, "length", ("x", "length"), id="length"),
        pytest.param({"content": "x"}, "model_length", ("x", "length"), id="another word for length"),
        pytest.param({"content": None, "refusal": "No."}, "stop", ("No.", "stop"), id="refusal"),
        pytest.param({"content": "x"}, "content_filter", ("x", "content_filter"), id="filtered"),
        pytest.param(
            {"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "x"}]}, "stop", ("x", "stop"), id="parts"
        ),
    ],
)  # fmt: skip
def test_odd_answers_keep_their_meaning(make, make_target, message, reason, expected) -> None:
    """A refusal is text, and reasons come in the words of completions."""
    target = make_target("gpt-4o-mini")
    choices = [{"index": 0, "message": message, "finish_reason": reason}]
    reply = Reply(200, (), json.dumps(OPENAI_ANSWER | {"choices": choices}).encode(), dialect="openai")
    answer = COMPLETIONS.translation(OPENAI, target).answer(make(), target, reply)
    (choice,) = json.loads(answer.body)["choices"]
    assert (choice["text"], choice["finish_reason"]) == expected


def test_a_number_beyond_a_double(make, make_target) -> None:
    """An answer with a number that no double holds is an answer still."""
    target = make_target("gpt-4o-mini", "openai")
    translation = COMPLETIONS.translation(OPENAI, target)
    body = json.dumps(OPENAI_ANSWER).replace(
        '"stop"', '"stop", "logprobs": {"content": [{"logprob": -1e999}]}'
    )
    answer = translation.answer(make(model="route"), target, Reply(200, (), body.encode(), dialect="openai"))
    assert isinstance(answer, Answer), answer
    assert json.loads(answer.body)["choices"][0]["text"] == "a time"
