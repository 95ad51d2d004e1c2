"""A worker's part in the gateway's own keys: takes what control says of them, and counts what they spend.

It begins with what the supervisor hands over, so that nobody is let in who was refused before, and keeps
what it was told last for as long as control is gone.
"""

import time
from collections.abc import Callable, Mapping

from halfopen.app.processes.handed_keys import received
from halfopen.app.processes.key_words import amounts_of
from halfopen.app.processes.messages import Budgets, Keys, KeysHeld, Message
from halfopen.app.processes.outcome_sender import OutcomeSender
from halfopen.gateway.server import GatewayServer
from halfopen.model import Outcome, Price


class WorkerKeys:
    """One worker's."""

    def __init__(
        self,
        server: GatewayServer,
        sender: OutcomeSender,
        send: Callable[[Message], bool],
        handed: int,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Begin with what was handed.

        Args:
            server: Lets requests in.
            sender: Sends outcomes.
            send: Tells control; false: it could not be told.
            handed: The descriptor of the keys.
            wall: Seconds since the Unix epoch.
        """
        self._server = server
        self._sender = sender
        self._send = send
        self._wall = wall
        self._digest = ""
        self._prices: tuple[object, Mapping[str, Price]] = (None, {})
        self._take(received(handed))

    def heard(self, message: Keys | Budgets) -> None:
        """Control says something."""
        if isinstance(message, Keys):
            self._take(message)
            self._send(KeysHeld(message.digest))
            return
        keyring = self._server.keyring
        if keyring is not None:
            now = self._server.runtime.loop.time()
            keyring.told(amounts_of(message.left), message.counted, now, self._wall())

    def _take(self, keys: Keys) -> None:
        if keys.digest == self._digest:
            return
        self._digest = keys.digest
        self._server.hold(keys.keys, closed=keys.closed)
        # Who has no budgets to look after isn't told of outcomes.
        budgets = any(key.budget is not None for key in keys.keys)
        self._sender.on_outcome = self._ended if budgets else None

    def _ended(self, outcome: Outcome, number: int) -> None:
        keyring = self._server.keyring
        if keyring is not None and outcome.caller:
            keyring.ended(outcome, number, self._price(outcome.served_by), self._wall())

    def _price(self, target: str | None) -> Price | None:
        snapshot = self._server.runtime.snapshot
        of, prices = self._prices
        if of is not snapshot:
            prices = {
                each.name: each.price
                for route in snapshot.routes.values()
                for each in route.targets
                if each.price is not None
            }
            self._prices = snapshot, prices
        return None if target is None else prices.get(target)
