"""The ways in which a request is answered: whole, as a stream that ends well, or with a failure."""

from collections.abc import Callable

from halfopen.gateway.delivery import Delivery
from halfopen.gateway.failure import error_headers
from halfopen.gateway.heading import answer_headers, own_ids
from halfopen.gateway.responder import Responder
from halfopen.gateway.runtime import Runtime
from halfopen.model import Target
from halfopen.policy import Journey
from halfopen.providers import Answer, Ask, ClientDialect, Failure, Translation, Writer


class Writing:
    """Makes the writer of one streamed answer, once it begins."""

    __slots__ = ("_ask", "_client", "_responder", "_runtime")

    def __init__(self, runtime: Runtime, client: ClientDialect, ask: Ask, responder: Responder) -> None:
        """Makes nothing yet."""
        self._runtime = runtime
        self._client = client
        self._ask = ask
        self._responder = responder

    def writer(self) -> Writer:
        """The writer of the client's dialect."""
        created_s = int(self._runtime.surroundings.clock.wall())
        return self._client.writer(self._ask, request_id=self._responder.request_id, created_s=created_s)


class Answering:
    """Answers one request, once."""

    __slots__ = (
        "_ask",
        "_client",
        "_delivery",
        "_journey",
        "_responder",
        "_runtime",
        "_whole_bytes",
        "upstream_id",
    )

    def __init__(  # it stands between the request, its client and all that was found out on the way
        self,
        runtime: Runtime,
        client: ClientDialect,
        ask: Ask,
        responder: Responder,
        journey: Journey,
        delivery: Delivery,
    ) -> None:
        """Answers nothing yet."""
        self._runtime = runtime
        self._client = client
        self._ask = ask
        self._responder = responder
        self._journey = journey
        self._delivery = delivery
        self.upstream_id: str | None = None
        """The id that the upstream gave to what the client gets."""
        self._whole_bytes = 0

    @property
    def sent_bytes(self) -> int:
        """Of the answer's body, so far."""
        return self._whole_bytes + self._delivery.sent_bytes

    def whole(self, answer: Answer) -> None:
        """Send a whole answer."""
        kind = ("content-type", answer.content_type)
        self._whole_bytes = len(answer.body)
        self._responder.send(200, [kind, *self.headers()], answer.body)

    def complete(self) -> None:
        """End a stream well."""
        self._delivery.complete(self.headers())

    def refuse(self, failure: Failure) -> None:
        """Say why there is no answer, or no end to it."""
        self.upstream_id = failure.fault.request_id
        self._refuse(failure, self.headers)

    def break_off(self, failure: Failure) -> None:
        """The same when a defect of ours may be anywhere: with no more than must be said."""
        self._refuse(failure, self._ids)

    def _refuse(self, failure: Failure, headers: Callable[[], list[tuple[str, str]]]) -> None:
        if self._delivery.begun:
            self._delivery.break_off(failure)
            return
        body = self._client.error(failure)
        self._whole_bytes = len(body)
        own = error_headers(failure.fault, len(self._journey.attempts))
        self._responder.send(failure.status, [*own, *headers()], body)

    def _ids(self) -> list[tuple[str, str]]:
        return own_ids(self._responder.request_id, (self._client.request_id_header, None))

    def headers(self) -> list[tuple[str, str]]:
        """What every answer says of how it came about."""
        target = self._journey.current or self._journey.served_by
        return answer_headers(
            self._runtime,
            self._journey,
            self._responder.request_id,
            known_as=(self._client.request_id_header, self.upstream_id),
            adapted=() if target is None else self.translation(target).adapted(self._ask, target),
        )

    def translation(self, target: Target) -> Translation:
        """How a target serves this client."""
        return self._client.translation(self._runtime.providers[target.provider].dialect, target)
