"""Where words begin, in scripts with blanks between them and without."""

import unicodedata
from typing import Final

_APOSTROPHES: Final = "'\u2019"
_NUMBER_SIGNS: Final = ".,:'"

_IDEOGRAPHS: Final = ((0x2E80, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
"""Han and Japanese, with their punctuation. Blocks: unicode.org/charts."""
_JOINED: Final = (
    (0x0E00, 0x109F),  # Thai, Lao, Tibetan, Myanmar
    (0x1100, 0x11FF),  # Hangul: it has blanks, but particles follow their word without one
    (0x1780, 0x17FF),  # Khmer
    (0xA960, 0xA97F),
    (0xAC00, 0xD7FF),
    (0xFF66, 0xFFDC),  # half-width kana and Hangul
)


def is_word(character: str) -> bool:
    """Whether a character is part of a word: a letter, a digit, a mark on one of them, or `_`."""
    return character.isalnum() or character == "_" or unicodedata.category(character)[0] == "M"


def is_ideograph(character: str) -> bool:
    """Whether a character belongs to a script in which a word is one or two characters without blanks."""
    return _within(character, _IDEOGRAPHS)


def needs_no_blank(character: str) -> bool:
    """Whether a character may follow another word, or be followed by one, without a blank."""
    return is_ideograph(character) or _within(character, _JOINED)


def begins_word(text: str, at: int) -> bool:
    """Whether a word begins at a place: at the start, after white space, or after what is no word.

    Not after the apostrophe of "don't", nor after the point of 0.25.
    """
    if at == 0 or text[at - 1].isspace():
        return True
    before = text[at - 1]
    if is_word(before) or not is_word(text[at]):
        return False
    if at >= 2:
        further = text[at - 2]
        if before in _APOSTROPHES and further.isalpha():
            return False
        if before in _NUMBER_SIGNS and further.isdigit() and text[at].isdigit():
            return False
    return True


def _within(character: str, blocks: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(character) <= last for first, last in blocks)
