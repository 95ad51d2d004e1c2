"""The pages in a headless Chromium. `make browser` looks at all of them; `make test` at some."""

import os
import re
import time
from typing import Any

import pytest
from paths import PATHS

pytestmark = pytest.mark.server("chromium")

WHOLE = os.environ.get("HALFOPEN_BROWSER") == "all"
LIVE_S = 2.0
"""A change is on the page after so long at most."""


@pytest.mark.parametrize("state", ["health", "outage", "recovery"] if WHOLE else ["outage"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["DESK", "PHONE"])
def test_each_page(
    site: Any, scripted: Any, browsing: Any, chromium: Any, state: str, scheme: str, size: str
) -> None:
    """It says how the gateway is, is not wider than the window, and nothing goes wrong in the browser."""
    here = site(scripted.ScriptedSeen(state, time.time))
    sample = PATHS if WHOLE or (size, scheme) == ("PHONE", "dark") else PATHS[:1]
    with browsing.looking(chromium, getattr(browsing, size), color_scheme=scheme) as looked:
        for path in sample:
            looked.go(here.address + path)
            word = {"health": "Served", "outage": "Failing", "recovery": "Rescuing"}[state]
            assert looked.page.title().startswith(f"{word}: ")
            assert looked.page.locator("#view").get_by_text(word, exact=True).first.is_visible()
            assert browsing.overflow_px(looked.page) <= 0, path
            dark = looked.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (dark == "rgb(14, 19, 24)") is (scheme == "dark")
        assert looked.wrong == []


@pytest.mark.parametrize("path", PATHS if WHOLE else ["/", "/requests"])
def test_each_page_is_live(site: Any, scripted: Any, browsing: Any, chromium: Any, path: str) -> None:
    """An outage, its end, and a new request are on the page within two seconds, without loading it again."""
    seen = scripted.ScriptedSeen("health", time.time)
    here = site(seen)
    with browsing.looking(chromium) as looked:
        looked.go(here.address + path)
        looked.page.evaluate("document.kept = 1")
        for state, word in (("outage", "Failing"), ("recovery", "Rescuing"), ("health", "Served")):
            seen.state = state
            looked.page.get_by_text(word, exact=True).first.wait_for(timeout=LIVE_S * 1000)
            assert looked.page.title().startswith(word)
            assert looked.page.locator("#icon").get_attribute("href") == looked.page.locator(
                "#icon"
            ).get_attribute(f"data-{looked.page.locator('html').get_attribute('data-health')}")
        if path == "/requests":
            seen.more += 1
            looked.page.locator("#n1001").wait_for(timeout=LIVE_S * 1000)
            assert looked.page.locator("tbody tr").first.get_attribute("id") == "n1001"
        elif path == "/":
            seen.more += 1
            looked.page.get_by_text("168,401").wait_for(timeout=LIVE_S * 1000)
        assert looked.page.evaluate("document.kept") == 1
        assert looked.wrong == []


def test_charts_are_drawn_and_follow(site: Any, scripted: Any, browsing: Any, chromium: Any) -> None:
    """Three charts with ink on them, which changes with the figures and with the theme."""
    seen = scripted.ScriptedSeen("health", time.time)
    here = site(seen)
    ink = "() => [...document.querySelectorAll('figure canvas')].map((each) => each.toDataURL().length)"
    first = "() => document.querySelector('#chart-requests canvas').toDataURL()"
    with browsing.looking(chromium) as looked:
        looked.go(here.address)
        looked.page.locator("figure canvas").nth(2).wait_for()
        assert all(length > 2000 for length in looked.page.evaluate(ink))
        before = looked.page.evaluate(first)
        seen.state = "outage"
        looked.page.wait_for_function(f"(before) => ({first})() !== before", arg=before)
        after = looked.page.evaluate(first)
        looked.page.keyboard.press("t")
        looked.page.keyboard.press("t")
        assert looked.page.locator("html").get_attribute("data-theme") == "dark"
        looked.page.wait_for_function(f"(before) => ({first})() !== before", arg=after)
        assert looked.wrong == []


def test_what_is_folded_out_and_focused_stays(site: Any, scripted: Any, browsing: Any, chromium: Any) -> None:
    """A live page takes nothing out of the hands of who reads it."""
    seen = scripted.ScriptedSeen("health", time.time)
    here = site(seen)
    with browsing.looking(chromium) as looked:
        looked.go(here.address)
        looked.page.locator("#chart-requests summary").click()
        looked.page.locator("#route-1 a").focus()
        seen.state, seen.more = "outage", 5
        looked.page.get_by_text("168,405").wait_for()
        assert looked.page.locator("#chart-requests details").get_attribute("open") is not None
        assert looked.page.evaluate("document.activeElement.textContent") == "gpt-4o-mini"


def test_the_explorer_by_hand(site: Any, scripted: Any, browsing: Any, chromium: Any) -> None:
    """Choosing a filter changes the list and the address, which can be shared and gone back from."""
    here = site(scripted.ScriptedSeen("outage", time.time))
    with browsing.looking(chromium) as looked:
        looked.go(here.address + "/requests")
        looked.page.evaluate("document.kept = 1")
        looked.page.select_option("#only", "failed")
        looked.page.wait_for_url(re.compile("only=failed"))
        looked.page.wait_for_function(
            "() => document.querySelectorAll('tbody .tone-bad').length === document.querySelectorAll('tbody tr').length"
        )
        assert looked.page.evaluate("document.kept") == 1
        looked.page.wait_for_timeout(1300)  # the live stream follows the filter
        assert looked.page.locator("tbody .tone-good").count() == 0
        looked.page.locator("tbody th a").first.click()
        looked.page.get_by_text("What went wrong").wait_for()
        looked.page.go_back()
        looked.page.locator("tbody .tone-bad").first.wait_for()
        assert looked.page.locator("#only").input_value() == "failed"
        assert looked.wrong == []


def test_by_keyboard_alone(site: Any, scripted: Any, browsing: Any, chromium: Any) -> None:
    """Skip link first, shortcuts under `?`, rows by j and k, and focus can be seen."""
    here = site(scripted.ScriptedSeen("health", time.time))
    with browsing.looking(chromium) as looked:
        page = looked.page
        looked.go(here.address)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("?")
        assert page.get_by_text("Keyboard shortcuts").is_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("g")
        page.keyboard.press("e")
        page.wait_for_url(re.compile("/requests$"))
        page.wait_for_selector("#live[data-state=live]")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "only"
        page.evaluate("document.activeElement.blur()")
        for key in ("j", "j", "k", "j"):
            page.keyboard.press(key)
        assert page.evaluate("document.activeElement.title") == "ho-999"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/requests/ho-999$"))
        assert looked.wrong == []


def test_while_control_starts_again(site: Any, scripted: Any, browsing: Any, chromium: Any) -> None:
    """The page says so, keeps what it showed, and goes on by itself when control is back."""
    seen = scripted.ScriptedSeen("health", time.time)
    here = site(seen)
    with browsing.looking(chromium) as looked:
        looked.go(here.address)
        here.stop()
        looked.page.get_by_text("Requests are served without it").wait_for()
        assert looked.page.get_by_text("Users are served: 4,210 requests").is_visible()
        seen.state = "outage"
        site(seen, port=here.port)
        looked.page.get_by_text("Failing", exact=True).first.wait_for()
        looked.page.wait_for_selector("#live[data-state=live]")
        assert not looked.page.locator("#broken").is_visible()


def test_logging_in(site: Any, scripted: Any, browsing: Any, chromium: Any) -> None:
    """The form says what is wrong, and leads to the page that was wanted; then it is live."""
    here = site(scripted.ScriptedSeen("health", time.time), token="a-token-of-the-tests")
    with browsing.looking(chromium, browsing.PHONE) as looked:
        looked.page.goto(here.address + "/upstreams")
        looked.page.fill("#token", "wrong")
        looked.page.keyboard.press("Enter")
        looked.page.get_by_text("This is not the token").wait_for()
        assert browsing.overflow_px(looked.page) <= 0
        looked.page.fill("#token", "a-token-of-the-tests")
        looked.page.keyboard.press("Enter")
        looked.page.wait_for_url(re.compile("/upstreams$"))
        looked.page.wait_for_selector("#live[data-state=live]")
        looked.page.get_by_text("Log out").click()
        looked.page.wait_for_url(re.compile("/login$"))
        looked.page.goto(here.address + "/upstreams")
        assert looked.page.locator("#token").is_visible()
        assert [each for each in looked.wrong if "401" not in each] == []


def test_too_many_look(site: Any, scripted: Any, browsing: Any, chromium: Any) -> None:
    """Whoever gets no stream asks every few seconds, and the page says so."""
    seen = scripted.ScriptedSeen("health", time.time)
    here = site(seen)
    here.application.live._listeners_max = 0
    with browsing.looking(chromium) as looked:
        looked.page.goto(here.address)
        looked.page.wait_for_selector("#live[data-state=asking]")
        seen.state = "outage"
        looked.page.get_by_text("Failing", exact=True).first.wait_for(timeout=8000)


def test_without_motion(site: Any, scripted: Any, browsing: Any, chromium: Any) -> None:
    """Nothing moves for who asked for that."""
    here = site(scripted.ScriptedSeen("health", time.time))
    with browsing.looking(chromium, reduced_motion="reduce") as looked:
        looked.go(here.address)
        moving = "() => getComputedStyle(document.querySelector('.dot')).animationName"
        assert looked.page.evaluate(moving) == "none"
