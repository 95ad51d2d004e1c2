"""What a simulated model says: an answer that follows from the question and proves itself whole.

Every text ends with `[end xxxxxxxx]`, the CRC-32 of all that stands before it, so that a cut
answer can't be taken for a whole one, nor one that was continued with a loss or a repetition.
"""

import re
import zlib
from collections.abc import Sequence

_MARK = re.compile(r"\A(?P<said>.*) \[end (?P<sum>[0-9a-f]{8})\]\Z", re.DOTALL)
_MARK_CHARS = 15
_OPENING = re.compile(r"\ALab answer from (?P<dialect>[a-z]+)/(?P<model>\S+)")
_PIECE = re.compile(r"\s*\S+(?:\s+\Z)?")
_WORD = re.compile(r"\S+")
_COUNTING = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty."
)
_COUNTED_CHARS_LEAST = 4
"""How much of the counting must be there to be taken for it."""
PROMPT_CHARS = 40
"""How much of the prompt an answer repeats."""
RESULT_CHARS = 200
"""How much of a tool's result an answer quotes."""
JSON_PIECES = 24
"""Into how many pieces a stream cuts JSON, at least, when it has as many characters."""
ARGUMENT_PIECES = 16
"""The same of a tool call's arguments."""
REPEATED_WORDS_MOST = 5
"""How many words a model repeats, at most, before it goes on with an answer that was cut."""


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
    said = [f"Lab answer from {dialect}/{model} to: {_topic(prompt)}."]
    if choice:
        said.append(f"Choice {choice}.")
    if images:
        said.append(f"I saw {images} image{'s' if images > 1 else ''}.")
    said.extend(f"The tool said: {result[:RESULT_CHARS]}." for result in results)
    said.append(_COUNTING)
    return sealed(" ".join(said))


def _topic(prompt: str) -> str:
    return " ".join(prompt.split())[:PROMPT_CHARS].rstrip()


def sealed(said: str) -> str:
    """`said` with the mark that proves it whole."""
    return said + _mark(said)


def _mark(said: str) -> str:
    return f" [end {zlib.crc32(said.encode()):08x}]"


def is_whole(text: str) -> bool:
    """Whether a text is a whole answer of the lab: nothing missing, added or changed."""
    match = _MARK.match(text)
    return match is not None and f"{zlib.crc32(match['said'].encode()):08x}" == match["sum"]


def tokens(text: str) -> list[str]:
    """The pieces that a stream sends and that usage counts: words with the space before them."""
    return _PIECE.findall(text)


def json_pieces(text: str, least: int = JSON_PIECES) -> list[str]:
    """The pieces of JSON text that a stream sends: some characters each; at least `least` if it can."""
    size = max(1, min(4, len(text) // least))
    return [text[place : place + size] for place in range(0, len(text), size)]


def continued_text(dialect: str, model: str, prompt: str, beginning: str) -> str:
    """What a model says after the beginning of an answer, whoever wrote that; empty when it is whole.

    `is_whole(beginning + continued_text(…, beginning))` holds, and for no other beginning.

    Args:
        dialect: openai, anthropic or gemini.
        model: The model that goes on.
        prompt: The text of the last user message before the beginning.
        beginning: What was said so far, to the last character.
    """
    if is_whole(beginning):
        return ""
    for begun in range(_MARK_CHARS - 1, 1, -1):
        mark = _mark(beginning[:-begun])
        if beginning.endswith(mark[:begun]):
            return mark[begun:]
    said = f"{_rest(dialect, model, prompt, beginning)} Continued by {dialect}/{model}."
    if not beginning or beginning[-1].isspace():
        said = said.lstrip()
    return sealed(beginning + said)[len(beginning) :]


def _rest(dialect: str, model: str, prompt: str, beginning: str) -> str:
    """The rest of the sentence that the beginning stands in."""
    opening = _OPENING.match(beginning)
    author = (opening["dialect"], opening["model"]) if opening else (dialect, model)
    match = _MARK.match(expected_text(*author, prompt))
    whole = match["said"] if match else ""
    if whole.startswith(beginning):
        return whole[len(beginning) :]
    for chars in range(len(_COUNTING), _COUNTED_CHARS_LEAST, -1):
        if beginning.endswith(_COUNTING[:chars]):
            return _COUNTING[chars:]
    return f" And so on: {_COUNTING}"


def repeated_words(prompt: str, beginning: str) -> str:
    """The last words of a beginning that a model says again when it is told to go on: none to five.

    How many follows from the prompt. Nothing is repeated of an answer that is whole already.
    """
    count = zlib.crc32(prompt.encode()) % (REPEATED_WORDS_MOST + 1)
    words = list(_WORD.finditer(beginning))
    if not count or not words or is_whole(beginning):
        return ""
    return beginning[words[-min(count, len(words))].start() :]
