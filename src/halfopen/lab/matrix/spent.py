"""Whether token counts can be true.

Least: what the provider that ended the answer counted for its own call. Most: that, and all that the
other calls of the request can have cost: their input tokens; of a stream that broke off, its whole
answer; words that a model repeats at a seam. A stream that breaks off has not told what it cost, so
that an estimate by its characters is as good. With a single call nothing is left to guess.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from halfopen.lab.answer import REPEATED_WORDS_MOST, tokens
from halfopen.lab.matrix.seen import embedded_texts

CALL_TOKENS = 2
"""What a call can have counted beyond its text: Anthropic begins with 1, and a call without text has 1."""

_BYTES_PER_TOKEN = 5
_PROMPT_CHARS_PER_TOKEN = 4
"""Of legacy completions and embeddings."""
_CHARS_PER_TOKEN = 3
"""The most careful estimate that goes for true; the simulated providers count words."""


@dataclass(frozen=True, slots=True)
class Input:
    """The input tokens of one call."""

    counted: int
    """What the simulated provider counts."""
    at_most: int
    """The highest estimate that goes for true where the provider never told."""


def input_of(path: str, body: bytes) -> Input:
    """The input tokens of a request to a simulated provider."""
    counted = _counted(path, body)
    return Input(counted, max(counted, len(body) // _CHARS_PER_TOKEN))


def _counted(path: str, body: bytes) -> int:
    if path.endswith("/completions") and not path.endswith("/chat/completions"):
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return max(1, len(msgspec.json.decode(body, type=_Legacy).prompt) // _PROMPT_CHARS_PER_TOKEN)
    return max(1, len(body) // _BYTES_PER_TOKEN)


class _Legacy(msgspec.Struct):
    prompt: str


def wrong_total(usage: tuple[int, int, int]) -> str | None:
    """Whether the total is not the sum."""
    given, made, total = usage
    if given <= 0 or total != given + made:
        return f"token counts {usage}: {given} + {made} is not {total}"
    return None


def wrong_given(given: int, ended: Sequence[Input], others: Sequence[Input]) -> str | None:
    """Whether input tokens can't be true.

    Args:
        given: What the client was told.
        ended: Each call to the provider that ended the answer, in order.
        others: Each call to the other provider.
    """
    if not ended:
        return None
    least = ended[-1].counted
    most = least + sum(each.at_most for each in (*ended[:-1], *others))
    if not least <= given <= most:
        return f"{given} input tokens, not {least}" + (f" to {most}" if most > least else "")
    return None


def wrong_made(made: int, last: str, lost: Sequence[str]) -> str | None:
    """Whether output tokens can't be true.

    Args:
        made: What the client was told.
        last: The text of the call that ended the answer.
        lost: The whole texts of streams that broke off.
    """
    least = len(tokens(last))
    most = least
    if lost:
        most += sum(_at_most(each) + CALL_TOKENS for each in lost) + REPEATED_WORDS_MOST + CALL_TOKENS
    if not least <= made <= most:
        return f"{made} output tokens, not {least}" + (f" to {most}" if lost else "")
    return None


def wrong_embedding(usage: tuple[int, int, int], prompt: str | None) -> str | None:
    """Whether the token counts of embeddings can't be true.

    Args:
        usage: What the client was told.
        prompt: The question; None: the provider tells no counts, so that 0 or an estimate will do.
    """
    given, _, total = usage
    if given != total:
        return f"token counts {usage}: the total of embeddings is their input"
    if prompt is None:
        return None if given >= 0 else f"{given} input tokens"
    true = sum(max(1, len(text) // _PROMPT_CHARS_PER_TOKEN) for text in embedded_texts(prompt))
    return None if given == true else f"{given} input tokens, not {true}"


def _at_most(text: str) -> int:
    return max(len(tokens(text)), len(text) // _CHARS_PER_TOKEN + 1)
