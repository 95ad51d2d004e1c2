"""The verdict on one case, from what was seen alone.

Rules
1. A row whose fault never happened proves nothing: void.
2. An answer counts only when it is whole and true: the very text that one of the two providers had
   to give to this question, or a true beginning of the primary's with what the backup says behind
   exactly that; one finish reason `stop`, and token counts that can be true.
3. Tool calls count only when they are whole and all from one provider.
4. A fault must end in such an answer, unless the fault's own verdict is "fix the request": then the
   upstream's error must come back after exactly one call.
5. Where a part of the answer is out and nobody may go on with it (the route says so, or there are
   several answers), it may also end in an explicit error, behind nothing but a true beginning.
6. The official client must not have had to repeat its request: saving it is the gateway's work.
7. Nothing may come that the client's own provider never sends: see `Seen.oddities`.
"""

from halfopen.lab.matrix import spent, truth
from halfopen.lab.matrix.case import CHOICES, CHOICES_COUNT, PROVIDERS, TEXT, TOOL_NAMES, TOOLS, Case
from halfopen.lab.matrix.evidence import Evidence, Judgement
from halfopen.lab.matrix.returned import judge_returned
from halfopen.lab.matrix.row import Result
from halfopen.lab.matrix.seen import EMBEDDINGS, Seen
from halfopen.lab.matrix.truth import BACKUP, BOTH, PRIMARY

ATTEMPTS_MAX = 3
"""Calls to upstreams for one request, at most."""
_NO_EVIDENCE = ("opening", "content", "ping", "closing", "finish")
"""What a stream broke off before, when its finish never came."""


def judge(case: Case, evidence: Evidence) -> Judgement:
    """Give one case its verdict."""
    if evidence.met == 0:
        return Judgement(Result.VOID, "the fault never happened")
    *earlier, last = evidence.seen
    for number, seen in enumerate(earlier, 1):
        wrong = _wrong_lead(case, evidence, seen)
        if wrong is not None:
            return _fail(f"question {number}, before the fault: {wrong}")
    judgement = _judge_last(case, evidence, last)
    if judgement.result is Result.FAIL:
        return judgement
    if last.requests != 1:
        return _fail(f"the client had to send its request {last.requests} times", judgement.served_by)
    calls = evidence.primary_calls + evidence.backup_calls
    if calls > ATTEMPTS_MAX * len(evidence.seen):
        return _fail(f"{calls} upstream calls for {len(evidence.seen)} request(s)", judgement.served_by)
    return judgement


def _fail(why: str, served_by: str | None = None) -> Judgement:
    return Judgement(Result.FAIL, why, served_by)


def _wrong_lead(case: Case, evidence: Evidence, seen: Seen) -> str | None:
    if seen.timed_out:
        return "no end"
    if seen.error is not None:
        return f"an error: {described(seen.error)}"
    source = _source(case, evidence.prompt, seen)
    if source is None:
        return _untrue(case, evidence.prompt, seen)
    if source not in (PRIMARY, BOTH) or (case.client != EMBEDDINGS and source == BOTH):
        return "not answered by the primary"
    return _unfinished(case, seen) or (seen.oddities[0] if seen.oddities else None)


def _judge_last(case: Case, evidence: Evidence, seen: Seen) -> Judgement:
    if seen.timed_out:
        return _fail(f"no end within {seen.duration_s:.0f} s")
    if evidence.to_return is not None:
        return judge_returned(case, evidence, evidence.to_return, seen)
    if seen.error is not None:
        return _judge_error(case, evidence, seen, seen.error)
    source = _source(case, evidence.prompt, seen)
    if source is None:
        return _fail(_untrue(case, evidence.prompt, seen))
    if case.client == EMBEDDINGS or (source == BOTH and case.question == TOOLS):
        source = BACKUP if evidence.backup_calls else PRIMARY  # both say the same
    elif source == PRIMARY and case.is_inside and case.question == TEXT and evidence.backup_calls:
        source = BOTH  # it had said all, and the backup had nothing to add
    for wrong in (
        _unfinished(case, seen),
        _wrong_source(case, evidence, seen, source),
        seen.oddities[0] if seen.oddities else None,
        _wrong_usage(case, evidence, seen, source),
    ):
        if wrong is not None:
            return _fail(wrong, source)
    if source == BOTH:
        return Judgement(Result.PASS, "a whole answer that the backup went on with", source)
    return Judgement(Result.PASS, f"a whole answer from the {source}", source)


