"""What pages and the API say, in each state."""

import html
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from paths import PATHS

from halfopen.seams.ledger import LIMIT_MAX, Search
from halfopen.web.access import Access
from halfopen.web.application import Application
from halfopen.web.assets import STATIC, Assets

STATES = ("empty", "health", "outage", "recovery")


def words(html: str) -> str:
    """A page's text, each run of space as one."""
    return re.sub(r"\s+([,.:] |\Z)", r"\1", re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).strip())


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("path", PATHS)
def test_each_page_in_each_state(application: Any, ask: Any, seen: Any, path: str, state: str) -> None:
    """It is made, names its state, and holds no figure that could not be made."""
    seen.state = state
    answer = ask(application(), path)
    assert answer.status == (404 if state == "empty" and "ho-" in path else 200)
    health = {"empty": "idle", "health": "ok", "outage": "failing", "recovery": "rescuing"}[state]
    assert f'data-health="{health}"' in answer.text
    assert not re.search(r"\bNone\b|\bnan\b|Undefined", words(answer.text))


def test_the_overview_answers_at_one_look(application: Any, ask: Any, seen: Any) -> None:
    """Who is hurt and by what, since when, what to look after; the exact counts of all time."""
    seen.state = "outage"
    page = words(ask(application(), "/").text)
    assert "3 % of requests to gpt-4o-mini fail: openai/gpt-4o-mini answers server_error." in page
    assert "for 21 min, since 15:39 UTC" in page
    assert "outcomes can&#39;t be stored: database or disk is full" in page
    assert "Requests 168,400 Answered whole 163,000" in page
    assert "Not recorded 17" in page
    assert "the budget burns too fast" in page
    assert "availability 99.895 % of 99.9 % promised" in page


def test_upstreams_show_what_the_policy_knows(application: Any, ask: Any, seen: Any) -> None:
    """Breaker, limiter, rate limits, parked keys, and why it was passed over."""
    seen.state = "outage"
    page = words(ask(application(), "/upstreams").text)
    for told in (
        "It gets no calls since 15:39:50 UTC, for 20 min. 2 of 2 workers say so. Its latest fault: server error",
        "3,600 breaker open",
        "1 of 40",
        "9,000 left of 200 k",
        "it wants no calls for 4 s",
        "key ANTHROPIC_API_KEY_2 is not used: quota exhausted",
        "not heard of yet",
    ):
        assert told in page, told


def test_what_others_wrote_is_escaped(application: Any, ask: Any, seen: Any) -> None:
    """A provider's message is text, wherever it stands."""
    seen.state = "outage"
    text = ask(application(), "/requests/ho-1000").text
    assert "&lt;b&gt;&amp; sorry&lt;/b&gt;" in text
    assert "<b>& sorry" not in text
    asked = ask(application(), "/requests?caller=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").text
    assert "<script>alert" not in asked
    assert "alert(1)" in asked


def test_what_a_request_said_is_text(application: Any, ask: Any, seen: Any) -> None:
    """Prompt and answer, with what is cut and masked told; HTML in them, wherever, is shown and never obeyed."""
    seen.state = "health"
    text = ask(application(), "/requests/ho-1000").text
    assert "<script>window" not in text
    assert "<svg/onload" not in text
    assert "&lt;script&gt;window.hacked" in text
    assert "<h3>user&lt;script&gt;</h3>" in text
    assert "tool call <code>send&lt;b&gt;</code>" in text
    for mask in ("[email]", "[card]", "[key ending 4rS6]"):
        assert f'<mark title="masked before it was kept">{mask}</mark>' in text, mask
    page = words(text)
    for told in (
        "3 messages before these are not kept.",
        "Cut here: 5 KiB more are not kept.",
        "[image_url image/png, about 48213 bytes]",
        "4 secrets and personal details were masked before",
        "What was answered",
    ):
        assert told in page, told
    assert "What was asked" not in ask(application(), "/requests/ho-999").text


@pytest.mark.parametrize("path", PATHS)
def test_no_page_needs_what_the_browser_refuses(application: Any, ask: Any, path: str) -> None:
    """No inline script or style, no handler in an attribute, and nothing from another address."""
    text = ask(application(), path).text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text)
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)


