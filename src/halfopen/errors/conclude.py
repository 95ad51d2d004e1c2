"""Draws the conclusion from all the evidence of one case: the fault."""

from dataclasses import dataclass, field, replace

from halfopen.errors import prose
from halfopen.errors.finding import Finding
from halfopen.errors.http_status import read_status
from halfopen.errors.judge import heaviest, read_report
from halfopen.errors.make import make
from halfopen.errors.report import Report
from halfopen.errors.retry_after import clamp, rate_limit_reset, retry_after
from halfopen.errors.taxonomy import TAXONOMY
from halfopen.model import Fault, Kind, Place, Verdict

_REQUEST_IDS = ("x-request-id", "request-id", "apim-request-id", "x-ms-request-id", "x-goog-request-id")
_EVIDENCE_MAX = 8
_EVIDENCE_MAX_CHARS = 300


@dataclass(frozen=True, slots=True)
class Case:
    """What there is to judge: one failed reply, or one failed event of a stream."""

    status: int | None
    body: bytes
    reports: list[Report]
    """The layers of the error, the outermost first."""
    extra: list[Finding] = field(default_factory=list)
    """What the body as a whole says."""
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case."""
    wall_s: float | None = None


def conclude(case: Case) -> Fault:
    """Weigh the evidence and make the fault."""
    status, reports, headers = case.status, case.reports, case.headers
    failed = status is None or not 200 <= status <= 299
    candidates: list[tuple[Finding, Report | None]] = []
    if failed:
        candidates.append((read_status(status), None))
    candidates.extend((finding, None) for finding in case.extra)
    for report in reports:
        candidates.extend((finding, report) for finding in read_report(report))
    best = heaviest(candidates)
    assert best is not None
    finding, source = best
    first = finding is candidates[0][0]
    finding = _not_ours(finding, source)
    plain = failed and first and status is not None and 400 <= status <= 599
    delay_s = _delay_s(finding, headers, reports, case.wall_s)
    teller = source or _teller(reports)
    verdict, note = _verdict(finding, headers)
    return make(
        finding.kind,
        _message(teller, reports),
        status=status,
        effective_status=status if plain else None,
        type=_first("type", teller, reports),
        code=_first("code", teller, reports),
        param=_first("param", teller, reports),
        delay_s=delay_s,
        evidence=_evidence(finding, candidates, headers, delay_s, note),
        request_id=request_id(headers, reports),
        retries_max=finding.retries_max,
        body=case.body,
        verdict=verdict,
        place=finding.place,
    )


def _verdict(finding: Finding, headers: dict[str, str]) -> tuple[Verdict | None, str]:
    """Heed `x-should-retry: false`, by which a server forbids its clients to try again."""
    verdict = finding.verdict or TAXONOMY[finding.kind].verdict
    if verdict is Verdict.RETRY and headers.get("x-should-retry", "").strip().lower() == "false":
        return Verdict.FAILOVER, "x-should-retry: false"
    return finding.verdict, ""


def _not_ours(finding: Finding, source: Report | None) -> Finding:
    """A router's own account at an upstream is refused: our credential at the router is fine."""
    if source is None or "metadata.raw" not in source.path:
        return finding
    if TAXONOMY[finding.kind].verdict not in {Verdict.KEY, Verdict.QUOTA}:
        return finding
    return replace(finding, verdict=Verdict.FAILOVER, place=Place.PROVIDER)


def _delay_s(
    finding: Finding, headers: dict[str, str], reports: list[Report], wall_s: float | None
) -> float | None:
    """Return the longest of the explicit requests to wait, else the best hint."""
    asked = [report.delay_s for report in reports] + [retry_after(headers, wall_s)]
    explicit = [delay for delay in map(clamp, asked) if delay is not None]
    if explicit:
        return max(explicit)
    if finding.kind not in {Kind.RATE_LIMITED, Kind.SLOW_DOWN, Kind.OVERLOADED, Kind.UNAVAILABLE}:
        return None
    for report in reports:
        delay = clamp(prose.delay_in_prose(report.message))
        if delay is not None:
            return delay
    return rate_limit_reset(headers, wall_s) if finding.kind is Kind.RATE_LIMITED else None


def _teller(reports: list[Report]) -> Report | None:
    """The report whose words to show when none led to the kind."""
    return next((report for report in reports if report.message), reports[0] if reports else None)


def _message(teller: Report | None, reports: list[Report]) -> str:
    if teller is not None and teller.message:
        return teller.message
    return next((report.message for report in reports if report.message), "")


def _first(field: str, teller: Report | None, reports: list[Report]) -> str | None:
    ordered = [teller, *reports] if teller is not None else reports
    for report in ordered:
        value: str | None = getattr(report, field)
        if value is not None:
            return value[:200]
    return None


def request_id(headers: dict[str, str], reports: list[Report]) -> str | None:
    """Return the provider's id of the request, from the headers or else the body."""
    for name in _REQUEST_IDS:
        if value := headers.get(name, "").strip():
            return value[:200]
    return next((report.request_id for report in reports if report.request_id), None)


def _evidence(
    finding: Finding,
    candidates: list[tuple[Finding, Report | None]],
    headers: dict[str, str],
    delay_s: float | None,
    note: str,
) -> tuple[str, ...]:
    facts = [finding.fact, note] + [other.fact for other, _ in candidates]
    ignored = " (ignored)" if delay_s is None else ""
    waits = (name for name in ("retry-after-ms", "retry-after") if name in headers)
    facts.extend(f"{name}: {headers[name]}{ignored}" for name in waits)
    short = (fact[:_EVIDENCE_MAX_CHARS] for fact in facts if fact)
    return tuple(dict.fromkeys(short))[:_EVIDENCE_MAX]