def _judge_error(case: Case, evidence: Evidence, seen: Seen, error: Exception) -> Judgement:
    told = described(error)
    place = evidence.place
    if case.fault.healthy:
        return _fail(f"an error, though the primary's answer was good: {told}")
    if not case.may_end:
        return _fail(f"an error, though the backup was there: {told}")
    if case.question != CHOICES and place is not None and not place.contents:
        return _fail(f"an error, though nothing of the answer was out: {told}")
    if seen.told is None or not seen.told.explicit:
        return _fail(f"the client broke down instead of being told: {told}")
    for number, text in ((0, seen.text), *seen.more.items()):
        if not truth.is_beginning(case, evidence.prompt, text, number):
            return _fail(f"an error behind what nobody answered: {short(text)}")
    if seen.calls:
        return _fail(f"an error behind {len(seen.calls)} tool calls")
    if len(seen.finish) >= (CHOICES_COUNT if case.question == CHOICES else 1):
        return _fail(f"an error behind the finish reason {seen.finish[0]}")
    if seen.told.native is not None:
        return _fail(f"an error of the client's own class, but {seen.told.native}")
    if seen.oddities:
        return _fail(f"an error after {seen.oddities[0]}")
    return Judgement(Result.SAFE, f"an explicit error after a part of the answer: {told}")


def _source(case: Case, prompt: str, seen: Seen) -> str | None:
    """Who gave the answer: primary, backup or both; None: nobody gave such an answer.

    The two have the same vectors, and calls without ids are the same as well: then it is both.
    """
    if case.client == EMBEDDINGS:
        return BOTH if truth.are_true_vectors(case, prompt, seen.vectors) else None
    if seen.calls or case.question == TOOLS:
        return _calls_source(case, prompt, seen)
    if case.question == CHOICES:
        said = [seen.text, *(seen.more.get(number, "") for number in range(1, CHOICES_COUNT))]
        whole = [truth.texts(case, prompt, number) for number in range(CHOICES_COUNT)]
        for source in (PRIMARY, BACKUP):
            if said == [each[source] for each in whole]:
                return source
        return None
    for source, text in truth.texts(case, prompt).items():
        if seen.text == text:
            return source
    return BOTH if case.is_inside and truth.seam(case, prompt, seen.text) is not None else None


def _calls_source(case: Case, prompt: str, seen: Seen) -> str | None:
    if case.question != TOOLS or seen.text:
        return None
    if [call.name for call in seen.calls] != list(TOOL_NAMES):
        return None
    if not all(truth.is_true_call(call.arguments) for call in seen.calls):
        return None
    ids = [call.id for call in seen.calls if call.id]
    if len(set(ids)) != len(ids) or (case.client != "generate" and len(ids) != len(seen.calls)):
        return None
    makers = {source for each in ids for source in truth.makers(case, prompt, each)}
    if len(makers) > 1:
        return None
    # A stream that broke off in a call can't have made it.
    return makers.pop() if makers else BACKUP if case.is_inside else BOTH


def _untrue(case: Case, prompt: str, seen: Seen) -> str:
    """Why an answer is not a true one, in words."""
    if case.client == EMBEDDINGS:
        return f"{len(seen.vectors)} vectors that are not those of the texts"
    if case.question == TOOLS or seen.calls:
        calls = ", ".join(f"{call.name}({short(call.arguments)}) {call.id}" for call in seen.calls)
        said = f" and the text {short(seen.text)!r}" if seen.text else ""
        return f"not the two whole tool calls of one provider but {calls or 'none'}{said}"
    if not seen.text:
        return "an empty answer taken for success"
    if truth.is_beginning(case, prompt, seen.text):
        return f"a truncated answer taken for success: …{seen.text[-30:]!r}"
    return f"a wrong answer taken for success: {short(seen.text)}"


