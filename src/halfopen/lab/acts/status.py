"""An error response instead of the answer."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from halfopen.lab import wire
from halfopen.lab.anthropic.refusal import error_body as anthropic_body
from halfopen.lab.anthropic.refusal import type_of as anthropic_type
from halfopen.lab.exchange import Headers
from halfopen.lab.fault import Act, Scene
from halfopen.lab.gemini.refusal import error_body as gemini_body
from halfopen.lab.openai.refusal import error_body as openai_body
from halfopen.lab.steps import Met, Send, Step

JSON = ("content-type", "application/json")
HTML = ("content-type", "text/html; charset=UTF-8")
TEXT = ("content-type", "text/plain; charset=utf-8")
Body = bytes | Callable[[Scene], bytes]


def id_headers(scene: Scene) -> Headers:
    """The request id where the vendor puts it."""
    names = {"openai": "x-request-id", "anthropic": "request-id"}
    name = names.get(scene.vendor.name)
    return () if name is None else ((name, f"req_{scene.request_id}"),)


def answered(status: int, body: Body, *headers: tuple[str, str], with_id: bool = True) -> Act:
    """A response with this status, body and these headers."""

    def act(scene: Scene) -> Iterator[Step]:
        data = body if isinstance(body, bytes) else body(scene)
        ids = id_headers(scene) if with_id else ()
        head = wire.head(status, (*headers, *ids, ("content-length", str(len(data)))), scene.now)
        yield Send(head + data)
        yield Met()

    return act


def openai_error(
    status: int,
    message: str,
    type_: str,
    *headers: tuple[str, str],
    code: str | None = None,
    param: str | None = None,
) -> Act:
    """An error of OpenAI's shape."""
    return answered(status, openai_body(message, type_, code, param), JSON, *headers)


def anthropic_error(
    status: int, message: str, *headers: tuple[str, str], type_: str | None = None, details: Any = None
) -> Act:
    """An error of Anthropic's shape; the type follows from the status unless it is given."""

    def body(scene: Scene) -> bytes:
        return anthropic_body(message, type_ or anthropic_type(status), scene.request_id, details)

    retried = "true" if status in {408, 409, 429} or status >= 500 else "false"
    return answered(status, body, JSON, ("x-should-retry", retried), *headers)


def gemini_error(status: int, message: str, *, name: str | None = None, details: Sequence[Any] = ()) -> Act:
    """An error of Gemini's shape; the canonical name follows from the status unless it is given."""
    body = gemini_body(status, message, name=name, details=details)
    return answered(status, body, ("content-type", "application/json; charset=UTF-8"))


def vendor_error(status: int, message: str, *headers: tuple[str, str]) -> Act:
    """An error of the shape of whichever vendor plays it."""

    def act(scene: Scene) -> Iterator[Step]:
        error = scene.vendor.error(status, message, scene.request_id)
        yield Send(wire.sized_head(error, scene.now, len(error.body), headers) + error.body)
        yield Met()

    return act


def cloudflare(status: int, title: str, text: str) -> Act:
    """A page of the edge in front of the provider."""
    page = (
        '<!DOCTYPE html>\n<html lang="en-US">\n<head>\n'
        f"<title>api.example.com | {status}: {title}</title>\n"
        '<meta charset="UTF-8" />\n</head>\n<body>\n<div id="cf-wrapper">\n'
        f"<h1><span>{title}</span> <span>Error code {status}</span></h1>\n"
        f"<p>{text}</p>\n<div>Cloudflare Ray ID: <strong>8f00ba5e0000lab0</strong></div>\n"
        "</div>\n</body>\n</html>\n"
    )
    headers = (HTML, ("server", "cloudflare"), ("cf-ray", "8f00ba5e0000lab0-FRA"))
    return answered(status, page.encode(), *headers, with_id=False)


def nginx(status: int) -> Act:
    """The plain page of a load balancer."""
    title = f"{status} {wire.reason(status)}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return answered(status, page.encode(), ("content-type", "text/html"), ("server", "nginx"), with_id=False)
