"""Renders docs/reference/faults.md from the taxonomy, so that the two can't differ."""

from collections.abc import Mapping
from types import MappingProxyType

from halfopen.errors.row import Row
from halfopen.errors.rows.account import ACCOUNT
from halfopen.errors.rows.answer import ANSWER
from halfopen.errors.rows.gateway import GATEWAY
from halfopen.errors.rows.load import LOAD
from halfopen.errors.rows.network import NETWORK
from halfopen.errors.rows.request import REQUEST
from halfopen.errors.rows.server import SERVER
from halfopen.model import Kind, Place, Verdict

VERDICTS: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.RETRY: "the same upstream may well answer the same request; another may, too",
        Verdict.FAILOVER: "this upstream will not answer soon; another may",
        Verdict.THROTTLE: "this upstream answers again after a delay; another may answer now",
        Verdict.QUOTA: "the account is out of money or quota: its credential is left alone for a while",
        Verdict.KEY: "the credential is refused: it is left alone until somebody mends it",
        Verdict.FIX_REQUEST: "no upstream will answer this request as it stands: the caller must change it",
    }
)
"""What each verdict means."""

PLACES: Mapping[Place, str] = MappingProxyType(
    {
        Place.CLIENT: "the caller's request",
        Place.NETWORK: "the network between the gateway and the provider",
        Place.EDGE: "the CDN or proxy in front of the provider",
        Place.PROVIDER: "the provider's servers",
        Place.CONFIGURATION: "our account, key or configuration",
        Place.GATEWAY: "the gateway itself",
    }
)
"""Where each place is."""

_GROUPS: tuple[tuple[str, Mapping[Kind, Row]], ...] = (
    ("The request", REQUEST),
    ("The account and the configuration", ACCOUNT),
    ("Load", LOAD),
    ("The provider's servers and its edge", SERVER),
    ("The network and time", NETWORK),
    ("An answer that is none", ANSWER),
    ("The gateway", GATEWAY),
)

_INTRODUCTION = """\
# Faults

Every failure, whoever reports it and in whatever words, becomes one of these kinds. `halfopen explain`
prints the row for a status, a kind, or a saved response. This page is generated from the taxonomy.

While a route has an untried target, the gateway goes there whatever the verdict, unless the request
itself is at fault. The verdict says what may be done with the *same* upstream and its credential.
"""

_EXCEPTIONS = """\
## Where the evidence changes the verdict

| evidence | verdict |
|---|---|
| status 529 or Anthropic's `overloaded_error` | failover |
| a request larger than the account's tokens a minute (`Request too large for …`) | failover |
| a 403 page of a CDN or proxy instead of the API's JSON | failover, at the edge |
| a refused key or an exhausted quota of a router's upstream (`metadata.raw`) | failover, at the provider |
| a redirect, 407 or 511 | failover |
| a resolver's temporary failure | retry, at most 1 |
| `x-should-retry: false` on a fault that could be retried | failover |
"""


def faults_page() -> str:
    """Return the page as Markdown."""
    parts = [_INTRODUCTION, "## Verdicts\n", "| verdict | meaning |\n|---|---|"]
    parts.extend(f"| {verdict.value} | {meaning} |" for verdict, meaning in VERDICTS.items())
    parts.extend(["\n## Places\n", "| place | meaning |\n|---|---|"])
    parts.extend(f"| {place.value} | {meaning} |" for place, meaning in PLACES.items())
    for title, rows in _GROUPS:
        parts.append(f"\n## {title}\n")
        parts.append("| kind | verdict | place | status | meaning | what to do |\n|---|---|---|---|---|---|")
        parts.extend(_line(kind, row) for kind, row in rows.items())
    return "\n".join([*parts, "", _EXCEPTIONS])


def _line(kind: Kind, row: Row) -> str:
    limit = "" if row.retries_max is None else f", at most {row.retries_max}"
    return (
        f"| `{kind.value}` | {row.verdict.value}{limit} | {row.place.value} | {row.effective_status} "
        f"| {row.meaning} | {row.remedy} |"
    )
