"""Kinds of an answer that is none."""

from collections.abc import Mapping

from halfopen.errors.row import Row
from halfopen.model import Kind, Place, Verdict

ANSWER: Mapping[Kind, Row] = {
    Kind.PROTOCOL_ERROR: Row(
        Verdict.RETRY,
        Place.NETWORK,
        (502,),
        "What came back is not valid HTTP.",
        "Check that base_url has the right scheme and port, and what proxy lies between.",
        retries_max=1,
    ),
    Kind.CUT_BODY: Row(
        Verdict.RETRY,
        Place.NETWORK,
        (502,),
        "The connection ended in the middle of the answer.",
        "Retry or let another target answer; if it recurs, look for a proxy whose timeout is short.",
    ),
    Kind.NOT_JSON: Row(
        Verdict.RETRY,
        Place.EDGE,
        (502,),
        "The answer is a page or text instead of JSON.",
        "Check that base_url points at the API (usually ending in /v1) and that no portal or proxy answers "
        "in its place.",
        retries_max=1,
    ),
    Kind.MALFORMED_ANSWER: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (502,),
        "The answer is JSON but not in the shape that the provider documents.",
        "Check the provider's dialect in halfopen.toml; if it is right, report the body to the provider.",
        retries_max=1,
    ),
    Kind.EMPTY_ANSWER: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (502,),
        "The answer has a good status but nothing in it.",
        "Retry or let another target answer; if one prompt always gives it, check max_tokens and the "
        "provider's content filter.",
        retries_max=1,
    ),
    Kind.ANSWER_TOO_LARGE: Row(
        Verdict.FAILOVER,
        Place.PROVIDER,
        (502,),
        "The answer is larger than the gateway's bound.",
        "Ask for fewer tokens or choices, or stream the answer.",
    ),
    Kind.NO_FINISH: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (502,),
        "The stream ended without a finish reason, so the answer may be cut.",
        "Retry or let another target answer; don't use the part that came as a whole answer.",
    ),
    Kind.ERROR_EVENT: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (500,),
        "The stream ended with an error event.",
        "Retry or let another target answer; the message holds the provider's reason.",
    ),
    Kind.UNKNOWN: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (502,),
        "The upstream answered with something that fits no known kind of fault.",
        "Look at the saved body and headers, and check that base_url points at the API.",
        retries_max=1,
    ),
}
