"""What control does with prompts and answers: has them kept as the snapshot says, and reads them."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import msgspec

from halfopen.app.processes.chosen_content import ChosenContent
from halfopen.app.processes.content_writer import ContentWriter
from halfopen.app.processes.disk import Disk
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.redact import Redactor
from halfopen.rollout import Snapshot
from halfopen.rollout.settings import Store
from halfopen.seams.content_store import ContentReader, KeptContent
from halfopen.seams.outcome_store import StoreError

_MIB: Final = 1024 * 1024
_DAY_S: Final = 86_400.0


class ContentDesk:
    """For the event loop."""

    def __init__(
        self, state: StateDirectory, url: Callable[[], str], *, wall: Callable[[], float] = time.time
    ) -> None:
        """Opens nothing yet.

        Args:
            state: Where the SQLite file is, unless the configuration names another store.
            url: Gives the address of that one, once it is known.
            wall: Seconds since the Unix epoch.
        """
        self._store = ChosenContent(state.content_path, url)
        defaults = Store()
        self.writer = ContentWriter(
            self._store,
            max_bytes=defaults.content_max_mb * _MIB,
            keep_s=_kept_s(defaults),
            wall=wall,
        )
        self._disk = Disk()
        self._reader: ContentReader | None = None

    def follow(self, snapshot: Snapshot, redactor: Redactor | None) -> None:
        """Keep to the settings of this snapshot from now on. `redactor` knows its secrets, if anyone does."""
        writer, settings = self.writer, snapshot.store
        writer.max_bytes = settings.content_max_mb * _MIB
        writer.keep_s = _kept_s(settings)
        writer.keep_successes = settings.keep_successes
        if redactor is not None:
            writer.learn(redactor)
        # What was kept before must go in its time, though no route keeps anything now.
        if any(route.content is not None for route in snapshot.routes.values()) or self._store.may_hold():
            writer.start()

    async def find(self, request_id: str) -> dict[str, Any] | None:
        """What a request said, as JSON has it; None: it isn't kept.

        Raises:
            StoreError: It can't be read now.
        """
        kept = await self._disk.run(self._find, request_id)
        return None if kept is None else told(kept)

    async def close(self) -> None:
        """Give back what is read from, when what came before is done."""
        await self._disk.run(self._close)

    def _find(self, request_id: str) -> KeptContent | None:
        if self._reader is None:
            self._reader = self._store.reader()
        return self._reader.find(request_id)

    def _close(self) -> None:
        if self._reader is not None:
            with suppress(StoreError):
                self._reader.close()


def told(kept: KeptContent) -> dict[str, Any]:
    """Prompt and answer as JSON has them: `prompt` and `answer` are a `model.content.Transcript` each."""
    return {
        "prompt": _decoded(kept.prompt),
        "answer": _decoded(kept.answer),
        "cut": kept.cut,
        "masked": kept.masked,
    }


def _decoded(transcript: bytes) -> dict[str, Any]:
    with suppress(msgspec.DecodeError):
        found = msgspec.json.decode(transcript)
        if isinstance(found, dict):
            return {"messages": [], "left_out": 0, **found}
    return {"messages": [], "left_out": 0}


def _kept_s(settings: Store) -> float:
    return min(settings.content_days, settings.rows_days) * _DAY_S
