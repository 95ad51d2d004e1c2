"""How OpenAI names its errors.

Source: OpenAI's guide "Error codes" and real answers.
"""

from halfopen.errors.finding import Weight
from halfopen.errors.vocabulary import Sentence, Vocabulary
from halfopen.model import Kind, Verdict

OPENAI = Vocabulary(
    codes={
        "invalid_api_key": Kind.BAD_KEY,
        "account_deactivated": Kind.BAD_KEY,
        "invalid_organization": Kind.BAD_KEY,
        "mismatched_organization": Kind.BAD_KEY,
        "mismatched_project": Kind.BAD_KEY,
        "ip_not_authorized": Kind.FORBIDDEN,
        "insufficient_permissions": Kind.FORBIDDEN,
        "unsupported_country_region_territory": Kind.REGION_BLOCKED,
        "model_not_found": Kind.MODEL_NOT_FOUND,
        "context_length_exceeded": Kind.CONTEXT_TOO_LONG,
        "content_policy_violation": Kind.CONTENT_FILTERED,
        "moderation_blocked": Kind.CONTENT_FILTERED,
        "insufficient_quota": Kind.QUOTA_EXHAUSTED,
        "credit_balance_exhausted": Kind.QUOTA_EXHAUSTED,
        "organization_spend_limit_exceeded": Kind.QUOTA_EXHAUSTED,
        "project_spend_limit_exceeded": Kind.QUOTA_EXHAUSTED,
        "organization_usage_limit_exceeded": Kind.QUOTA_EXHAUSTED,
        "billing_hard_limit_reached": Kind.QUOTA_EXHAUSTED,
        "billing_not_active": Kind.QUOTA_EXHAUSTED,
        "rate_limit_exceeded": Kind.RATE_LIMITED,
        "slow_down": Kind.SLOW_DOWN,
        "server_is_overloaded": Kind.OVERLOADED,
        "unsupported_parameter": Kind.INVALID_REQUEST,
        "unsupported_value": Kind.INVALID_REQUEST,
        "unknown_parameter": Kind.INVALID_REQUEST,
        "missing_required_parameter": Kind.INVALID_REQUEST,
        "invalid_value": Kind.INVALID_REQUEST,
        "invalid_type": Kind.INVALID_REQUEST,
        "invalid_function_parameters": Kind.INVALID_REQUEST,
        "invalid_json_schema": Kind.INVALID_REQUEST,
    },
    types={
        "authentication_error": Kind.BAD_KEY,
        "permission_error": Kind.FORBIDDEN,
        "not_found_error": Kind.MODEL_NOT_FOUND,
        "rate_limit_error": Kind.RATE_LIMITED,
        "tokens": Kind.RATE_LIMITED,
        "requests": Kind.RATE_LIMITED,
        "service_unavailable_error": Kind.UNAVAILABLE,
    },
    vague={
        "server_error": Kind.SERVER_ERROR,
        "internal_error": Kind.SERVER_ERROR,
        "internal_server_error": Kind.SERVER_ERROR,
        "invalid_request_error": Kind.INVALID_REQUEST,
    },
    sentences=(
        Sentence("incorrect api key provided", Kind.BAD_KEY),
        Sentence("invalid api key", Kind.BAD_KEY),
        Sentence("invalid authentication", Kind.BAD_KEY),
        Sentence("you didn't provide an api key", Kind.BAD_KEY),
        Sentence("country, region, or territory not supported", Kind.REGION_BLOCKED),
        Sentence("you exceeded your current quota", Kind.QUOTA_EXHAUSTED),
        Sentence("your account is not active", Kind.QUOTA_EXHAUSTED),
        # More tokens in one request than the account may send in a minute: no wait can help here.
        Sentence("request too large for", Kind.RATE_LIMITED, verdict=Verdict.FAILOVER),
        Sentence("rate limit reached", Kind.RATE_LIMITED, Weight.TYPE),
        Sentence("this model's maximum context length is", Kind.CONTEXT_TOO_LONG, anywhere=True),
        Sentence("the engine is currently overloaded", Kind.OVERLOADED, Weight.STATUS),
        Sentence("that model is currently overloaded", Kind.OVERLOADED, Weight.STATUS),
        Sentence("we're currently processing too many requests", Kind.OVERLOADED, Weight.STATUS),
    ),
)
