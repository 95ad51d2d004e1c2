"""Where a receiver of OpenTelemetry is: an address that can be used, and headers that can be sent."""

import pytest


def otel(endpoint: str, headers: str = "") -> str:
    return f'[otel]\nendpoint = "{endpoint}"\n{headers}'


@pytest.mark.parametrize(
    "endpoint",
    [
        "127.0.0.1:4318",
        "grpc://a:4317",
        "http://",
        "http://a:x",
        "http://a:0",
        "http://[a",
        "http://a..b:4318",
    ],
)
def test_an_address_is_refused(problems, endpoint):
    """With one that could be used."""
    (problem,) = problems(more=otel(endpoint))
    assert problem.endswith(
        "otel.endpoint: is no address of a receiver (http://127.0.0.1:4318, without /v1/traces)"
    )


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ('headers = {x-a = "${GONE}"}', 'otel.headers."x-a": the environment variable GONE is not set (export GONE=...)'),
        ('headers = {x-a = "${A"}', 'otel.headers."x-a": is no reference to an environment variable (x-a = "${OTEL_TOKEN}")'),
        ('headers = {"x a" = "1"}', "is no header that can be sent (letters, digits and dashes; a line of ASCII)"),
        ('headers = {x-a = "1\\n2"}', "is no header that can be sent (letters, digits and dashes; a line of ASCII)"),
        ('headers = {x-a = "ä"}', "is no header that can be sent (letters, digits and dashes; a line of ASCII)"),
    ],
    ids=["unset", "half", "name", "line", "letter"],
)  # fmt: skip
def test_a_header_is_refused(problems, headers, expected):
    """With what is wrong with it."""
    (problem,) = problems(more=otel("http://127.0.0.1:4318", headers))
    assert problem.endswith(expected)


def test_what_can_be_used_passes(problems, environ):
    """A path before the signals' own, TLS, and a reference."""
    text = otel("https://otlp.example.com/otlp/", 'headers = {Authorization = "Basic ${T}", x-tenant = "7"}')
    assert problems(more=text, environ={**environ, "T": "secret"}) == []
    assert problems(more="[otel]\nheaders = {}") == []
