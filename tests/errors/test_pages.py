"""HTML pages and bare text, read by themselves."""

import pytest

from halfopen.errors.finding import Finding, Weight
from halfopen.errors.html import is_cloudflare, looks_like_html, ray_of, read_page, title_of
from halfopen.model import Kind, Place, Verdict

SCAN_MAX_CHARS = 32 * 1024


@pytest.mark.parametrize(
    ("text", "page"),
    [
        *(
            pytest.param(f"{start} x", True, id=start)
            for start in ("<!DOCTYPE", "<HTML", "<head", "<body", "<?xml", "<center", "<h1", "<!--")
        ),
        pytest.param("\ufeff \t\r\n<html>", True, id="after-blanks"),
        pytest.param(" " * 251 + "<html", True, id="late"),
        pytest.param(" " * 252 + "<html", False, id="too-late"),
        pytest.param("x <html>", False, id="text-first"),
        pytest.param("<p>", False, id="another-tag"),
        pytest.param("{}", False, id="json"),
        pytest.param("", False, id="empty"),
    ],
)
def test_what_looks_like_a_page(text: str, page: bool) -> None:
    """A page is known by how it begins, within 256 characters."""
    assert looks_like_html(text) is page


@pytest.mark.parametrize(
    ("text", "title"),
    [
        pytest.param("<title>Sign in</title>", "Sign in", id="plain"),
        pytest.param('<TITLE lang="en">\n  Sign\n in </TITLE>', "Sign in", id="attributes-and-blanks"),
        pytest.param("<title></title>", "", id="empty"),
        pytest.param("<h1>x</h1>", "", id="none"),
        pytest.param("<title>" + "x" * 300, "x" * 200, id="long"),
        pytest.param("<title>a</title><title>b</title>", "a", id="the-first"),
        pytest.param("x" * (SCAN_MAX_CHARS - 8) + "<title>y", "y", id="late"),
        pytest.param("x" * (SCAN_MAX_CHARS - 7) + "<title>y", "", id="too-late"),
    ],
)
def test_titles(text: str, title: str) -> None:
    """A page's title is one line of at most 200 characters, looked for in the first 32 KiB."""
    assert title_of(text) == title


@pytest.mark.parametrize(
    ("text", "headers", "ray"),
    [
        pytest.param(
            "Cloudflare Ray ID: <strong>8f2a1b3c4d5e6f70</strong>", {}, "8f2a1b3c4d5e6f70", id="page"
        ),
        pytest.param("RAY ID 8F2A1B3C4D", {}, "8F2A1B3C4D", id="capitals"),
        pytest.param("ray id: 8f2a1b3c4", {}, "", id="nine-digits"),
        pytest.param("ray id: 8f2a1b3c4d", {"cf-ray": "other"}, "8f2a1b3c4d", id="page-before-header"),
        pytest.param("x", {"cf-ray": "8f2a1b3c-FRA"}, "8f2a1b3c-FRA", id="header"),
        pytest.param("x", {"cf-ray": "a" * 100}, "a" * 60, id="long-header"),
        pytest.param("x", {}, "", id="none"),
        pytest.param("x" * (SCAN_MAX_CHARS - 18) + "ray id: 8f2a1b3c4d", {}, "8f2a1b3c4d", id="late"),
        pytest.param("x" * (SCAN_MAX_CHARS - 17) + "ray id: 8f2a1b3c4d", {}, "", id="too-late"),
    ],
)
def test_rays(text: str, headers: dict[str, str], ray: str) -> None:
    """Cloudflare's id of the request comes from the page or else from the header."""
    assert ray_of(text, headers) == ray


@pytest.mark.parametrize(
    ("text", "headers", "own"),
    [
        pytest.param('<div class="CF-ERROR-details">', {}, True, id="class"),
        pytest.param("<center>cloudflare</center>", {}, True, id="name"),
        pytest.param('<div id="cf-wrapper">', {}, True, id="wrapper"),
        pytest.param("window._cf_chl_opt", {}, True, id="challenge"),
        pytest.param(
            "<html>nginx</html>", {"cf-ray": "x", "server": "cloudflare"}, False, id="the-origins-page"
        ),
        pytest.param("error code: 1015", {"cf-ray": "x"}, True, id="bare-with-a-ray"),
        pytest.param("Error code: 502", {"server": "Cloudflare"}, True, id="bare-with-its-server"),
        pytest.param("error code: 1015", {}, False, id="bare-alone"),
        pytest.param("error code: 1015", {"server": "nginx"}, False, id="bare-of-another-server"),
        pytest.param("error code: " + "1" * 27, {"cf-ray": "x"}, True, id="39-characters"),
        pytest.param("error code: " + "1" * 28, {"cf-ray": "x"}, False, id="40-characters"),
        pytest.param("an error code: 1015", {"cf-ray": "x"}, False, id="text-before"),
        pytest.param("x" * (SCAN_MAX_CHARS - 10) + "cloudflare", {}, True, id="late"),
        pytest.param("x" * (SCAN_MAX_CHARS - 9) + "cloudflare", {}, False, id="too-late"),
    ],
)
def test_what_is_cloudflares(text: str, headers: dict[str, str], own: bool) -> None:
    """Cloudflare's own page is told from the origin's page that only passed through it."""
    assert is_cloudflare(text, headers) is own


PAGE = "<html><title>T</title>{}</html>"
CF = "<html>cloudflare {}</html>"
FLARE = "body is Cloudflare HTML"


