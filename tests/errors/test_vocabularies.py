"""Each provider's words, as its documentation lists them. Every vocabulary is asked by itself."""

import pytest

from halfopen.errors.anthropic import ANTHROPIC
from halfopen.errors.azure import AZURE
from halfopen.errors.finding import Finding, Weight
from halfopen.errors.gemini import GEMINI
from halfopen.errors.groq import GROQ
from halfopen.errors.llama_cpp import LLAMA_CPP
from halfopen.errors.ollama import OLLAMA
from halfopen.errors.openai import OPENAI
from halfopen.errors.openrouter import OPENROUTER
from halfopen.errors.report import Report
from halfopen.errors.vllm import VLLM
from halfopen.errors.vocabulary import Sentence, Vocabulary
from halfopen.errors.wrapper import WRAPPER
from halfopen.model import Kind, Verdict

CODE, TYPE, VAGUE, STATUS, CREDIT = Weight.CODE, Weight.TYPE, Weight.VAGUE, Weight.STATUS, Weight.CREDIT

WORDS: list[tuple[str, Vocabulary, Kind, Weight, str]] = [
    (
        "openai",
        OPENAI,
        Kind.BAD_KEY,
        CODE,
        "invalid_api_key account_deactivated invalid_organization mismatched_organization mismatched_project",
    ),
    ("openai", OPENAI, Kind.FORBIDDEN, CODE, "ip_not_authorized insufficient_permissions"),
    ("openai", OPENAI, Kind.REGION_BLOCKED, CODE, "unsupported_country_region_territory"),
    ("openai", OPENAI, Kind.MODEL_NOT_FOUND, CODE, "model_not_found"),
    ("openai", OPENAI, Kind.CONTEXT_TOO_LONG, CODE, "context_length_exceeded"),
    ("openai", OPENAI, Kind.CONTENT_FILTERED, CODE, "content_policy_violation moderation_blocked"),
    (
        "openai",
        OPENAI,
        Kind.QUOTA_EXHAUSTED,
        CREDIT,
        (
            "insufficient_quota credit_balance_exhausted organization_spend_limit_exceeded project_spend_limit_exceeded "
            "organization_usage_limit_exceeded billing_hard_limit_reached billing_not_active"
        ),
    ),
    ("openai", OPENAI, Kind.RATE_LIMITED, CODE, "rate_limit_exceeded"),
    ("openai", OPENAI, Kind.SLOW_DOWN, CODE, "slow_down"),
    ("openai", OPENAI, Kind.OVERLOADED, CODE, "server_is_overloaded"),
    (
        "openai",
        OPENAI,
        Kind.INVALID_REQUEST,
        CODE,
        (
            "unsupported_parameter unsupported_value unknown_parameter missing_required_parameter invalid_value "
            "invalid_type invalid_function_parameters invalid_json_schema"
        ),
    ),
    ("openai", OPENAI, Kind.BAD_KEY, TYPE, "authentication_error"),
    ("openai", OPENAI, Kind.FORBIDDEN, TYPE, "permission_error"),
    ("openai", OPENAI, Kind.MODEL_NOT_FOUND, TYPE, "not_found_error"),
    ("openai", OPENAI, Kind.RATE_LIMITED, TYPE, "rate_limit_error tokens requests"),
    ("openai", OPENAI, Kind.UNAVAILABLE, TYPE, "service_unavailable_error"),
    ("openai", OPENAI, Kind.SERVER_ERROR, VAGUE, "server_error internal_error internal_server_error"),
    ("openai", OPENAI, Kind.INVALID_REQUEST, VAGUE, "invalid_request_error"),
    ("anthropic", ANTHROPIC, Kind.QUOTA_EXHAUSTED, CREDIT, "enforced_spend_limit_reached billing_error"),
    ("anthropic", ANTHROPIC, Kind.REQUEST_TOO_LARGE, CODE, "request_too_large"),
    ("anthropic", ANTHROPIC, Kind.BAD_KEY, TYPE, "authentication_error"),
    ("anthropic", ANTHROPIC, Kind.FORBIDDEN, TYPE, "permission_error"),
    ("anthropic", ANTHROPIC, Kind.MODEL_NOT_FOUND, TYPE, "not_found_error"),
    ("anthropic", ANTHROPIC, Kind.CONFLICT, TYPE, "conflict_error"),
    ("anthropic", ANTHROPIC, Kind.RATE_LIMITED, TYPE, "rate_limit_error"),
    ("anthropic", ANTHROPIC, Kind.GATEWAY_TIMEOUT, TYPE, "timeout_error"),
    ("anthropic", ANTHROPIC, Kind.SERVER_ERROR, VAGUE, "api_error"),
    ("anthropic", ANTHROPIC, Kind.INVALID_REQUEST, VAGUE, "invalid_request_error"),
    (
        "gemini",
        GEMINI,
        Kind.BAD_KEY,
        CODE,
        "API_KEY_INVALID API_KEY_EXPIRED ACCESS_TOKEN_EXPIRED CREDENTIALS_MISSING",
    ),
    (
        "gemini",
        GEMINI,
        Kind.FORBIDDEN,
        CODE,
        (
            "API_KEY_SERVICE_BLOCKED API_KEY_IP_ADDRESS_BLOCKED API_KEY_HTTP_REFERRER_BLOCKED SERVICE_DISABLED "
            "CONSUMER_SUSPENDED IAM_PERMISSION_DENIED"
        ),
    ),
    ("gemini", GEMINI, Kind.QUOTA_EXHAUSTED, CREDIT, "BILLING_DISABLED"),
    ("gemini", GEMINI, Kind.OVERLOADED, CODE, "MODEL_CAPACITY_EXHAUSTED"),
    ("gemini", GEMINI, Kind.BAD_KEY, TYPE, "UNAUTHENTICATED"),
    ("gemini", GEMINI, Kind.FORBIDDEN, TYPE, "PERMISSION_DENIED"),
    ("gemini", GEMINI, Kind.MODEL_NOT_FOUND, TYPE, "NOT_FOUND"),
    ("gemini", GEMINI, Kind.UNAVAILABLE, TYPE, "UNAVAILABLE"),
    ("gemini", GEMINI, Kind.GATEWAY_TIMEOUT, TYPE, "DEADLINE_EXCEEDED"),
    ("gemini", GEMINI, Kind.CANCELLED, TYPE, "CANCELLED"),
    ("gemini", GEMINI, Kind.CONFLICT, TYPE, "ABORTED"),
    ("gemini", GEMINI, Kind.NOT_IMPLEMENTED, TYPE, "UNIMPLEMENTED"),
    ("gemini", GEMINI, Kind.INVALID_REQUEST, VAGUE, "INVALID_ARGUMENT FAILED_PRECONDITION OUT_OF_RANGE"),
    ("gemini", GEMINI, Kind.SERVER_ERROR, VAGUE, "INTERNAL UNKNOWN DATA_LOSS"),
    ("azure", AZURE, Kind.CONTENT_FILTERED, CODE, "content_filter ResponsibleAIPolicyViolation"),
    ("azure", AZURE, Kind.MODEL_NOT_FOUND, CODE, "DeploymentNotFound"),
    ("azure", AZURE, Kind.FORBIDDEN, CODE, "PermissionDenied"),
    ("azure", AZURE, Kind.QUOTA_EXHAUSTED, CREDIT, "QuotaExceeded"),
    ("groq", GROQ, Kind.MALFORMED_ANSWER, CODE, "tool_use_failed json_validate_failed"),
    ("groq", GROQ, Kind.OVERLOADED, CODE, "capacity_exceeded"),
    ("llama.cpp", LLAMA_CPP, Kind.CONTEXT_TOO_LONG, CODE, "exceed_context_size_error"),
    ("llama.cpp", LLAMA_CPP, Kind.UNAVAILABLE, TYPE, "unavailable_error"),
    ("llama.cpp", LLAMA_CPP, Kind.NOT_IMPLEMENTED, TYPE, "not_supported_error"),
    ("openrouter", OPENROUTER, Kind.CONTENT_FILTERED, CODE, "flagged_input"),
    ("vllm", VLLM, Kind.ENGINE_DEAD, CODE, "EngineDeadError"),
    ("wrapper", WRAPPER, Kind.CONTEXT_TOO_LONG, CODE, "ContextWindowExceededError"),
    ("wrapper", WRAPPER, Kind.CONTENT_FILTERED, CODE, "ContentPolicyViolationError"),
    (
        "wrapper",
        WRAPPER,
        Kind.QUOTA_EXHAUSTED,
        CREDIT,
        "BudgetExceededError budget_exceeded insufficient_credits",
    ),
    ("wrapper", WRAPPER, Kind.BAD_KEY, TYPE, "AuthenticationError auth_error"),
    ("wrapper", WRAPPER, Kind.FORBIDDEN, TYPE, "PermissionDeniedError"),
    ("wrapper", WRAPPER, Kind.MODEL_NOT_FOUND, TYPE, "NotFoundError"),
    ("wrapper", WRAPPER, Kind.RATE_LIMITED, TYPE, "RateLimitError throttling_error"),
    ("wrapper", WRAPPER, Kind.UNAVAILABLE, TYPE, "ServiceUnavailableError"),
    ("wrapper", WRAPPER, Kind.OVERLOADED, TYPE, "OverloadedError"),
    ("wrapper", WRAPPER, Kind.GATEWAY_TIMEOUT, TYPE, "APITimeoutError"),
    # A class of errors, which says no more about a request than the status 400 does.
    ("wrapper", WRAPPER, Kind.INVALID_REQUEST, STATUS, "UnprocessableEntityError BadRequestError"),
    (
        "wrapper",
        WRAPPER,
        Kind.SERVER_ERROR,
        VAGUE,
        "InternalServerError APIError APIConnectionError upstream_error",
    ),
]
WORD_CASES = [
    pytest.param(vocabulary, word, kind, weight, id=f"{name}-{word}")
    for name, vocabulary, kind, weight, words in WORDS
    for word in words.split()
]


