"""How Anthropic names its errors.

Source: Anthropic's pages "Errors" and "Rate limits", and real answers.
"""

from halfopen.errors.finding import Finding, Weight
from halfopen.errors.report import Report
from halfopen.errors.vocabulary import Sentence, Vocabulary
from halfopen.model import Kind, Verdict

ANTHROPIC = Vocabulary(
    codes={
        "enforced_spend_limit_reached": Kind.QUOTA_EXHAUSTED,
        "request_too_large": Kind.REQUEST_TOO_LARGE,
    },
    types={
        "authentication_error": Kind.BAD_KEY,
        "billing_error": Kind.QUOTA_EXHAUSTED,
        "permission_error": Kind.FORBIDDEN,
        "not_found_error": Kind.MODEL_NOT_FOUND,
        "conflict_error": Kind.CONFLICT,
        "rate_limit_error": Kind.RATE_LIMITED,
        "timeout_error": Kind.GATEWAY_TIMEOUT,
    },
    vague={"api_error": Kind.SERVER_ERROR, "invalid_request_error": Kind.INVALID_REQUEST},
    sentences=(
        Sentence("invalid x-api-key", Kind.BAD_KEY),
        Sentence("invalid bearer token", Kind.BAD_KEY),
        Sentence("this organization has been disabled", Kind.BAD_KEY),
        Sentence("your credit balance is too low", Kind.QUOTA_EXHAUSTED),
        Sentence("you have reached your specified api usage limits", Kind.QUOTA_EXHAUSTED),
        Sentence("you have reached your specified workspace api usage limits", Kind.QUOTA_EXHAUSTED),
        Sentence("request not allowed", Kind.REGION_BLOCKED),
        Sentence("output blocked by content filtering policy", Kind.CONTENT_FILTERED),
        Sentence("prompt is too long", Kind.CONTEXT_TOO_LONG, anywhere=True),
        Sentence("input length and `max_tokens` exceed context limit", Kind.CONTEXT_TOO_LONG, anywhere=True),
    ),
)


def read_anthropic(report: Report) -> list[Finding]:
    """Return what only Anthropic says: its overload lasts, so the same upstream is left alone."""
    if not report.has_word("overloaded_error"):
        return []
    fact = f"{report.path}.type = overloaded_error"
    return [Finding(Kind.OVERLOADED, Weight.TYPE, fact, verdict=Verdict.FAILOVER)]