def test_every_address_of_a_page_is_there(application: Any, ask: Any, seen: Any) -> None:
    """Links and assets of each page lead somewhere."""
    seen.state = "recovery"
    app = application()
    found = {
        address.partition("#")[0].replace("&amp;", "&")
        for path in PATHS
        for address in re.findall(r'(?:src|href)="(/[^"]*)"', ask(app, path).text)
    }
    assert len(found) > 30
    assert [address for address in sorted(found) if ask(app, address).status != 200] == []


def test_the_explorer_filters_and_turns_pages(application: Any, ask: Any, seen: Any) -> None:
    """Each filter narrows what is listed, and going on gives every request once."""
    seen.state = "outage"
    app = application()
    assert words(ask(app, "/requests?only=failed").text).count(" server error ") == 50
    assert "No request is like that" in ask(app, "/requests?caller=nobody").text
    assert "checkout" in words(ask(app, "/requests?caller=checkout").text)
    numbers: list[str] = []
    address = "/requests?since=30d&only=rescued"
    while address:
        text = ask(app, address).text
        numbers += re.findall(r'<tr id="n(\d+)"', text)
        link = re.search(r'href="([^"]*)" rel="next"', text)
        address = link[1].replace("&amp;", "&") if link else ""
    wanted = [n for n in range(1000, 0, -1) if n % 5 == 0 and n % 7 and n % 11]
    assert [int(number) for number in numbers] == wanted


@pytest.mark.parametrize(
    "query",
    [
        "only=nobody",
        "since=yesterday",
        "limit=0",
        "limit=1001",
        "before=-1",
        "route=" + "x" * 513,
        "since=nan",
        "days=0",
    ],
)
def test_what_can_not_be_understood_is_told(application: Any, ask: Any, query: str) -> None:
    """A wrong query is an error with its name, for people and for programs."""
    path = "/spend" if query.startswith("days") else "/requests"
    name = query.partition("=")[0]
    page = ask(application(), f"{path}?{query}")
    assert page.status == 400
    assert name in words(page.text)
    answer = ask(application(), f"/api{path}?{query}")
    assert answer.status == 400
    assert name in answer.json["error"]


@pytest.mark.parametrize("path", ["/requests", "/requests/ho-1", "/spend"])
def test_a_store_that_can_not_be_read_is_told(application: Any, ask: Any, seen: Any, path: str) -> None:
    """The page says that requests go on, and still how the gateway is."""
    seen.broken = "the file is locked"
    page = ask(application(), path)
    assert page.status == 503
    assert "the file is locked" in words(page.text)
    assert "Requests are served all the same" in words(page.text)
    assert "Users are served: 4,210 requests" in words(page.text)
    assert ask(application(), f"/api{path}").status == 503
    assert ask(application(), "/").status == 200


def test_a_missing_page_is_told(application: Any, ask: Any) -> None:
    """With the way back; programs get JSON."""
    assert "Nothing is at this address" in words(ask(application(), "/nothing").text)
    assert ask(application(), "/nothing").status == 404
    assert "/api/overview" in ask(application(), "/api/nothing").json["error"]
    assert ask(application(), "/requests/nope").status == 404
    assert ask(application(), "/api/requests/nope").json == {"error": "this request isn't kept"}


def test_a_part_of_a_page(application: Any, ask: Any) -> None:
    """htmx, and a browser whose stream is broken, get the view without its frame; going back gets a page."""
    part = ask(application(), "/routes", headers=[("hx-request", "true")])
    assert "<html" not in part.text
    assert "Who answered" in part.text
    assert part.headers["x-title"] == "Routes"
    assert part.headers["x-health"] == "ok"
    assert part.headers["vary"] == "hx-request"
    restoring = [("hx-request", "true"), ("hx-history-restore-request", "true")]
    assert "<html" in ask(application(), "/routes", headers=restoring).text


def test_without_charts_pages_work(seen: Any, ask: Any, tmp_path: Path) -> None:
    """Where uPlot and htmx were not built in, figures stand in tables and the form is an ordinary one."""
    for path in STATIC.rglob("*"):
        if path.is_file() and "vendor" not in path.parts:
            (tmp_path / path.relative_to(STATIC)).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path.relative_to(STATIC)).write_bytes(path.read_bytes())
    app = Application(seen, Access(None), assets=Assets(tmp_path), wall=seen.wall)
    text = ask(app, "/").text
    assert "vendor" not in text
    assert "make assets" in text
    assert text.count("<details open>") == 3
    assert "hx-get" not in ask(app, "/requests").text


