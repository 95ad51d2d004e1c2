"""Templates, and what they may call."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from halfopen.web import wording
from halfopen.web.assets import Assets

TEMPLATES: Final = Path(__file__).parent / "templates"


class Rendering:
    """Makes HTML. Everything that is put into it is escaped."""

    def __init__(self, assets: Assets, *, wall: Callable[[], float] = time.time) -> None:
        """`wall`: seconds since the Unix epoch."""
        self.wall = wall
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for name in (
            "count",
            "short",
            "rate",
            "ms",
            "lasted",
            "usd",
            "percent",
            "size",
            "clock",
            "minute",
            "iso",
            "plain",
            "pieces",
        ):
            environment.filters[name] = getattr(wording, name)
        environment.globals |= {
            "asset": assets.address,
            "has_vendor": assets.has_vendor,
            "HEALTH": wording.HEALTH,
            "SENTENCE": wording.SENTENCE,
            "BREAKER": wording.BREAKER,
            "NONE": wording.NONE,
        }
        self._environment = environment

    def html(self, template: str, **told: Any) -> str:
        """A template with what it is told."""
        return self._environment.get_template(template).render(now_s=self.wall(), **told)
