"""What is checked of the body of every request, whatever its dialect, and the words when it is wrong.

What passes can be decoded in full without an error: its text is valid UTF-8 and its nesting is bounded.
"""

import re

from halfopen import errors
from halfopen.model import Fault, Kind

NESTING_MAX = 200
"""Levels of objects and arrays in a request; far below what exhausts the decoder's stack."""
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(each for each in range(256) if each not in b"[]{}")


def bad(message: str, param: str | None = None) -> Fault:
    """The fault of a request that its client must change."""
    return errors.make(Kind.INVALID_REQUEST, message, param=param)


def is_too_deep(body: bytes) -> bool:
    """Whether the nesting of a JSON text passes the bound."""
    if body.count(b"[") + body.count(b"{") <= NESTING_MAX:
        return False
    brackets = _STRING.sub(b"", body).translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(NESTING_MAX):  # each turn takes off the innermost level
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True


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
