"""What the anthropic client raises, with each provider behind the gateway."""

import anthropic
import pytest

feature = pytest.mark.feature
PROMPT = "What is the weather in Berlin?"
TOKENS_MAX = 4000


@pytest.fixture
def claude(stage, anthropic_at):
    return anthropic_at(stage)


def user(content=PROMPT):
    return [{"role": "user", "content": content}]


def check_error(error, sent, kind):
    """The members that Anthropic's errors have, the id under which to ask, and no repetition."""
    assert error.request_id
    assert error.message
    assert error.body["type"] == "error"
    assert (error.body["error"]["type"], error.type) == (kind, kind)
    assert error.body["error"]["message"]
    assert error.body["request_id"]
    assert len(sent.paths) == 1


@feature("errors")
def test_unknown_model(claude, sent, stream):
    """A model without a route: NotFoundError, sent once."""
    with pytest.raises(anthropic.NotFoundError, match="nobody") as caught:
        claude.messages.create(model="nobody", max_tokens=10, messages=user(), stream=stream)
    check_error(caught.value, sent, "not_found_error")


@feature("errors")
def test_bad_request(claude, sent, provider, stream):
    """A request that is wrong for everybody: BadRequestError that names the place."""
    with pytest.raises(anthropic.BadRequestError, match="messages") as caught:
        claude.messages.create(model=f"app-{provider}", max_tokens=10, messages=[], stream=stream)
    check_error(caught.value, sent, "invalid_request_error")


@feature("errors")
def test_refused_request(claude, sent, provider, stream):
    """What the provider finds wrong: BadRequestError in its words."""
    with pytest.raises(anthropic.BadRequestError, match="temperature") as caught:
        claude.messages.create(
            model=f"app-{provider}",
            max_tokens=10,
            messages=user(),
            extra_body={"temperature": -3},
            stream=stream,
        )
    check_error(caught.value, sent, "invalid_request_error")


@feature("errors")
def test_all_dead(broken, anthropic_at, sent, provider, stream):
    """With every provider dead: InternalServerError with the cause, the attempts and the request's id."""
    dead = broken(provider, "http_500_text", elsewhere="http_500_text")
    with pytest.raises(anthropic.InternalServerError) as caught:
        anthropic_at(dead).messages.create(model="app", max_tokens=10, messages=user(), stream=stream)
    check_error(caught.value, sent, "api_error")
    attempts = caught.value.body["error"]["halfopen"]["attempts"]
    assert len({attempt["target"] for attempt in attempts}) == 2


OVERLOADED = {
    "openai": "openai_503_server_is_overloaded",
    "anthropic": "anthropic_529_overloaded",
    "gemini": "gemini_503_unavailable",
}


@feature("errors")
def test_all_overloaded(broken, anthropic_at, sent, provider, backups, stream):
    """Other vendors' words for being overloaded become Anthropic's."""
    stage = broken(provider, OVERLOADED[provider], elsewhere=OVERLOADED[backups[provider]])
    with pytest.raises(anthropic.InternalServerError) as caught:
        anthropic_at(stage).messages.create(model="app", max_tokens=10, messages=user(), stream=stream)
    check_error(caught.value, sent, "overloaded_error")
    assert caught.value.status_code in (503, 529)


@feature("errors")
def test_error_inside_a_stream(broken, anthropic_at, provider):
    """A stream that may not be continued ends with an error after its beginning, never as if it were whole."""
    stage = broken(provider, "stream_cut_after_content", content_events=12, after_commit="error")
    asked = {"model": "app", "max_tokens": TOKENS_MAX, "messages": user()}
    events = []
    with pytest.raises(anthropic.APIStatusError) as caught:
        events.extend(anthropic_at(stage).messages.create(stream=True, **asked))
    assert caught.value.body["type"] == "error"
    assert caught.value.body["error"]["message"]
    with (  # noqa: PT012 - what came before it counts
        pytest.raises(anthropic.APIStatusError),
        anthropic_at(stage).messages.stream(**asked) as stream,
    ):
        for event in stream:
            events.append(event)
    kinds = {event.type for event in events}
    assert "text" in kinds
    assert not {"message_stop", "message_delta"} & kinds
    text = "".join(event.text for event in events if event.type == "text")
    assert text
    assert stage.text(provider, PROMPT).startswith(text)
