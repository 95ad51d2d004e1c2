"""Kinds that lie in the request: its caller must change it."""

from collections.abc import Mapping

from halfopen.errors.row import Row
from halfopen.model import Kind, Place, Verdict

REQUEST: Mapping[Kind, Row] = {
    Kind.INVALID_REQUEST: Row(
        Verdict.FIX_REQUEST,
        Place.CLIENT,
        (400, 411, 414, 415, 422, 431),
        "The provider refuses the request as invalid.",
        "Change the request: the message, and the param if there is one, name the field to correct.",
    ),
    Kind.CONTEXT_TOO_LONG: Row(
        Verdict.FIX_REQUEST,
        Place.CLIENT,
        (400, 413, 422),
        "The prompt and the asked-for answer don't fit into the model's context.",
        "Shorten the messages or lower max_tokens, or send the request to a model with a larger context.",
    ),
    Kind.CONTENT_FILTERED: Row(
        Verdict.FIX_REQUEST,
        Place.CLIENT,
        (400, 403),
        "The provider's content filter refused the request or stopped the answer.",
        "Rephrase the prompt, or adjust the content filter in the provider's console if it is wrong.",
    ),
    Kind.REQUEST_TOO_LARGE: Row(
        Verdict.FIX_REQUEST,
        Place.CLIENT,
        (413,),
        "The request's body is larger than the provider accepts.",
        "Send less in one request: scale images down, pass files by URL, or split the work.",
    ),
    Kind.NOT_IMPLEMENTED: Row(
        Verdict.FAILOVER,
        Place.CONFIGURATION,
        (501,),
        "This server doesn't offer what the request asks for.",
        "Start the server with that feature on, or route such requests to a target that has it.",
    ),
    Kind.UNKNOWN_MODEL: Row(
        Verdict.FIX_REQUEST,
        Place.CLIENT,
        (404,),
        "No route has the model name that the client sent.",
        "Send one of the names that GET /v1/models lists, or add a route of that name to halfopen.toml.",
    ),
    Kind.POISON_REQUEST: Row(
        Verdict.FIX_REQUEST,
        Place.CLIENT,
        (400,),
        "This request makes several upstreams fail while other requests succeed.",
        "Cut the request down (context length, tools, schema, images) until it passes; the last piece "
        "removed is the cause.",
    ),
}
