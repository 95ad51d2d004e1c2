"""How long the server asks us to wait."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen import errors
from halfopen.errors.prose import delay_in_prose
from halfopen.errors.retry_after import DELAY_MAX_S, clamp, go_duration_s, http_date
from halfopen.model import Kind, Reply

WALL_S = 1_445_412_450.0  # Wed, 21 Oct 2015 07:27:30 GMT
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "delay_s"),
    [
        pytest.param({"retry-after": "20"}, 20.0, id="seconds"),
        pytest.param({"retry-after": " 1.5 "}, 1.5, id="float"),
        pytest.param({"retry-after": "0"}, 0.0, id="zero"),
        pytest.param({"retry-after": "-1"}, None, id="negative"),
        pytest.param({"retry-after": "nan"}, None, id="nan"),
        pytest.param({"retry-after": "inf"}, None, id="infinite"),
        pytest.param({"retry-after": "1e999"}, None, id="overflow"),
        pytest.param({"retry-after": "1e400"}, None, id="overflow-to-infinity"),
        pytest.param({"retry-after": "86400"}, 86400.0, id="a-day"),
        pytest.param({"retry-after": "31536000"}, 86400.0, id="a-year-is-cut-to-a-day"),
        pytest.param({"retry-after": "9" * 400}, None, id="400-digits"),
        pytest.param({"retry-after": "soon"}, None, id="garbage"),
        pytest.param({"retry-after": ""}, None, id="empty"),
        pytest.param({"retry-after": "\u0663"}, None, id="arabic-digit"),
        pytest.param({"retry-after": DATE}, 30.0, id="imf-date"),
        pytest.param({"retry-after": "Wednesday, 21-Oct-15 07:28:00 GMT"}, 30.0, id="rfc-850-date"),
        pytest.param({"retry-after": "Wed Oct 21 07:28:00 2015"}, 30.0, id="asctime-date"),
        pytest.param({"retry-after": "Wed, 21 Oct 2015 07:27:00 GMT"}, 0.0, id="a-date-that-has-passed"),
        pytest.param({"retry-after": "Wed, 99 Oct 99999 99:99:99 GMT"}, None, id="impossible-date"),
        pytest.param({"retry-after-ms": "1500"}, 1.5, id="milliseconds"),
        pytest.param({"retry-after-ms": "1500", "retry-after": "9"}, 1.5, id="milliseconds-win"),
        pytest.param({"retry-after-ms": "-1", "retry-after": "9"}, 9.0, id="negative-milliseconds-lose"),
        pytest.param({"retry-after-ms": "x", "retry-after": "9"}, 9.0, id="garbage-milliseconds-lose"),
        pytest.param({}, None, id="none"),
    ],
)
def test_retry_after(headers: dict[str, str], delay_s: float | None) -> None:
    """Each form of retry-after gives its delay; rubbish gives none."""
    assert errors.retry_after(headers, WALL_S) == delay_s


def test_a_date_needs_a_clock() -> None:
    """Without a wall clock the reply's own date is the clock, and without that there is no delay."""
    headers = {"retry-after": DATE, "date": "Wed, 21 Oct 2015 07:27:50 GMT"}
    assert errors.retry_after(headers) == 10.0
    assert errors.retry_after({"retry-after": DATE}) is None
    assert errors.retry_after({"retry-after": DATE}, math.nan) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("6m0s", 360.0, id="minutes"),
        pytest.param("12ms", 0.012, id="milliseconds"),
        pytest.param("1h2m3.5s", 3723.5, id="hours"),
        pytest.param("1d", 86400.0, id="days"),
        pytest.param("20\u00b5s", 2e-05, id="microseconds"),
        pytest.param("12", None, id="no-unit"),
        pytest.param("-1s", None, id="negative"),
        pytest.param("s", None, id="no-number"),
        pytest.param("1s" * 60, None, id="too-long"),
    ],
)
def test_go_durations(text: str, seconds: float | None) -> None:
    """Go durations are read as Go writes them."""
    assert go_duration_s(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("headers", "delay_s"),
    [
        pytest.param({"x-ratelimit-reset-requests": "6m0s"}, 360.0, id="go-duration"),
        pytest.param(
            {"x-ratelimit-reset-requests": "6m0s", "x-ratelimit-remaining-requests": "5"},
            None,
            id="not-exhausted",
        ),
        pytest.param(
            {
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "12ms",
                "x-ratelimit-remaining-tokens": "0",
            },
            1.0,
            id="the-longest-of-the-exhausted",
        ),
        pytest.param({"anthropic-ratelimit-input-tokens-reset": "2015-10-21T07:28:00Z"}, 30.0, id="rfc-3339"),
        pytest.param(
            {"anthropic-ratelimit-tokens-reset": "2015-10-21T07:28:00"}, 30.0, id="rfc-3339-without-zone"
        ),
        pytest.param({"x-ratelimit-reset": "1445412480000"}, 30.0, id="epoch-milliseconds"),
        pytest.param({"x-ratelimit-reset": "1445412480"}, 30.0, id="epoch-seconds"),
        pytest.param({"x-ratelimit-reset": "7.5"}, 7.5, id="seconds"),
        pytest.param({"x-ratelimit-reset-tokens": "0s"}, None, id="zero"),
        pytest.param({"x-ratelimit-reset-tokens": "-1"}, None, id="minus-one"),
        pytest.param({"x-ratelimit-reset-tokens": "soon"}, None, id="garbage"),
        pytest.param({"x-ratelimit-limit-tokens": "9"}, None, id="no-reset"),
    ],
)
def test_rate_limit_resets(headers: dict[str, str], delay_s: float | None) -> None:
    """Reset headers are a hint when their limit is exhausted."""
    assert errors.rate_limit_reset(headers, WALL_S) == delay_s


