"""Masks and keeps what requests said, in a thread of its own: outcomes never wait for it.

Rules
1. What waits is bounded in bytes; beyond it the oldest is discarded and counted.
2. Nothing is written before it is masked, and nothing is masked before the configured secrets are known.
3. Masking takes a part of one core at most. What comes faster waits, and then goes by the first rule.
4. A store that can't is tried again, with growing pauses; what it was given is kept until then.
"""

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from halfopen.app.processes.content_masking import masked
from halfopen.app.processes.folding import is_sampled
from halfopen.app.processes.messages import Contents
from halfopen.model.content import Content
from halfopen.redact import Redactor
from halfopen.seams.content_store import ContentStore, KeptContent
from halfopen.seams.outcome_store import RowsError, StoreError

GATHER_S: Final = 0.25
"""What comes within so long is written together."""
ROWS_MAX: Final = 64
"""Requests in a transaction."""
WAITING_MAX_BYTES: Final = 16 * 1024 * 1024
SHARE: Final = 0.2
"""Of the time of one core, for masking."""
AGAIN_MIN_S: Final = 0.5
AGAIN_MAX_S: Final = 10.0
FORGET_EVERY_S: Final = 60.0
_TRIMS_MAX: Final = 16
_TOLD_MAX_CHARS: Final = 100
_BEFORE_VALUES: Final = re.compile(r"[:'\"({\[]")


@dataclass(frozen=True, slots=True)
class ContentStatus:
    """How keeping content goes."""

    state: str
    """ok or failing."""
    problem: str
    written: int
    """Requests whose content was written since this process began."""
    dropped: int
    """Requests whose content came here and was given up."""
    waiting: int
    kept: int
    """Requests whose content is in the store, as far as it was opened."""
    size_bytes: int


