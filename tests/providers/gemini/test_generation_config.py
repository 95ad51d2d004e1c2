"""Limits, sampling, formats and reasoning."""

import pytest

from halfopen.providers.gemini import GEMINI


def config_of(body):
    return body.get("generationConfig", {})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"temperature": 0.0, "top_p": 0.5}, {"temperature": 0.0, "topP": 0.5}, id="sampling"),
        pytest.param({"max_tokens": 5}, {"maxOutputTokens": 5}, id="max_tokens"),
        pytest.param(
            {"max_tokens": 5, "max_completion_tokens": 7}, {"maxOutputTokens": 7}, id="new limit wins"
        ),
        pytest.param({"stop": "x"}, {"stopSequences": ["x"]}, id="stop"),
        pytest.param(
            {"stop": ["a", "b", "c", "d", "e"]}, {"stopSequences": ["a", "b", "c", "d", "e"]}, id="5 stops"
        ),
        pytest.param({"n": 3}, {"candidateCount": 3}, id="n"),
        pytest.param({"n": 1}, {}, id="n = 1"),
        pytest.param({"seed": 7}, {"seed": 7}, id="seed"),
        pytest.param({"seed": 2**31}, {"seed": -(2**31)}, id="wide seed"),
        pytest.param({"presence_penalty": 0, "frequency_penalty": 0.0}, {}, id="no penalty"),
        pytest.param({"logprobs": True}, {"responseLogprobs": True}, id="logprobs"),
        pytest.param(
            {"logprobs": True, "top_logprobs": 3},
            {"responseLogprobs": True, "logprobs": 3},
            id="top logprobs",
        ),
        pytest.param({"response_format": {"type": "text"}}, {}, id="text"),
        pytest.param(
            {"response_format": {"type": "json_object"}},
            {"responseMimeType": "application/json"},
            id="JSON object",
        ),
        pytest.param(
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": "City",
                        "description": "A city",
                        "strict": True,
                        "schema": {"type": "object", "properties": {"n": {"type": "string"}}},
                    },
                }
            },
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": {
                    "title": "City",
                    "description": "A city",
                    "type": "object",
                    "properties": {"n": {"type": "string"}},
                },
            },
            id="JSON schema",
        ),
        pytest.param(
            {"user": "u", "store": True, "metadata": {"a": "b"}, "service_tier": "flex"}, {}, id="left out"
        ),
        pytest.param(
            {"logit_bias": {}, "verbosity": "medium", "modalities": ["text"], "audio": None},
            {},
            id="asks for nothing",
        ),
    ],
)
def test_generation_config(body, fields, expected):
    """Limits, sampling and formats have their counterparts."""
    assert config_of(body(**fields)) == expected


def test_penalties_reach_the_models_that_know_them(body):
    """Gemini 2.0 takes penalties."""
    made = body("gemini-2.0-flash", presence_penalty=0.5, frequency_penalty=-1)
    assert config_of(made) == {"presencePenalty": 0.5, "frequencyPenalty": -1}


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        pytest.param("gemini-2.5-flash", "none", {"thinkingBudget": 0}, id="2.5 flash none"),
        pytest.param("gemini-2.5-pro", "none", {"thinkingBudget": 128}, id="2.5 pro can't stop"),
        pytest.param("gemini-2.5-flash", "low", {"thinkingBudget": 1024}, id="2.5 low"),
        pytest.param("gemini-2.5-flash", "medium", {"thinkingBudget": 8192}, id="2.5 medium"),
        pytest.param("gemini-2.5-flash", "xhigh", {"thinkingBudget": 24576}, id="2.5 xhigh"),
        pytest.param("gemini-3-flash-preview", "minimal", {"thinkingLevel": "MINIMAL"}, id="3 flash minimal"),
        pytest.param("gemini-3.1-pro-preview", "minimal", {"thinkingLevel": "LOW"}, id="3.1 pro minimal"),
        pytest.param("gemini-3.1-pro-preview", "medium", {"thinkingLevel": "MEDIUM"}, id="3.1 pro medium"),
        pytest.param("gemini-3-pro-preview", "medium", {"thinkingLevel": "HIGH"}, id="3.0 pro medium"),
        pytest.param("gemini-2.0-flash", "none", None, id="2.0 none"),
    ],
)
def test_reasoning_effort(body, model, effort, expected):
    """Effort becomes the budget or level that Google documents for it."""
    shown = {} if effort == "none" or not expected else {"includeThoughts": True}
    asked = config_of(body(model, reasoning_effort=effort)).get("thinkingConfig")
    assert asked == (expected and expected | shown)


def test_a_limit_may_be_a_whole_float(body):
    """Some clients write whole numbers with a point, and Gemini wants none."""
    limit = config_of(body(max_tokens=4096.0))["maxOutputTokens"]
    assert limit == 4096
    assert isinstance(limit, int)


@pytest.mark.parametrize(
    ("verbosity", "told"),
    [("low", ("verbosity has no effect",)), ("medium", ()), (None, ())],
    ids=["low", "default", "null"],
)
def test_verbosity_is_told(body, chat, target, verbosity, told):
    """Gemini has no verbosity: the wish is told, and the request is served."""
    assert "verbosity" not in str(body(verbosity=verbosity))
    assert GEMINI.adapted(chat(verbosity=verbosity), target()) == told
