"""Pages and bare text of CDNs and proxies, and statuses without a body."""

from collections.abc import Callable

import pytest

from halfopen.model import Fault, Kind, Place, Verdict

CLOUDFLARE = """<!DOCTYPE html>
<!--[if lt IE 7]> <html class="no-js ie6 oldie" lang="en-US"> <![endif]-->
<head><title>api.openai.com | {status}: {title}</title></head>
<body><div id="cf-wrapper"><div id="cf-error-details"><h1><span class="inline-block">{title}</span>
<span class="code-label">Error code {status}</span></h1></div>
<p>Cloudflare Ray ID: <strong class="font-semibold">8f2a1b3c4d5e6f70</strong></p></div></body></html>"""
CLOUDFLARE_SHORT = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    "<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"
)
NGINX = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


def page(status: int, title: str) -> str:
    return CLOUDFLARE.format(status=status, title=title)


CASES = [
    pytest.param(
        502, CLOUDFLARE_SHORT, Kind.EDGE_ERROR, Verdict.RETRY, Place.EDGE, id="cloudflare-502-short"
    ),
    pytest.param(
        502, page(502, "Bad gateway"), Kind.EDGE_ERROR, Verdict.RETRY, Place.EDGE, id="cloudflare-502"
    ),
    pytest.param(
        520,
        page(520, "Web server is returning an unknown error"),
        Kind.EDGE_ERROR,
        Verdict.RETRY,
        Place.EDGE,
        id="cloudflare-520",
    ),
    pytest.param(520, b"", Kind.EDGE_ERROR, Verdict.RETRY, Place.EDGE, id="520-empty"),
    pytest.param(
        521, page(521, "Web server is down"), Kind.EDGE_ERROR, Verdict.RETRY, Place.EDGE, id="cloudflare-521"
    ),
    pytest.param(
        522,
        page(522, "Connection timed out"),
        Kind.EDGE_ERROR,
        Verdict.RETRY,
        Place.EDGE,
        id="cloudflare-522",
    ),
    pytest.param(
        524,
        page(524, "A timeout occurred"),
        Kind.EDGE_TIMEOUT,
        Verdict.RETRY,
        Place.EDGE,
        id="cloudflare-524",
    ),
    pytest.param(524, "error code: 524", Kind.EDGE_TIMEOUT, Verdict.RETRY, Place.EDGE, id="524-text"),
    pytest.param(
        504, page(504, "Gateway time-out"), Kind.EDGE_TIMEOUT, Verdict.RETRY, Place.EDGE, id="cloudflare-504"
    ),
    pytest.param(
        403,
        page(403, "Attention Required! | Cloudflare"),
        Kind.FORBIDDEN,
        Verdict.FAILOVER,
        Place.EDGE,
        id="cloudflare-403-blocked",
    ),
    pytest.param(
        403,
        NGINX.format(title="403 Forbidden"),
        Kind.FORBIDDEN,
        Verdict.FAILOVER,
        Place.EDGE,
        id="proxy-403-page",
    ),
    pytest.param(
        403,
        "<html><body>Error <strong>1009</strong> cloudflare</body></html>",
        Kind.REGION_BLOCKED,
        Verdict.FAILOVER,
        Place.EDGE,
        id="cloudflare-1009-country",
    ),
    pytest.param(
        429,
        page(429, "Too many requests"),
        Kind.RATE_LIMITED,
        Verdict.THROTTLE,
        Place.EDGE,
        id="cloudflare-429",
    ),
    pytest.param(
        502,
        NGINX.format(title="502 Bad Gateway"),
        Kind.BAD_GATEWAY,
        Verdict.RETRY,
        Place.PROVIDER,
        id="nginx-502",
    ),
    pytest.param(
        503,
        NGINX.format(title="503 Service Temporarily Unavailable"),
        Kind.UNAVAILABLE,
        Verdict.RETRY,
        Place.PROVIDER,
        id="nginx-503",
    ),
    pytest.param(
        503,
        "<html><title>Down for maintenance</title></html>",
        Kind.MAINTENANCE,
        Verdict.FAILOVER,
        Place.PROVIDER,
        id="503-maintenance-page",
    ),
    pytest.param(
        503,
        {"error": {"message": "We are in scheduled maintenance"}},
        Kind.MAINTENANCE,
        Verdict.FAILOVER,
        Place.PROVIDER,
        id="503-maintenance-json",
    ),
    pytest.param(
        500, "Internal Server Error", Kind.SERVER_ERROR, Verdict.RETRY, Place.PROVIDER, id="500-text"
    ),
    pytest.param(500, b"", Kind.SERVER_ERROR, Verdict.RETRY, Place.PROVIDER, id="500-empty"),
    pytest.param(502, b"", Kind.BAD_GATEWAY, Verdict.RETRY, Place.PROVIDER, id="502-empty"),
    pytest.param(503, b"", Kind.UNAVAILABLE, Verdict.RETRY, Place.PROVIDER, id="503-empty"),
    pytest.param(504, b"", Kind.GATEWAY_TIMEOUT, Verdict.RETRY, Place.PROVIDER, id="504-empty"),
    pytest.param(
        503,
        "upstream connect error or disconnect/reset before headers. reset reason: overflow",
        Kind.UNAVAILABLE,
        Verdict.RETRY,
        Place.PROVIDER,
        id="envoy-503",
    ),
    pytest.param(
        404,
        "404 page not found",
        Kind.MODEL_NOT_FOUND,
        Verdict.FAILOVER,
        Place.CONFIGURATION,
        id="404-wrong-path",
    ),
    pytest.param(405, b"", Kind.MODEL_NOT_FOUND, Verdict.FAILOVER, Place.CONFIGURATION, id="405-wrong-path"),
    pytest.param(301, b"", Kind.UNKNOWN, Verdict.FAILOVER, Place.CONFIGURATION, id="301-wrong-base-url"),
    pytest.param(407, b"", Kind.UNKNOWN, Verdict.FAILOVER, Place.NETWORK, id="407-proxy"),
    pytest.param(
        413,
        NGINX.format(title="413"),
        Kind.REQUEST_TOO_LARGE,
        Verdict.FIX_REQUEST,
        Place.CLIENT,
        id="413-page",
    ),
    pytest.param(451, b"", Kind.REGION_BLOCKED, Verdict.FAILOVER, Place.CONFIGURATION, id="451"),
    pytest.param(529, b"", Kind.OVERLOADED, Verdict.FAILOVER, Place.PROVIDER, id="529-empty"),
    pytest.param(599, b"", Kind.GATEWAY_TIMEOUT, Verdict.RETRY, Place.PROVIDER, id="599"),
    pytest.param(418, b"", Kind.INVALID_REQUEST, Verdict.FIX_REQUEST, Place.CLIENT, id="418-any-other-4xx"),
    pytest.param(555, b"", Kind.SERVER_ERROR, Verdict.RETRY, Place.PROVIDER, id="555-any-other-5xx"),
    pytest.param(None, b"", Kind.UNKNOWN, Verdict.RETRY, Place.PROVIDER, id="no-status"),
    pytest.param(0, b"", Kind.UNKNOWN, Verdict.RETRY, Place.PROVIDER, id="status-0"),
    pytest.param(999, b"", Kind.UNKNOWN, Verdict.RETRY, Place.PROVIDER, id="status-999"),
    pytest.param(-7, b"", Kind.UNKNOWN, Verdict.RETRY, Place.PROVIDER, id="status-negative"),
]
HEADERS = (("Server", "cloudflare"), ("CF-RAY", "8f2a1b3c4d5e6f70-FRA"))


