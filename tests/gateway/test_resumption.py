"""What an answer has cost when more than one target wrote it."""

import pytest

from halfopen import errors
from halfopen.gateway.resumption import Resumption
from halfopen.model import Kind, Target, Usage
from halfopen.providers import Chat, Form, StreamEvent, StreamKind, parse_chat

CUT = errors.make(Kind.CUT_BODY)
TARGET = Target("p", "m", "openai")


@pytest.fixture
def story() -> Resumption:
    chat = parse_chat(b'{"model": "m", "messages": [{"role": "user", "content": "Hello"}], "stream": true}')
    assert isinstance(chat, Chat)
    story = Resumption(chat)
    story.delivered.note(StreamEvent(StreamKind.CONTENT, b"data: {}\n\n", 4, form=Form.TEXT, text="Once"))
    return story


def test_what_the_joint_tells_has_everything_in_it(story: Resumption) -> None:
    """The counts of a continuation are sums already: they replace what was spent, and are not added."""
    story.failed(CUT, Usage(10, 5), 20)
    assert story.spent == Usage(10, 5, estimated=True)
    story.resume(TARGET)
    story.failed(CUT, Usage(40, 9), 8)
    assert story.spent == Usage(40, 9)
    story.resume(TARGET)
    assert story.total(Usage(90, 20), 8) == Usage(90, 20)


def test_attempts_that_nobody_saw_are_added(story: Resumption) -> None:
    """Without a joint the last attempt tells of itself alone."""
    story.failed(CUT, None, 400)
    assert story.spent is not None
    total = story.total(Usage(7, 3), 12)
    assert total is not None
    assert (total.input_tokens, total.output_tokens) == (
        story.spent.input_tokens + 7,
        story.spent.output_tokens + 3,
    )
    assert total.estimated


def test_a_last_attempt_that_tells_nothing_is_estimated_with_the_others(story: Resumption) -> None:
    """A part of the truth would be taken for the whole."""
    story.failed(CUT, Usage(10, 5), 20)
    total = story.total(None, 40)
    assert total is not None
    assert total.output_tokens == 15
    assert story.total(None, 0) == story.spent


def test_a_call_that_brought_nothing_cost_nothing(story: Resumption) -> None:
    """A refusal has no tokens."""
    story.failed(CUT, None, 0)
    assert story.spent is None
    assert story.total(None, 5) is None


def test_every_failed_attempt_counts(story: Resumption) -> None:
    """Two attempts that nobody saw cost twice."""
    story.failed(CUT, None, 40)
    once = story.spent
    assert once is not None
    story.failed(CUT, None, 80)
    assert story.spent is not None
    assert story.spent.input_tokens == 2 * once.input_tokens
    assert story.spent.output_tokens == once.output_tokens + 20