@pytest.mark.parametrize(("vocabulary", "word", "kind", "weight"), WORD_CASES)
def test_an_identifier_means_its_kind(vocabulary: Vocabulary, word: str, kind: Kind, weight: Weight) -> None:
    """Each documented identifier has one meaning, in any case, and the evidence quotes it."""
    for written in (word, word.lower(), word.upper()):
        report = Report("error", words=(("error.code", written),))
        assert vocabulary.read(report, "") == [Finding(kind, weight, f"error.code = {written}")]


def test_every_identifier_is_documented() -> None:
    """The list above is whole: no vocabulary knows a word that the list lacks."""
    for name, vocabulary in {(name, id(v)): v for name, v, *_ in WORDS}.items():
        listed = {w.lower() for n, _, _, _, words in WORDS if n == name[0] for w in words.split()}
        assert {*vocabulary.codes, *vocabulary.types, *vocabulary.vague} == listed


SENTENCES: list[tuple[str, Vocabulary, Kind, Weight, tuple[str, ...]]] = [
    (
        "openai",
        OPENAI,
        Kind.BAD_KEY,
        CODE,
        (
            "incorrect api key provided",
            "invalid api key",
            "invalid authentication",
            "you didn't provide an api key",
        ),
    ),
    ("openai", OPENAI, Kind.REGION_BLOCKED, CODE, ("country, region, or territory not supported",)),
    (
        "openai",
        OPENAI,
        Kind.QUOTA_EXHAUSTED,
        CREDIT,
        ("you exceeded your current quota", "your account is not active"),
    ),
    ("openai", OPENAI, Kind.RATE_LIMITED, TYPE, ("rate limit reached",)),
    (
        "openai",
        OPENAI,
        Kind.OVERLOADED,
        STATUS,
        (
            "the engine is currently overloaded",
            "that model is currently overloaded",
            "we're currently processing too many requests",
        ),
    ),
    (
        "anthropic",
        ANTHROPIC,
        Kind.BAD_KEY,
        CODE,
        ("invalid x-api-key", "invalid bearer token", "this organization has been disabled"),
    ),
    (
        "anthropic",
        ANTHROPIC,
        Kind.QUOTA_EXHAUSTED,
        CREDIT,
        (
            "your credit balance is too low",
            "you have reached your specified api usage limits",
            "you have reached your specified workspace api usage limits",
        ),
    ),
    ("anthropic", ANTHROPIC, Kind.REGION_BLOCKED, CODE, ("request not allowed",)),
    ("anthropic", ANTHROPIC, Kind.CONTENT_FILTERED, CODE, ("output blocked by content filtering policy",)),
    (
        "gemini",
        GEMINI,
        Kind.BAD_KEY,
        CODE,
        (
            "api key not valid",
            "api key not found",
            "api key expired",
            "your api key was reported as leaked",
        ),
    ),
    (
        "gemini",
        GEMINI,
        Kind.OVERLOADED,
        CODE,
        ("the model is overloaded", "this model is currently experiencing high demand"),
    ),
    (
        "azure",
        AZURE,
        Kind.BAD_KEY,
        CODE,
        (
            "access denied due to invalid subscription key",
            "access denied due to missing subscription key",
        ),
    ),
    ("azure", AZURE, Kind.CONTENT_FILTERED, CODE, ("the response was filtered due to the prompt",)),
    ("azure", AZURE, Kind.RATE_LIMITED, TYPE, ("rate limit is exceeded",)),
    (
        "ollama",
        OLLAMA,
        Kind.OVERLOADED,
        TYPE,
        ("server busy, please try again", "server overloaded", "llm busy"),
    ),
    ("llama.cpp", LLAMA_CPP, Kind.MODEL_LOADING, CODE, ("loading model",)),
    ("llama.cpp", LLAMA_CPP, Kind.OVERLOADED, STATUS, ("no slot available",)),
    (
        "wrapper",
        WRAPPER,
        Kind.BAD_KEY,
        CODE,
        ("no auth credentials found", "no cookie auth credentials found"),
    ),
    (
        "wrapper",
        WRAPPER,
        Kind.QUOTA_EXHAUSTED,
        CREDIT,
        (
            "insufficient credits",
            "insufficient balance",
            "this request requires more credits",
            "key limit exceeded",
        ),
    ),
]
OPENING_CASES = [
    pytest.param(vocabulary, text, kind, weight, id=f"{name}-{text.replace(' ', '-')}")
    for name, vocabulary, kind, weight, texts in SENTENCES
    for text in texts
]
ANYWHERE: list[tuple[str, Vocabulary, Kind, Weight, str]] = [
    ("openai", OPENAI, Kind.CONTEXT_TOO_LONG, CODE, "this model's maximum context length is"),
    ("anthropic", ANTHROPIC, Kind.CONTEXT_TOO_LONG, CODE, "prompt is too long"),
    (
        "anthropic",
        ANTHROPIC,
        Kind.CONTEXT_TOO_LONG,
        CODE,
        "input length and `max_tokens` exceed context limit",
    ),
    ("gemini", GEMINI, Kind.CONTEXT_TOO_LONG, CODE, "the input token count"),
    ("ollama", OLLAMA, Kind.MODEL_NOT_FOUND, TYPE, "try pulling it first"),
    ("llama.cpp", LLAMA_CPP, Kind.CONTEXT_TOO_LONG, CODE, "exceeds the available context size"),
    ("llama.cpp", LLAMA_CPP, Kind.CONTEXT_TOO_LONG, CODE, "context size has been exceeded"),
    ("vllm", VLLM, Kind.ENGINE_DEAD, CODE, "enginecore encountered an issue"),
    ("vllm", VLLM, Kind.ENGINE_DEAD, CODE, "enginedeaderror"),
    ("vllm", VLLM, Kind.ENGINE_DEAD, CODE, "background loop has errored"),
    ("vllm", VLLM, Kind.ENGINE_DEAD, CODE, "background loop is not running"),
    ("vllm", VLLM, Kind.ENGINE_DEAD, CODE, "engine loop is not running"),
]
ANYWHERE_CASES = [
    pytest.param(vocabulary, text, kind, weight, id=f"{name}-{text.replace(' ', '-')}")
    for name, vocabulary, kind, weight, text in ANYWHERE
]


