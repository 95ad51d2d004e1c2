"""What is checked of the body of every request, whatever its dialect, and the words when it is wrong.

What passes can be decoded in full without an error: its text is valid UTF-8 and its nesting is bounded.
"""

import re
from typing import Final

from halfopen import errors
from halfopen.model import Fault, Kind

NESTING_MAX: Final = 200
"""Levels of objects and arrays in a request; far below what exhausts the decoder's stack."""
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_NO_MARKS: Final = bytes(each for each in range(256) if each not in b'"[]{}')
_FEW: Final = 12
_BLOCK_BYTES: Final = 64 * 1024
_PEAK: Final = re.compile(rb"(\[+)(\]+)")


def bad(message: str, param: str | None = None) -> Fault:
    """The fault of a request that its client must change."""
    return errors.make(Kind.INVALID_REQUEST, message, param=param)


def is_too_deep(body: bytes) -> bool:
    """Whether the nesting of a JSON text passes the bound.

    Takes time by the length of the text, and no more than a few copies of it in memory.
    """
    if _stands_rarely(b"{", body) and _stands_rarely(b"[", body):
        return False
    if body.count(b"[") + body.count(b"{") <= NESTING_MAX:
        return False
    if b"\\" in body:
        # Without its escapes every quote that is left begins or ends a text.
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = body.translate(_ONE_KIND, _NO_MARKS)
    depth, in_text = 0, False
    for start in range(0, len(marks), _BLOCK_BYTES):
        pieces = marks[start : start + _BLOCK_BYTES].split(b'"')
        brackets = b"".join(pieces[in_text::2])
        in_text ^= len(pieces) % 2 == 0
        end = depth + 2 * brackets.count(b"[") - len(brackets)
        if _deeper_than_bound(b"[" * depth + brackets + b"]" * end):
            return True
        depth = end
    return False


def _stands_rarely(mark: bytes, body: bytes) -> bool:
    """Whether a byte stands in a text a few times at most. Looking for it is quicker than counting."""
    at = body.find(mark)
    for _ in range(_FEW):
        if at < 0:
            return True
        at = body.find(mark, at + 1)
    return False


def _deeper_than_bound(brackets: bytes) -> bool:
    """Whether balanced brackets pass the bound."""
    taken = 0
    while len(brackets) // 2 + taken > NESTING_MAX:
        rest = brackets.replace(b"[]", b"")  # takes off the innermost level, wherever that is
        if not rest or len(rest) * 8 > len(brackets) * 7:
            break  # what is left has long runs, so it has few peaks
        brackets = rest
        taken += 1
    else:
        return False
    depth = taken
    for opening, closing in _PEAK.findall(brackets):
        depth += len(opening)
        if depth > NESTING_MAX:
            return True
        depth -= len(closing)
    return False


def too_deep() -> Fault:
    """The fault of a request that is nested too deeply."""
    return bad(f"The request is nested too deeply: at most {NESTING_MAX} levels of objects and arrays.")


def not_utf8(body: bytes) -> Fault:
    """The fault of a request whose text can't be decoded."""
    where = ""
    try:
        body.decode()
    except UnicodeDecodeError as problem:
        where = f" at byte {problem.start}"
    return bad(f"The request body is not valid UTF-8{where}: send JSON encoded as UTF-8.")


def not_json(body: bytes, problem: str, wants: str) -> Fault:
    """The fault of a request that is no JSON.

    Args:
        body: The body.
        problem: The decoder's words.
        wants: What the object must hold: "model and messages".
    """
    if not body.strip():
        return bad(f"The request body is empty: send a JSON object with {wants}.")
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return bad("The request body starts with a byte order mark: send plain UTF-8 without one.")
    if "trailing" in problem:
        return bad(f"Something follows the JSON object{_at_byte(problem)}: send one JSON object and no more.")
    if "truncated" in problem:
        return bad(
            "The request body ends in the middle of the JSON: it was cut, or a bracket or quote is missing."
        )
    reason = problem.removeprefix("JSON is malformed: ")
    return bad(f"The request body is not valid JSON: {reason}. Send a JSON object with {wants}.")


def _at_byte(problem: str) -> str:
    found = re.search(r"\(byte (\d+)\)", problem)
    return f" at byte {found[1]}" if found else ""
