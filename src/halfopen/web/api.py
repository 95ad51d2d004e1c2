"""What pages show, as JSON, and the counts for Prometheus."""

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from halfopen.seams.outcome_store import StoreError
from halfopen.seams.seen import Seen
from halfopen.signals.spend import DAYS_MAX
from halfopen.web.metrics_form import Form, form_of
from halfopen.web.query import QueryError, search_of, whole

PATHS: Final = (
    "/api/overview",
    "/api/status",
    "/api/configuration",
    "/api/requests",
    "/api/requests/ID",
    "/api/spend",
    "/metrics",
)
_ROWS: Final = 100


class Api:
    """Endpoints for programs. What goes wrong is told as `error`."""

    def __init__(self, seen: Seen, *, wall: Callable[[], float] = time.time) -> None:
        """`wall`: seconds since the Unix epoch."""
        self._seen = seen
        self._wall = wall

    async def paths(self, request: Request) -> Response:  # noqa: ARG002 - starlette's signature
        """What can be asked."""
        return _json({"paths": PATHS})

    async def overview(self, request: Request) -> Response:  # noqa: ARG002 - starlette's signature
        """How everything is."""
        return _json(self._seen.overview())

    async def status(self, request: Request) -> Response:  # noqa: ARG002 - starlette's signature
        """The processes."""
        return _json(self._seen.status())

    async def configuration(self, request: Request) -> Response:  # noqa: ARG002 - starlette's signature
        """The snapshot in force."""
        return _json(self._seen.configuration())

    async def requests(self, request: Request) -> Response:
        """Requests that are kept. `next`: the `before` of the next page, 0: there is none."""
        try:
            search = search_of(request.query_params, self._wall(), limit=_ROWS)
            rows = await self._seen.requests(search)
        except QueryError as error:
            return _error(str(error), 400)
        except StoreError as error:
            return _error(f"the record can't be read now: {error}", 503)
        following = rows[-1].number if len(rows) == search.limit else 0
        return _json({"requests": [_row(row) for row in rows], "next": following})

    async def request(self, request: Request) -> Response:
        """One request with its attempts."""
        request_id = request.path_params["request_id"]
        try:
            found = await self._seen.request(request_id)
        except StoreError as error:
            return _error(f"the record can't be read now: {error}", 503)
        return _error("this request isn't kept", 404) if found is None else _json(found)

    async def spend(self, request: Request) -> Response:
        """Money and tokens."""
        try:
            return _json(await self._seen.spend(whole(request.query_params, "days", 1, DAYS_MAX, 30)))
        except QueryError as error:
            return _error(str(error), 400)
        except StoreError as error:
            return _error(f"the record can't be read now: {error}", 503)

    async def metrics(self, request: Request) -> Response:
        """Everything that is counted, for Prometheus, in the format that it prefers."""
        form = form_of(request.headers.getlist("accept"))
        told = self._seen.metrics(as_openmetrics=form is Form.OPENMETRICS)
        return Response(told, headers={"content-type": form.value, "vary": "accept"})

    async def missing(self, request: Request) -> Response:  # noqa: ARG002 - starlette's signature
        """No such path."""
        return _error(f"no such path; there are {', '.join(PATHS)}", 404)


def _row(row: Any) -> dict[str, Any]:
    told = msgspec.structs.asdict(row)
    del told["detail"]
    return told


def _json(data: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(data) + b"\n", status, media_type="application/json")


def _error(text: str, status: int) -> Response:
    return _json({"error": text}, status)