def test_the_api_is_what_can_be_seen(application: Any, ask: Any, seen: Any) -> None:
    """Each path gives what the gateway says, unchanged."""
    seen.state = "outage"
    app = application()
    assert ask(app, "/api/overview").json == seen.overview()
    assert ask(app, "/api/status").json == seen.status()
    assert ask(app, "/api/configuration").json == seen.configuration()
    assert ask(app, "/api/spend?days=7").json["days"] == 7
    assert ask(app, "/api/requests/ho-1000").json["outcome"]["served_by"] == "claude/claude-haiku-4-5"
    assert set(ask(app, "/api").json["paths"]) >= {"/api/overview", "/metrics"}


@pytest.mark.parametrize("limit", [2, LIMIT_MAX - 1, LIMIT_MAX])
def test_a_page_of_any_length_leads_to_the_rest(application: Any, ask: Any, seen: Any, limit: int) -> None:
    """Also the longest, after which a store tells of no further row."""
    seen.state, seen.more = "health", 5
    app, address, ids = application(), f"/requests?since=30d&limit={limit}", list[str]()
    while address:
        page = ask(app, address).text
        ids += re.findall(r'href="/requests/(ho-\d+)"', page)
        older = re.search(r'href="([^"]+)" rel="next"', page)
        address = html.unescape(older[1]) if older and len(ids) < 1005 else ""
        if limit == 2:
            break
    assert ids[:2] == ["ho-1005", "ho-1004"]
    assert len(ids) == len(set(ids)) == (2 if limit == 2 else 1005)
    assert (older is None) is (limit != 2)


def test_the_api_turns_pages(application: Any, ask: Any) -> None:
    """`next` leads on, and is 0 at the end."""
    app = application()
    first = ask(app, "/api/requests?limit=2").json
    assert [row["number"] for row in first["requests"]] == [1000, 999]
    assert "detail" not in first["requests"][0]
    assert first["next"] == 999
    second = ask(app, f"/api/requests?limit=2&before={first['next']}").json
    assert [row["number"] for row in second["requests"]] == [998, 997]
    assert ask(app, "/api/requests?before=2").json["next"] == 0


def test_metrics(application: Any, ask: Any, seen: Any) -> None:
    """The text format, with its version."""
    answer = ask(application(), "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.body == seen.metrics()


def test_assets_are_kept_by_the_browser(application: Any, ask: Any) -> None:
    """By an address that changes with the content; anything else is asked for again. No path leads out."""
    app = application()
    address = re.search(r'href="(/static/dashboard\.css\?v=\w+)"', ask(app, "/").text)
    assert address is not None
    answer = ask(app, address[1])
    assert "immutable" in answer.headers["cache-control"]
    assert ask(app, "/static/dashboard.css").headers["cache-control"] == "no-cache"
    assert ask(app, address[1], headers=[("if-none-match", answer.headers["etag"])]).status == 304
    for outside in (
        "/static/../views.py",
        "/static/%2e%2e/views.py",
        "/static//etc/passwd",
        "/static/vendor/version",
    ):
        assert ask(app, outside).status == 404, outside


def test_a_search_asks_the_store_for_what_was_chosen(
    application: Any, ask: Any, seen: Any, monkeypatch: Any
) -> None:
    """Every field of the query reaches the store."""
    asked: list[Search] = []

    async def requests(search: Search) -> list[Any]:
        asked.append(search)
        return []

    monkeypatch.setattr(seen, "requests", requests)
    ask(
        application(),
        "/api/requests?since=1h&until=9e9&only=gone&route=r&target=t&caller=c&kind=k&before=7&limit=3",
    )
    told = msgspec.structs.asdict(asked[0])
    assert told.pop("only").value == "gone"
    assert told == {
        "since_s": seen.wall() - 3600,
        "until_s": 9e9,
        "route": "r",
        "target": "t",
        "caller": "c",
        "kind": "k",
        "before": 7,
        "limit": 3,
    }
