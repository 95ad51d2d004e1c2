"""The rest of OpenAI's API, passed to a server of the same dialect."""

from dataclasses import dataclass

from halfopen import errors
from halfopen.http1.sse import SseParser
from halfopen.model import Fault, Kind, Reply, Target
from halfopen.providers.clients.no_stream import NoStreamTranslation
from halfopen.providers.clients.openai_call import key_headers
from halfopen.providers.clients.relay.model_name import with_model
from halfopen.providers.clients.relay.request import ANY_MODEL, Relayed
from halfopen.providers.contract import Answer, Call, Dialect


@dataclass(frozen=True, slots=True)
class RelayToOpenAI(NoStreamTranslation):
    """Bytes out and bytes back; only a model's name changes, by the route."""

    dialect: Dialect

    def unfit(self, ask: Relayed, target: Target) -> str | None:  # noqa: ARG002 - the contract
        """Other providers have nothing of the kind."""
        return None if self.dialect.name == "openai" else "not OpenAI's API"

    def call(self, ask: Relayed, target: Target, key: str | None) -> Call:
        """The client's own request, with our key."""
        body = ask.body
        if ask.model != ANY_MODEL and target.model not in (ANY_MODEL, ask.model):
            body = with_model(ask.rule, ask.content_type, body, target.model)
        return Call(ask.path, (*ask.headers, *key_headers(self.dialect, key)), body, ask.method)

    def answer(self, ask: Relayed, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:  # noqa: ARG002 - the contract
        """Whatever came with a status of success, but for a page, and for a stream with an error in it."""
        headers = {name.lower(): value for name, value in reply.headers}
        content_type = headers.get("content-type", "application/octet-stream")
        if content_type.lower().startswith("text/event-stream"):
            fault = _error_in(reply.body)
            if fault is not None:
                return fault
        if content_type.startswith("text/html"):
            return errors.decode(reply) or errors.make(
                Kind.MALFORMED_ANSWER, "An HTML page came where an API's answer was due.", status=reply.status
            )
        return Answer(reply.body, "", content_type=content_type)


def _error_in(stream: bytes) -> Fault | None:
    """The first error event of a whole stream. That a stored response has failed is what was asked for."""
    if b"error" not in stream:
        return None
    parser = SseParser(max_bytes=len(stream) + 1)
    for event in [*parser.feed(stream), *parser.flush()]:
        if not event.event.startswith("response."):
            fault = errors.decode_event(event.data or event.stray, event.event, "openai")
            if fault is not None:
                return fault
    return None
