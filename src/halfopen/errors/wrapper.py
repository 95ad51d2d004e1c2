"""How gateways and SDKs name the errors that they wrap: by exception classes.

LiteLLM turns an upstream's 401 into text such as `litellm.AuthenticationError: …` and may send it
as a 500; the official SDKs print `Error code: 401 - {…}`. vLLM uses the same class names as types.
"""

from halfopen.errors.vocabulary import Sentence, Vocabulary
from halfopen.model import Kind

WRAPPER = Vocabulary(
    codes={
        "contextwindowexceedederror": Kind.CONTEXT_TOO_LONG,
        "contentpolicyviolationerror": Kind.CONTENT_FILTERED,
        "budgetexceedederror": Kind.QUOTA_EXHAUSTED,
        "budget_exceeded": Kind.QUOTA_EXHAUSTED,
    },
    types={
        "authenticationerror": Kind.BAD_KEY,
        "auth_error": Kind.BAD_KEY,
        "permissiondeniederror": Kind.FORBIDDEN,
        "notfounderror": Kind.MODEL_NOT_FOUND,
        "ratelimiterror": Kind.RATE_LIMITED,
        "throttling_error": Kind.RATE_LIMITED,
        "serviceunavailableerror": Kind.UNAVAILABLE,
        "overloadederror": Kind.OVERLOADED,
        "apitimeouterror": Kind.GATEWAY_TIMEOUT,
        "unprocessableentityerror": Kind.INVALID_REQUEST,
        "badrequesterror": Kind.INVALID_REQUEST,
        "insufficient_credits": Kind.QUOTA_EXHAUSTED,
    },
    vague={
        "internalservererror": Kind.SERVER_ERROR,
        "apierror": Kind.SERVER_ERROR,
        "apiconnectionerror": Kind.SERVER_ERROR,
        "upstream_error": Kind.SERVER_ERROR,
    },
    sentences=(
        Sentence("no auth credentials found", Kind.BAD_KEY),
        Sentence("no cookie auth credentials found", Kind.BAD_KEY),
        Sentence("insufficient credits", Kind.QUOTA_EXHAUSTED),
        Sentence("insufficient balance", Kind.QUOTA_EXHAUSTED),
        Sentence("this request requires more credits", Kind.QUOTA_EXHAUSTED),
        Sentence("key limit exceeded", Kind.QUOTA_EXHAUSTED),
    ),
)
