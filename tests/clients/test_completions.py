"""The openai client's legacy completions, with each provider behind the gateway."""

import asyncio

import openai
import pytest
from openai.types import Completion, CompletionChoice

from halfopen.lab import expected_text, is_whole
from halfopen.providers import CHAT
from halfopen.providers.clients.messages import MESSAGES

feature = pytest.mark.feature
PROMPT = "What is the weather in Berlin?"
TOKENS_MAX = 500
NOTICED = (KeyError, ValueError, openai.OpenAIError)
"""How an application trips over a wrong answer, but for what every test does."""


def asked(client, model, stream, **more):
    """The completions that come: one, or those of a stream."""
    given = {"model": model, "prompt": PROMPT, "max_tokens": TOKENS_MAX, **more}
    if stream:
        given |= {"stream": True, "stream_options": {"include_usage": True}}
        return list(client.completions.create(**given))
    return [client.completions.create(**given)]


def text_of(completions):
    return "".join(choice.text for completion in completions for choice in completion.choices)


def finishes(completions):
    found = [choice.finish_reason for completion in completions for choice in completion.choices]
    return [each for each in found if each]


def check(completions, text, model, typed, stream):
    """A whole text as typed completions of one id, with one finish and usage."""
    for completion in completions:
        assert type(completion) is Completion
        typed(completion, "finish_reason")  # null in a stream until its end, whatever the type says
        assert completion.object == "text_completion"
        assert all(type(choice) is CompletionChoice and choice.index == 0 for choice in completion.choices)
    assert {completion.model for completion in completions} == {model}
    assert len({completion.id for completion in completions}) == 1
    assert completions[0].id
    assert text_of(completions) == text
    assert is_whole(text)
    assert finishes(completions) == ["stop"]
    usage = completions[-1].usage
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    if stream:
        assert len(completions) > 3
        assert completions[-1].choices == []
        assert all(completion.usage is None for completion in completions[:-1])


@feature("plain")
def test_plain(gpt, stage, provider, typed):
    """A plain answer is a whole, typed Completion with usage and a request id."""
    (answer,) = asked(gpt, f"app-{provider}", False)
    check([answer], stage.text(provider, PROMPT), stage.model(provider), typed, False)
    assert answer._request_id


@feature("stream")
def test_stream(gpt, stage, provider, typed):
    """A stream is the same text in typed completions of one id, with one finish and usage at its end."""
    check(
        asked(gpt, f"app-{provider}", True),
        stage.text(provider, PROMPT),
        stage.model(provider),
        typed,
        True,
    )


@feature("own endpoint")
@pytest.mark.parametrize("provider", ["openai"])
def test_a_model_that_completes(gpt, provider, stream, typed):
    """A model of OpenAI's own completions endpoint is asked there."""
    model = "gpt-3.5-turbo-instruct"
    check(asked(gpt, "complete-openai", stream), expected_text("openai", model, PROMPT), model, typed, stream)


@feature("async")
def test_async(stage, provider, typed, async_gpt):
    """The asynchronous client gets the same, plain and streamed."""
    given = {"model": f"app-{provider}", "prompt": PROMPT, "max_tokens": TOKENS_MAX}

    async def both():
        async with async_gpt() as client:
            plain = await client.completions.create(**given)
            options = {"include_usage": True}
            stream = await client.completions.create(**given, stream=True, stream_options=options)
            return plain, [completion async for completion in stream]

    plain, stream = asyncio.run(both())
    text = stage.text(provider, PROMPT)
    check([plain], text, stage.model(provider), typed, False)
    check(stream, text, stage.model(provider), typed, True)


@feature("limits")
def test_length(gpt, stage, provider, stream):
    """An answer that is cut by its limit says so: finish_reason length."""
    completions = asked(gpt, f"app-{provider}", stream, max_tokens=5)
    assert finishes(completions) == ["length"]
    assert stage.text(provider, PROMPT).startswith(text_of(completions))
    assert completions[-1].usage.completion_tokens == 5


@feature("limits")
def test_stop(gpt, provider, stream):
    """A stop sequence ends the answer before it: finish_reason stop."""
    completions = asked(gpt, f"app-{provider}", stream, stop=["three", "nine"])
    assert text_of(completions).endswith("one two ")
    assert finishes(completions) == ["stop"]


