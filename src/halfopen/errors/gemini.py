"""How Google's Gemini API and Vertex AI name their errors.

Source: the Gemini API's page "Troubleshooting", google.rpc error details, and real answers.
"""

from halfopen.errors.finding import Finding, Weight
from halfopen.errors.report import Report
from halfopen.errors.vocabulary import Sentence, Vocabulary
from halfopen.model import Kind

GEMINI = Vocabulary(
    codes={
        "api_key_invalid": Kind.BAD_KEY,
        "api_key_expired": Kind.BAD_KEY,
        "access_token_expired": Kind.BAD_KEY,
        "credentials_missing": Kind.BAD_KEY,
        "api_key_service_blocked": Kind.FORBIDDEN,
        "api_key_ip_address_blocked": Kind.FORBIDDEN,
        "api_key_http_referrer_blocked": Kind.FORBIDDEN,
        "service_disabled": Kind.FORBIDDEN,
        "consumer_suspended": Kind.FORBIDDEN,
        "iam_permission_denied": Kind.FORBIDDEN,
        "billing_disabled": Kind.QUOTA_EXHAUSTED,
        "model_capacity_exhausted": Kind.OVERLOADED,
    },
    types={
        "unauthenticated": Kind.BAD_KEY,
        "permission_denied": Kind.FORBIDDEN,
        "not_found": Kind.MODEL_NOT_FOUND,
        "unavailable": Kind.UNAVAILABLE,
        "deadline_exceeded": Kind.GATEWAY_TIMEOUT,
        "cancelled": Kind.CANCELLED,
        "aborted": Kind.CONFLICT,
        "unimplemented": Kind.NOT_IMPLEMENTED,
    },
    vague={
        "invalid_argument": Kind.INVALID_REQUEST,
        "failed_precondition": Kind.INVALID_REQUEST,
        "out_of_range": Kind.INVALID_REQUEST,
        "internal": Kind.SERVER_ERROR,
        "unknown": Kind.SERVER_ERROR,
        "data_loss": Kind.SERVER_ERROR,
    },
    sentences=(
        Sentence("api key not valid", Kind.BAD_KEY),
        Sentence("api key not found", Kind.BAD_KEY),
        Sentence("api key expired", Kind.BAD_KEY),
        Sentence("your api key was reported as leaked", Kind.BAD_KEY),
        Sentence("the input token count", Kind.CONTEXT_TOO_LONG, anywhere=True),
        Sentence("the model is overloaded", Kind.OVERLOADED),
        Sentence("this model is currently experiencing high demand", Kind.OVERLOADED),
    ),
)

_CREDIT_WORDS = (
    "credits are depleted",
    "credits depleted",
    "prepayment credits",
    "insufficient credit",
    "out of credits",
    "spending cap",
    "spend cap",
    "spend limit",
)


def read_gemini(report: Report, opening: str) -> list[Finding]:
    """Return what takes more than one identifier to say.

    Args:
        report: One layer of an error.
        opening: Its message in lower case, without wrappers' prefixes.
    """
    if report.has_word("resource_exhausted"):
        return [_exhausted(report, opening)]
    if report.has_word("failed_precondition"):
        return _precondition(opening)
    return []


def _exhausted(report: Report, opening: str) -> Finding:
    """Explicit credit signals beat RetryInfo, and RetryInfo beats the quotaId and prose."""
    credit = next((words for words in _CREDIT_WORDS if words in opening), None)
    if credit is not None:
        return Finding(Kind.QUOTA_EXHAUSTED, Weight.CREDIT, f'RESOURCE_EXHAUSTED says "{credit}"')
    if report.has_word("billing_disabled"):
        return Finding(Kind.QUOTA_EXHAUSTED, Weight.CREDIT, "reason BILLING_DISABLED")
    if report.delay_s is not None:
        fact = f"RESOURCE_EXHAUSTED with RetryInfo of {report.delay_s:g} s"
        kind = Kind.OVERLOADED if report.has_word("model_capacity_exhausted") else Kind.RATE_LIMITED
        return Finding(kind, Weight.CODE, fact)
    daily = next((quota for quota in report.quota_ids if "perday" in quota.lower()), None)
    if daily is not None:
        return Finding(Kind.QUOTA_EXHAUSTED, Weight.CODE, f"quotaId = {daily}, and no RetryInfo")
    if report.quota_ids:
        return Finding(Kind.RATE_LIMITED, Weight.CODE, f"quotaId = {report.quota_ids[0]}")
    if "per day" in opening:
        return Finding(Kind.QUOTA_EXHAUSTED, Weight.TYPE, 'RESOURCE_EXHAUSTED says "per day"')
    return Finding(Kind.RATE_LIMITED, Weight.TYPE, f"{report.path}.status = RESOURCE_EXHAUSTED")


def _precondition(opening: str) -> list[Finding]:
    if "billing" in opening:
        return [Finding(Kind.QUOTA_EXHAUSTED, Weight.CREDIT, "FAILED_PRECONDITION asks for billing")]
    if "location" in opening or "country" in opening or "region" in opening:
        return [Finding(Kind.REGION_BLOCKED, Weight.CODE, "FAILED_PRECONDITION names the location")]
    return []
