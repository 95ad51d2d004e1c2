"""Style sheets, scripts and icons, read once and served from memory.

uPlot and htmx are put into `static/vendor` when the package is built. Where they are not, pages show tables
in place of charts and load whole pages in place of parts.
"""

import hashlib
from pathlib import Path
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

STATIC: Final = Path(__file__).parent / "static"
VENDOR: Final = ("vendor/htmx.min.js", "vendor/uPlot.iife.min.js", "vendor/uPlot.min.css")
_TYPES: Final = (
    (".css", "text/css; charset=utf-8"),
    (".js", "text/javascript; charset=utf-8"),
    (".svg", "image/svg+xml"),
)
_FOR_EVER: Final = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """One file."""

    content: bytes
    media_type: str
    version: str
    """The beginning of its SHA-256."""


class Assets:
    """All files by their path below `static`."""

    def __init__(self, folder: Path = STATIC) -> None:
        """Reads all of them."""
        types = dict(_TYPES)
        self._known: dict[str, Asset] = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in types:
                content = path.read_bytes()
                version = hashlib.sha256(content).hexdigest()[:12]
                self._known[path.relative_to(folder).as_posix()] = Asset(content, types[path.suffix], version)

    @property
    def has_vendor(self) -> bool:
        """Whether uPlot and htmx are there."""
        return all(name in self._known for name in VENDOR)

    def address(self, name: str) -> str:
        """The address of a file, which changes when the file does."""
        return f"/static/{name}?v={self._known[name].version}"

    async def serve(self, request: Request) -> Response:
        """The file that a request names."""
        asset = self._known.get(request.path_params["name"])
        if asset is None:
            return PlainTextResponse("There is no such file.\n", 404)
        etag = f'"{asset.version}"'
        is_current = request.query_params.get("v") == asset.version
        headers = {"etag": etag, "cache-control": _FOR_EVER if is_current else "no-cache"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(asset.content, media_type=asset.media_type, headers=headers)
