"""Judges what the gateway did with a fuzz input.

Rules
1. Something comes to an end: an answer, or the connection. Nothing hangs.
2. What comes is HTTP. An answer is a good one or an error that is not to be retried, in the shape of the
   client's dialect; where what was sent is too broken to have one, in any of the three.
3. An error that blames the gateway itself is a defect, and so is a stream that ends without a word.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from halfopen.lab.fuzz_client import FuzzAnswer, FuzzSeen
from halfopen.lab.fuzz_input import FuzzInput

_OWN_FAULT = "gateway_error"
_TURNED_AWAY = "no_capacity"


def judge(given: FuzzInput, seen: FuzzSeen) -> tuple[str, str | None]:
    """The outcome in a word, and what is wrong with it; None: nothing."""
    if seen.malformed:
        return "malformed", f"the answer is not HTTP: {seen.malformed}"
    for answer in seen.answers:
        problem = _wrong(answer, seen, given.dialect)
        if problem is not None:
            return str(answer.status), problem
    if given.leaves:
        return "left", None
    if seen.hung:
        return "hung", "no answer and no end"
    if seen.answers:
        return str(seen.answers[-1].status), None
    return "closed", None


def _wrong(answer: FuzzAnswer, seen: FuzzSeen, dialect: str | None) -> str | None:
    if not answer.whole:
        if (
            seen.closed
            and answer.headers.get("transfer-encoding") == "chunked"
            and b'"error"' not in answer.body
        ):
            return "a stream ended without its end and without an error"
        return None
    if answer.status < 200 or (answer.status >= 300 and answer.status < 400):
        return f"a status that nobody expects: {answer.status}"
    if answer.status < 300 or not answer.body:
        return None
    return wrong_error(answer, dialect)


def wrong_error(answer: FuzzAnswer, dialect: str | None) -> str | None:
    """What is wrong with an error answer, or None. `dialect` is None where any will do."""
    if answer.headers.get("content-type") != "application/json":
        return "an error that is not JSON"
    try:
        body = json.loads(answer.body)
    except ValueError as problem:
        return f"an error that is not JSON: {problem}"
    if answer.status == 503 and body == {"status": "draining"}:
        return None
    # A request that did not arrive in time has no dialect yet.
    shapes = [dialect] if dialect is not None and answer.status != 408 else list(_SHAPES)
    if not any(_has_shape(body, shape) for shape in shapes):
        return f"an error that is not of the shape of {' or '.join(shapes)}"
    error = body["error"]
    if not isinstance(error["message"], str) or not error["message"]:
        return "an error without a message"
    if error["halfopen"].get("kind") == _OWN_FAULT:
        return "a defect of the gateway"
    untried = error["halfopen"].get("kind") == _TURNED_AWAY and not error["halfopen"].get("attempts")
    if not untried and answer.headers.get("x-should-retry") != "false":
        return "an error that asks to be retried"
    return None


_SHAPES: Final[Mapping[str, frozenset[str]]] = {
    "openai": frozenset(("message", "type", "param", "code", "halfopen")),
    "messages": frozenset(("type", "message", "halfopen")),
    "generate": frozenset(("code", "message", "status", "details", "halfopen")),
}
"""The members of `error`, exactly."""


def _has_shape(body: Any, dialect: str) -> bool:
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or set(error) != _SHAPES[dialect]:
        return False
    return dialect != "messages" or (body.get("type") == "error" and isinstance(body.get("request_id"), str))
