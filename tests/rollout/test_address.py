"""Addresses of providers."""

import pytest

from halfopen.rollout.address import address_problem, loopback, pathless, version_problem

GOOD = [
    "https://api.openai.com/v1",
    "http://127.0.0.1:11434/v1",
    "https://[::1]:8443",
    "http://host/",
    "HTTPS://X.example",
]
BAD = [
    pytest.param("api.openai.com/v1", "no scheme", id="no scheme"),
    pytest.param("localhost:8000", "", id="host and port"),
    pytest.param("ftp://x/", "scheme", id="ftp"),
    pytest.param("https:///v1", "", id="no host"),
    pytest.param("https://:80/", "no host", id="port without host"),
    pytest.param("https://user:pass@x/", "user name or password", id="credentials"),
    pytest.param("https://x/v1?key=abc", "no query", id="query"),
    pytest.param("https://x/v1?", "no query", id="empty query"),
    pytest.param("https://x/v1#a", "no fragment", id="fragment"),
    pytest.param("https://x:99999/", "port", id="port too high"),
    pytest.param("https://x:0/", "port 0", id="port zero"),
    pytest.param("https://[::1/", "can't be read", id="bracket"),
    pytest.param("https://x /", "no spaces", id="space"),
    pytest.param("https://x/\n", "no control", id="newline"),
    pytest.param("https://münchen.example", "ASCII", id="not ASCII"),
    pytest.param("https://${HOST}/v1", "references", id="reference"),
    pytest.param("https://x/v1/chat/completions", "/chat/completions", id="whole operation"),
    pytest.param("https://x/v1/messages/", "/messages", id="messages"),
]


@pytest.mark.parametrize("url", GOOD)
def test_good_addresses_pass(url):
    """http and https addresses with or without port and path are fine."""
    assert address_problem(url) is None


@pytest.mark.parametrize(("url", "expected"), BAD)
def test_bad_addresses_say_why(url, expected):
    """Each kind of bad address has a message of its own, and none repeats a secret."""
    problem = address_problem(url)
    assert problem is not None
    assert expected in problem[0]
    assert not any(secret in " ".join(problem) for secret in ("pass@", "key=abc"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:1/v1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:80", True),
        ("http://lab.localhost", True),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.example.com", False),
        ("http://[", False),
    ],
)
def test_loopback_is_this_machine_only(url, expected):
    """A host that only looks like loopback isn't."""
    assert loopback(url) is expected


@pytest.mark.parametrize(
    ("url", "dialect", "refused"),
    [
        ("https://api.anthropic.com", "anthropic", False),
        ("https://api.anthropic.com/v1", "anthropic", False),
        ("https://api.anthropic.com/v1/", "anthropic", False),
        ("https://proxy.example/claude", "anthropic", False),
        ("https://generativelanguage.googleapis.com", "gemini", False),
        ("https://generativelanguage.googleapis.com/v1beta", "gemini", False),
        ("https://generativelanguage.googleapis.com/v1", "gemini", True),
        ("https://generativelanguage.googleapis.com/v1/", "gemini", True),
        ("https://api.openai.com/v1", "openai", False),
    ],
)
def test_a_version_may_stand_at_the_end(url, dialect, refused):
    """The version that a dialect's paths begin with may be there or not; another one is refused."""
    problem = version_problem(url, dialect)
    assert (problem is not None) is refused
    assert problem is None or problem[1] == 'leave out "/v1"'


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.example.com", True),
        ("https://api.example.com/", True),
        ("http://[::1]:8000//", True),
        ("https://api.example.com/v1", False),
    ],
)
def test_an_address_without_a_path(url, expected):
    """A lone slash is no path."""
    assert pathless(url) is expected
