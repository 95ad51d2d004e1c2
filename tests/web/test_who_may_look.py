"""Tokens, cookies, names of hosts, and how often somebody may guess."""

import html
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from halfopen.web.access import Access, names_this_machine
from halfopen.web.attempts import FROM_ALL_MAX, FROM_ONE_MAX, WITHIN_S, Attempts
from halfopen.web.session import LASTS_S, Sessions

TOKEN = "a-token-of-the-tests"
CLOSED = (
    "/",
    "/routes",
    "/requests/ho-1000",
    "/api/overview",
    "/api/requests",
    "/metrics",
    "/events?view=/",
    "/api/x",
    "/none",
    "/loginx",
    "/login/",
    "/login/y",
    "/logins",
    "/staticx",
)


def login(
    ask: Any, app: Any, token: str, *, after: str = "/", client: str = "127.0.0.1", **headers: str
) -> Any:
    """What the form is answered with."""
    given = [("content-type", "application/x-www-form-urlencoded"), *headers.items()]
    body = urlencode({"token": token, "next": after}).encode()
    return ask(app, "/login", method="POST", headers=given, body=body, client=client)


@pytest.mark.parametrize("address", CLOSED)
def test_nothing_is_shown_without_the_token(application: Any, ask: Any, address: str) -> None:
    """Pages lead to the form; what programs ask is refused with the way to be let in."""
    answer = ask(application(TOKEN), address)
    if address.startswith(("/api", "/metrics", "/events")):
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    else:
        assert answer.status == 303
        assert answer.headers["location"].startswith("/login?next=")
    assert b"4210" not in answer.body
    assert b"gpt-4o" not in answer.body


