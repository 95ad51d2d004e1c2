"""What wrappers and SDKs put into the text of an error."""

import pytest

from halfopen.errors.prose import Opening, delay_in_prose, inner_message, take_apart, tokens


@pytest.mark.parametrize(
    ("message", "opening"),
    [
        pytest.param("plain words", Opening((), None, "plain words"), id="plain"),
        pytest.param("  indented", Opening((), None, "indented"), id="indented"),
        pytest.param("trailing  ", Opening((), None, "trailing  "), id="trailing"),
        pytest.param(
            "litellm.AuthenticationError: no key",
            Opening(("AuthenticationError",), None, "no key"),
            id="class-of-a-module",
        ),
        pytest.param(
            "a.b.c.d.RateLimitError - x", Opening(("RateLimitError",), None, "x"), id="four-modules"
        ),
        pytest.param(
            "a.b.c.d.e.RateLimitError: x",
            Opening((), None, "a.b.c.d.e.RateLimitError: x"),
            id="five-modules-are-none",
        ),
        pytest.param("Error: x", Opening(("Error",), None, "x"), id="error-alone"),
        pytest.param("ReadTimeout: x", Opening(("ReadTimeout",), None, "x"), id="timeout"),
        pytest.param("OpenAIException - x", Opening(("OpenAIException",), None, "x"), id="exception"),
        pytest.param("RateLimitError x", Opening((), None, "RateLimitError x"), id="class-without-a-colon"),
        pytest.param("ratelimiterror: x", Opening((), None, "ratelimiterror: x"), id="small-letters"),
        pytest.param("A" * 40 + "Error: x", Opening(("A" * 40 + "Error",), None, "x"), id="forty-letters"),
        pytest.param("A" * 41 + "Error: x", Opening((), None, "A" * 41 + "Error: x"), id="forty-one-letters"),
        pytest.param("Error code: 401 - no", Opening((), 401, "no"), id="error-code"),
        pytest.param("error code 401: no", Opening((), 401, "no"), id="without-a-colon"),
        pytest.param("HTTP/1.1 503 - no", Opening((), 503, "no"), id="http-version"),
        pytest.param("HTTP 502: no", Opening((), 502, "no"), id="http"),
        pytest.param("status code = 429, no", Opening((), 429, "no"), id="status-code"),
        pytest.param("Status: (404) no", Opening((), 404, "no"), id="brackets"),
        pytest.param("API error 500: no", Opening((), 500, "no"), id="api-error"),
        pytest.param("The request got status 418: no", Opening((), 418, "no"), id="three-words-before"),
        pytest.param(
            "It is said that status 418: no",
            Opening((), None, "It is said that status 418: no"),
            id="four-words-before-are-none",
        ),
        pytest.param("error 4011: no", Opening((), None, "error 4011: no"), id="four-digits"),
        pytest.param("error 601: no", Opening((), None, "error 601: no"), id="no-such-status"),
        pytest.param("error 101: no", Opening((), 101, "no"), id="least-status"),
        pytest.param("error 599: no", Opening((), 599, "no"), id="greatest-status"),
        pytest.param('error 401 {"a": 1}', Opening((), 401, '{"a": 1}'), id="json-is-kept"),
        pytest.param('error 401 ["a"]', Opening((), 401, '["a"]'), id="list-is-kept"),
        pytest.param("401 Unauthorized", Opening((), 401, "Unauthorized"), id="bare-status"),
        pytest.param("(503) {x", Opening((), 503, "{x"), id="bare-status-in-brackets"),
        pytest.param("500 - x", Opening((), 500, "x"), id="bare-status-with-a-dash"),
        pytest.param("512 is less than 1024", Opening((), None, "512 is less than 1024"), id="a-number"),
        pytest.param("301 Moved", Opening((), None, "301 Moved"), id="bare-status-of-no-failure"),
        pytest.param(
            "litellm.APIError: APIError: OpenAIException - Error code: 401 - {'a': 1}",
            Opening(("APIError", "APIError", "OpenAIException"), 401, "{'a': 1}"),
            id="all-of-it",
        ),
        pytest.param(
            "Error code: 500 - Error code: 401 - x", Opening((), 401, "x"), id="the-innermost-status"
        ),
        pytest.param("x ValueError: y", Opening((), None, "x ValueError: y"), id="not-at-the-beginning"),
        pytest.param("", Opening((), None, ""), id="empty"),
    ],
)
def test_openings(message: str, opening: Opening) -> None:
    """Names of exceptions and statuses are taken off where a wrapper puts them, and nowhere else."""
    assert take_apart(message) == opening
    assert take_apart(message).wrapped == (opening.classes != () or opening.status is not None)


