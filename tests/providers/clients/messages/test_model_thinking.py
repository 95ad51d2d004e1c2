"""Thinking for another Claude model than the client's."""

import msgspec
import pytest

from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.clients.messages import MESSAGES

BUDGET = {"type": "enabled", "budget_tokens": 8192}
ADAPTIVE = {"type": "adaptive", "display": "omitted"}
OFF = {"type": "disabled"}


@pytest.mark.parametrize(
    ("model", "asked", "sent", "told"),
    [
        pytest.param("claude-opus-4-7", (BUDGET, None), ({"type": "adaptive"}, "medium"), "thinking is adaptive", id="a budget on 4.7"),
        pytest.param("claude-opus-5", ({**BUDGET, "display": "omitted"}, "max"), (ADAPTIVE, "max"), "thinking is adaptive", id="a budget and an effort on 5"),
        pytest.param("claude-opus-4-6", (BUDGET, None), (BUDGET, None), None, id="a budget on 4.6"),
        pytest.param("claude-opus-4-5", (BUDGET, None), (BUDGET, None), None, id="a budget on 4.5"),
        pytest.param("claude-haiku-4-5-20251001", (BUDGET, "low"), (BUDGET, None), "effort has no effect", id="effort on 4.5"),
        pytest.param("claude-sonnet-4-5", (ADAPTIVE, "high"), (None, None), "thinking has no effect", id="adaptive on 4.5"),
        pytest.param("claude-opus-4-6", (ADAPTIVE, "high"), (ADAPTIVE, "high"), None, id="adaptive on 4.6"),
        pytest.param("claude-opus-4-8", (OFF, None), (None, None), None, id="off on 4.8"),
        pytest.param("claude-opus-5", (OFF, None), (OFF, None), None, id="off on 5"),
        pytest.param("claude-sonnet-5-5", (OFF, None), (None, "low"), "thinking can't be turned off", id="off on 5.5"),
        pytest.param("claude-opus-4-5", (OFF, None), (OFF, None), None, id="off on 4.5"),
        pytest.param("kimi-k3", (BUDGET, "max"), (BUDGET, "max"), None, id="no Claude"),
        pytest.param("claude-opus-5", (None, None), (None, None), None, id="not asked for"),
    ],
)  # fmt: skip
def test_each_model_is_asked_in_its_own_form(lab, model, asked, sent, told) -> None:
    """A model that stands in is never asked for thinking in a form that it answers with 400."""
    thinking, effort = asked
    fields = {} if thinking is None else {"thinking": thinking}
    fields |= {} if effort is None else {"output_config": {"effort": effort}}
    chat, target = lab.parse(model="claude-my-route", **fields), lab.target(model=model)
    pair = MESSAGES.translation(ANTHROPIC, target)
    assert pair.unfit(chat, target) is None
    body = msgspec.json.decode(pair.call(chat, target, "k").body)
    assert (body.get("thinking"), body.get("output_config", {}).get("effort")) == sent
    assert pair.adapted(chat, target) == (() if told is None else (told,))


def test_a_model_asked_for_by_its_name_gets_what_the_client_sent(lab) -> None:
    """The client's own mistake is for Anthropic to explain."""
    chat, target = lab.parse(model="claude-opus-5", thinking=BUDGET), lab.target(model="claude-opus-5")
    pair = MESSAGES.translation(ANTHROPIC, target)
    assert pair.call(chat, target, "k").body is chat.origin.body
    assert pair.adapted(chat, target) == ()


def test_the_output_format_stays(lab) -> None:
    """Beside the effort, the options of the output keep what they say."""
    form = {"type": "json_schema", "schema": {"type": "object"}}
    chat = lab.parse(thinking=BUDGET, output_config={"format": form})
    target = lab.target(model="claude-opus-5")
    body = msgspec.json.decode(MESSAGES.translation(ANTHROPIC, target).call(chat, target, "k").body)
    assert body["output_config"] == {"format": form, "effort": "medium"}
