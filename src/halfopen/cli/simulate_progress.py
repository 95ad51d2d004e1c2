"""The progress bar of `halfopen simulate`."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE_S: Final = 1.0
"""What ends sooner needs no bar."""


class Bar:
    """Shows on standard error how far a long piece of work is. Nothing where that is no terminal."""

    def __init__(self, text: str) -> None:
        """`text` stands before the bar."""
        self._text = text
        self._began = time.monotonic()
        self._wanted = sys.stderr.isatty()
        self._shown: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Self:
        """Nothing is shown yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The bar goes away."""
        if self._shown is not None:
            self._shown[0].stop()

    def __call__(self, share: float) -> None:
        """A share of the work is done, 0 to 1."""
        if not self._wanted:
            return
        if self._shown is None:
            if time.monotonic() - self._began < _PATIENCE_S:
                return
            self._shown = self._start()
        progress, task = self._shown
        progress.update(task, completed=share)

    def _start(self) -> "tuple[Progress, TaskID]":
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        progress.start()
        return progress, progress.add_task(self._text, total=1.0)
