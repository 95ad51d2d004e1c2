"""A request of a route that keeps what is asked and answered. No other request comes by here.

What was asked is read once the request is over, so that its client doesn't wait for that.
"""

import logging

from halfopen.gateway.exchange import Exchange
from halfopen.model.content import Content, ContentOptions, Keep, Transcript
from halfopen.providers.transcript import Transcribed, answer_of, prompt_of

_LOG = logging.getLogger("halfopen.gateway")


class KeepingExchange(Exchange):
    """An exchange that tells its content at the end, if it is to be kept."""

    __slots__ = ()

    def _end(self, *, client_gone: bool = False) -> None:
        if self._ended:
            return
        super()._end(client_gone=client_gone)
        try:
            self._keep(client_gone=client_gone)
        except Exception:  # noqa: BLE001 - the edge: the request is over, and has its outcome
            # Without the exception, whose text may hold what was asked.
            _LOG.error(
                "what request %s said is not kept, by a defect in the gateway", self._responder.request_id
            )

    def _keep(self, *, client_gone: bool) -> None:
        told, options = self._runtime.surroundings.on_content, self._route.content
        if told is None or options is None or (options.keep is Keep.FAILED and self._fault is None):
            return
        attempts = self._journey.attempts
        plain = len(attempts) == 1 and attempts[0].fault is None and self._fault is None and not client_gone
        told(
            Content(
                self._responder.request_id,
                self._runtime.surroundings.clock.wall(),
                plain and not self._journey.skips and not self._sender.trace,
                options.max_bytes,
                prompt_of(self._ask.body, options.max_bytes),
                self._said(options),
            )
        )

    def _said(self, options: ContentOptions) -> Transcript:
        """What the client has got of an answer."""
        delivered = self._resumption.delivered
        if self._ask.stream:
            return delivered.transcript() if isinstance(delivered, Transcribed) else Transcript()
        answer = self._answer
        return Transcript() if answer is None else answer_of(answer.body, options.max_bytes)