@pytest.mark.parametrize(("vocabulary", "text", "kind", "weight"), OPENING_CASES)
def test_a_sentence_counts_only_at_the_beginning(
    vocabulary: Vocabulary, text: str, kind: Kind, weight: Weight
) -> None:
    """A sentence that could park a credential counts where the provider puts it, not where a user is quoted."""
    report = Report("error.message")
    found = Finding(kind, weight, f'error.message says "{text}"')
    assert vocabulary.read(report, f"{text} and more") == [found]
    assert vocabulary.read(report, f"you wrote: {text}") == []


@pytest.mark.parametrize(("vocabulary", "text", "kind", "weight"), ANYWHERE_CASES)
def test_a_sentence_about_the_request_counts_anywhere(
    vocabulary: Vocabulary, text: str, kind: Kind, weight: Weight
) -> None:
    """A sentence that parks nothing is found in the middle of a message as well."""
    report = Report("error.message")
    found = Finding(kind, weight, f'error.message says "{text}"')
    assert vocabulary.read(report, f"sorry: {text} and more") == [found]


def test_a_request_larger_than_the_limit_fails_over() -> None:
    """No wait helps a request that is larger than a minute's tokens, so this one sentence fails over."""
    (finding,) = OPENAI.read(Report("error"), "request too large for gpt-4o")
    assert (finding.kind, finding.weight, finding.verdict) == (Kind.RATE_LIMITED, CODE, Verdict.FAILOVER)
    assert OPENAI.read(Report("error"), "the request too large for it") == []


