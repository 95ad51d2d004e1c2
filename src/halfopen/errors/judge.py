"""Weighs what all the layers of an error say, and picks the finding that explains the fault."""

from collections.abc import Iterable

from halfopen.errors import prose
from halfopen.errors.anthropic import ANTHROPIC, read_anthropic
from halfopen.errors.azure import AZURE
from halfopen.errors.finding import Finding, Weight
from halfopen.errors.gemini import GEMINI, read_gemini
from halfopen.errors.groq import GROQ
from halfopen.errors.http_status import read_status
from halfopen.errors.llama_cpp import LLAMA_CPP
from halfopen.errors.ollama import OLLAMA
from halfopen.errors.openai import OPENAI
from halfopen.errors.openrouter import OPENROUTER
from halfopen.errors.report import Report
from halfopen.errors.vllm import VLLM
from halfopen.errors.wrapper import WRAPPER
from halfopen.model import Kind

_ALL = (OPENAI, ANTHROPIC, GEMINI, AZURE, GROQ, OLLAMA, LLAMA_CPP, VLLM, OPENROUTER, WRAPPER)


def read_report(report: Report) -> list[Finding]:
    """Return everything that one layer says.

    Every provider's words are tried on every report: gateways wrap one provider's error in
    another's shape, a configured dialect may be wrong, and no two providers use one identifier for
    different things. Where two providers use one sentence, the shape around it decides.
    """
    opening = prose.take_apart(report.message).rest.strip().lower()
    findings: list[Finding] = []
    if report.status is not None and report.status >= 400:
        findings.append(read_status(report.status, f"status in {report.path}"))
    # Google answers a rate limit with the sentence that OpenAI uses for an exhausted quota.
    google = report.has_word("resource_exhausted") or "ai.google.dev" in opening
    for vocabulary in (GEMINI,) if google else _ALL:
        findings.extend(vocabulary.read(report, opening))
    findings.extend(read_gemini(report, opening))
    findings.extend(read_anthropic(report))
    if "maintenance" in opening and (report.status is None or report.status >= 500):
        findings.append(Finding(Kind.MAINTENANCE, Weight.STATUS, f'{report.path} says "maintenance"'))
    return findings


def heaviest(findings: Iterable[tuple[Finding, Report | None]]) -> tuple[Finding, Report | None] | None:
    """Return the heaviest finding with its report; of equals the last, which is the innermost."""
    best: tuple[Finding, Report | None] | None = None
    for candidate in findings:
        if best is None or candidate[0].weight >= best[0].weight:
            best = candidate
    return best
