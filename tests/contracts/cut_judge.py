"""What is right after a cut, and what is not. Rests on the recording and the client's bytes alone.

Rules
1. A success needs the finish evidence of one upstream: the first one's before the cut, or the second's.
2. A success has the whole text exactly once, and the whole calls of exactly one upstream. An answer that
   reached its limit says so.
3. An error before the answer is a status of 400 and above with an error in it, and nothing of an answer.
4. An error in the answer is one error event at its end, and then an abrupt end. What came before it is
   the beginning of the recording: no word twice, none missing that had come in whole events, no half
   call.
5. With a second upstream that can go on, an error is right only after something that nobody can go on
   with: a refusal, or one of several choices; or when the first one refused the request for good.
6. A first upstream with evidence and a tail of whole events is a success, however its connection ended.
7. Nothing is sent after the end, and the dialect's own rules are kept (`cut_reading`).
"""

import json
from functools import lru_cache

from cut_gateway import Result
from cut_reading import DONE, ERROR, READERS, Reading
from cut_recording import SECOND_CALLS, Recording
from cut_vendor import Speaker

WHOLE, CONTINUED, ERRORS = "success with evidence", "continued", "explicit error"
_TYPES = {"generate array": "application/json"}

_CUT_SHORT = ("length", "max_tokens", "MAX_TOKENS", "incomplete")


@lru_cache(maxsize=4096)
def _read(client: str, body: bytes) -> Reading:
    """Many cuts end with the same bytes."""
    return READERS[client](body)


def judge(
    client: str, recording: Recording, size: int, result: Result, speaker: Speaker | None, *, helped: bool
) -> tuple[str, list[str]]:
    """The category of one run, and what is wrong with it.

    Args:
        client: The client's dialect.
        recording: What the first upstream was going to send.
        size: How many bytes of it came.
        result: What the client got.
        speaker: The second upstream; None: there was none.
        helped: Whether it was called.
    """
    wrong = list(result.problems)
    if speaker is not None:
        wrong += speaker.problems
    if result.ending == "sent":
        wrong += _refusal(client, result)
        return ERRORS, wrong + _needless(recording, size, speaker)
    if result.status != 200:
        wrong.append(f"a stream with status {result.status}")
    if not result.content_type.startswith(_TYPES.get(client, "text/event-stream")):
        wrong.append(f"a stream of the type {result.content_type!r}")
    reading = _read(client, result.body)
    wrong += reading.problems
    if result.ending == "aborted":
        return ERRORS, wrong + _broken_off(recording, size, reading) + _needless(recording, size, speaker)
    if result.ending != "finished" or reading.terminal != DONE:
        wrong.append(f"{result.ending or 'no end'} with the terminal event {reading.terminal or 'missing'}")
    if helped:
        return CONTINUED, wrong + _success_by_two(recording, size, reading, speaker)
    return WHOLE, wrong + _success_by_one(recording, size, reading)


def _refusal(client: str, result: Result) -> list[str]:
    """What is wrong with an answer that is an error."""
    if not 400 <= result.status <= 599:
        return [f"an error with status {result.status}"]
    try:
        value = json.loads(result.body)
    except ValueError:
        return ["an error that is no JSON"]
    known = isinstance(value, dict) and isinstance(value.get("error"), dict)
    stranger = known and set(value) - {"error", "type", "request_id"}
    if not known or stranger or (client == "messages" and value.get("type") != "error"):
        return [f"an error in another form: {result.body[:80]!r}"]
    return []


def _broken_off(recording: Recording, size: int, reading: Reading) -> list[str]:
    """What is wrong with an answer that ends in an error event."""
    wrong = []
    if reading.terminal != ERROR:
        wrong.append(f"broken off with the terminal event {reading.terminal or 'missing'}")
    least, most = recording.least(size), recording.most(size)
    for index, text in reading.texts.items():
        # Dialects without a member for refusals say them as text.
        said = most.texts.get(index, "") + ("" if index else most.refusal)
        if not said.startswith(text + ("" if index else reading.refusal)):
            wrong.append(f"delivered {text[-40:]!r} and {reading.refusal!r}, which was not sent")
    if not recording.calls and not reading.text.startswith(least.text):
        wrong.append(f"lost a part of {least.text[-40:]!r}")
    if not _thought(most.reasoning, reading.reasoning):
        wrong.append(f"delivered the thoughts {reading.reasoning!r}, which were not sent")
    calls = reading.whole_calls()
    if calls != recording.calls[: len(calls)]:
        wrong.append(f"delivered half of the calls: {calls}")
    return wrong


