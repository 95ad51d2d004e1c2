"""The verdict on one case, from what was seen alone.

Rules
1. A row whose fault never happened proves nothing: void.
2. An answer counts only when it is whole and true: the very text that one of the two providers had
   to give to this question, one finish reason `stop`, and token counts that fit the text.
3. A fault before the client has anything of the answer must end in such an answer, unless the fault's
   own verdict is "fix the request": then the upstream's error must come back after exactly one call.
4. A fault after that may also end in an explicit error, behind nothing but a true beginning of the
   answer.
5. The official client must not have had to repeat its request: saving it is the gateway's work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import openai

from halfopen.lab.answer import expected_text, tokens
from halfopen.lab.matrix.case import MODELS, PROVIDERS, Case
from halfopen.lab.matrix.row import Result
from halfopen.lab.matrix.seen import Seen
from halfopen.model import Fault

ATTEMPTS_MAX = 3
"""Calls to upstreams for one request, at most."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a verdict rests on."""

    seen: Sequence[Seen]
    """What the client got for each question, in order. The last one is judged; the others lead up to it."""
    prompt: str
    met: int
    """How often the fault happened on the wire."""
    primary_calls: int
    backup_calls: int
    to_return: Fault | None = None
    """The fault's own error when its verdict is "fix the request"."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A result, why, and who the answer came from."""

    result: Result
    why: str
    served_by: str | None = None
    """primary or backup."""


def judge(case: Case, evidence: Evidence) -> Judgement:
    """Give one case its verdict."""
    if evidence.met == 0:
        return Judgement(Result.VOID, "the fault never happened")
    *earlier, last = evidence.seen
    for number, seen in enumerate(earlier, 1):
        wrong = _wrong_lead(case, evidence, seen)
        if wrong is not None:
            return Judgement(Result.FAIL, f"question {number}, before the fault: {wrong}")
    judgement = _judge_last(case, evidence, last)
    if judgement.result is Result.FAIL:
        return judgement
    if last.requests != 1:
        why = f"the client had to send its request {last.requests} times"
        return Judgement(Result.FAIL, why, judgement.served_by)
    calls = evidence.primary_calls + evidence.backup_calls
    if calls > ATTEMPTS_MAX * len(evidence.seen):
        why = f"{calls} upstream calls for {len(evidence.seen)} request(s)"
        return Judgement(Result.FAIL, why, judgement.served_by)
    return judgement


def _wrong_lead(case: Case, evidence: Evidence, seen: Seen) -> str | None:
    if seen.timed_out:
        return "no end"
    if seen.error is not None:
        return f"an error: {described(seen.error)}"
    wrong = wrong_answer(case, evidence.prompt, seen)
    if wrong is None and _source(case, evidence.prompt, seen.text) != "primary":
        return "not answered by the primary"
    return wrong


def _judge_last(case: Case, evidence: Evidence, seen: Seen) -> Judgement:
    if seen.timed_out:
        return Judgement(Result.FAIL, f"no end within {seen.duration_s:.0f} s")
    if evidence.to_return is not None:
        return _judge_returned(evidence, evidence.to_return, seen)
    if seen.error is not None:
        return _judge_error(case, evidence, seen, seen.error)
    wrong = wrong_answer(case, evidence.prompt, seen)
    if wrong is not None:
        return Judgement(Result.FAIL, wrong)
    source = _source(case, evidence.prompt, seen.text)
    wrong = _wrong_source(case, evidence, seen, source)
    if wrong is not None:
        return Judgement(Result.FAIL, wrong, source)
    return Judgement(Result.PASS, f"a whole answer from the {source}", source)


def _judge_returned(evidence: Evidence, fault: Fault, seen: Seen) -> Judgement:
    """The request is at fault: its error must come back, once and as it is."""
    if seen.error is None:
        return Judgement(Result.FAIL, "an answer, though the request itself is at fault")
    error = seen.error
    if not isinstance(error, openai.APIStatusError):
        return Judgement(Result.FAIL, f"not the upstream's error but {described(error)}")
    if (evidence.primary_calls, evidence.backup_calls) != (1, 0):
        calls = f"{evidence.primary_calls} calls to the primary and {evidence.backup_calls} to the backup"
        why = f"{calls}, not one to the primary alone"
        return Judgement(Result.FAIL, why)
    status = fault.effective_status or fault.status
    body: Any = error.body if isinstance(error.body, dict) else {}
    expected = {"status": status, "message": fault.message, "code": fault.code, "param": fault.param}
    expected["type"] = fault.type
    given = {"status": error.status_code, **{name: body.get(name) for name in expected if name != "status"}}
    for name, value in expected.items():
        if value is not None and str(given[name]) != str(value):
            return Judgement(Result.FAIL, f"{name} is {given[name]!r}, not the upstream's {value!r}")
    return Judgement(Result.PASS, f"the upstream's own {status}, after one call")


