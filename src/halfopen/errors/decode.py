"""The decoder: whatever came from an upstream, in; a fault, or None for a good reply, out.

Rules
1. Total: any status, headers, body and transport error give an answer, and nothing is raised.
2. The layers of an error are unwrapped (`unwrap`) and each says what it knows (`judge`); the
   heaviest finding wins, so that a 401 inside a 500 is a bad key and a plain 500 stays one.
3. A 2xx is a fault when it carries an error, a page, nothing, or no answer (`success`).
"""

from halfopen.errors.conclude import Case, conclude, request_id
from halfopen.errors.event import read_stream
from halfopen.errors.finding import Finding, Weight
from halfopen.errors.html import looks_like_html, read_page
from halfopen.errors.json_body import JSON_MAX_BYTES, NoJson, decode_json
from halfopen.errors.make import make
from halfopen.errors.success import error_node, read_body
from halfopen.errors.transport import read_transport
from halfopen.errors.unwrap import Unwrapper
from halfopen.model import Fault, Kind, Reply

_STATUSES_THAT_QUOTE = frozenset({400, 422})
"""The message of these may quote the caller's words, so only structure in it is believed."""


def decode(reply: Reply, wall_s: float | None = None) -> Fault | None:
    """Classify a reply.

    Message, evidence and body are as the upstream sent them: `redact.fault()` masks secrets where
    the fault leaves the process.

    Args:
        reply: What came back, or what there is of it.
        wall_s: Seconds since the Unix epoch, for dates in `retry-after`; None: the reply's own
            `date` header is used.

    Returns:
        None exactly when the status is 2xx, there is no transport error and the body shows no
        error; else the fault. A 2xx body is looked at for errors only: whether an answer is whole
        is its dialect's business.
    """
    headers = {name.lower(): value for name, value in reply.headers}
    if reply.transport is not None and (reply.status is None or reply.status < 400):
        return _transport_fault(reply, headers)
    status = reply.status
    if status is not None and 200 <= status <= 299:
        return _decode_success(reply, headers, wall_s)
    text = reply.body[:JSON_MAX_BYTES].decode("utf-8", "replace").lstrip("\ufeff")
    unwrapper = Unwrapper(trust_text=status not in _STATUSES_THAT_QUOTE)
    value = NoJson.OTHER if len(reply.body) > JSON_MAX_BYTES else decode_json(text)
    if isinstance(value, dict | list):
        unwrapper.error(error_node(value) or ("body", value), value)
    elif isinstance(value, str):
        unwrapper.text(value, "body")
    elif not looks_like_html(text):
        unwrapper.text(text, "body")
    extra = [] if status is None else read_page(status, text, headers)
    if reply.transport is not None:
        fact = f"the body was cut: {reply.transport.value}"
        extra.append(Finding(Kind.UNKNOWN, Weight.VAGUE, fact))
    return conclude(Case(status, reply.body, unwrapper.reports, extra, headers, wall_s))


def _decode_success(reply: Reply, headers: dict[str, str], wall_s: float | None) -> Fault | None:
    if "event-stream" in headers.get("content-type", "").lower():
        return read_stream(reply.body, reply.dialect, reply.status or 200)
    body = reply.body.removeprefix(b"\xef\xbb\xbf")
    value = decode_json(body)
    node = error_node(value)
    if node is not None:
        unwrapper = Unwrapper(trust_text=True)
        unwrapper.error(node, value)
        fallback = Finding(Kind.SERVER_ERROR, Weight.VAGUE, "an error object in a good status")
        return conclude(Case(reply.status, reply.body, unwrapper.reports, [fallback], headers, wall_s))
    head = body[:JSON_MAX_BYTES].decode("utf-8", "replace")
    finding = read_body(head, value)
    if finding is None:
        return None
    return conclude(Case(reply.status, reply.body, [], [finding], headers, wall_s))


def _transport_fault(reply: Reply, headers: dict[str, str]) -> Fault:
    assert reply.transport is not None
    finding = read_transport(reply.transport, reply.detail)
    evidence = (finding.fact,) if reply.status is None else (finding.fact, f"status {reply.status}")
    fault = make(finding.kind)
    message = f"{fault.message.removesuffix('.')}: {reply.detail[:500]}" if reply.detail else ""
    return make(
        finding.kind,
        message,
        status=reply.status,
        evidence=evidence,
        request_id=request_id(headers, []),
        body=reply.body,
        verdict=finding.verdict,
        retries_max=finding.retries_max,
    )
