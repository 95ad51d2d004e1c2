"""The answer to a request for a count of tokens."""

from typing import Any

import msgspec

from halfopen import errors
from halfopen.model import Fault, Kind, Reply
from halfopen.providers.contract import Answer


def judge_count(reply: Reply, decoder: msgspec.json.Decoder[Any]) -> Answer | Fault:
    """A count passes byte for byte; what the decoder does not take is none."""
    try:
        decoder.decode(reply.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return errors.decode(reply) or errors.make(
            Kind.MALFORMED_ANSWER,
            "The answer is no count of tokens.",
            status=reply.status,
            body=reply.body,
        )
    return Answer(reply.body, "")
