"""How many wrong tokens are answered as such."""

from collections import deque
from typing import Final

FROM_ONE_MAX: Final = 5
"""Wrong tokens from one address in `WITHIN_S`."""
FROM_ALL_MAX: Final = 60
"""Wrong tokens from all addresses together."""
WITHIN_S: Final = 60.0


class Attempts:
    """Wrong tokens of the last minute. What it keeps is bounded by `FROM_ALL_MAX`."""

    def __init__(self) -> None:
        """Nobody has guessed."""
        self._wrong: deque[tuple[float, str]] = deque(maxlen=FROM_ALL_MAX)

    def wait_s(self, address: str, now: float) -> float:
        """How long a wrong token of this address is one too many; 0: it is not. `now`: monotonic seconds."""
        while self._wrong and self._wrong[0][0] <= now - WITHIN_S:
            self._wrong.popleft()
        own = [at for at, known in self._wrong if known == address]
        if len(own) >= FROM_ONE_MAX:
            return own[-FROM_ONE_MAX] + WITHIN_S - now
        if len(self._wrong) >= FROM_ALL_MAX:
            return self._wrong[0][0] + WITHIN_S - now
        return 0.0

    def failed(self, address: str, now: float) -> None:
        """A token was wrong."""
        self._wrong.append((now, address))
