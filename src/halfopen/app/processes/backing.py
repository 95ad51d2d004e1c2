"""What runs in the supervisor beside its children: the lab where there are no keys, and local models."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from halfopen.app.configuration import Loaded
from halfopen.rollout import Secrets, Snapshot
from halfopen.rollout.snapshot import sealed

if TYPE_CHECKING:
    from halfopen.app.processes.local_models import LocalModels
    from halfopen.lab.fleet import Lab


class Backing:
    """Loads the lab, and what runs local models, only where a configuration wants them."""

    def __init__(
        self, loaded: Loaded, key: str, tell: Callable[[str], None], on_moved: Callable[[], None]
    ) -> None:
        """Prepare it; nothing runs yet.

        Args:
            loaded: The configuration.
            key: What requests to local models must bring.
            tell: Told, in words for a person, what becomes of local models.
            on_moved: Told when one has another address than `places` last said.
        """
        self._loaded = loaded
        self._key = key
        self._tell = tell
        self._on_moved = on_moved
        self._models: LocalModels | None = None
        self.lab: Lab | None = None
        """The simulated providers, if they stand in."""
        self.lab_ports: dict[str, int] = {}
        """Theirs, by dialect."""
        self.answer_headers: tuple[tuple[str, str], ...] = ()
        """Sent with every answer."""

    async def start(self) -> tuple[Snapshot, Secrets]:
        """Start the lab if there is nothing else, and give what is to be served.

        Raises:
            OSError: The lab can't listen.
        """
        if self._loaded.source != "lab":
            return sealed(self._loaded.snapshot), self._loaded.secrets
        from halfopen.app.embedded_lab import (  # noqa: PLC0415 - it would make every start slower
            ANSWER_HEADERS,
            lab_ports,
            stand_in,
            start_lab,
        )

        self.lab = await start_lab()
        self.lab_ports = lab_ports(self.lab)
        self.answer_headers = ANSWER_HEADERS
        return stand_in(self._loaded, self.lab)

    async def start_models(self, snapshot: Snapshot) -> None:
        """Have the local models that the snapshot names. Returns before new ones are ready.

        Raises:
            OSError: No port is free.
        """
        if self._models is None:
            if not any(spec.local for spec in snapshot.providers.values()):
                return
            from halfopen.app.processes.local_models import LocalModels  # noqa: PLC0415 - as above

            self._models = LocalModels(self._key, self._tell, self._on_moved)
        await self._models.adopt(snapshot)

    def places(self) -> dict[str, str]:
        """Where local models are, or will be once they are ready, by provider."""
        return {} if self._models is None else self._models.places()

    async def stop(self) -> None:
        """End everything."""
        if self._models is not None:
            await self._models.stop()
        if self.lab is not None:
            await self.lab.stop()