@feature("choices")
def test_several_choices(gpt, stage, provider):
    """Several answers come where the provider has them; else the client is told that nobody can."""
    if provider == "anthropic":
        with pytest.raises(openai.BadRequestError, match="one choice only"):
            asked(gpt, f"app-{provider}", False, n=2)
        return
    (answer,) = asked(gpt, f"app-{provider}", False, n=2)
    assert {choice.index: choice.text for choice in answer.choices} == {
        number: stage.text(provider, PROMPT, choice=number) for number in (0, 1)
    }


@feature("headers")
def test_headers(gpt, provider, target_names):
    """The headers say who answered, and under which ids."""
    raw = gpt.completions.with_raw_response.create(
        model=f"app-{provider}", prompt=PROMPT, max_tokens=TOKENS_MAX
    )
    assert raw.headers["x-halfopen-upstream"] == target_names[provider]
    assert raw.request_id == raw.headers["x-request-id"]


@feature("errors")
def test_unknown_model(gpt, check_error, stream):
    """A model without a route: NotFoundError with OpenAI's code, sent once."""
    with pytest.raises(openai.NotFoundError, match="nobody") as caught:
        asked(gpt, "nobody", stream)
    check_error(caught.value)
    assert caught.value.code == "model_not_found"


@feature("errors")
def test_bad_request(gpt, check_error, provider, stream):
    """A request that is wrong for everybody: BadRequestError."""
    with pytest.raises(openai.BadRequestError, match="prompt") as caught:
        asked(gpt, f"app-{provider}", stream, prompt=7)
    check_error(caught.value)
    assert caught.value.type == "invalid_request_error"


@feature("errors")
def test_all_dead(dead, openai_at, check_error, stream):
    """With every provider dead: InternalServerError with the attempts."""
    with pytest.raises(openai.InternalServerError) as caught:
        asked(openai_at(dead), "app", stream)
    check_error(caught.value)
    attempts = caught.value.body["halfopen"]["attempts"]
    assert len({attempt["target"] for attempt in attempts}) == 2


@feature("errors")
def test_error_inside_a_stream(broken, openai_at, provider):
    """A stream that may not be continued ends with APIError after its beginning, never as if it were whole."""
    stage = broken(provider, "stream_cut_after_content", content_events=12, after_commit="error")
    given = {"model": "app", "prompt": PROMPT, "max_tokens": TOKENS_MAX, "stream": True}
    completions = []
    with pytest.raises(openai.APIError) as caught:  # noqa: PT012 - what came before it counts
        for completion in openai_at(stage).completions.create(**given):
            completions.append(completion)
    assert caught.value.message
    assert finishes(completions) == []
    assert text_of(completions)
    assert stage.text(provider, PROMPT).startswith(text_of(completions))


@feature("failover")
def test_failover(failing, openai_at, stream, typed):
    """When the first provider answers 500, the second one's answer comes as if it were the first."""
    completions = asked(openai_at(failing.stage), "app", stream)
    check(completions, failing.text, failing.model, typed, stream)
    assert failing.asked_first()


@feature("continuation")
def test_continuation(cut, openai_at, provider, typed, check_joined):
    """A stream that is cut is finished by the other provider: one text, one id, one finish, one usage."""
    completions = asked(openai_at(cut), "app", True)
    text = text_of(completions)
    check(completions, text, cut.model(provider), typed, True)
    check_joined(text)


BUGS = {
    "another finish": (rb'"finish_reason": ?"stop"', b'"finish_reason":"end_turn"'),
    "a word is lost": (rb" two", b""),
    "a word comes twice": (rb" two", b" two two"),
    "no usage": (rb'"usage": ?\{', b'"usage_":{'),
    "another object": (rb'"text_completion"', b'"chat.completion"'),
    "text under another name": (rb'"text"', b'"content"'),
    "another model": (rb'"model": ?"', b'"model":"x'),
    "chat writes": CHAT,
    "messages writes": MESSAGES,
}


@feature("planted bug")
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_noticed(gpt, stage, provider, stream, typed, noticed, bug):
    """What a broken gateway could write fails these tests."""
    with noticed("/v1/completions", BUGS[bug], NOTICED, openai.APIStatusError):
        check(
            asked(gpt, f"app-{provider}", stream),
            stage.text(provider, PROMPT),
            stage.model(provider),
            typed,
            stream,
        )