def _judge_error(case: Case, evidence: Evidence, seen: Seen, error: Exception) -> Judgement:
    told = described(error)
    if case.fault.healthy:
        return Judgement(Result.FAIL, f"an error, though the primary's answer was good: {told}")
    if case.pass_is_due:
        return Judgement(Result.FAIL, f"an error, though the backup was there: {told}")
    if not is_explicit(error):
        return Judgement(Result.FAIL, f"the client broke down instead of being told: {told}")
    if not any(text.startswith(seen.text) for text in _texts(case, evidence.prompt).values()):
        return Judgement(Result.FAIL, f"an error behind what nobody answered: {_short(seen.text)}")
    if seen.finish:
        return Judgement(Result.FAIL, f"an error behind the finish reason {seen.finish[0]}")
    return Judgement(Result.SAFE, f"an explicit error after a part of the answer: {told}")


def wrong_answer(case: Case, prompt: str, seen: Seen) -> str | None:
    """Why an answer is not a whole and true one; None: it is."""
    if not seen.text:
        return "an empty answer taken for success"
    if seen.text not in _texts(case, prompt).values():
        if any(text.startswith(seen.text) for text in _texts(case, prompt).values()):
            return f"a truncated answer taken for success: …{seen.text[-30:]!r}"
        return f"a wrong answer taken for success: {_short(seen.text)}"
    if seen.finish != ["stop"]:
        return f"finish reasons {seen.finish} instead of one stop"
    if seen.usage is None:
        return "no token counts, though they are promised"
    given, made, total = seen.usage
    if given <= 0 or made != len(tokens(seen.text)) or total != given + made:
        return f"token counts {seen.usage} don't fit an answer of {len(tokens(seen.text))}"
    return seen.oddities[0] if seen.oddities else None


def _wrong_source(case: Case, evidence: Evidence, seen: Seen, source: str) -> str | None:
    """Whether the answer came from where it says, and from where it should."""
    calls = {"primary": evidence.primary_calls, "backup": evidence.backup_calls}
    if not calls[source]:
        return f"the {source}'s answer, but it was never called"
    if case.fault.healthy and (source != "primary" or evidence.backup_calls):
        return "the primary's answer was good, but the backup was called"
    if case.fault.healthy and evidence.primary_calls != len(evidence.seen):
        return f"the primary's answer was good, but it was called {evidence.primary_calls} times"
    dialect = case.primary if source == "primary" else case.backup
    upstream = seen.headers.get("x-halfopen-upstream")
    if upstream not in (None, f"{PROVIDERS[dialect]}/{MODELS[dialect]}"):
        return f"x-halfopen-upstream says {upstream}, but the {source} answered"
    attempts = seen.headers.get("x-halfopen-attempts")
    if source == "backup" and attempts is not None and int(attempts) < 2:
        return "the primary was passed over, so that its fault was not met"
    return None


def _texts(case: Case, prompt: str) -> dict[str, str]:
    """What each of the two has to answer."""
    return {
        source: expected_text(dialect, MODELS[dialect], prompt)
        for source, dialect in (("primary", case.primary), ("backup", case.backup))
    }


def _source(case: Case, prompt: str, text: str) -> str:
    return next(source for source, expected in _texts(case, prompt).items() if expected == text)


def is_explicit(error: Exception) -> bool:
    """Whether the client was told of a failure, rather than tripping over what it got."""
    return isinstance(error, openai.APIError) and not isinstance(error, openai.APIResponseValidationError)


def described(error: Exception) -> str:
    """Class and words of an exception."""
    status = f" {error.status_code}" if isinstance(error, openai.APIStatusError) else ""
    return f"{type(error).__name__}{status}: {_short(str(error))}"


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "…"
