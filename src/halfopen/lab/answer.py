"""What a simulated model says: an answer that follows from the question and proves itself whole.

Every text ends with `[end xxxxxxxx]`, the CRC-32 of all that stands before it, so that a cut
answer can't be taken for a whole one.
"""

import re
import zlib
from collections.abc import Sequence

_MARK = re.compile(r"\A(?P<said>.*) \[end (?P<sum>[0-9a-f]{8})\]\Z", re.DOTALL)
_PIECE = re.compile(r"\s*\S+(?:\s+\Z)?")
_COUNTING = "one two three four five six seven eight nine ten eleven twelve."
PROMPT_CHARS = 40
"""How much of the prompt an answer repeats."""
RESULT_CHARS = 200
"""How much of a tool's result an answer quotes."""


def expected_text(
    dialect: str, model: str, prompt: str, *, images: int = 0, results: Sequence[str] = (), choice: int = 0
) -> str:
    """The text that the lab answers, when nothing shortens it.

    Args:
        dialect: openai, anthropic or gemini.
        model: The model's name as it was asked for.
        prompt: The text of the last user message.
        images: How many images came in the whole request.
        results: The tool results since the last answer, as text.
        choice: Which of several answers to one question.
    """
    topic = " ".join(prompt.split())[:PROMPT_CHARS].rstrip()
    said = [f"Lab answer from {dialect}/{model} to: {topic}."]
    if choice:
        said.append(f"Choice {choice}.")
    if images:
        said.append(f"I saw {images} image{'s' if images > 1 else ''}.")
    said.extend(f"The tool said: {result[:RESULT_CHARS]}." for result in results)
    said.append(_COUNTING)
    return sealed(" ".join(said))


def sealed(said: str) -> str:
    """`said` with the mark that proves it whole."""
    return f"{said} [end {zlib.crc32(said.encode()):08x}]"


def is_whole(text: str) -> bool:
    """Whether a text is a whole answer of the lab: nothing missing, added or changed."""
    match = _MARK.match(text)
    return match is not None and f"{zlib.crc32(match['said'].encode()):08x}" == match["sum"]


def tokens(text: str) -> list[str]:
    """The pieces that a stream sends and that usage counts: words with the space before them."""
    return _PIECE.findall(text)