def test_a_page_that_is_missing_tells_nothing_to_who_may_not_look(
    application: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even at an address that needs no token: the page asks for itself who is looking."""
    monkeypatch.setattr("halfopen.web.guard._STATIC", "/")
    app, good = application(TOKEN), [("authorization", f"Bearer {TOKEN}")]
    sentence = html.escape(ask(app, "/api/overview", headers=good).json["sentence"])
    answers = [ask(app, "/none", headers=headers) for headers in ([], [("authorization", "Bearer x")], good)]
    assert [answer.status for answer in answers] == [404, 404, 404]
    assert [sentence in answer.text for answer in answers] == [False, False, True]
    assert ["data-health" in answer.text for answer in answers] == [False, False, True]


@pytest.mark.parametrize("address", ["/api/overview", "/metrics", "/"])
def test_a_program_shows_the_token_as_a_bearer(application: Any, ask: Any, address: str) -> None:
    """The right one is let in, whatever the case of the scheme; a wrong one is not."""
    app = application(TOKEN)
    assert ask(app, address, headers=[("authorization", f"bearer {TOKEN}")]).status == 200
    for wrong in (
        f"Bearer {TOKEN}x",
        "Bearer",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN[:-1]}",
        "Bearer \N{SNOWMAN}".encode().decode("latin-1"),
    ):
        assert ask(app, address, headers=[("authorization", wrong)]).status in (303, 401), wrong


def test_the_form_gives_a_cookie_that_lets_in(application: Any, ask: Any) -> None:
    """A browser that has shown the token goes on to where it wanted, and needs it no more."""
    app = application(TOKEN)
    answer = login(ask, app, TOKEN, after="/requests?only=failed")
    assert (answer.status, answer.headers["location"]) == (303, "/requests?only=failed")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert ask(app, "/", headers=[("cookie", cookie.partition(";")[0])]).status == 200


def test_a_wrong_token_gives_none(application: Any, ask: Any) -> None:
    """The form comes again and says so."""
    answer = login(ask, application(TOKEN), "wrong")
    assert answer.status == 401
    assert "set-cookie" not in answer.headers
    assert "This is not the token" in answer.text


def test_a_cookie_ends(application: Any, ask: Any) -> None:
    """After twelve hours the token is asked for again."""
    now = [1000.0]
    app = application(TOKEN, wall=lambda: now[0])
    cookie = [("cookie", login(ask, app, TOKEN).headers["set-cookie"].partition(";")[0])]
    now[0] += LASTS_S - 1
    assert ask(app, "/", headers=cookie).status == 200
    now[0] += 2
    assert ask(app, "/", headers=cookie).status == 303


def test_a_cookie_can_not_be_made_up() -> None:
    """Whatever is changed in it, or signed with another token, is refused."""
    sessions, now = Sessions(TOKEN), 1000.0
    good = sessions.issue(now)
    until, nonce, signature = good.split(".")
    assert sessions.is_good(good, now)
    made_up = (
        "",
        ".",
        "..",
        f"{int(until) + 1}.{nonce}.{signature}",
        f"{until}.{nonce}.{signature[:-1]}0"
        if signature[-1] != "0"
        else f"{until}.{nonce}.{signature[:-1]}1",
        f"{until}.{nonce}.",
        f"{until}.{nonce}",
        good + "x" * 500,
        "\N{SNOWMAN}",
        Sessions("another").issue(now),
    )
    assert [each for each in made_up if sessions.is_good(each, now)] == []


@pytest.mark.parametrize(
    "after", ["//evil.test/", "https://evil.test/", "/\\evil.test", "\\\\evil.test", "/x\n", "javascript:1"]
)
def test_the_form_leads_nowhere_else(application: Any, ask: Any, after: str) -> None:
    """Who logs in is not sent to another site."""
    assert login(ask, application(TOKEN), TOKEN, after=after).headers["location"] == "/"


def test_a_form_from_another_site_is_refused(application: Any, ask: Any) -> None:
    """The browser tells where a form comes from."""
    app = application(TOKEN)
    assert login(ask, app, TOKEN, origin="https://evil.test").status == 403
    assert login(ask, app, TOKEN, origin="http://127.0.0.1:8501").status == 303


def test_guesses_are_bounded(application: Any, ask: Any) -> None:
    """After five wrong tokens an address is told to wait a minute; others may try."""
    now = [0.0]
    app = application(TOKEN, monotonic=lambda: now[0])
    for _ in range(FROM_ONE_MAX):
        assert login(ask, app, "wrong").status == 401
    answer = login(ask, app, "wrong")
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= WITHIN_S + 1
    assert ask(app, "/metrics", headers=[("authorization", "Bearer wrong")]).status == 429
    assert login(ask, app, "wrong", client="10.0.0.2").status == 401
    now[0] = WITHIN_S + 0.1
    assert login(ask, app, "wrong").status == 401


@pytest.mark.parametrize("of", [1, FROM_ALL_MAX], ids=["one address", "many addresses"])
def test_the_right_token_is_let_in_however_many_wrong_ones_came(application: Any, ask: Any, of: int) -> None:
    """Nobody keeps a scrape or a person out by guessing, not even from behind the same proxy."""
    app = application(TOKEN, monotonic=lambda: 0.0)
    for number in range(2 * FROM_ALL_MAX):
        login(ask, app, "wrong", client=f"10.0.0.{number % of}")
    assert login(ask, app, "wrong", client="10.0.0.0").status == 429
    for client in ("10.0.0.0", "10.9.9.9"):
        bearer = [("authorization", f"Bearer {TOKEN}")]
        assert ask(app, "/metrics", headers=bearer, client=client).status == 200
        assert login(ask, app, TOKEN, client=client).status == 303


def test_guesses_from_many_addresses_are_bounded() -> None:
    """Nor do many addresses together guess more often; what is remembered of them is bounded."""
    attempts = Attempts()
    for number in range(FROM_ALL_MAX):
        assert attempts.wait_s(f"10.0.0.{number}", 1.0) == 0.0
        attempts.failed(f"10.0.0.{number}", 1.0)
    assert attempts.wait_s("10.1.1.1", 1.0) == pytest.approx(WITHIN_S)
    assert attempts.wait_s("10.1.1.1", 1.0 + WITHIN_S) == 0.0


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1:8501", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("LocalHost:8501", True),
        ("a.localhost:1", True),
        ("[::1]:8501", True),
        ("", False),
        ("evil.test", False),
        ("127.0.0.1.evil.test", False),
        ("localhost.evil.test", False),
        ("10.0.0.1:8501", False),
        ("[::2]", False),
    ],
)
def test_without_a_token_the_host_is_this_machine(
    application: Any, ask: Any, host: str, is_ours: bool
) -> None:
    """A page elsewhere whose name resolves to a loopback address reads nothing."""
    assert names_this_machine(host) is is_ours
    answer = ask(application(), "/api/overview", headers=[("host", host)])
    assert answer.status == (200 if is_ours else 421)
    assert ask(application(), "/static/theme.js", headers=[("host", host)]).status == (
        200 if is_ours else 421
    )


def test_an_empty_token_is_none() -> None:
    """A reference to a variable without a value must not let everybody in."""
    for empty in ("", "  "):
        with pytest.raises(ValueError, match="empty"):
            Access(empty)


@pytest.mark.parametrize(
    "address", ["/", "/static/dashboard.css", "/api/overview", "/nothing", "/login", "/metrics"]
)
@pytest.mark.parametrize("token", [None, TOKEN])
def test_every_answer_keeps_the_browser_to_the_rules(
    application: Callable[..., Any], ask: Any, address: str, token: str | None
) -> None:
    """Nothing inline, nothing from elsewhere, no frame around it."""
    headers = ask(application(token), address).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(application: Any, ask: Any, method: str) -> None:
    """Pages are for looking."""
    answer = ask(application(), "/api/configuration", method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_log_out(application: Any, ask: Any) -> None:
    """The cookie is taken back."""
    answer = ask(application(TOKEN), "/logout", method="POST", headers=[("cookie", "halfopen=x")])
    assert answer.status == 303
    app = application(TOKEN)
    cookie = login(ask, app, TOKEN).headers["set-cookie"].partition(";")[0]
    answer = ask(app, "/logout", method="POST", headers=[("cookie", cookie)])
    assert 'halfopen=""' in answer.headers["set-cookie"]
