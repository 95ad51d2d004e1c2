"""Log-probabilities: OpenAI's `logprobs` as Gemini's logprobsResult.

Both list the chosen tokens with their alternatives. OpenAI's bytes have no place in Gemini's form.
"""

import math
from typing import Any

Tokens = list[dict[str, Any]]


def tokens_of(logprobs: Any) -> Tokens:
    """The tokens in a choice's `logprobs`, of its content and of its refusal; those that make sense."""
    if not isinstance(logprobs, dict):
        return []
    lists = [logprobs.get("content"), logprobs.get("refusal")]
    return [
        each
        for tokens in lists
        if isinstance(tokens, list)
        for each in tokens
        if _candidate(each) is not None
    ]


def logprobs_result(tokens: Tokens) -> dict[str, Any]:
    """Return logprobsResult."""
    chosen, tops = [], []
    for token in tokens:
        chosen.append(_candidate(token))
        others = token.get("top_logprobs")
        read = [_candidate(other) for other in others] if isinstance(others, list) else []
        tops.append({"candidates": [other for other in read if other is not None]})
    return {"topCandidates": tops, "chosenCandidates": chosen}


def total_of(tokens: Tokens) -> float:
    """The sum of the tokens' log-probabilities, for the average of an answer."""
    return math.fsum(token["logprob"] for token in tokens)


def _candidate(token: Any) -> dict[str, Any] | None:
    if not isinstance(token, dict) or not isinstance(token.get("token"), str):
        return None
    logprob = token.get("logprob")
    if isinstance(logprob, bool) or not isinstance(logprob, int | float) or not math.isfinite(logprob):
        return None
    return {"token": token["token"], "logProbability": logprob}