def test_openings_are_bounded() -> None:
    """At most twelve names are taken off, and none that begins after 400 characters."""
    assert len(take_apart("Error: " * 30).classes) == 12
    assert take_apart("Error: " * 30).rest == "Error: " * 18
    name = "A" * 35 + "Error: "
    assert len(take_apart(name * 20).classes) == 10
    assert take_apart("Status 401: " + "status 500: " * 40).rest == "status 500: " * 7


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("{'code': 'invalid_api_key'", (("code", "invalid_api_key"),), id="python"),
        pytest.param('{"type": "a b.c-d_e"', (("type", "a b.c-d_e"),), id="json"),
        pytest.param("{'status': 401,", (("status", "401"),), id="number"),
        pytest.param("{'status': 4011,", (), id="four-digits"),
        pytest.param("{'reason' : 'r', 'error_code':'e'}", (("reason", "r"), ("error_code", "e")), id="two"),
        pytest.param("{'message': 'm'}", (), id="another-field"),
        pytest.param("code: x", (), id="no-quotes"),
        pytest.param("'code': '" + "x" * 80 + "'", (("code", "x" * 80),), id="eighty-characters"),
        pytest.param("'code': '" + "x" * 81 + "'", (), id="too-long"),
    ],
)
def test_tokens(text: str, found: tuple[tuple[str, str], ...]) -> None:
    """The identifiers of broken JSON or of a Python dict can still be seen."""
    assert tokens(text) == found


def test_tokens_are_bounded() -> None:
    """Twelve identifiers are read, and no more."""
    assert tokens("'code': 'x' " * 50) == (("code", "x"),) * 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{'message': 'it broke', 'code': 1", "it broke", id="python"),
        pytest.param('{"message": "it\'s broken"', "it's broken", id="json"),
        pytest.param("{'message': 'say \\'x\\' now'}", "say \\'x\\' now", id="escaped"),
        pytest.param("{'message' : \"a\", 'message': 'b'", "a", id="the-first"),
        pytest.param("{'msg': 'x'}", "", id="another-field"),
        pytest.param("{'message': ''}", "", id="empty"),
    ],
)
def test_inner_messages(text: str, message: str) -> None:
    """The first message of broken JSON is shown."""
    assert inner_message(text) == message


@pytest.mark.parametrize(
    ("text", "delay_s"),
    [
        pytest.param("retry in 3 ms", 0.003, id="ms"),
        pytest.param("retry after 2 milliseconds", 0.002, id="milliseconds"),
        pytest.param("retry after 1 millisecond", 0.001, id="millisecond"),
        pytest.param("Retrying in 1 second", 1.0, id="second"),
        pytest.param("available in 1 minute", 60.0, id="minute"),
        pytest.param("RESET AFTER: 2 HOURS", 7200.0, id="capitals"),
        pytest.param("try again in 1h2m3s", 3723.0, id="all-units"),
        pytest.param("try again in 1 hour 30 minutes", 5400.0, id="two-words"),
        pytest.param("try again in  5s", 5.0, id="two-spaces"),
        pytest.param("try again in   5s", None, id="three-spaces"),
        pytest.param("try again in 1.5s", 1.5, id="fraction"),
        pytest.param("try again at 5s", None, id="another-word"),
        pytest.param("try again in 1234567890s", None, id="ten-digits"),
        pytest.param("try again in 123456789s", 123456789.0, id="nine-digits"),
    ],
)
def test_delays_in_prose(text: str, delay_s: float | None) -> None:
    """Each unit in which sentences name a wait is understood."""
    assert delay_in_prose(text) == (None if delay_s is None else pytest.approx(delay_s))


def test_only_the_head_of_a_message_is_searched_for_a_delay() -> None:
    """A wait is looked for in the first 4,000 characters."""
    said = "try again in 5s"
    assert delay_in_prose("x" * (4000 - len(said)) + said) == 5.0
    assert delay_in_prose("x" * (4001 - len(said)) + said) is None
