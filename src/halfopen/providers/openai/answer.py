"""Judge a whole chat completion: is it really an answer?

A status of 200 proves nothing: the body may be an error object, an HTML page, a cut piece of JSON
or an answer without content. Only what the judgement needs is decoded.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import msgspec

from halfopen import errors
from halfopen.model import Fault, Kind, Reply
from halfopen.providers.chat import Chat
from halfopen.providers.contract import Answer
from halfopen.providers.emptiness import may_be_empty
from halfopen.providers.openai.choices import choices_asked
from halfopen.providers.openai.chunk import given
from halfopen.providers.openai.completion import COMPLETIONS, CompletionChoice
from halfopen.providers.openai.finish import judge_finish
from halfopen.providers.openai.usage import read_usage


def judge(chat: Chat, reply: Reply) -> Answer | Fault:
    """Tell a valid answer to a chat, whose body passes byte for byte, from a fault. Never raises."""
    if reply.transport is not None or (reply.status is not None and not 200 <= reply.status < 300):
        return errors.decode(reply) or _malformed(reply, "The reply is no answer.")
    try:
        completion = COMPLETIONS.decode(reply.body)
        if not reply.body.isascii():
            reply.body.decode()  # the shallow decoder does not look into all of the text
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        return errors.decode(reply) or _undecodable(reply, str(problem))
    if not completion.choices or given(completion.error):
        return errors.decode(reply) or _malformed(reply, "The answer has no choices.")
    asked, came = choices_asked(chat), len(completion.choices)
    if came < asked:
        return _malformed(reply, f"The answer has {came} of the {asked} choices asked for.")
    first = completion.choices[0]
    if came == 1 and first.finish_reason == "stop" and first.message is not None and first.message.content:
        return Answer(reply.body, "stop", read_usage(completion.usage))  # most are like that
    return _judge_choices(reply, completion.choices, completion.usage, partial(may_be_empty, chat))


def _judge_choices(
    reply: Reply, choices: list[CompletionChoice], usage: msgspec.Raw, empty_is_fine: Callable[[], bool]
) -> Answer | Fault:
    filled = any(choice.message is not None and choice.message.filled for choice in choices)
    for choice in choices:
        if choice.message is None:
            return _malformed(reply, "A choice of the answer has no message.")
        if not choice.finish_reason:
            return errors.make(
                Kind.NO_FINISH,
                "The answer has no finish_reason, so it may be cut.",
                status=reply.status,
                body=reply.body,
            )
        fault = judge_finish(choice.finish_reason, filled=filled, may_be_empty=empty_is_fine)
        if fault is not None:
            return replace(fault, status=reply.status, body=reply.body[: errors.BODY_MAX_BYTES])
    return Answer(reply.body, choices[0].finish_reason or "", read_usage(usage))


def _undecodable(reply: Reply, problem: str) -> Fault:
    if "truncated" in problem:
        return errors.make(
            Kind.CUT_BODY, "The answer ends in the middle of its JSON.", status=reply.status, body=reply.body
        )
    return _malformed(reply, f"The answer is not a chat completion: {problem}.")


def _malformed(reply: Reply, message: str) -> Fault:
    return errors.make(Kind.MALFORMED_ANSWER, message, status=reply.status, body=reply.body)
