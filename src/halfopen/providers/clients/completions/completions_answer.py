"""Judge a whole completion of a server of the client's own dialect: is it really an answer?"""

from dataclasses import replace

import msgspec

from halfopen import errors
from halfopen.model import Fault, Kind, Reply
from halfopen.providers.clients.completions.request import Completion
from halfopen.providers.contract import Answer
from halfopen.providers.openai.chunk import given
from halfopen.providers.openai.finish import judge_finish
from halfopen.providers.openai.usage import read_usage


class _Choice(msgspec.Struct):
    text: str | None = None
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_DECODER = msgspec.json.Decoder(_Completion)


def may_be_empty(request: Completion) -> bool:
    """Whether a model may add nothing to a prompt.

    It may when a stop sequence can end the text before it begins, when what is missing between the
    prompt and a suffix is nothing, and when nothing but log-probabilities is wanted.
    """
    if request.value("stop") or request.value("suffix"):
        return True
    return request.value("max_tokens") == 0 or request.value("logprobs") is not None


def judge(request: Completion, reply: Reply) -> Answer | Fault:
    """Tell a valid answer, whose body passes byte for byte, from a fault. Never raises."""
    if reply.transport is not None or (reply.status is not None and not 200 <= reply.status < 300):
        return errors.decode(reply) or _malformed(reply, "The reply is no answer.")
    try:
        completion = _DECODER.decode(reply.body)
        if not reply.body.isascii():
            reply.body.decode()  # the shallow decoder does not look into all of the text
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        return errors.decode(reply) or _malformed(reply, f"The answer is not a completion: {problem}.")
    if not completion.choices or given(completion.error):
        return errors.decode(reply) or _malformed(reply, "The answer has no choices.")
    asked, came = request.choices, len(completion.choices)
    if came < asked:
        return _malformed(reply, f"The answer has {came} of the {asked} choices asked for.")
    filled = any(choice.text for choice in completion.choices)
    for choice in completion.choices:
        fault = _judge_choice(request, choice, filled=filled)
        if fault is not None:
            return replace(fault, status=reply.status, body=reply.body[: errors.BODY_MAX_BYTES])
    return Answer(reply.body, completion.choices[0].finish_reason or "", read_usage(completion.usage))


def _judge_choice(request: Completion, choice: _Choice, *, filled: bool) -> Fault | None:
    if choice.text is None:
        return errors.make(Kind.MALFORMED_ANSWER, "A choice of the answer has no text.")
    if not choice.finish_reason:
        return errors.make(Kind.NO_FINISH, "The answer has no finish_reason, so it may be cut.")
    return judge_finish(choice.finish_reason, filled=filled, may_be_empty=lambda: may_be_empty(request))


def _malformed(reply: Reply, message: str) -> Fault:
    return errors.make(Kind.MALFORMED_ANSWER, message, status=reply.status, body=reply.body)
