"""Exact secrets of the configuration."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from halfopen import redact

SECRET = 's3cr3t/value+with="odd" ünits'
PLAIN = "correct-horse-battery"
REDACTOR = redact.known([SECRET, PLAIN, "tiny", "abc", "  padded-secret\n"])


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(SECRET, id="as it is"),
        pytest.param(quote(SECRET, safe=""), id="in a query"),
        pytest.param(quote(SECRET), id="in a path"),
        pytest.param(quote_plus(SECRET), id="in a form"),
        pytest.param(
            quote(SECRET, safe="")
            .replace("%2F", "%2f")
            .replace("%2B", "%2b")
            .replace("%3D", "%3d")
            .replace("%C3%BC", "%c3%bc"),
            id="in a query, lower case",
        ),
        pytest.param(json.dumps(SECRET)[1:-1], id="in JSON"),
        pytest.param(json.dumps(SECRET, ensure_ascii=False)[1:-1], id="in JSON, not ASCII"),
        pytest.param(json.dumps(SECRET)[1:-1].replace("/", "\\/"), id="in JSON, escaped slash"),
        pytest.param("padded-secret", id="without the newline of its file"),
    ],
)
def test_known_secret_goes(written: str) -> None:
    """A known secret is masked however it is written."""
    assert REDACTOR.text(f"before {written} after") == "before [secret] after"


@pytest.mark.parametrize("lead", ["", "u", "us", "user:", "someone:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_known_secret_goes_in_base64(lead: str, encode: type) -> None:
    """Of a secret inside base64 nothing can be decoded any more, at any offset."""
    encoded = encode(f"{lead}{PLAIN}".encode()).decode()  # type: ignore[call-arg, attr-defined]  # either encoder
    masked = REDACTOR.text(f"x {encoded} y")
    assert "[secret]" in masked
    rest = masked.removeprefix("x ").partition("[secret]")
    assert len(rest[0]) <= len(lead) * 4 // 3 + 3
    assert len(rest[2].removesuffix(" y")) <= 4


@pytest.mark.parametrize("length", range(8, len(PLAIN)))
def test_known_secret_goes_at_a_cut(length: int) -> None:
    """Eight characters of a secret at the edge of a cut text are masked, with or without a mark."""
    start, end = PLAIN[:length], PLAIN[-length:]
    assert REDACTOR.text(f"log {start}") == "log [secret]"
    assert REDACTOR.text(f"log {start}… and on") == "log [secret]… and on"
    assert REDACTOR.text(f"log {start}... and on") == "log [secret]... and on"
    assert REDACTOR.text(f'{{"a": "{start}"}}') == '{"a": "[secret]"}'
    assert REDACTOR.text(f"{end} was sent") == "[secret] was sent"
    assert REDACTOR.text(f"…{end} was sent") == "…[secret] was sent"


def test_short_secrets_only_alone() -> None:
    """A short secret is masked only as a word of its own, and a very short one not at all."""
    assert REDACTOR.text("tiny destiny abc") == "[secret] destiny abc"


@pytest.mark.parametrize("secret", ["secret", "[secret]", "email", "token", "ending", "key] [key"])
def test_secret_that_is_a_mask(secret: str) -> None:
    """A secret that reads like a mask does not make masks grow."""
    redactor = redact.known([secret])
    once = redactor.text(f"pw {secret} and joe@example.com api_key=abc")
    assert redactor.text(once) == once


def test_known_covers_every_surface() -> None:
    """Bytes, headers, addresses and JSON values lose the known secret as texts do."""
    assert REDACTOR.data(f"x {PLAIN}".encode()) == b"x [secret]"
    assert REDACTOR.headers([("x-note", PLAIN)]) == (("x-note", "[secret]"),)
    assert PLAIN not in REDACTOR.url(f"https://a.test/{PLAIN}/x")
    assert REDACTOR.json_value({PLAIN: [PLAIN], "n": 1}) == {"[secret]": ["[secret]"], "n": 1}
    number = redact.known(["918273645546"])
    assert number.json_value({"pin": 918273645546}) == {"pin": "[secret]"}


def test_redactor_does_not_show_its_secrets() -> None:
    """The printed form of a redactor names no secret."""
    assert PLAIN not in repr(REDACTOR)
    assert PLAIN not in str(REDACTOR)


def test_addresses_on_request() -> None:
    """Client addresses go when asked for; loopback, versions of three parts and clock times stay."""
    redactor = redact.known([], addresses=True)
    text = "203.0.113.7:443 2001:db8::1 [2001:db8::2]:443 ::ffff:203.0.113.9 127.0.0.1 ::1 03:46:21 v1.2.3 std::vector"
    assert redactor.text(text) == (
        "[address]:443 [address] [[address]]:443 [address] 127.0.0.1 ::1 03:46:21 v1.2.3 std::vector"
    )
    assert redactor.headers([("x-forwarded-for", "203.0.113.7, 10.0.0.1")]) == (
        ("x-forwarded-for", "[address], [address]"),
    )