def _thought(sent: str, delivered: str) -> bool:
    """Whether thoughts are those of one attempt, or of several in a row that each thought anew.

    Thoughts are no text that another upstream goes on with (decision 0012): who is asked afresh after
    nothing but thoughts was delivered thinks again.
    """
    while sent and delivered.startswith(sent):
        delivered = delivered.removeprefix(sent)
    return sent.startswith(delivered)


def _needless(recording: Recording, size: int, speaker: Speaker | None) -> list[str]:
    """Whether the error could have been a success."""
    certain = recording.certain_at
    if certain is not None and size >= certain and recording.has_whole_tail(size):
        return ["an answer with finish evidence and a whole tail became an error"]
    if speaker is None:
        return []
    most = recording.most(size)
    stuck = bool(most.refusal) or (recording.choices > 1 and any(most.texts.values()))
    # A prompt that is blocked is blocked: what the vendor says of the request may be final.
    final = "blocked" in recording.name and size >= recording.marks[-1].said
    return [] if stuck or final else ["an error although another upstream can go on"]


def _success_by_one(recording: Recording, size: int, reading: Reading) -> list[str]:
    """What is wrong with a success of the first upstream alone."""
    if recording.said_at is None or size < recording.said_at:
        return ["a success without finish evidence"]
    whole = recording.whole
    wrong = []
    texts = {index: text for index, text in reading.texts.items() if text}
    said = {index: text for index, text in whole.texts.items() if text}
    # Dialects without a member for refusals say them as text.
    if texts != said and texts != {0: whole.text + whole.refusal}:
        wrong.append(f"the text is {reading.text!r}")
    if reading.refusal not in ("", whole.refusal) or whole.refusal not in reading.text + reading.refusal:
        wrong.append(f"the refusal is {reading.refusal!r}")
    if not _thought(whole.reasoning, reading.reasoning):
        wrong.append(f"the thoughts are {reading.reasoning!r}")
    if reading.whole_calls() != recording.calls:
        wrong.append(f"the calls are {reading.whole_calls()}")
    for index, reason in whole.finishes.items():
        if reason in _CUT_SHORT and reading.finishes.get(index) not in _CUT_SHORT:
            wrong.append(f"an answer that reached its limit is said to end by {reading.finishes.get(index)}")
    return wrong


def _success_by_two(recording: Recording, size: int, reading: Reading, speaker: Speaker | None) -> list[str]:
    """What is wrong with a success that the second upstream helped to."""
    assert speaker is not None
    wrong = []
    if reading.texts.get(0, "") != speaker.text:
        wrong.append(f"the text is {reading.text!r}")
    if len({text for text in reading.texts.values() if text}) > 1:
        wrong.append(f"choices of two upstreams: {reading.texts}")
    if reading.refusal and reading.refusal != recording.whole.refusal:
        wrong.append(f"the refusal is {reading.refusal!r}")
    if not _thought(recording.most(size).reasoning, reading.reasoning):
        wrong.append(f"the thoughts are {reading.reasoning!r}")
    calls = [(name, json.dumps(json.loads(arguments), sort_keys=True)) for name, arguments in speaker.calls]
    if reading.whole_calls() != calls:
        wrong.append(f"the calls are {reading.whole_calls()}")
    return wrong


def speaker_for(recording: Recording, style: str, words: int) -> Speaker:
    """The second upstream after this recording."""
    calls = SECOND_CALLS if recording.calls else ()
    return Speaker(recording.continued_text, calls, recording.choices, style, words)
