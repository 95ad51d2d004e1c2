"""The blank or line break that a model leaves out when it goes on with a text by instruction.

Rules
1. Upstream tokens mostly begin with their blank, so a cut between two tokens mostly falls between two
   words, before the blank. A model that is told to go on mostly begins without it, and one that finds
   half a word mostly writes the whole word again, which the overlap shows. So where a letter would
   meet a letter, and nothing was repeated, a blank is missing.
2. Unless both together make a word that the text has already: then the cut went through that word.
3. After a word with a comma or semicolon a letter needs a blank; after one that ends a sentence a
   capital does.
4. A new item of a list, or row of a table, right after another needs a line break.
5. Nothing is put in where a blank would do more harm than its lack: in code, next to digits, in
   addresses, paths and names with dots or underscores, in scripts that write no blanks.
"""

import re
from typing import Final

from halfopen.providers.continuation.words import needs_no_blank

HEAD_MAX_CHARS = 32
"""Characters of the continuation that are looked at; fewer when a blank comes before."""
_LAST_MAX_CHARS = 200
_KNOWN_MAX_CHARS = 64 * 1024

_FENCE: Final = "```"
_ITEM: Final = re.compile(r"[ \t]*(?:(?P<bullet>[-*+•])|(?P<number>\d{1,3})(?P<sign>[.)]))\s")
# Typographic quotes stand as escapes: to the eye they are too like others.
_OPENING: Final = r"[(\[{\"'\u201c\u2018«\u201e¿¡*_]*"
_LETTERS: Final = r"[^\W\d_]{1,30}(?:['\u2019-][^\W\d_]{1,30})*"
_WORD: Final = re.compile(rf"{_OPENING}(?P<word>{_LETTERS})")
_CLAUSE: Final = re.compile(rf"{_OPENING}{_LETTERS}[\"'\u201d\u2019»)*_]*[,;]")
_SENTENCE: Final = re.compile(
    rf"{_OPENING}(?!.\.){_LETTERS}[\"'\u201d\u2019»)*_]*[.!?:…][\"'\u201d\u2019»)*_]*"
)


def may_lack(delivered: str, first: str) -> bool:
    """Whether anything can be missing before a first character; false settles it at once."""
    if not delivered or delivered[-1].isspace() or first.isspace():
        return False
    return (first.isalpha() and not needs_no_blank(first)) or first.isdigit() or first in "-*+•|"


def missing(delivered: str, head: str) -> str:
    """What is missing between a text and its continuation: a blank, a line break, or nothing.

    Args:
        delivered: The text, not empty.
        head: The beginning of the continuation, to its first white space (included), at most
            `HEAD_MAX_CHARS` long, not empty.
    """
    if not may_lack(delivered, head[0]) or delivered.count(_FENCE) % 2:
        return ""
    line = delivered[delivered.rfind("\n") + 1 :]
    if _goes_below(line, head):
        return "\n"
    last = line[-_LAST_MAX_CHARS:].rsplit(None, 1)[-1]
    first = head[0]
    if not first.isalpha() or needs_no_blank(first) or needs_no_blank(last[-1]):
        return ""
    if word := _WORD.fullmatch(last):
        return "" if _knows(delivered, word["word"], head) else " "
    if _CLAUSE.fullmatch(last) or (first.isupper() and _SENTENCE.fullmatch(last)):
        return " "
    return ""


def _goes_below(line: str, head: str) -> bool:
    """Whether the head begins an item or a row like the line before it."""
    if head.startswith("|"):
        return line.startswith("|") and line.endswith("|") and len(line) > 1
    item, new = _ITEM.match(line), _ITEM.match(head)
    if item is None or new is None or item.end() == len(line):
        return False
    if item["bullet"] or new["bullet"]:
        return item["bullet"] == new["bullet"]
    return item["sign"] == new["sign"] and int(new["number"]) == int(item["number"]) + 1


def _knows(delivered: str, word: str, head: str) -> bool:
    """Whether the text has the word that its end makes together with the head."""
    rest = re.match(_LETTERS, head)
    if rest is None:
        return False
    joined = re.escape(word + rest[0])
    near = delivered[-_KNOWN_MAX_CHARS:]
    return re.search(rf"(?<!\w){joined}(?!\w)", near, re.IGNORECASE) is not None