def code(kind: Kind, fact: str, verdict: Verdict | None = None, place: Place | None = Place.EDGE) -> Finding:
    return Finding(kind, Weight.CODE, fact, verdict=verdict, place=place)


@pytest.mark.parametrize(
    ("status", "text", "headers", "findings"),
    [
        pytest.param(500, "text", {}, [], id="no-page"),
        pytest.param(403, '{"a": 1}', {}, [], id="json-403"),
        pytest.param(
            500, PAGE, {}, [Finding(Kind.UNKNOWN, Weight.VAGUE, 'body is HTML titled "T"')], id="titled"
        ),
        pytest.param(500, "<html>", {}, [Finding(Kind.UNKNOWN, Weight.VAGUE, "body is HTML")], id="untitled"),
        pytest.param(
            503,
            PAGE.format("Maintenance"),
            {},
            [
                Finding(Kind.MAINTENANCE, Weight.TYPE, 'body is HTML titled "T" about maintenance'),
                Finding(Kind.UNKNOWN, Weight.VAGUE, 'body is HTML titled "T"'),
            ],
            id="maintenance",
        ),
        pytest.param(
            500,
            "<html>maintenance",
            {},
            [
                Finding(Kind.MAINTENANCE, Weight.TYPE, "body is HTML about maintenance"),
                Finding(Kind.UNKNOWN, Weight.VAGUE, "body is HTML"),
            ],
            id="maintenance-500",
        ),
        pytest.param(
            499,
            "<html>maintenance",
            {},
            [Finding(Kind.UNKNOWN, Weight.VAGUE, "body is HTML")],
            id="no-maintenance-below-500",
        ),
        pytest.param(
            500,
            "<html>" + "x" * (SCAN_MAX_CHARS - 16) + "maintenance",
            {},
            [Finding(Kind.UNKNOWN, Weight.VAGUE, "body is HTML")],
            id="maintenance-too-late",
        ),
        pytest.param(
            403,
            PAGE,
            {},
            [code(Kind.FORBIDDEN, 'body is HTML titled "T", not the API\'s answer', Verdict.FAILOVER)],
            id="403",
        ),
        pytest.param(
            403,
            "<html>",
            {},
            [code(Kind.FORBIDDEN, "body is HTML, not the API's answer", Verdict.FAILOVER)],
            id="403-untitled",
        ),
        pytest.param(
            400,
            "<html>The plain HTTP request was sent to HTTPS port",
            {},
            [
                code(
                    Kind.TLS_FAILED,
                    "the server expects https and was asked by http: correct the base URL",
                    Verdict.FAILOVER,
                    Place.CONFIGURATION,
                )
            ],
            id="400-wrong-scheme",
        ),
        pytest.param(
            400,
            PAGE,
            {},
            [code(Kind.EDGE_ERROR, 'body is HTML titled "T", not the API\'s answer', Verdict.FAILOVER)],
            id="400",
        ),
        pytest.param(429, CF, {}, [code(Kind.RATE_LIMITED, FLARE)], id="cloudflare-429"),
        pytest.param(
            503,
            CF.format("Error 1015"),
            {},
            [code(Kind.RATE_LIMITED, f"{FLARE}, error 1015")],
            id="cloudflare-1015",
        ),
        pytest.param(
            403,
            CF.format("error code: <b>1027</b>"),
            {},
            [code(Kind.RATE_LIMITED, f"{FLARE}, error 1027")],
            id="cloudflare-1027",
        ),
        pytest.param(
            403,
            CF.format("Error 1009 Ray ID: 8f2a1b3c4d"),
            {},
            [code(Kind.REGION_BLOCKED, f"{FLARE}, error 1009, ray 8f2a1b3c4d")],
            id="cloudflare-1009",
        ),
        pytest.param(
            403,
            CF.format("Error 1020"),
            {},
            [code(Kind.FORBIDDEN, f"{FLARE}, error 1020", Verdict.FAILOVER)],
            id="cloudflare-403",
        ),
        pytest.param(
            503,
            CF,
            {"cf-mitigated": "challenge"},
            [code(Kind.FORBIDDEN, FLARE, Verdict.FAILOVER)],
            id="cloudflare-challenge",
        ),
        pytest.param(504, CF, {}, [code(Kind.EDGE_TIMEOUT, FLARE)], id="cloudflare-504"),
        pytest.param(524, CF, {}, [code(Kind.EDGE_TIMEOUT, FLARE)], id="cloudflare-524"),
        pytest.param(500, CF, {}, [code(Kind.EDGE_ERROR, FLARE)], id="cloudflare-500"),
        pytest.param(499, CF, {}, [Finding(Kind.UNKNOWN, Weight.VAGUE, FLARE)], id="cloudflare-499"),
        pytest.param(
            502,
            "error code: 502",
            {"cf-ray": "r-FRA"},
            [code(Kind.EDGE_ERROR, "body is Cloudflare text, ray r-FRA")],
            id="cloudflare-text",
        ),
        pytest.param(
            429,
            "error code: 10155",
            {"cf-ray": "r"},
            [code(Kind.RATE_LIMITED, "body is Cloudflare text, ray r")],
            id="cloudflare-five-digits-are-no-number",
        ),
    ],
)
def test_what_a_page_says(status: int, text: str, headers: dict[str, str], findings: list[Finding]) -> None:
    """Who sent the page and what it says decide kind, verdict and place, and the evidence tells it."""
    assert read_page(status, text.replace("{}", ""), headers) == findings
