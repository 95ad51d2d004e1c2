"""Answers with whole pages, or with the part of one that htmx asks for."""

from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from halfopen.web.access import COOKIE, Access, Ruling
from halfopen.web.live import Live
from halfopen.web.rendering import Rendering
from halfopen.web.session import LASTS_S
from halfopen.web.view import NoViewError, Shown
from halfopen.web.views import PAGES, Views

_FORM_MAX_BYTES: Final = 4096
_FULL_WAIT_S: Final = 10
_VARY: Final = {"vary": "hx-request"}


class Pages:
    """Endpoints for browsers."""

    def __init__(self, views: Views, rendering: Rendering, access: Access, live: Live) -> None:
        """Everything that they need."""
        self._views = views
        self._rendering = rendering
        self._access = access
        self._live = live

    async def show(self, request: Request) -> Response:
        """A page."""
        address = _address_of(request)
        try:
            shown = await self._views.show(address)
        except NoViewError:
            return await self.missing(request, NoViewError())
        # Going back in the history, htmx wants the whole page.
        if "hx-request" in request.headers and "hx-history-restore-request" not in request.headers:
            headers = {**_VARY, "x-title": shown.title, "x-health": shown.health}
            # htmx shows what it is sent whatever the status; others want to know.
            return HTMLResponse(shown.html, shown.status, headers)
        return HTMLResponse(self._framed(request, shown), shown.status, _VARY)

    async def events(self, request: Request) -> Response | ASGIApp:
        """The stream of a view."""
        view = request.query_params.get("view", "")
        if not self._views.has(view):
            return PlainTextResponse("There is no such view.\n", 404)
        if self._live.is_full:
            return PlainTextResponse("Too many are looking.\n", 503, {"retry-after": str(_FULL_WAIT_S)})
        return self._live.stream(view)

    async def missing(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - starlette's signature
        """No such page. Only who may look is told on it how everything is."""
        told = {"title": "No such page", "text": "Nothing is at this address."}
        # The guard has looked already, but not at addresses that are open to everybody.
        if self._access.ruling(request) is not Ruling.WELCOME:
            return HTMLResponse(self._rendering.html("alone.html", **told), 404)
        overview = self._views.overview()
        shown = Shown(
            title=told["title"],
            health=overview["health"],
            html=self._rendering.html("problem.html", overview=overview, **told),
            status=404,
        )
        return HTMLResponse(self._framed(request, shown), 404)

    async def failed(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - starlette's signature
        """A defect of ours."""
        text = self._rendering.html(
            "alone.html",
            title="This page could not be made",
            text=f"{type(error).__name__}. Requests are served all the same.",
        )
        return HTMLResponse(text, 500)

    async def login(self, request: Request) -> Response:
        """The form, and what was put into it."""
        after = _own_path(request.query_params.get("next", "/"))
        if self._access.sessions is None:
            return RedirectResponse("/", 303)
        if request.method != "POST":
            return self._form(after, "", 200)
        form = await _form_of(request)
        after = _own_path(form.get("next", "/"))
        match self._access.check(form.get("token", "").strip(), request):
            case Ruling.WELCOME:
                answer = RedirectResponse(after, 303)
                answer.set_cookie(
                    COOKIE,
                    self._access.cookie(),
                    max_age=LASTS_S,
                    httponly=True,
                    samesite="strict",
                    secure=request.url.scheme == "https",
                )
                return answer
            case Ruling.TOO_MANY:
                wait_s = self._access.wait_s(request)
                answered = self._form(after, f"Too many wrong tokens. Try again in {wait_s} s.", 429)
                answered.headers["retry-after"] = str(wait_s)
                return answered
            case _:
                return self._form(after, "This is not the token.", 401)

    async def logout(self, request: Request) -> Response:  # noqa: ARG002 - starlette's signature
        """Forget who looked."""
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    def _form(self, after: str, problem: str, status: int) -> Response:
        return HTMLResponse(
            self._rendering.html("login.html", title="Who is looking?", after=after, problem=problem), status
        )

    def _framed(self, request: Request, shown: Shown) -> str:
        path = request.url.path
        section = "/requests" if path.startswith("/requests/") else path
        filters = self._views.filters(request.query_params) if path == "/requests" else None
        return self._rendering.html(
            "page.html",
            shown=shown,
            title=shown.title,
            pages=PAGES,
            section=section,
            address=_address_of(request),
            filters=filters,
            can_leave=self._access.sessions is not None,
        )


def _address_of(request: Request) -> str:
    path = (
        request.scope["raw_path"].decode("ascii", "replace")
        if "raw_path" in request.scope
        else request.url.path
    )
    path = path.partition("?")[0]
    return f"{path}?{request.url.query}" if request.url.query else path


def _own_path(told: str) -> str:
    """A path of ours to go to; whatever could lead elsewhere leads to the first page."""
    is_own = told.startswith("/") and not told.startswith(("//", "/\\")) and told.isprintable()
    return told if is_own else "/"


async def _form_of(request: Request) -> dict[str, str]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _FORM_MAX_BYTES:
            return {}
    return {
        name: values[0]
        for name, values in parse_qs(body.decode("utf-8", "replace"), max_num_fields=8).items()
    }
