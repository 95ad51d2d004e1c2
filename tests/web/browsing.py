"""A headless Chromium that notes what goes wrong on a page."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 860}
NAMES = ("chromium", "chromium-browser")


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    program = next(found for name in NAMES if (found := shutil.which(name)))
    # Its sandbox refuses to work for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=program, args=arguments)
        yield made
        made.close()


@dataclass
class Looked:
    """A page, and what went wrong on it."""

    page: Page
    wrong: list[str] = field(default_factory=list)

    def go(self, address: str) -> None:
        """Load it, and wait until it is live."""
        self.page.goto(address)
        self.page.wait_for_selector("#live[data-state=live]")


@contextmanager
def looking(browser: Browser, size: dict[str, int] | None = None, **how: Any) -> Iterator[Looked]:
    """A fresh page. `how`: as `Browser.new_context` takes it."""
    context = browser.new_context(viewport=size or DESK, **how)  # type: ignore[arg-type]  # a dict of two numbers
    page = context.new_page()
    page.set_default_timeout(8000)
    looked = Looked(page)
    page.on(
        "console",
        lambda said: (
            looked.wrong.append(f"console: {said.text}") if said.type in ("error", "warning") else None
        ),
    )
    page.on("pageerror", lambda error: looked.wrong.append(f"script: {error}"))
    page.on(
        "requestfailed",
        lambda request: (
            None if _is_left(request) else looked.wrong.append(f"{request.url}: {request.failure}")
        ),
    )
    page.on(
        "response",
        lambda answer: (
            looked.wrong.append(f"{answer.url}: {answer.status}") if answer.status >= 400 else None
        ),
    )
    yield looked
    context.close()


def _is_left(request: Any) -> bool:
    """Whether it is the stream or the icon of a page that the browser leaves: that is no failure."""
    is_part = "/events?" in request.url or "/static/icons/" in request.url
    return is_part and request.failure == "net::ERR_ABORTED"


def overflow_px(page: Page) -> int:
    """By how much a page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
