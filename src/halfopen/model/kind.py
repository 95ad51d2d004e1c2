"""The kinds of fault. Each has a row in `halfopen.errors.taxonomy` with its verdict, place and remedy."""

from enum import StrEnum


class Kind(StrEnum):
    """What went wrong, independent of the provider that said it."""

    # The request.
    INVALID_REQUEST = "invalid_request"
    CONTEXT_TOO_LONG = "context_too_long"
    CONTENT_FILTERED = "content_filtered"
    REQUEST_TOO_LARGE = "request_too_large"
    NOT_IMPLEMENTED = "not_implemented"
    UNKNOWN_MODEL = "unknown_model"
    POISON_REQUEST = "poison_request"
    # The account and our configuration.
    BAD_KEY = "bad_key"
    FORBIDDEN = "forbidden"
    REGION_BLOCKED = "region_blocked"
    QUOTA_EXHAUSTED = "quota_exhausted"
    MODEL_NOT_FOUND = "model_not_found"
    NO_FIT_TARGET = "no_fit_target"
    # Load.
    RATE_LIMITED = "rate_limited"
    SLOW_DOWN = "slow_down"
    OVERLOADED = "overloaded"
    MODEL_LOADING = "model_loading"
    # The provider's servers.
    SERVER_ERROR = "server_error"
    ENGINE_DEAD = "engine_dead"
    UNAVAILABLE = "unavailable"
    MAINTENANCE = "maintenance"
    BAD_GATEWAY = "bad_gateway"
    GATEWAY_TIMEOUT = "gateway_timeout"
    REQUEST_TIMEOUT = "request_timeout"
    CONFLICT = "conflict"
    CANCELLED = "cancelled"
    # The edge in front of the provider (a CDN such as Cloudflare).
    EDGE_ERROR = "edge_error"
    EDGE_TIMEOUT = "edge_timeout"
    # The network.
    DNS_FAILED = "dns_failed"
    CONNECTION_REFUSED = "connection_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS_FAILED = "tls_failed"
    CONNECTION_RESET = "connection_reset"
    # Time.
    NO_RESPONSE = "no_response"
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"
    STALLED = "stalled"
    DRIPPING = "dripping"
    STREAM_TOO_LONG = "stream_too_long"
    # An answer that is none.
    PROTOCOL_ERROR = "protocol_error"
    CUT_BODY = "cut_body"
    NOT_JSON = "not_json"
    MALFORMED_ANSWER = "malformed_answer"
    EMPTY_ANSWER = "empty_answer"
    ANSWER_TOO_LARGE = "answer_too_large"
    NO_FINISH = "no_finish"
    ERROR_EVENT = "error_event"
    # The gateway itself.
    NO_CAPACITY = "no_capacity"
    KEY_NEEDED = "key_needed"
    OVER_BUDGET = "over_budget"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    GATEWAY_ERROR = "gateway_error"
    # Anything else.
    UNKNOWN = "unknown"