def test_sentences_only_say_what_is_at_the_beginning() -> None:
    """A sentence that may stand anywhere is never one that parks a credential."""
    parking = {Kind.BAD_KEY, Kind.FORBIDDEN, Kind.QUOTA_EXHAUSTED}
    for vocabulary in (OPENAI, ANTHROPIC, GEMINI, AZURE, GROQ, OLLAMA, LLAMA_CPP, VLLM, OPENROUTER, WRAPPER):
        assert [s.text for s in vocabulary.sentences if s.anywhere and s.kind in parking] == []
        assert [s.text for s in vocabulary.sentences if s.text != s.text.lower()] == []


def test_a_vocabulary_of_nothing_finds_nothing() -> None:
    """What a vocabulary does not name is empty, and a sentence is exact unless it says otherwise."""
    assert Vocabulary().read(Report("error", "m", words=(("error.code", "x"),)), "m") == []
    sentence = Sentence("m", Kind.OVERLOADED)
    assert (sentence.weight, sentence.anywhere, sentence.verdict) == (CODE, False, None)


def test_every_word_of_a_report_is_read() -> None:
    """All identifiers of one error are read, in their order, and then its sentences."""
    report = Report(
        "error", words=(("error.type", "tokens"), ("error.code", "slow_down"), ("x", "unheard-of"))
    )
    assert OPENAI.read(report, "rate limit reached for gpt-4o") == [
        Finding(Kind.RATE_LIMITED, TYPE, "error.type = tokens"),
        Finding(Kind.SLOW_DOWN, CODE, "error.code = slow_down"),
        Finding(Kind.RATE_LIMITED, TYPE, 'error says "rate limit reached"'),
    ]
