"""Where Redis is: an address that can be used, and no password in the file."""

import pytest

from halfopen.rollout import Configured, configure
from halfopen.rollout.snapshot import canonical


def redis(url: str) -> str:
    return f'[redis]\nurl = "{url}"'


@pytest.mark.parametrize(
    ("url", "given", "expected"),
    [
        ("redis://u:geheim@h:6379/0", {}, 'holds a password (put the address into a variable: url = "${REDIS_URL}")'),
        ("${R", {}, 'is no reference to an environment variable (write url = "${REDIS_URL}")'),
        ("${R}", {}, "the environment variable R is not set (export R=redis://HOST:6379/0)"),
        ("${R}", {"R": " "}, "the environment variable R is not set (export R=redis://HOST:6379/0)"),
        *(
            (
                "${R}",
                {"R": url},
                "is no address of a Redis (redis://HOST:6379/0, rediss://HOST:6379/0 or unix://PATH)",
            )
            for url in ("http://geheim/", "geheim", "redis://", "unix://", "redis://geheim:x/0", "redis://[geheim/0")
        ),
    ],
    ids=[
        "password", "half", "unset", "blank", "scheme", "no scheme", "no host", "no path", "port", "brackets",
    ],
)  # fmt: skip
def test_is_refused(problems, environ, url, given, expected):
    """With what to do, and without the address, which may hold a password."""
    (problem,) = problems(more=redis(url), environ={**environ, **given})
    assert problem.endswith(f"redis.url: {expected}")
    assert "geheim" not in problem


@pytest.mark.parametrize(
    ("url", "value"),
    [
        ("redis://127.0.0.1:6379/0", ""),
        ("${R}", "redis://user:geheim@h:6379/0"),
        ("${R}", "rediss://h/0\n"),
        ("${R}", "unix:///run/redis.sock"),
        ("redis://:${R}@h:6379/1", "geheim"),
    ],
    ids=["plain", "reference", "TLS", "socket", "password only"],
)
def test_is_taken(good, environ, url, value):
    """And the snapshot holds the reference only."""
    configured = configure(f"{good}\n{redis(url)}", {**environ, "R": value})
    assert isinstance(configured, Configured), configured
    assert configured.snapshot.redis.url == url
    assert b"geheim" not in canonical(configured.snapshot)


def test_prefix_begins_keys(problems):
    """No blanks and no patterns."""
    assert "redis.prefix" in problems(more='[redis]\nprefix = "a b*"')[0]
