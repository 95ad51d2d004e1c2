"""What each page shows, by its address. The same is sent at first and whenever it changes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import msgspec

from halfopen.model import Kind
from halfopen.seams.ledger import LIMIT_MAX, Kept, Only
from halfopen.seams.outcome_store import StoreError
from halfopen.seams.seen import Seen
from halfopen.signals.spend import DAYS_MAX
from halfopen.web.charts import charts
from halfopen.web.query import QueryError, search_of, whole
from halfopen.web.rendering import Rendering
from halfopen.web.settings_listing import sections
from halfopen.web.view import NoViewError, Shown
from halfopen.web.waterfall import PHASES, waterfall

PAGES: Final = (
    ("/", "Overview", "o"),
    ("/routes", "Routes", "r"),
    ("/upstreams", "Upstreams", "u"),
    ("/requests", "Requests", "e"),
    ("/spend", "Spend", "s"),
    ("/configuration", "Configuration", "c"),
)
"""Address, name, and the key that leads there after `g`."""
SINCES: Final = (
    ("15m", "15 minutes"),
    ("1h", "hour"),
    ("6h", "6 hours"),
    ("24h", "24 hours"),
    ("7d", "7 days"),
    ("30d", "30 days"),
)
_ONLY: Final = (
    (Only.ALL, "All"),
    (Only.FAILED, "Failed"),
    (Only.RESCUED, "Rescued"),
    (Only.GONE, "Client gone"),
)
DAYS: Final = (1, 7, 30, 90)
_DETAIL: Final = "/requests/"
_FILTERS: Final = ("only", "since", "route", "target", "caller", "kind")

_View = Callable[[Mapping[str, str], dict[str, Any]], Awaitable[Shown]]


class Views:
    """Makes them from what can be seen of the gateway."""

    def __init__(self, seen: Seen, rendering: Rendering) -> None:
        """Asks nothing yet."""
        self._seen = seen
        self._rendering = rendering
        self._by_path: dict[str, _View] = {
            "/": self._overview_page,
            "/routes": self._routes,
            "/upstreams": self._upstreams,
            "/requests": self._requests,
            "/spend": self._spend,
            "/configuration": self._configuration,
        }

    async def show(self, address: str) -> Shown:
        """A view by its path and query.

        Raises:
            NoViewError: There is none.
        """
        parts = urlsplit(address)
        query = dict(parse_qsl(parts.query, max_num_fields=50))
        overview = self.overview()
        try:
            if parts.path in self._by_path:
                return await self._by_path[parts.path](query, overview)
            if parts.path.startswith(_DETAIL):
                return await self._request(unquote(parts.path.removeprefix(_DETAIL)), overview)
        except StoreError as error:
            return self._problem(
                overview,
                "The record can't be read now",
                f"{error}. Requests are served all the same; this page looks again by itself.",
                503,
            )
        except QueryError as error:
            return self._problem(overview, "This can't be looked for", f"{error}.", 400)
        raise NoViewError(parts.path)

    def has(self, address: str) -> bool:
        """Whether there is such a view."""
        path = urlsplit(address).path
        return path in self._by_path or (path.startswith(_DETAIL) and len(path) > len(_DETAIL))

    def overview(self) -> dict[str, Any]:
        """How everything is: every view begins with it."""
        return self._seen.overview()

    def _shown(
        self, template: str, title: str, overview: dict[str, Any], /, status: int = 200, **told: Any
    ) -> Shown:
        html = self._rendering.html(template, title=title, overview=overview, **told)
        return Shown(title=title, health=overview["health"], html=html, status=status)

    def _problem(self, overview: dict[str, Any], title: str, text: str, status: int) -> Shown:
        return self._shown("problem.html", title, overview, status=status, text=text)

    async def _overview_page(self, query: Mapping[str, str], overview: dict[str, Any]) -> Shown:  # noqa: ARG002 - as all views
        return self._shown("overview.html", "Overview", overview, charts=charts(overview["series"]))

    async def _routes(self, query: Mapping[str, str], overview: dict[str, Any]) -> Shown:  # noqa: ARG002 - as all views
        return self._shown("routes.html", "Routes", overview)

    async def _upstreams(self, query: Mapping[str, str], overview: dict[str, Any]) -> Shown:  # noqa: ARG002 - as all views
        return self._shown("upstreams.html", "Upstreams", overview)

    async def _requests(self, query: Mapping[str, str], overview: dict[str, Any]) -> Shown:
        search = search_of(
            {"since": "1h", **{name: told for name, told in query.items() if told}}, self._rendering.wall()
        )
        # One more than is shown tells whether there is another page, and nobody is given more than the most.
        shown = min(search.limit, LIMIT_MAX - 1)
        found = await self._seen.requests(msgspec.structs.replace(search, limit=shown + 1))
        rows, more = found[:shown], len(found) > shown
        return self._shown(
            "requests.html",
            "Requests",
            overview,
            rows=rows,
            result=result_of,
            older=_address("/requests", query, before=rows[-1].number) if more else "",
            latest=_address("/requests", query) if search.before else "",
            is_filtered=any(query.get(name) for name in _FILTERS),
        )

    async def _request(self, request_id: str, overview: dict[str, Any]) -> Shown:
        request = await self._seen.request(request_id)
        if request is None:
            return self._problem(
                overview,
                "This request isn't kept",
                f"There is none with the id {request_id[:80]}. It may be under way still, be older than "
                "requests are kept, or be one of the successes, or of the requests that were turned away, of "
                "which no row is kept.",
                404,
            )
        return self._shown(
            "request.html",
            "Request",
            overview,
            row=request["row"],
            outcome=request["outcome"],
            drawing=waterfall(request),
            phases=PHASES,
            result=result_of(request["row"]),
            content=_prepared(request.get("content")),
        )

    async def _spend(self, query: Mapping[str, str], overview: dict[str, Any]) -> Shown:
        days = whole(query, "days", 1, DAYS_MAX, 30)
        return self._shown("spend.html", "Spend", overview, spend=await self._seen.spend(days), choices=DAYS)

    async def _configuration(self, query: Mapping[str, str], overview: dict[str, Any]) -> Shown:  # noqa: ARG002 - as all views
        configuration = self._seen.configuration()
        return self._shown(
            "configuration.html",
            "Configuration",
            overview,
            configuration=configuration,
            sections=sections(configuration["content"] or {}),
        )

    def filters(self, query: Mapping[str, str]) -> dict[str, Any]:
        """What the explorer's form offers, and what is chosen in it."""
        overview = self.overview()
        chosen = {name: query.get(name, "") for name in _FILTERS}
        return {
            "chosen": {**chosen, "since": chosen["since"] or "1h", "only": chosen["only"] or Only.ALL.value},
            "sinces": SINCES,
            "onlys": [(only.value, text) for only, text in _ONLY],
            "routes": [route["name"] for route in overview["routes"]],
            "targets": [upstream["target"] for upstream in overview["upstreams"]],
            "callers": [caller["name"] for caller in overview["callers"] if caller["name"]],
            "kinds": [kind.value for kind in Kind],
        }


def result_of(row: Kept | dict[str, Any]) -> tuple[str, str]:
    """What became of a request: a tone, and in words."""
    told = row if isinstance(row, dict) else msgspec.structs.asdict(row)
    if told["client_gone"]:
        return "mute", "client gone"
    if told["kind"]:
        return "bad", str(told["kind"]).replace("_", " ")
    return ("warn", "rescued") if told["rescued"] else ("good", "answered")


def _prepared(content: dict[str, Any] | None) -> dict[str, Any] | None:
    """Content with every field that a template asks for: JSON leaves out what is empty."""
    if content is None:
        return None
    empty = {"content": "", "name": "", "left_out_bytes": 0}
    shown = dict(content)
    for name in ("prompt", "answer"):
        messages = [
            {**message, "parts": [{**empty, **part} for part in message["parts"]]}
            for message in content[name]["messages"]
        ]
        shown[name] = {**content[name], "messages": messages}
    return shown


def _address(path: str, query: Mapping[str, str], **more: object) -> str:
    kept = {name: told for name, told in query.items() if told and name in (*_FILTERS, "until", "limit")}
    asked = urlencode({**kept, **more})
    return f"{path}?{asked}" if asked else path