@pytest.mark.parametrize(
    ("text", "delay_s"),
    [
        pytest.param("Please try again in 20s. Visit", 20.0, id="seconds"),
        pytest.param("Please try again in 6m0s.", 360.0, id="minutes-and-seconds"),
        pytest.param("Please try again in 250ms.", 0.25, id="milliseconds"),
        pytest.param("Please retry after 45 seconds.", 45.0, id="words"),
        pytest.param("Please retry in 33.123s.", 33.123, id="fraction"),
        pytest.param("try again in 2 minutes", 120.0, id="minutes"),
        pytest.param("try again in 1 hour", 3600.0, id="hour"),
        pytest.param("Please try again later.", None, id="later"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_delays_in_prose(text: str, delay_s: float | None) -> None:
    """The wait that a sentence names is read."""
    assert delay_in_prose(text) == delay_s


def test_precedence() -> None:
    """RetryInfo and retry-after are requests, the longer counts; prose and resets are hints."""
    retry_info = b'{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"retry in 5s","details":[{"retryDelay":"33s"}]}}'
    prose = b'{"error":{"code":"rate_limit_exceeded","message":"Please try again in 7s."}}'
    reset = ("x-ratelimit-reset-tokens", "9s")
    for headers, body, delay_s in (
        ((("retry-after", "2"), reset), retry_info, 33.0),
        ((("retry-after", "60"), reset), retry_info, 60.0),
        ((("Retry-After", "2"), reset), prose, 2.0),
        ((reset,), prose, 7.0),
        ((reset,), b"", 9.0),
        ((), b"", None),
    ):
        fault = errors.decode(Reply(429, headers, body))
        assert fault is not None
        assert (fault.kind, fault.delay_s) == (Kind.RATE_LIMITED, delay_s)


def test_a_reset_says_nothing_about_other_faults() -> None:
    """Rate-limit headers come with every answer; they delay no retry of a 500."""
    fault = errors.decode(Reply(500, (("x-ratelimit-reset-tokens", "9s"),)))
    assert fault is not None
    assert fault.delay_s is None


def test_an_ignored_header_is_evidence() -> None:
    """A retry-after that can't be used is said to have been ignored."""
    fault = errors.decode(Reply(429, (("Retry-After", "-1"),)))
    assert fault is not None
    assert "retry-after: -1 (ignored)" in fault.evidence


@given(st.text(max_size=60), st.floats(allow_nan=True, allow_infinity=True) | st.none())
def test_any_text_is_safe(value: str, wall_s: float | None) -> None:
    """Whatever a header holds, the delay is finite, not negative and at most a day, or there is none."""
    headers = {"retry-after": value, "date": value, "x-ratelimit-reset": value, "retry-after-ms": value}
    for delay_s in (errors.retry_after(headers, wall_s), errors.rate_limit_reset(headers, wall_s)):
        assert delay_s is None or 0 <= delay_s <= DELAY_MAX_S
    http_date(value)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, -0.001], ids=str)
def test_clamp_refuses(value: float | None) -> None:
    """What is not a wait is None."""
    assert clamp(value) is None


@pytest.mark.parametrize(
    ("headers", "delay_s"),
    [
        pytest.param({"retry-after": "+7"}, 7.0, id="plus"),
        pytest.param({"retry-after": ".5"}, 0.5, id="no-leading-digit"),
        pytest.param({"retry-after": "5."}, 5.0, id="no-trailing-digit"),
        pytest.param({"retry-after": "1e2"}, 100.0, id="exponent"),
        pytest.param({"retry-after": "1E+2"}, 100.0, id="capital-exponent"),
        pytest.param({"retry-after": "1" + "0" * 17}, 86400.0, id="eighteen-digits"),
        pytest.param({"retry-after": "1" + "0" * 18}, None, id="nineteen-digits"),
        pytest.param({"retry-after": "0." + "0" * 17 + "1"}, 1e-18, id="eighteen-places"),
        pytest.param({"retry-after": "0." + "0" * 18 + "1"}, None, id="nineteen-places"),
        pytest.param({"retry-after": "1e-400"}, 0.0, id="underflow"),
        pytest.param({"retry-after": "1e0001"}, None, id="four-digits-of-exponent"),
        pytest.param({"retry-after": "7s"}, None, id="unit"),
        pytest.param({"retry-after-ms": "0", "retry-after": "9"}, 0.0, id="no-milliseconds"),
        pytest.param({"retry-after-ms": "1e400", "retry-after": "9"}, 9.0, id="infinite-milliseconds"),
        pytest.param({"retry-after-ms": "9e9"}, 86400.0, id="many-milliseconds"),
    ],
)
def test_forms_of_numbers(headers: dict[str, str], delay_s: float | None) -> None:
    """Numbers are decimal with bounded digits; what is no such number is no delay."""
    assert errors.retry_after(headers, WALL_S) == delay_s


def test_the_replys_own_date_is_the_clock_for_resets() -> None:
    """Without a wall clock a moment of reset counts from the reply's date; without either there is no hint."""
    headers = {"x-ratelimit-reset": "1445412480", "date": "Wed, 21 Oct 2015 07:27:50 GMT"}
    assert errors.rate_limit_reset(headers) == 10.0
    assert errors.rate_limit_reset({"x-ratelimit-reset": "1445412480"}) is None
    assert errors.rate_limit_reset({"x-ratelimit-reset": "7"}) == 7.0
    assert errors.rate_limit_reset(headers, WALL_S) == 30.0


@pytest.mark.parametrize(
    ("value", "delay_s"),
    [
        pytest.param("999999999", 86400.0, id="just-seconds"),
        pytest.param("1000000000", None, id="a-moment-long-ago"),
        pytest.param("1445412451", 1.0, id="a-moment"),
        pytest.param("100000000000", 86400.0, id="the-last-moment-in-seconds"),
        pytest.param("100000000001", None, id="the-first-in-milliseconds"),
        pytest.param(" 7 ", 7.0, id="blanks"),
        pytest.param("2015-10-21T07:28:00+00:00", 30.0, id="zone"),
        pytest.param("2015-10-21T09:28:00+02:00", 30.0, id="another-zone"),
        pytest.param("2015-10-21T07:28:00." + "0" * 20, 30.0, id="forty-characters"),
        pytest.param("2015-10-21T07:28:00." + "0" * 21, None, id="forty-one-characters"),
        pytest.param("2015-13-21T07:28:00", None, id="no-such-month"),
        pytest.param("0001-01-01T00:00:00+14:00", None, id="before-all-time"),
    ],
)
def test_forms_of_resets(value: str, delay_s: float | None) -> None:
    """Seconds, moments in seconds or milliseconds, and RFC 3339 are told apart."""
    assert errors.rate_limit_reset({"x-ratelimit-reset-tokens": value}, WALL_S) == delay_s


@pytest.mark.parametrize(
    ("name", "known"),
    [
        pytest.param("x-ratelimit-reset", True, id="bare"),
        pytest.param("x-ratelimit-reset-tokens", True, id="one-word"),
        pytest.param("x-ratelimit-reset-input-tokens", True, id="two-words"),
        pytest.param("x-ratelimit-reset-a-b-c", False, id="three-words"),
        pytest.param("anthropic-ratelimit-requests-reset", True, id="anthropic"),
        pytest.param("anthropic-ratelimit-reset", False, id="anthropic-without-a-name"),
        pytest.param("my-x-ratelimit-reset", False, id="another-header"),
    ],
)
def test_which_headers_are_resets(name: str, known: bool) -> None:
    """The reset headers of both families are known by their names."""
    assert errors.rate_limit_reset({"x-other": "3", name: "7"}, WALL_S) == (7.0 if known else None)


def test_what_remains_makes_a_reset_no_hint() -> None:
    """A limit of which anything is left does not hold a retry up; rubbish is no proof of that."""
    for left, delay_s in (("1", None), ("0.5", None), ("0", 7.0), ("-1", 7.0), ("x", 7.0), ("", 7.0)):
        headers = {"anthropic-ratelimit-tokens-reset": "7", "anthropic-ratelimit-tokens-remaining": left}
        assert errors.rate_limit_reset(headers, WALL_S) == delay_s


def test_the_longest_reset_counts_in_any_order() -> None:
    """Of several exhausted limits the last to be full again counts."""
    for order in (("3", "7", "5"), ("7", "3", "5"), ("5", "3", "7")):
        headers = dict(
            zip(("x-ratelimit-reset-a", "x-ratelimit-reset-b", "x-ratelimit-reset-c"), order, strict=True)
        )
        assert errors.rate_limit_reset(headers, WALL_S) == 7.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("1ns", 1e-9, id="nanoseconds"),
        pytest.param("1us", 1e-6, id="microseconds"),
        pytest.param("1\u03bcs", 1e-6, id="microseconds-in-greek"),
        pytest.param("1.5m", 90.0, id="fraction"),
        pytest.param("5.s", 5.0, id="point"),
        pytest.param("1" * 12 + "s", 111111111111.0, id="twelve-digits"),
        pytest.param("1" * 13 + "s", None, id="thirteen-digits"),
        pytest.param("0." + "1" * 12 + "s", 0.111111111111, id="twelve-places"),
        pytest.param("0." + "1" * 13 + "s", None, id="thirteen-places"),
        pytest.param("1s" * 50, 50.0, id="a-hundred-characters"),
        pytest.param("1s" * 49 + "10s", None, id="a-hundred-and-one"),
        pytest.param("1s x", None, id="more"),
        pytest.param("1M", None, id="capital"),
    ],
)
def test_more_go_durations(text: str, seconds: float | None) -> None:
    """Every unit of Go, and bounds on digits and length."""
    assert go_duration_s(text) == (None if seconds is None else pytest.approx(seconds, rel=1e-12))