@pytest.mark.parametrize(("status", "body", "kind", "verdict", "place"), CASES)
def test_every_page_and_bare_status(
    fault_of: Callable[..., Fault],
    status: int | None,
    body: object,
    kind: Kind,
    verdict: Verdict,
    place: Place,
) -> None:
    """Without a word of the API, the page and the status decide kind, verdict and place."""
    headers = HEADERS if isinstance(body, str) and body.startswith("error code:") else ()
    fault = fault_of(status, body, headers)
    assert (fault.kind, fault.verdict, fault.place) == (kind, verdict, place)


def test_a_524_is_retried_once_at_most(fault_of: Callable[..., Fault]) -> None:
    """A 524 has cost 100 s already, so one retry is the most."""
    assert fault_of(524).retries_max == 1
    assert fault_of(500).retries_max is None


def test_the_ray_is_evidence(fault_of: Callable[..., Fault]) -> None:
    """Cloudflare's ray id is kept, from the page or else the header."""
    assert "body is Cloudflare HTML, ray 8f2a1b3c4d5e6f70" in fault_of(520, page(520, "x")).evidence
    assert (
        "body is Cloudflare HTML, ray 8f2a1b3c4d5e6f70-FRA"
        in fault_of(502, CLOUDFLARE_SHORT, HEADERS).evidence
    )


def test_a_cloudflare_rate_limit(fault_of: Callable[..., Fault]) -> None:
    """Cloudflare's bare `error code: 1015` is a rate limit of the edge."""
    fault = fault_of(429, "error code: 1015", HEADERS)
    assert (fault.kind, fault.place) == (Kind.RATE_LIMITED, Place.EDGE)
    assert fault.evidence[0] == "body is Cloudflare text, error 1015, ray 8f2a1b3c4d5e6f70-FRA"


@pytest.mark.parametrize("status", [400, 401, 404, 418, 429, 500, 502, 503, 504, 507, 520, 524, 529, 555])
def test_a_plain_status_is_not_masked(fault_of: Callable[..., Fault], status: int) -> None:
    """A status that nothing contradicts is the one that the fault deserves."""
    fault = fault_of(status)
    assert (fault.masked, fault.effective_status) == (False, status)
