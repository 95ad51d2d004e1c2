"""Judges what the gateway did with a fuzz input.

Rules
1. Something comes to an end: an answer, or the connection. Nothing hangs.
2. What comes is HTTP. An answer is a good one or an error in OpenAI's shape that is not to be retried.
3. An error that blames the gateway itself is a defect, and so is a stream that ends without a word.
"""

import json
from typing import Any

from halfopen.lab.fuzz_client import FuzzAnswer, FuzzSeen
from halfopen.lab.fuzz_input import FuzzInput

_OWN_FAULT = "gateway_error"


def judge(given: FuzzInput, seen: FuzzSeen) -> tuple[str, str | None]:
    """The outcome in a word, and what is wrong with it; None: nothing."""
    if seen.malformed:
        return "malformed", f"the answer is not HTTP: {seen.malformed}"
    for answer in seen.answers:
        problem = _wrong(answer, seen)
        if problem is not None:
            return str(answer.status), problem
    if given.leaves:
        return "left", None
    if seen.hung:
        return "hung", "no answer and no end"
    if seen.answers:
        return str(seen.answers[-1].status), None
    return "closed", None


def _wrong(answer: FuzzAnswer, seen: FuzzSeen) -> str | None:
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
    if answer.headers.get("content-type") != "application/json":
        return "an error that is not JSON"
    try:
        error = json.loads(answer.body)
    except ValueError as problem:
        return f"an error that is not JSON: {problem}"
    return _wrong_error(answer, error)


def _wrong_error(answer: FuzzAnswer, body: Any) -> str | None:
    if answer.status == 503 and body == {"status": "draining"}:
        return None
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or not {"message", "type", "param", "code", "halfopen"} <= set(error):
        return "an error that is not of OpenAI's shape"
    if not isinstance(error["message"], str) or not error["message"]:
        return "an error without a message"
    if error["halfopen"].get("kind") == _OWN_FAULT:
        return "a defect of the gateway"
    if answer.headers.get("x-should-retry") != "false":
        return "an error that asks to be retried"
    return None
