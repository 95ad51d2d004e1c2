"""What headers tell of rate limits: every provider's form, and any bytes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.model import Dimension, RateLimit
from halfopen.providers.rate_limits import rate_limits

NOW = 1_767_225_566.0  # 2025-12-31T23:59:26Z
REQUESTS, TOKENS = Dimension.REQUESTS, Dimension.TOKENS
INPUT, OUTPUT = Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS


def headers(text: str) -> tuple[tuple[str, str], ...]:
    lines = (line.strip().partition(": ") for line in text.strip().splitlines())
    return tuple((name, value) for name, _, value in lines)


CASES = [
    pytest.param(
        """
        date: Fri, 01 Mar 2024 07:31:00 GMT
        x-ratelimit-limit-requests: 3000
        x-ratelimit-limit-tokens: 250000
        x-ratelimit-limit-tokens_usage_based: 250000
        x-ratelimit-remaining-requests: 2999
        x-ratelimit-remaining-tokens: 249900
        x-ratelimit-reset-requests: 20ms
        x-ratelimit-reset-tokens: 24ms
        """,
        "openai",
        (RateLimit(REQUESTS, 3000, 2999, 0.02), RateLimit(TOKENS, 250_000, 249_900, 0.024)),
        id="openai",
    ),
    pytest.param(
        """
        x-ratelimit-limit-tokens: 1000
        x-ratelimit-limit-project-tokens: 60000
        x-ratelimit-remaining-project-tokens: 57000
        x-ratelimit-reset-project-tokens: 3s
        """,
        "openai",
        (RateLimit(TOKENS, 1000), RateLimit(TOKENS, 60_000, 57_000, 3.0, 60.0)),
        id="openai-project",
    ),
    pytest.param(
        """
        x-ratelimit-limit-requests: 14400
        x-ratelimit-remaining-requests: 14370
        x-ratelimit-reset-requests: 2m59.56s
        x-ratelimit-limit-tokens: 18000
        x-ratelimit-remaining-tokens: 17997
        x-ratelimit-reset-tokens: 7.66s
        """,
        "openai",
        (RateLimit(REQUESTS, 14_400, 14_370, 179.56), RateLimit(TOKENS, 18_000, 17_997, 7.66)),
        id="groq",
    ),
    pytest.param(
        """
        x-ratelimit-remaining-requests: 79
        x-ratelimit-remaining-tokens: 61353
        """,
        "openai",
        (RateLimit(REQUESTS, None, 79), RateLimit(TOKENS, None, 61_353)),
        id="azure-remaining-only",
    ),
    pytest.param(
        """
        x-ratelimit-limit-tokens: -1
        x-ratelimit-remaining-tokens: -1
        x-ratelimit-reset-tokens: 0
        """,
        "openai",
        (),
        id="azure-minus-one",
    ),
    pytest.param(
        """
        anthropic-ratelimit-requests-limit: 50
        anthropic-ratelimit-requests-remaining: 49
        anthropic-ratelimit-requests-reset: 2026-01-01T00:00:00Z
        anthropic-ratelimit-tokens-remaining: 48000
        anthropic-ratelimit-input-tokens-limit: 40000
        anthropic-ratelimit-input-tokens-remaining: 39000
        anthropic-ratelimit-input-tokens-reset: 2026-01-01T01:00:00+01:00
        anthropic-ratelimit-output-tokens-limit: 8000
        anthropic-priority-output-tokens-limit: 99
        anthropic-ratelimit-unified-reset: 1767225600
        """,
        "anthropic",
        (
            RateLimit(REQUESTS, 50, 49, 34.0, 60.0),
            RateLimit(TOKENS, None, 48_000, None, 60.0),
            RateLimit(INPUT, 40_000, 39_000, 34.0, 60.0),
            RateLimit(OUTPUT, 8000, None, None, 60.0),
        ),
        id="anthropic",
    ),
    pytest.param(
        """
        x-ratelimit-limit-tokens-minute: 5000000
        x-ratelimit-remaining-tokens-minute: 4999911
        x-ratelimit-tokens-query-cost: 52
        x-ratelimit-limit-req-minute: 720
        x-ratelimit-remaining-req-minute: 717
        x-ratelimit-limit-tokens-month: 1000000000
        """,
        "openai",
        (
            RateLimit(TOKENS, 5_000_000, 4_999_911, None, 60.0),
            RateLimit(REQUESTS, 720, 717, None, 60.0),
            RateLimit(TOKENS, 1e9, None, None, 2_592_000.0),
        ),
        id="mistral",
    ),
    pytest.param(
        """
        x-ratelimit-limit-requests-day: 14400
        x-ratelimit-remaining-requests-day: 14399
        x-ratelimit-reset-requests-day: 33011.38
        x-ratelimit-limit-tokens-minute: 60000
        """,
        "openai",
        (
            RateLimit(REQUESTS, 14_400, 14_399, 33_011.38, 86_400.0),
            RateLimit(TOKENS, 60_000, None, None, 60.0),
        ),
        id="cerebras",
    ),
    pytest.param(
        "x-ratelimit-limit-tokens-per-day: 5000",
        "openai",
        (RateLimit(TOKENS, 5000, None, None, 86_400.0),),
        id="per-day",
    ),
    pytest.param(
        """
        x-ratelimit-limit-tokens-prompt: 60000
        x-ratelimit-remaining-tokens-generated: 1200
        """,
        "openai",
        (RateLimit(INPUT, 60_000), RateLimit(OUTPUT, None, 1200)),
        id="fireworks",
    ),
    pytest.param(
        """
        x-ratelimit-limit: 10
        x-ratelimit-remaining: 9
        x-ratelimit-reset: 1
        x-tokenlimit-limit: 3000
        x-tokenlimit-remaining: 2900
        x-ratelimit-limit-dynamic: 12
        """,
        "openai",
        (RateLimit(REQUESTS, 10, 9, 1.0, 1.0), RateLimit(TOKENS, 3000, 2900, None, 1.0)),
        id="together",
    ),
    pytest.param(
        """
        x-ratelimit-limit: 20
        x-ratelimit-remaining: 0
        x-ratelimit-reset: 1767225600000
        """,
        "openai",
        (RateLimit(REQUESTS, 20, 0, 34.0),),
        id="openrouter",
    ),
    pytest.param(
        """
        ratelimit: "api";r=50;t=30, "day";r=9;t=9
        ratelimit-policy: "fixed window";"api";q=500;w=300
        """,
        "openai",
        (RateLimit(REQUESTS, 500, 50, 30.0, 300.0),),
        id="ietf-draft-10",
    ),
    pytest.param(
        """
        ratelimit-limit: 100, 100;w=60
        ratelimit-remaining: 98
        ratelimit-reset: 3
        """,
        "openai",
        (RateLimit(REQUESTS, 100, 98, 3.0),),
        id="ietf-draft-07",
    ),
    pytest.param('ratelimit-policy: "size";q=65535;qu="content-bytes"', "openai", (), id="ietf-counts-bytes"),
    pytest.param("x-ratelimit-limit-requests: 60", "gemini", (), id="gemini"),
    pytest.param("content-type: application/json", "openai", (), id="none"),
    pytest.param("", "openai", (), id="no-headers"),
    pytest.param("x-ratelimit-reset-requests: 1s", "openai", (), id="reset-alone"),
    pytest.param("x-ratelimit-limit-requests: 30,000", "openai", (), id="thousands-or-a-list"),
    pytest.param("x-ratelimit-limit: 1, 15000", "openai", (), id="list-without-windows"),
    pytest.param(
        "x-ratelimit-limit-minute: 20",
        "openai",
        (RateLimit(REQUESTS, 20, None, None, 60.0),),
        id="minute-alone",
    ),
]


@pytest.mark.parametrize(("text", "dialect", "expected"), CASES)
def test_reads_every_providers_form(text: str, dialect: str, expected: tuple[RateLimit, ...]) -> None:
    """The headers that each provider sends give its limits, and nothing else does."""
    found = rate_limits(headers(text), dialect, NOW)
    assert found == expected


@pytest.mark.parametrize(
    ("value", "reset_s"),
    [
        pytest.param("6m0s", 360.0, id="minutes"),
        pytest.param("1s", 1.0, id="second"),
        pytest.param("120ms", 0.12, id="milliseconds"),
        pytest.param("1d2h", 93_600.0, id="days"),
        pytest.param("1h2m3.5s", 3723.5, id="hours"),
        pytest.param("0", 0.0, id="zero"),
        pytest.param("7.5", 7.5, id="seconds"),
        pytest.param(" 55 ", 55.0, id="spaces"),
        pytest.param("1767225600", 34.0, id="epoch"),
        pytest.param("1767225600000", 34.0, id="epoch-milliseconds"),
        pytest.param("2026-01-01T00:00:00Z", 34.0, id="rfc-3339"),
        pytest.param("2026-01-01T00:00:00", 34.0, id="rfc-3339-without-zone"),
        pytest.param("2025-12-31T23:59:25Z", 0.0, id="just-passed"),
        pytest.param("-5", None, id="negative"),
        pytest.param("nan", None, id="nan"),
        pytest.param("inf", None, id="infinite"),
        pytest.param("1e308", None, id="exponent"),
        pytest.param("s", None, id="unit-alone"),
        pytest.param("5parsecs", None, id="no-such-unit"),
        pytest.param("1.2.3s", None, id="two-points"),
        pytest.param("", None, id="empty"),
        pytest.param("\u0665", None, id="other-digits"),
        pytest.param("9" * 5000, None, id="endless"),
    ],
)
def test_reads_every_reset(value: str, reset_s: float | None) -> None:
    """A reset is read as seconds, duration or moment; what is none of them is not told."""
    given_headers = (("x-ratelimit-limit-tokens", "9"), ("x-ratelimit-reset-tokens", value))
    (limit,) = rate_limits(given_headers, "openai", NOW)
    assert limit.reset_s == (None if reset_s is None else pytest.approx(reset_s))


@pytest.mark.parametrize("wall_s", [math.nan, math.inf, -math.inf], ids=str)
def test_a_clock_that_is_none_makes_no_reset_of_a_moment(wall_s: float) -> None:
    """Without a good wall clock a moment tells nothing, and the rest is read."""
    given_headers = (("x-ratelimit-limit", "9"), ("x-ratelimit-reset", "1767225600"))
    assert rate_limits(given_headers, "openai", wall_s) == (RateLimit(REQUESTS, 9),)


def test_the_first_of_two_equal_headers_counts() -> None:
    """A header that comes twice does not change what the first said."""
    twice = (("x-ratelimit-limit-tokens", "9"), ("x-ratelimit-limit-tokens", "10"))
    assert rate_limits(twice, "openai", NOW) == (RateLimit(TOKENS, 9),)


NAMES = st.sampled_from(
    [
        f"{start}{field}{what}{window}"
        for start in ("x-ratelimit-", "ratelimit-", "ratelimit", "x-tokenlimit-")
        for field in ("limit", "remaining", "reset", "policy", "")
        for what in ("", "-requests", "-tokens", "-project-tokens")
        for window in ("", "-minute", "-per-day")
    ]
    + ["anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-limit"]
)
VALUES = st.one_of(
    st.text(max_size=80),
    st.binary(max_size=80).map(lambda raw: raw.decode("latin-1")),
    st.text("0123456789.dhmsu:-+TZeE;=,\"'rtqw ", max_size=40),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.floats().map(str),
)


@given(st.lists(st.tuples(st.one_of(NAMES, st.text(max_size=40)), VALUES), max_size=30), st.floats())
def test_any_headers_are_safe(given_headers: list[tuple[str, str]], wall_s: float) -> None:
    """Whatever a provider sends, nothing raises, and every number is finite and not negative."""
    found = rate_limits(given_headers, "openai", wall_s)
    assert len(found) <= 12
    for limit in found:
        assert limit.limit is not None or limit.remaining is not None, limit
        for number in (limit.limit, limit.remaining, limit.reset_s, limit.window_s):
            assert number is None or (math.isfinite(number) and number >= 0), limit
