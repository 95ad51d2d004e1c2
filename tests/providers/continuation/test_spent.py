"""Token counts over several attempts."""

from collections.abc import Callable
from typing import Any

import pytest

from halfopen.model import Usage
from halfopen.providers.continuation import estimated, summed
from halfopen.providers.continuation.spent import summed_json

Make = Callable[..., Any]


def test_an_estimate_follows_the_characters(chat: Make) -> None:
    """Four characters are a token, a message costs four more, and the counts say that they are guessed."""
    asked = chat(messages=[{"role": "user", "content": "a" * 400}, {"role": "user", "content": "b"}])
    assert estimated(asked, 41) == Usage(100 + 1 + 8, 11, estimated=True)
    assert estimated(asked, 0).output_tokens == 0


def test_media_are_not_counted_by_their_bytes(chat: Make) -> None:
    """An image counts the same however many bytes it has, text beside it and tools by their characters."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 90_000}}
    parts = [{"type": "text", "text": "abcd"}, image]
    asked = chat(messages=[{"role": "user", "content": parts}], tools=[{"type": "function"}])
    assert 800 < estimated(asked, 1).input_tokens < 900


@pytest.mark.parametrize(
    "message",
    [{"role": "user"}, {"role": "user", "content": 5}, {"role": "a", "content": [1]}],
    ids=["none", "number", "list"],
)
def test_odd_messages_are_estimated(message: dict[str, Any], chat: Make) -> None:
    """Whatever a message holds, there is an estimate."""
    assert estimated(chat(messages=[message]), 0).input_tokens == 4


def test_counts_are_summed() -> None:
    """The sum of all attempts is estimated when a part of it is."""
    assert summed(None, Usage(1, 2)) == Usage(1, 2)
    assert summed(Usage(10, 20, estimated=True), Usage(1, 2)) == Usage(11, 22, estimated=True)


def test_told_counts_are_summed() -> None:
    """The client's chunk tells the sum, and keeps what else the provider tells."""
    told = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cost": 0.5}
    spent = Usage(10, 20, cached_tokens=4)
    assert summed_json(spent, told) == {
        "prompt_tokens": 11,
        "completion_tokens": 22,
        "total_tokens": 33,
        "cost": 0.5,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    assert summed_json(None, told) == told
    assert summed_json(spent, {"prompt_tokens": None})["total_tokens"] == 30
    assert summed_json(spent, "odd") == "odd"
