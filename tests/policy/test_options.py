"""The options are what the reference tells operators, and their words are those that a configuration holds."""

import re
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from halfopen.policy import JourneyOptions, PolicyOptions, State
from halfopen.policy.account import THROTTLE_DEFAULT_S, THROTTLE_MAX_S
from halfopen.policy.breaker import BreakerState
from halfopen.policy.bucket import RETRY_COST, TIMEOUT_COST
from halfopen.policy.choice import Choice
from halfopen.policy.options import AfterCommit, JsonAnswers, PacerOptions
from halfopen.policy.queue import ShedReason
from halfopen.policy.refusal import Refusal

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"
CALLED = {"choice": "choose"}
"""Fields that the configuration calls otherwise."""
OF_THE_ROUTE_ALONE = {"weights"}


def documented(section: str) -> dict[str, str]:
    """Each setting of a section with its default, as the reference has it."""
    text = PAGE.read_text(encoding="utf-8").split(f"### `[{section}]`")[1].split("\n### ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| [^|]* \| `([^`]*)` \|", text, re.MULTILINE))


def written(value: Any) -> str:
    """A default as the reference writes it."""
    if isinstance(value, Enum):
        return f'"{value.value}"'
    return f"{value:g}"


@pytest.mark.parametrize("name", [field.name for field in fields(PolicyOptions)])
def test_the_defaults_of_shared_policies_are_as_documented(name: str) -> None:
    """What an operator reads in the reference is what a target does that nobody has configured."""
    options = getattr(PolicyOptions(), name)
    own = {field.name: written(getattr(options, field.name)) for field in fields(options)}
    assert own == documented(f"policy.{name}")


def test_the_defaults_of_a_request_are_as_documented() -> None:
    """So for the bounds of a request."""
    options = JourneyOptions()
    own = {
        CALLED.get(field.name, field.name): written(getattr(options, field.name))
        for field in fields(options)
        if field.name not in OF_THE_ROUTE_ALONE | {"hedge"}
    }
    assert own == {name: text for name, text in documented("defaults").items() if name != "hedge"}
    assert written(options.hedge.extra_load) == documented("defaults")["hedge"] == "0"
    assert options.weights == ()


def test_no_rate_limit_is_known_beforehand() -> None:
    """Nothing is paced before a header or the configuration tells of a limit."""
    options = PacerOptions()
    assert [getattr(options, field.name) for field in fields(options)] == [0.0] * 4


def test_figures_that_the_documentation_promises() -> None:
    """A throttle without a word of its own lasts 2 s, the longest 300 s; a retry costs 1, after a timeout 2."""
    assert (THROTTLE_DEFAULT_S, THROTTLE_MAX_S) == (2.0, 300.0)
    assert (RETRY_COST, TIMEOUT_COST) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        pytest.param(Choice, ["order", "weight", "least_loaded", "fastest", "cheapest"], id="choice"),
        pytest.param(AfterCommit, ["continue", "error", "hold"], id="after-commit"),
        pytest.param(JsonAnswers, ["hold", "relay"], id="json-answers"),
        pytest.param(BreakerState, ["closed", "open", "half_open"], id="breaker"),
        pytest.param(
            State, ["new", "waiting", "attempting", "held", "committed", "ended"], id="state-of-a-journey"
        ),
        pytest.param(
            Refusal,
            [
                "credential parked",
                "throttled by the provider",
                "the provider's rate limit is used up",
                "breaker open",
                "recovering: only part of the traffic goes there",
                "answers come late: who has another choice goes there",
                "too many calls in flight",
                "the caller repeats a request, and the retry budget is spent",
            ],
            id="refusal",
        ),
        pytest.param(
            ShedReason,
            [
                "the line is full",
                "the caller has its share of the line already",
                "its turn would come after its deadline",
            ],
            id="shed",
        ),
    ],
)
def test_words_that_people_write_and_read(kind: type[Enum], words: list[str]) -> None:
    """Configurations, metrics and error messages hold these words: they stay as they are."""
    assert [member.value for member in kind] == words
