"""Stands before every page: who may look, and the headers that keep a browser to the rules."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from halfopen.web.access import Access, Ruling

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    ("content-security-policy", _POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)
_LOGIN: Final = "/login"
_STATIC: Final = "/static/"
_PROGRAMS: Final = ("/api", "/metrics", "/events")
"""Paths whose callers want a status, not a page."""
_POSTED: Final = (_LOGIN, "/logout")


class Guard:
    """Hands on what may pass. Pure ASGI, so that streams pass as they are."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        """Every page of `app` is behind it."""
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] != "http":
            return
        request = Request(scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS:
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refusal(request)
        await (self._app if refusal is None else refusal)(scope, receive, with_headers)

    def _refusal(self, request: Request) -> Response | None:
        path = request.url.path
        if request.method not in ("GET", "HEAD") and (request.method != "POST" or path not in _POSTED):
            return PlainTextResponse("Only GET is possible here.\n", 405, {"allow": "GET, HEAD"})
        if request.method == "POST" and not _is_own(request):
            return PlainTextResponse("This form came from another site.\n", 403)
        # What else begins like the form is a page like any other.
        is_open = (path == _LOGIN or path.startswith(_STATIC)) and self._access.sessions is not None
        match Ruling.WELCOME if is_open else self._access.ruling(request):
            case Ruling.WELCOME:
                return None
            case Ruling.FOREIGN_HOST:
                return PlainTextResponse(
                    "Use http://127.0.0.1 or http://localhost: without a token the dashboard answers only to "
                    "names of this machine.\n",
                    421,
                )
            case Ruling.TOO_MANY:
                wait_s = self._access.wait_s(request)
                return JSONResponse(
                    {"error": f"too many wrong tokens; try again in {wait_s} s"},
                    429,
                    {"retry-after": str(wait_s)},
                )
            case Ruling.UNKNOWN:
                return _unknown(request)


def _unknown(request: Request) -> Response:
    path = request.url.path
    if path.startswith(_PROGRAMS) or "hx-request" in request.headers:
        return JSONResponse(
            {"error": "the dashboard's token is needed: authorization: Bearer TOKEN"},
            401,
            {"www-authenticate": "Bearer"},
        )
    query = f"?{request.url.query}" if request.url.query else ""
    login = request.url.replace(path=_LOGIN, query="").include_query_params(next=f"{path}{query}")
    return RedirectResponse(f"{_LOGIN}?{login.query}", 303)


def _is_own(request: Request) -> bool:
    """Whether a form was sent from a page of ours, as far as the browser tells."""
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")
