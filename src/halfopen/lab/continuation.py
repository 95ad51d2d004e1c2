"""Whether a conversation asks a model to go on with an answer that was cut."""

from collections.abc import Sequence
from dataclasses import dataclass

from halfopen.providers.continuation import MARK


@dataclass(frozen=True, slots=True)
class Turn:
    """One message, as far as its text goes."""

    user: bool
    """Whether the user wrote it; else the model."""
    text: str


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer that is to be gone on with."""

    prompt: str
    """The last text of the user before it."""
    beginning: str
    told: bool
    """Whether the model is told to go on; else the conversation just ends with the beginning."""


def begun(turns: Sequence[Turn], *, prefill: bool) -> Begun | None:
    """The answer that the conversation asks to be gone on with; None: it asks for a new one.

    Args:
        turns: The messages of user and model, in order.
        prefill: Whether a model of this vendor goes on with its own last message.
    """
    told = len(turns) > 1 and turns[-1].user and MARK in turns[-1].text
    place = len(turns) - (2 if told else 1)
    if not (told or prefill) or place < 0 or turns[place].user or not turns[place].text:
        return None
    prompt = next((turn.text for turn in reversed(turns[:place]) if turn.user and turn.text), "")
    return Begun(prompt, turns[place].text, told)
