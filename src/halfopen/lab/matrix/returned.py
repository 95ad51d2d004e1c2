"""The verdict where the request itself is at fault: the upstream's error must come back as it is."""

from halfopen.lab.matrix.case import Case
from halfopen.lab.matrix.evidence import Evidence, Judgement
from halfopen.lab.matrix.row import Result
from halfopen.lab.matrix.seen import Seen
from halfopen.model import Fault

_OPENAI = ("chat", "responses", "completions", "embeddings")
"""Clients that speak OpenAI's errors."""


def judge_returned(case: Case, evidence: Evidence, fault: Fault, seen: Seen) -> Judgement:
    """Judge what came for a request that is at fault."""
    if seen.error is None:
        return _fail("an answer, though the request itself is at fault")
    told = seen.told
    if told is None or not told.explicit or told.status is None:
        return _fail(f"not the upstream's error but {type(seen.error).__name__}: {seen.error}")
    if (evidence.primary_calls, evidence.backup_calls) != (1, 0):
        calls = f"{evidence.primary_calls} calls to the primary and {evidence.backup_calls} to the backup"
        return _fail(f"{calls}, not one to the primary alone")
    expected: dict[str, object] = {
        "status": fault.effective_status or fault.status,
        "message": fault.message,
    }
    if case.client in _OPENAI and (case.client == "chat" or case.primary == "openai"):
        expected |= {"code": fault.code, "param": fault.param}
    if case.client in _OPENAI:
        # Another vendor's word for it means nothing to these clients.
        expected["type"] = fault.type if case.primary == "openai" else "invalid_request_error"
    for name, value in expected.items():
        given = getattr(told, name)
        if value is not None and str(given) != str(value):
            return _fail(f"{name} is {given!r}, not the upstream's {value!r}")
    if told.native is not None:
        return _fail(f"the client's own error class, but {told.native}")
    return Judgement(Result.PASS, f"the upstream's own {expected['status']}, after one call")


def _fail(why: str) -> Judgement:
    return Judgement(Result.FAIL, why)
