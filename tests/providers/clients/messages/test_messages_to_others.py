"""Messages on OpenAI, on the servers of its dialect, and on Gemini."""

import msgspec
import pytest

from halfopen.providers import DIALECTS
from halfopen.providers.clients.messages import MESSAGES
from halfopen.providers.compatible import FLAVOURS, Compatible

CLOSED = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/b"}},
    "required": ["a"],
    "additionalProperties": False,
    "$defs": {"b": {"type": "string"}},
}
OPEN = {**CLOSED, "required": []}
NESTED = {**CLOSED, "properties": {"a": {"anyOf": [{"type": "null"}, OPEN]}}}


def form(schema):
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


def strict(schema):
    return {"tools": [{"name": "f", "input_schema": schema, "strict": True}]}


def dialect_of(name):
    return DIALECTS[name] if name in DIALECTS else Compatible(FLAVOURS[name])


def target_of(lab, name, model=None, **able):
    return lab.target(name if name == "gemini" else "openai", model, **able)


def fitted(lab, name, fields, model=None, **able):
    """The upstream's body without what is not asked about, and the adaptations."""
    chat, target = lab.parse(**fields), target_of(lab, name, model, **able)
    pair = MESSAGES.translation(dialect_of(name), target)
    assert pair.unfit(chat, target) is None
    return msgspec.json.decode(pair.call(chat, target, "k").body), pair.adapted(chat, target)


@pytest.mark.parametrize(
    ("name", "fields", "able", "field", "value", "adapted"),
    [
        pytest.param("openai", {}, {}, "max_completion_tokens", 100, (), id="limit"),
        pytest.param(
            "openai", {}, {"output_tokens": 50}, "max_completion_tokens", 50,
            ("max_tokens is 50, the most there is",), id="limit beyond the model's",
        ),
        pytest.param("mistral", {}, {}, "max_tokens", 100, (), id="limit by its old name"),
        pytest.param("openai", {"top_k": 5}, {}, "top_k", None, ("top_k has no effect",), id="top_k"),
        pytest.param("vllm", {"top_k": 5}, {}, "top_k", 5, (), id="top_k on vLLM"),
        pytest.param("openai", {"metadata": {"user_id": "u" * 64}}, {}, "user", "u" * 64, (), id="user"),
        pytest.param("openai", {"metadata": {"user_id": "u" * 65}}, {}, "user", None, (), id="long user"),
        pytest.param("vllm", {"metadata": {"user_id": "u" * 65}}, {}, "user", "u" * 65, (), id="long user on vLLM"),
        pytest.param("openai", {"service_tier": "standard_only"}, {}, "service_tier", "default", (), id="tier"),
        pytest.param("groq", {"service_tier": "standard_only"}, {}, "service_tier", None, (), id="tier on Groq"),
        pytest.param("openai", {"thinking": {"type": "disabled"}}, {}, "reasoning_effort", None, (), id="no thinking"),
        pytest.param("openai", {"thinking": {"type": "adaptive"}}, {}, "reasoning_effort", "medium", (), id="thinking"),
        pytest.param(
            "openai", {"thinking": {"type": "adaptive"}}, {"reasoning": False}, "reasoning_effort", None,
            ("thinking has no effect",), id="thinking on a model that can't",
        ),
        pytest.param(
            "openai", {"output_config": {"effort": "max"}}, {}, "reasoning_effort", "high",
            ("effort is high, the highest there is",), id="max",
        ),
        pytest.param(
            "openai", {"output_config": {"effort": "xhigh"}}, {"model": "gpt-5.2"}, "reasoning_effort", "xhigh", (),
            id="xhigh on a model that has it",
        ),
        pytest.param(
            "openai", {"thinking": {"type": "adaptive"}, "tools": [{"name": "f", "input_schema": {}}]},
            {"model": "gpt-5.6"}, "reasoning_effort", None, ("thinking has no effect",), id="thinking with tools",
        ),
        pytest.param("openai", {"speed": "fast"}, {}, "speed", None, ("speed has no effect",), id="a lost wish"),
    ],
)  # fmt: skip
def test_fitted_to_openai(lab, name, fields, able, field, value, adapted) -> None:
    """What the server would refuse is fitted to it, and what the client may notice is told."""
    body, told = fitted(lab, name, fields, **able)
    assert body.get(field) == value
    assert told == adapted


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        pytest.param("openai", form(CLOSED), None, id="closed format"),
        pytest.param("openai", form(OPEN), "the output format", id="open format"),
        pytest.param("openai", form(NESTED), "the output format", id="open inside"),
        pytest.param("azure", strict(OPEN), "a strict tool", id="open tool"),
        pytest.param("openai", strict(CLOSED), None, id="closed tool"),
        pytest.param("vllm", form(OPEN), None, id="open format on vLLM"),
        pytest.param("gemini", form(OPEN), None, id="open format on Gemini"),
        pytest.param("openai", {"container": "c"}, "Anthropic only: the field container", id="native only"),
        pytest.param(
            "gemini", {"container": "c"}, "Anthropic only: the field container", id="native only on Gemini"
        ),
        pytest.param("openai", {"stop_sequences": list("abcde")}, "at most 4", id="stop sequences"),
    ],
)
def test_unfit(lab, name, fields, reason) -> None:
    """A promise that can't be kept is a reason to skip the target."""
    target = target_of(lab, name, stop_max=4)
    found = MESSAGES.translation(dialect_of(name), target).unfit(lab.parse(**fields), target)
    assert found is None if reason is None else reason in found


def test_gemini(lab) -> None:
    """A whole request reaches Gemini with its limit, sampling, thinking and tools."""
    fields = {
        "system": "S",
        "top_k": 5,
        "temperature": 0.5,
        "thinking": {"type": "enabled", "budget_tokens": 8192},
        "tools": [{"name": "f", "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}}],
        "tool_choice": {"type": "any"},
    }
    body, told = fitted(lab, "gemini", fields, output_tokens=50)
    config = body["generationConfig"]
    assert (config["topK"], config["temperature"], config["maxOutputTokens"]) == (5, 0.5, 50)
    assert config["thinkingConfig"]["thinkingBudget"] == 8192
    assert body["systemInstruction"] == {"parts": [{"text": "S"}]}
    assert body["toolConfig"]["functionCallingConfig"]["mode"] == "ANY"
    assert told == ("max_tokens is 50, the most there is",)
