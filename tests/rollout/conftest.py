"""A good configuration to break."""

from collections.abc import Callable

import pytest

from halfopen.rollout import Configured, Refused, configure

GOOD = """\
[providers.openai]
dialect = "openai"
key = "${OPENAI_API_KEY}"

[providers.claude]
dialect = "anthropic"
key = "${ANTHROPIC_API_KEY}"

[routes."gpt-4o-mini"]
targets = ["openai/gpt-4o-mini", "claude/claude-haiku-4-5"]
"""
ENVIRON = {"OPENAI_API_KEY": "sk-one", "ANTHROPIC_API_KEY": "sk-two"}


@pytest.fixture
def good() -> str:
    """Text without a problem."""
    return GOOD


@pytest.fixture
def environ() -> dict[str, str]:
    """The variables that the good text needs."""
    return dict(ENVIRON)


@pytest.fixture
def problems() -> Callable[..., list[str]]:
    """Problems of a text, one a line; `more` is added to the good text."""

    def found(text: str | None = None, *, more: str = "", environ: dict[str, str] | None = None) -> list[str]:
        outcome = configure((GOOD if text is None else text) + more, ENVIRON if environ is None else environ)
        return [str(problem) for problem in outcome.problems] if isinstance(outcome, Refused) else []

    return found


@pytest.fixture
def configured() -> Callable[..., Configured]:
    """A text that must be fine."""

    def made(text: str | None = None, *, more: str = "", environ: dict[str, str] | None = None) -> Configured:
        outcome = configure((GOOD if text is None else text) + more, ENVIRON if environ is None else environ)
        assert isinstance(outcome, Configured), outcome
        return outcome

    return made