def _unfinished(case: Case, seen: Seen) -> str | None:
    """Why an answer does not end as a whole one."""
    if case.client == EMBEDDINGS:
        return None
    # In Gemini's dialect a tool call ends with STOP.
    reason = "tool_calls" if case.question == TOOLS and case.client != "generate" else "stop"
    count = CHOICES_COUNT if case.question == CHOICES else 1
    if seen.finish != [reason] * count:
        return f"finish reasons {seen.finish} instead of {'one' if count == 1 else count} {reason}"
    return None


def _wrong_usage(case: Case, evidence: Evidence, seen: Seen, source: str) -> str | None:
    """Why token counts can't be true."""
    if seen.usage is None:
        return "no token counts, though they are promised"
    if case.client == EMBEDDINGS:
        counted = (case.backup if source == BACKUP else case.primary) == "openai"
        return spent.wrong_embedding(seen.usage, evidence.prompt if counted else None)
    given, made, _ = seen.usage
    wrong = spent.wrong_total(seen.usage)
    ended, others = evidence.primary_given, evidence.backup_given
    if source != PRIMARY:
        ended, others = others, ended
    wrong = wrong or spent.wrong_given(given, ended, others)
    if wrong is not None:
        return wrong
    if case.question == TOOLS:
        return None if made > 0 else "no output tokens for two tool calls"
    whole = truth.texts(case, evidence.prompt)
    last = seen.text
    if source == BOTH:
        seam = truth.seam(case, evidence.prompt, seen.text)
        last = seen.text[len(seen.text) if seam is None else seam :]
    calls = evidence.primary_calls if source != PRIMARY else evidence.primary_calls - 1
    lost = [whole[PRIMARY]] * (calls if case.mode == "stream" else 0)
    if case.restarts:
        lost *= 2  # the backup says the beginning once more
    if case.question == CHOICES:
        last += "".join(f" {text}" for text in seen.more.values())
    return spent.wrong_made(made, last, lost)


def wrong_answer(case: Case, prompt: str, seen: Seen) -> str | None:
    """Why an answer is not a whole and true one of a single provider; None: it is."""
    source = _source(case, prompt, seen)
    if source is None:
        return _untrue(case, prompt, seen)
    wrong = _unfinished(case, seen)
    if wrong is not None:
        return wrong
    if seen.usage is None:
        return "no token counts, though they are promised"
    wrong = spent.wrong_total(seen.usage) or spent.wrong_made(seen.usage[1], seen.text, ())
    return wrong or (seen.oddities[0] if seen.oddities else None)


def _wrong_source(case: Case, evidence: Evidence, seen: Seen, source: str) -> str | None:
    """Whether the answer came from where it says, and from where it should."""
    calls = {PRIMARY: evidence.primary_calls, BACKUP: evidence.backup_calls}
    for each in calls if source == BOTH else (source,):
        if not calls[each]:
            return f"the {each}'s answer, but it was never called"
    if case.fault.healthy and (source != PRIMARY or evidence.backup_calls):
        return "the primary's answer was good, but the backup was called"
    if case.fault.healthy and evidence.primary_calls != len(evidence.seen):
        return f"the primary's answer was good, but it was called {evidence.primary_calls} times"
    if source == PRIMARY and case.is_inside and not case.fault.healthy:
        kind = None if evidence.place is None else evidence.place.kind
        if kind in _NO_EVIDENCE:
            return f"the primary's stream taken for whole, though it broke off before its {kind}"
    dialect = case.backup if source == BACKUP else case.primary
    upstream = seen.headers.get("x-halfopen-upstream")
    if upstream not in (None, f"{PROVIDERS[dialect]}/{case.models[dialect]}"):
        return f"x-halfopen-upstream says {upstream}, but the {source} answered"
    attempts = seen.headers.get("x-halfopen-attempts")
    if source == BACKUP and attempts is not None and int(attempts) < 2:
        return "the primary was passed over, so that its fault was not met"
    return None


def described(error: Exception) -> str:
    """Class and words of an exception."""
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__}{'' if status is None else f' {status}'}: {short(str(error))}"


def short(text: str) -> str:
    """The text, cut where it gets long."""
    return text if len(text) <= 160 else text[:157] + "…"