def test_dates_are_bounded() -> None:
    """A date of more than 64 characters is none, nor is an empty or an impossible one."""
    assert http_date(DATE) == WALL_S + 30
    assert http_date(DATE + " " * (64 - len(DATE))) == WALL_S + 30
    assert http_date(DATE + " " * (65 - len(DATE))) is None
    assert http_date("") is None
    assert http_date("x") is None


def test_clamp_keeps_what_can_be_acted_on() -> None:
    """Zero, a moment and a day are kept; more is cut to a day."""
    assert [clamp(delay) for delay in (0.0, 0.001, 86_400.0, 86_400.1)] == [0.0, 0.001, 86_400.0, 86_400.0]


def test_a_limit_that_is_not_exhausted_hides_no_other() -> None:
    """In whatever order the headers come, each limit is looked at."""
    headers = {"x-ratelimit-remaining-a": "5", "x-ratelimit-reset-a": "9", "x-ratelimit-reset-b": "3"}
    assert errors.rate_limit_reset(headers, WALL_S) == 3.0


def test_a_moment_without_a_zone_is_utc_wherever_the_gateway_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own time zone has no say."""
    monkeypatch.setenv("TZ", "XYZ-9")
    time.tzset()
    try:
        headers = {"x-ratelimit-reset": "2015-10-21T07:28:00"}
        assert errors.rate_limit_reset(headers, WALL_S) == 30.0
    finally:
        monkeypatch.undo()
        time.tzset()