class ContentWriter:
    """Takes content from the event loop, and writes it in its thread."""

    def __init__(
        self,
        store: ContentStore,
        *,
        max_bytes: int,
        keep_s: float,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Prepare it; the thread begins with the first content, or when something may have to be deleted.

        Args:
            store: Where content goes. Only the thread uses it.
            max_bytes: Of all that is kept, beyond which the oldest goes.
            keep_s: For how long it is kept.
            clock: Monotonic seconds.
            wall: Seconds since the Unix epoch.
        """
        self._store = store
        self._clock = clock
        self._wall = wall
        self.max_bytes = max_bytes
        self.keep_s = keep_s
        self.keep_successes = 1.0
        """The part of plain successes whose row is kept, and so their content."""
        self._redactor: Redactor | None = None
        self._changed = threading.Condition()
        self._waiting: deque[msgspec.Raw] = deque()
        self._waiting_bytes = 0
        self._stopping = False
        self._problem = ""
        self._written = self._dropped = self._kept = self._size_bytes = 0
        self._forget_at = clock()
        self._thread = threading.Thread(target=self._run, name="content", daemon=True)

    def learn(self, redactor: Redactor) -> None:
        """Mask with this one, which knows the configured secrets, from now on."""
        with self._changed:
            self._redactor = redactor
            self._changed.notify()

    def start(self) -> None:
        """Begin. Does nothing when it has begun."""
        if self._thread.ident is None:
            self._thread.start()

    def offer(self, contents: Contents) -> None:
        """Take some to be kept. Never waits for the store."""
        self.start()
        with self._changed:
            for row in contents.rows:
                self._waiting.append(row)
                self._waiting_bytes += memoryview(row).nbytes
            while self._waiting_bytes > WAITING_MAX_BYTES:
                self._waiting_bytes -= memoryview(self._waiting.popleft()).nbytes
                self._dropped += 1
            self._changed.notify()

    def stop(self, most_s: float) -> None:
        """Write what waits, for at most `most_s`, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(most_s)

    @property
    def status(self) -> ContentStatus:
        """How it goes now."""
        with self._changed:
            return ContentStatus(
                state="failing" if self._problem else "ok",
                problem=self._problem,
                written=self._written,
                dropped=self._dropped,
                waiting=len(self._waiting),
                kept=self._kept,
                size_bytes=self._size_bytes,
            )

    def _run(self) -> None:
        pause_s = AGAIN_MIN_S
        rows: list[KeptContent] = []
        while True:
            rows = rows or self._take()
            if self._attempt(rows):
                pause_s = AGAIN_MIN_S
                done = not rows
                rows = []
                with self._changed:
                    if done and self._stopping and (not self._waiting or self._redactor is None):
                        break
                continue
            with self._changed:
                if self._stopping or self._changed.wait_for(lambda: self._stopping, pause_s):
                    self._dropped += len(rows)
                    break
            pause_s = min(pause_s * 2, AGAIN_MAX_S)
        with suppress(Exception):
            self._store.close()

    def _take(self) -> list[KeptContent]:
        """What has gathered, masked; empty: nothing, or it is time to look after what is old."""
        with self._changed:
            self._changed.wait_for(self._is_ready, max(self._forget_at - self._clock(), 0.0))
            if not self._is_ready() or self._redactor is None:
                return []
            self._changed.wait_for(lambda: self._stopping, GATHER_S)
            taken = [self._waiting.popleft() for _ in range(min(ROWS_MAX, len(self._waiting)))]
            self._waiting_bytes -= sum(memoryview(row).nbytes for row in taken)
            redactor = self._redactor
        return list(self._masked(taken, redactor))

    def _is_ready(self) -> bool:
        return self._stopping or (bool(self._waiting) and self._redactor is not None)

    def _masked(self, taken: list[msgspec.Raw], redactor: Redactor) -> Iterable[KeptContent]:
        for row in taken:
            began = self._clock()
            try:
                content = msgspec.msgpack.decode(row, type=Content)
                if content.is_plain and not is_sampled(content.request_id, self.keep_successes):
                    continue
                yield masked(content, redactor)
            except Exception:  # noqa: BLE001 - a defect must not end the thread; its text may hold a secret
                with self._changed:
                    self._dropped += 1
            self._rest(self._clock() - began)

    def _rest(self, spent_s: float) -> None:
        """Leave the rest of the core to others."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, spent_s * (1 / SHARE - 1))

    def _attempt(self, rows: list[KeptContent]) -> bool:
        """Write some and look after the size; whether the store could."""
        try:
            self._store.open()
            self._write(rows)
            self._make_room()
            kept, size_bytes = self._store.count(), self._store.size_bytes()
        except Exception as error:  # noqa: BLE001 - as above
            with self._changed:
                self._problem = _told(error)
            with suppress(Exception):
                self._store.close()
            return False
        with self._changed:
            self._problem = ""
            self._kept, self._size_bytes = kept, size_bytes
        return True

    def _write(self, rows: list[KeptContent]) -> None:
        if not rows:
            return
        try:
            self._store.write(rows)
        except RowsError:
            if len(rows) > 1:
                for row in rows:
                    self._write([row])
                return
            with self._changed:
                self._dropped += 1
        else:
            with self._changed:
                self._written += len(rows)

    def _make_room(self) -> None:
        for _ in range(_TRIMS_MAX):
            if not self._store.trim(self.max_bytes):
                break
        if self._clock() >= self._forget_at:
            self._store.forget(self._wall() - self.keep_s)
            self._forget_at = self._clock() + FORGET_EVERY_S


def _told(error: Exception) -> str:
    """An error without any content: some databases show the row that they can't take."""
    if not isinstance(error, StoreError):
        return f"a defect: {type(error).__name__}"
    return _BEFORE_VALUES.split(str(error), maxsplit=1)[0].strip()[:_TOLD_MAX_CHARS] or type(error).__name__


def outline(status: ContentStatus) -> dict[str, Any]:
    """As `halfopen status --json` shows it."""
    return {
        "state": status.state,
        "problem": status.problem,
        "written": status.written,
        "dropped": status.dropped,
        "waiting": status.waiting,
        "kept": status.kept,
        "size_bytes": status.size_bytes,
    }
