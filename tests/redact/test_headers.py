"""Headers: which values go, and what of them stays."""

import pytest

from halfopen import redact

KEY = "sk-" + "proj-aB3dE5fG7hJ9kL1mN2pQ4rS6"


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        pytest.param("Authorization", f"Bearer {KEY}", "Bearer [key ending 4rS6]", id="bearer keeps a tail"),
        pytest.param("authorization", "Bearer short", "Bearer [key]", id="short bearer keeps none"),
        pytest.param("Authorization", "Basic dXNlcjpwYXNzd29yZA==", "Basic [key]", id="basic keeps none"),
        pytest.param("Authorization", KEY, "[key ending 4rS6]", id="no scheme"),
        pytest.param("Authorization", "", "", id="empty"),
        pytest.param("Proxy-Authorization", "Basic abc", "Basic [key]", id="proxy"),
        pytest.param("X-Api-Key", "abc", "[key]", id="x-api-key"),
        pytest.param("api-key", "abc", "[key]", id="api-key"),
        pytest.param("x-goog-api-key", KEY, "[key ending 4rS6]", id="x-goog-api-key"),
        pytest.param("X-Amz-Security-Token", "abc", "[token]", id="amazon session"),
        pytest.param("x-auth-token", "abc", "[token]", id="x-auth-token"),
        pytest.param("X-Slack-Signature", "v0=abc", "[signature]", id="signature"),
        pytest.param("Cookie", "a=b; c=d", "a=[cookie]; c=[cookie]", id="cookie keeps names"),
        pytest.param(
            "Set-Cookie",
            "__cf_bm=abc; path=/; expires=Mon, 23-Nov-26 04:16:21 GMT; HttpOnly",
            "__cf_bm=[cookie]; path=/; expires=Mon, 23-Nov-26 04:16:21 GMT; HttpOnly",
            id="set-cookie keeps attributes",
        ),
        pytest.param("Cookie", "opaque", "[cookie]", id="cookie without a name"),
        pytest.param("Location", "https://a.test/?token=abc", "https://a.test/?token=[token]", id="location"),
        pytest.param("x-request-id", "req_011CSHoEeqs5C35K2UUqR7Fy", None, id="request id stays"),
        pytest.param("cf-ray", "8a1b2c3d4e5f6789-FRA", None, id="ray stays"),
        pytest.param("openai-organization", "org-abc123", None, id="organization stays"),
        pytest.param("x-ratelimit-remaining-tokens", "149984", None, id="token count stays"),
        pytest.param("retry-after", "20", None, id="retry-after stays"),
        pytest.param("idempotency-key", "stainless-python-retry-1", None, id="idempotency key stays"),
        pytest.param("x-forwarded-for", "203.0.113.7", None, id="client address stays by default"),
        pytest.param("www-authenticate", 'Bearer realm="api"', None, id="challenge stays"),
        pytest.param("x-note", f"sent with {KEY}", "sent with [key]", id="key in any header"),
    ],
)
def test_header(name: str, value: str, masked: str | None) -> None:
    """The value is masked as far as its name or its form asks for; masking again changes nothing."""
    once = redact.headers([(name, value)])
    assert once == ((name, value if masked is None else masked),)
    assert redact.headers(once) == once


def test_order_and_duplicates() -> None:
    """Order, duplicates and the spelling of names stay."""
    pairs = [("X-B", "1"), ("x-a", "2"), ("X-B", "3")]
    assert redact.headers(pairs) == tuple(pairs)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        pytest.param("me:pw@host.test/x", "[userinfo]@host.test/x", id="userinfo without scheme"),
        pytest.param(
            "https://me:pw@host.test:8500/x?y=1", "https://[userinfo]@host.test:8500/x?y=1", id="userinfo"
        ),
        pytest.param("/v1/models?key=abc&alt=sse", "/v1/models?key=[key]&alt=sse", id="key"),
        pytest.param("https://[::1", "https://[::1", id="broken"),
        pytest.param("/v1/models?model=gpt-4o&code=502", "/v1/models?model=gpt-4o&code=502", id="harmless"),
    ],
)
def test_url(url: str, masked: str) -> None:
    """An address loses its secrets and nothing else; masking again changes nothing."""
    assert redact.url(url) == masked
    assert redact.url(masked) == masked
