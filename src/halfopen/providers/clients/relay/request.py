"""A request that is relayed as it is."""

from dataclasses import dataclass
from urllib.parse import quote, unquote_plus

from halfopen import errors
from halfopen.model import Fault, Kind
from halfopen.providers.ask import Ask
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.relay.model_name import model_in
from halfopen.providers.clients.relay.rule import RelayRule, rule_of

ANY_MODEL = "*"
"""The model of a request that names none, and of the targets that take such requests."""
_KEPT_HEADERS = ("content-type", "accept", "openai-beta", "idempotency-key")
_PREFIX = "/v1"
_CREDENTIALS = ("key", "api_key")
"""Parts of a query that are the client's key for us."""
_QUERY_SAFE = "%!$'()*+,;=:@/?[]~&"


@dataclass(frozen=True)
class Relayed(Ask):
    """One request for a part of OpenAI's API that is not served here. Its model may be `ANY_MODEL`."""

    method: str
    path: str
    """Below /v1, encoded, with the query as it came, but for keys."""
    rule: RelayRule
    content_type: str


def parse_relayed(request: ClientRequest) -> Relayed | Fault:
    """Read a request for which `rule_of` has a rule."""
    rule = rule_of(request.method, request.path)
    if rule is None:
        return errors.make(
            Kind.INVALID_REQUEST,
            f"{request.method} {request.path[:200]} is not relayed.",
            effective_status=404,
        )
    content_type = request.headers.get("content-type", "")
    model = model_in(rule, content_type, request.body)
    below = quote(request.path.removeprefix(_PREFIX), safe="/:@~+")
    query = _query(request.raw_query)
    kept = tuple((name, request.headers[name]) for name in _KEPT_HEADERS if name in request.headers)
    return Relayed(
        request.body,
        model or ANY_MODEL,
        stream=False,
        headers=kept,
        # The gateway leaves out the body of an answer to HEAD; the upstream is asked in full.
        method="GET" if request.method == "HEAD" else request.method,
        path=f"{below}?{query}" if query else below,
        rule=rule,
        content_type=content_type,
    )


def _query(raw: str) -> str:
    """A query without keys. What is not encoded though it must be is encoded; all else stays."""
    pairs = [pair for pair in raw.split("&") if unquote_plus(pair.partition("=")[0]) not in _CREDENTIALS]
    return quote("&".join(pairs), safe=_QUERY_SAFE, encoding="latin-1", errors="replace")
