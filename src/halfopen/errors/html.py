"""What an HTML page, or the bare text of a CDN or proxy, says when JSON was due.

Cloudflare's pages carry a ray id and an error number; its bare text is `error code: 1015`.
"""

import re

from halfopen.errors.finding import Finding, Weight
from halfopen.model import Kind, Place, Verdict

_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,200})", re.IGNORECASE)
_RAY = re.compile(r"ray id:?\s{0,8}(?:<[^>]{0,80}>\s{0,8}){0,3}([0-9a-f]{10,20})", re.IGNORECASE)
_NUMBER = re.compile(
    r"error(?:\s{1,4}code)?:?\s{1,4}(?:<[^>]{0,80}>\s{0,8}){0,3}(1\d{3})(?!\d)", re.IGNORECASE
)
_SCAN_MAX_CHARS = 32 * 1024
_WRONG_SCHEME = "plain http request was sent to https port"

_RATE_LIMITS = frozenset({"1015", "1027"})
_COUNTRY_BANS = frozenset({"1009"})
_TIMEOUTS = frozenset({504, 524})


def looks_like_html(text: str) -> bool:
    """Whether the text begins like an HTML or XML page."""
    head = text[:256].lstrip("\ufeff \t\r\n").lower()
    return head.startswith(("<!doctype", "<html", "<head", "<body", "<?xml", "<center", "<h1", "<!--"))


def title_of(text: str) -> str:
    """Return the page's title; empty: it has none."""
    match = _TITLE.search(text[:_SCAN_MAX_CHARS])
    return "" if match is None else " ".join(match.group(1).split())


def ray_of(text: str, headers: dict[str, str]) -> str:
    """Return Cloudflare's id of the request; empty: none."""
    match = _RAY.search(text[:_SCAN_MAX_CHARS])
    return headers.get("cf-ray", "")[:60] if match is None else match.group(1)


def is_cloudflare(text: str, headers: dict[str, str]) -> bool:
    """Whether the page is Cloudflare's own, not the origin's."""
    low = text[:_SCAN_MAX_CHARS].lower()
    own = "cf-error" in low or "cloudflare" in low or "cf-wrapper" in low or "_cf_chl" in low
    bare = low.startswith("error code: ") and len(low) < 40
    return own or (bare and ("cf-ray" in headers or "cloudflare" in headers.get("server", "").lower()))


def read_page(status: int, text: str, headers: dict[str, str]) -> list[Finding]:
    """Return what a failed reply's page or bare text says beyond its status."""
    page = looks_like_html(text)
    if not page and not is_cloudflare(text, headers):
        return []
    findings: list[Finding] = []
    title = title_of(text)
    named = f' titled "{title}"' if title else ""
    if "maintenance" in text[:_SCAN_MAX_CHARS].lower() and status >= 500:
        findings.append(Finding(Kind.MAINTENANCE, Weight.TYPE, f"body is HTML{named} about maintenance"))
    if is_cloudflare(text, headers):
        findings.extend(_cloudflare(status, text, headers))
    elif status == 403:
        # An API refuses a key in JSON; a page means that something before it did.
        fact = f"body is HTML{named}, not the API's answer"
        findings.append(_edge(Kind.FORBIDDEN, fact, Verdict.FAILOVER))
    elif page and status == 400 and _WRONG_SCHEME in text[:_SCAN_MAX_CHARS].lower():
        fact = "the server expects https and was asked by http: correct the base URL"
        findings.append(
            Finding(Kind.TLS_FAILED, Weight.CODE, fact, verdict=Verdict.FAILOVER, place=Place.CONFIGURATION)
        )
    elif page and status == 400:
        # Nor does an API say in HTML that a request is wrong.
        findings.append(
            _edge(Kind.EDGE_ERROR, f"body is HTML{named}, not the API's answer", Verdict.FAILOVER)
        )
    elif page:
        findings.append(Finding(Kind.UNKNOWN, Weight.VAGUE, f"body is HTML{named}"))
    return findings


def _cloudflare(status: int, text: str, headers: dict[str, str]) -> list[Finding]:
    ray = ray_of(text, headers)
    match = _NUMBER.search(text[:_SCAN_MAX_CHARS])
    number = "" if match is None else match.group(1)
    fact = (
        f"body is Cloudflare {'HTML' if looks_like_html(text) else 'text'}"
        + (f", error {number}" if number else "")
        + (f", ray {ray}" if ray else "")
    )
    if number in _RATE_LIMITS or status == 429:
        return [_edge(Kind.RATE_LIMITED, fact)]
    if number in _COUNTRY_BANS:
        return [_edge(Kind.REGION_BLOCKED, fact)]
    if status == 403 or headers.get("cf-mitigated"):
        return [_edge(Kind.FORBIDDEN, fact, Verdict.FAILOVER)]
    if status in _TIMEOUTS:
        return [_edge(Kind.EDGE_TIMEOUT, fact)]
    if status >= 500:
        return [_edge(Kind.EDGE_ERROR, fact)]
    return [Finding(Kind.UNKNOWN, Weight.VAGUE, fact)]


def _edge(kind: Kind, fact: str, verdict: Verdict | None = None) -> Finding:
    return Finding(kind, Weight.CODE, fact, verdict=verdict, place=Place.EDGE)
