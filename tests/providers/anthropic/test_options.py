"""The call, and the options of a request that are no message and no tool."""

import json

import pytest

from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.anthropic.openai_to_anthropic import DEFAULT_MAX_TOKENS


def block(text):
    return {"type": "text", "text": text}


def test_the_call_names_path_version_and_key(lab):
    """The call goes to /v1/messages with the key and the API version, and asks for the target's model."""
    call = ANTHROPIC.call(lab.chat(stream=True), lab.target("claude-x"), "sk-ant-secret")
    assert call.path == "/v1/messages"
    assert dict(call.headers) == {
        "x-api-key": "sk-ant-secret",
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
        "accept": "text/event-stream",
    }
    assert json.loads(call.body) == {
        "model": "claude-x",
        "max_tokens": DEFAULT_MAX_TOKENS,
        "messages": [{"role": "user", "content": [block("Hello")]}],
        "stream": True,
    }


def test_without_a_key_there_is_no_key_header(lab):
    """A server that wants no key gets no header for it."""
    assert "x-api-key" not in dict(ANTHROPIC.call(lab.chat(), lab.target(), None).headers)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"stop": "END"}, {"stop_sequences": ["END"]}, id="stop-text"),
        pytest.param({"stop": ["A", "B"]}, {"stop_sequences": ["A", "B"]}, id="stop-list"),
        pytest.param({"max_tokens": 5}, {"max_tokens": 5}, id="max-tokens"),
        pytest.param(
            {"max_completion_tokens": 6, "max_tokens": 5}, {"max_tokens": 6}, id="max-completion-tokens"
        ),
        pytest.param({"temperature": 0.3}, {"temperature": 0.3}, id="temperature"),
        pytest.param({"temperature": 1.7}, {}, id="temperature-above-1-is-the-default-1"),
        pytest.param({"temperature": 1, "top_p": 0.5}, {"top_p": 0.5}, id="top-p"),
        pytest.param({"temperature": 0, "top_p": 0.5}, {"temperature": 0}, id="top-p-means-nothing-at-0"),
        pytest.param({"temperature": 1.0, "top_p": 1}, {}, id="defaults"),
        pytest.param({"user": "u-1"}, {"metadata": {"user_id": "u-1"}}, id="user"),
        pytest.param(
            {"user": "u-1", "safety_identifier": "s-1"},
            {"metadata": {"user_id": "s-1"}},
            id="safety-identifier",
        ),
        pytest.param({"user": "ann@example.com"}, {}, id="an-email-stays-here"),
        pytest.param({"user": "+49 228 12345"}, {}, id="a-telephone-number-stays-here"),
        pytest.param({"user": "x" * 300}, {}, id="too-long-a-user"),
        pytest.param({"response_format": {"type": "text"}}, {}, id="text-format"),
        pytest.param(
            {
                "n": 1,
                "logprobs": False,
                "top_logprobs": 0,
                "presence_penalty": 0.0,
                "frequency_penalty": 0,
                "logit_bias": {},
                "modalities": ["text"],
            },
            {},
            id="neutral-values",
        ),
        pytest.param(
            {
                "audio": None,
                "logprobs": None,
                "a_new_field": None,
                "stop": None,
                "tools": None,
                "temperature": None,
            },
            {},
            id="nulls",
        ),
        pytest.param(
            {
                "seed": 1,
                "store": True,
                "metadata": {"a": "b"},
                "service_tier": "flex",
                "prompt_cache_key": "k",
                "verbosity": "low",
                "prediction": {"type": "content", "content": "x"},
            },
            {},
            id="without-effect",
        ),
    ],
)
def test_options(lab, fields, expected):
    """Every option is carried in Anthropic's form, or changes nothing."""
    body = lab.body(lab.chat(**fields))
    lab.accepted(body)
    assert body == {**lab.body(lab.chat()), **expected}


@pytest.mark.parametrize(("most", "sent"), [(64000, 8192), (4096, 4096), (None, 8192)])
def test_the_default_limit_spares_the_rate_limit(lab, most, sent):
    """Anthropic reserves max_tokens up front, so the default is moderate, and no more than the model has."""
    assert lab.body(lab.chat(), lab.target(output_tokens=most))["max_tokens"] == sent


def test_a_limit_may_be_a_whole_float(lab):
    """Some clients write whole numbers with a point."""
    body = lab.body(lab.chat(max_tokens=4096.0))
    assert body["max_tokens"] == 4096
    assert isinstance(body["max_tokens"], int)


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("claude-opus-4-8", "high", "high"),
        ("claude-sonnet-4-6", "xhigh", "high"),
        ("claude-opus-5", "xhigh", "xhigh"),
        ("claude-opus-5", "max", "max"),
        ("claude-opus-5", "minimal", "low"),
    ],
)
def test_reasoning_effort(lab, model, effort, expected):
    """Effort becomes adaptive thinking with Anthropic's nearest level."""
    body = lab.body(lab.chat(reasoning_effort=effort), lab.target(model, reasoning=True))
    lab.accepted(body)
    assert body["output_config"] == {"effort": expected}
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}


def test_no_reasoning_asks_for_low_effort_without_thinking(lab):
    """Effort `none` doesn't turn thinking on, on any model."""
    body = lab.body(lab.chat(reasoning_effort="none"), lab.target("claude-opus-5", reasoning=True))
    assert body["output_config"] == {"effort": "low"}
    assert "thinking" not in body
    assert "output_config" not in lab.body(lab.chat(reasoning_effort="none"), lab.target("claude-haiku-4-5"))


def test_call_of_an_unfit_request_says_why(lab):
    """Calling for a request that is unfit is a mistake of the caller's, and says the reason."""
    with pytest.raises(ValueError, match="no n"):
        ANTHROPIC.call(lab.chat(n=2), lab.target(), None)
