"""Wishes that Claude doesn't follow exactly are told, and the rest of the request is served."""

import pytest

from halfopen.providers.anthropic import ANTHROPIC


@pytest.mark.parametrize(
    ("model", "fields", "told", "sent"),
    [
        pytest.param("claude-haiku-4-5", {}, (), {}, id="plain"),
        pytest.param(
            "claude-haiku-4-5",
            {"temperature": 0.5, "top_p": 0.9},
            ("top_p is left out beside temperature",),
            {"temperature": 0.5},
            id="temperature and top_p",
        ),
        pytest.param(
            "claude-3-5-haiku-latest",
            {"temperature": 0.5, "top_p": 0.9},
            (),
            {"temperature": 0.5, "top_p": 0.9},
            id="a model that takes both",
        ),
        pytest.param("claude-haiku-4-5", {"temperature": 0, "top_p": 0.9}, (), {"temperature": 0}, id="at 0"),
        pytest.param("claude-haiku-4-5", {"temperature": 1, "top_p": 0.9}, (), {"top_p": 0.9}, id="top_p"),
        pytest.param(
            "claude-haiku-4-5", {"temperature": 1.4}, ("temperature is 1, the most there is",), {}, id="hot"
        ),
        pytest.param("claude-haiku-4-5", {"seed": 0}, ("seed has no effect",), {}, id="seed"),
        pytest.param(
            "claude-haiku-4-5", {"verbosity": "low"}, ("verbosity has no effect",), {}, id="verbosity"
        ),
        pytest.param("claude-haiku-4-5", {"verbosity": "medium"}, (), {}, id="default verbosity"),
        pytest.param("claude-haiku-4-5", {"top_k": 40}, (), {"top_k": 40}, id="top_k"),
        pytest.param("claude-haiku-4-5", {"top_k": 40.0}, (), {"top_k": 40}, id="whole top_k"),
        pytest.param("claude-haiku-4-5", {"top_k": -1}, (), {}, id="no top_k"),
        pytest.param(
            "claude-haiku-4-5",
            {"reasoning_effort": "high"},
            ("reasoning_effort has no effect",),
            {},
            id="effort before 4.6",
        ),
        pytest.param("claude-haiku-4-5", {"reasoning_effort": "none"}, (), {}, id="no effort"),
        pytest.param(
            "claude-opus-4-8",
            {"reasoning_effort": "high"},
            (),
            {
                "thinking": {"type": "adaptive", "display": "summarized"},
                "output_config": {"effort": "high"},
            },
            id="effort",
        ),
        pytest.param("claude-opus-4-8", {"parallel_tool_calls": True}, (), {}, id="a permission"),
    ],
)
def test_what_is_told_and_sent(lab, model, fields, told, sent):
    """The request fits, what is not followed is named, and nothing else is."""
    chat, target = lab.chat(**fields), lab.target(model, reasoning=True)
    body = lab.body(chat, target)
    assert {
        name: value for name, value in body.items() if name not in ("model", "messages", "max_tokens")
    } == sent
    assert ANTHROPIC.adapted(chat, target) == told
    assert all(phrase.isascii() and phrase.isprintable() for phrase in told)


def test_a_model_without_reasoning_answers_without(lab):
    """What the configuration says about a model holds, and the wish is told."""
    chat, target = lab.chat(reasoning_effort="low"), lab.target("claude-opus-5", reasoning=False)
    assert "thinking" not in lab.body(chat, target)
    assert ANTHROPIC.adapted(chat, target) == ("reasoning_effort has no effect",)
