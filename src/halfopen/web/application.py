"""The dashboard as one ASGI application."""

import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from halfopen.seams.seen import Seen
from halfopen.web.access import Access
from halfopen.web.api import Api
from halfopen.web.assets import Assets
from halfopen.web.guard import Guard
from halfopen.web.live import Live
from halfopen.web.pages import Pages
from halfopen.web.rendering import Rendering
from halfopen.web.views import PAGES, Views


class Application:
    """Pages, API and `/metrics` behind one guard."""

    def __init__(
        self,
        seen: Seen,
        access: Access,
        *,
        assets: Assets | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Reads all templates' surroundings and assets; may be made in any thread.

        Args:
            seen: The gateway.
            access: Who may look.
            assets: Style sheets and scripts; None: the package's own.
            wall: Seconds since the Unix epoch.
        """
        assets = assets or Assets()
        rendering = Rendering(assets, wall=wall)
        views = Views(seen, rendering)
        self.live = Live(views.show)
        pages, api = Pages(views, rendering, access, self.live), Api(seen, wall=wall)
        routes = [Route(path, pages.show) for path, _, _ in PAGES]
        routes += [
            Route("/requests/{request_id:path}", pages.show),
            Route("/events", pages.events),
            Route("/login", pages.login, methods=["GET", "POST"]),
            Route("/logout", pages.logout, methods=["POST"]),
            Route("/static/{name:path}", assets.serve),
            Route("/metrics", api.metrics),
            Route("/api", api.paths),
            Route("/api/overview", api.overview),
            Route("/api/status", api.status),
            Route("/api/configuration", api.configuration),
            Route("/api/requests", api.requests),
            Route("/api/requests/{request_id:path}", api.request),
            Route("/api/spend", api.spend),
            Route("/api/{rest:path}", api.missing),
        ]
        handlers = {404: pages.missing, Exception: pages.failed, HTTPException: pages.missing}
        self._app = Guard(Starlette(routes=routes, exception_handlers=handlers), access)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._app(scope, receive, send)
