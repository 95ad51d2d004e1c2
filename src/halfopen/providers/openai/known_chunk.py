"""Chunks that differ from one before them in nothing but their text, and what hides its length.

The chunks of one stream mostly do. Once one of them has been decoded, the next are known by what stands
between the places that change, which takes a fraction of the time.

Rules
1. What may differ is the inside of two JSON strings: the first choice's content, and the chunk's
   `obfuscation`, if it has one: random letters that OpenAI adds, so that the size of a chunk does not tell
   how long its text is. A trial shows that they are those strings, from the first character to the last:
   with other words in their places, the decoder finds these.
2. A string is taken only when it stands for itself: printable, without quotation mark and backslash. So it
   ends where the known one did, and the whole is the JSON that the decoder has seen.
3. What the client doesn't get, a `usage` of null, stands between those places, and so always at the same one.
"""

from typing import Final

from halfopen.providers.openai.chunk import read_chunk, read_padding
from halfopen.providers.openai.usage import null_usage

_FIELD: Final = b"data: "
_TRIAL: Final = b"a trial, which no model says"
_TRIAL_PADDING: Final = b"another, which hides nothing"
_KEY: Final = b'"content":'
_PADDING_KEY: Final = b'"obfuscation":'
_MARK: Final = b'"'


class KnownChunk:
    """One chunk of a stream, as a server-sent event."""

    __slots__ = (
        "_after",
        "_before",
        "_between",
        "_cut_end",
        "_cut_part",
        "_cut_start",
        "_least",
        "_text_first",
    )

    def __init__(
        self, parts: tuple[bytes, bytes, bytes], cut: tuple[int, int, int], *, text_first: bool
    ) -> None:
        """A chunk that changes in one place or two.

        Args:
            parts: What stands before the first string that changes, between the two, and behind the last, up
                to the event's end. Nothing between them: there is but one, the text.
            cut: In which of the parts something is cut out for the client, where it begins and where it ends.
                It ends at 0: nothing is.
            text_first: Whether the first string is the text.
        """
        self._before, self._between, self._after = parts
        self._cut_part, self._cut_start, self._cut_end = cut
        self._least = len(self._before) + len(self._between) + len(self._after)
        self._text_first = text_first

    def text_of(self, raw: bytes) -> tuple[str, bytes]:
        """The text of an event that differs in nothing else, and the event as the client gets it.

        No text: it differs, or has none.
        """
        start, end = len(self._before), len(raw) - len(self._after)
        if len(raw) <= self._least or not raw.startswith(self._before) or not raw.endswith(self._after):
            return "", b""
        middle = end
        said = raw[start:end]
        if self._between:
            middle = raw.find(_MARK, start)
            second = middle + len(self._between)
            if middle < 0 or second > end or raw[middle:second] != self._between:
                return "", b""
            said, padding = raw[start:middle], raw[second:end]
            if not self._text_first:
                said, padding = padding, said
            # Letters and digits, as they always are, need no closer look.
            if not padding.isalnum() and not _stands_for_itself(padding):
                return "", b""
        try:
            text = said.decode()
        except UnicodeDecodeError:
            return "", b""
        if not text.isprintable() or '"' in text or "\\" in text:
            return "", b""
        if not self._cut_end:
            return text, raw
        part = self._cut_part
        origin = 0 if part == 0 else middle if part == 1 else end
        return text, raw[: origin + self._cut_start] + raw[origin + self._cut_end :]


def learn_chunk(raw: bytes, text: str, *, hides_usage: bool) -> KnownChunk | None:
    """What an event that adds `text` to the first choice, and nothing else, tells of those behind it.

    None: nothing. Only events of one data line tell anything. `hides_usage`: whether a `usage` of null is
    cut out for the client.
    """
    if not raw.startswith(_FIELD) or not raw.endswith(b"}\n\n") or raw.count(b"\n") != 2 or b"\r" in raw:
        return None
    if _TRIAL in raw:
        return None  # it would show nothing
    place = _text_place(raw, text)
    if place is None:
        return None
    padding = _padding_place(raw)
    known = None if padding is None else _known_by(raw, place, padding, hides_usage=hides_usage)
    return known or _known_by(raw, place, None, hides_usage=hides_usage)


def _text_place(raw: bytes, text: str) -> tuple[int, int] | None:
    """Where the text begins and ends."""
    start = _string_after(raw, _KEY)
    said = text.encode("utf-8", "replace")
    end = start + len(said)
    return (start, end) if start > 0 and raw[start:end] == said and raw[end : end + 1] == _MARK else None


def _padding_place(raw: bytes) -> tuple[int, int] | None:
    """Where what seems to hide the text's length begins and ends."""
    start = _string_after(raw, _PADDING_KEY)
    end = raw.find(_MARK, start)
    return (start, end) if start > 0 and end >= 0 else None


def _string_after(raw: bytes, key: bytes) -> int:
    """Where the string begins that is the value of the first such key; -1: there is none."""
    found = raw.find(key)
    if found < 0:
        return -1
    start = found + len(key)
    mark = raw.find(_MARK, start)
    return mark + 1 if mark >= 0 and not raw[start:mark].strip(b" ") else -1


def _known_by(
    raw: bytes, place: tuple[int, int], padding: tuple[int, int] | None, *, hides_usage: bool
) -> KnownChunk | None:
    """A chunk that changes in these places, if a trial shows that it can."""
    text_first = padding is None or place < padding
    if padding is None:
        before, between, after = raw[: place[0]], b"", raw[place[1] :]
        trial = before + _TRIAL + after
    else:
        first, last = (place, padding) if text_first else (padding, place)
        if first[1] >= last[0]:
            return None
        before, between, after = raw[: first[0]], raw[first[1] : last[0]], raw[last[1] :]
        one, two = (_TRIAL, _TRIAL_PADDING) if text_first else (_TRIAL_PADDING, _TRIAL)
        trial = before + one + between + two + after
    if not _tells(trial[len(_FIELD) :], padded=padding is not None):
        return None
    cut = _cut_of((before, between, after)) if hides_usage else (0, 0, 0)
    return KnownChunk((before, between, after), cut, text_first=text_first)


def _tells(trial: bytes, *, padded: bool) -> bool:
    """Whether the decoder finds the words of the trial where they should be."""
    chunk = read_chunk(trial)
    if chunk is None or not chunk.choices or chunk.choices[0].delta is None:
        return False
    if chunk.choices[0].delta.content != _TRIAL.decode():
        return False
    return not padded or read_padding(trial) == _TRIAL_PADDING.decode()


def _cut_of(parts: tuple[bytes, bytes, bytes]) -> tuple[int, int, int]:
    """In which part the first `usage` of null stands, where it begins and ends. It ends at 0: in none."""
    for number, part in enumerate(parts):
        start, end = null_usage(part)
        if end:
            return number, start, end
    return 0, 0, 0


def _stands_for_itself(padding: bytes) -> bool:
    """Whether it is printable ASCII without quotation marks and backslashes, or nothing."""
    return (
        padding.isascii() and padding.decode().isprintable() and b'"' not in padding and b"\\" not in padding
    )
