"""Names of policies where there is little room: as short as can be, and never two alike.

Rules
1. A configuration is told by the last part of its path; where that is another's as well, by more parts.
2. Where these have no room, by the part in which the paths differ: `old/…` and `new/…`.
3. Else it is cut, at its end or at its beginning; what is alike then is numbered.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Final

_PARTS_MAX: Final = 4
_NUMBER_LETTERS: Final = 4
"""Of an ellipsis, a blank and a number."""


def short_names(names: Iterable[str], letters: int) -> Mapping[str, str]:
    """What to call each, in at most `letters` letters (at least 8)."""
    full = tuple(dict.fromkeys(names))
    parts = [PurePath(name).parts or (name,) for name in full]
    chosen: dict[str, str] = {}
    for tried in _ways(full, parts, letters):
        times = Counter(tried)
        for name, text in zip(full, tried, strict=True):
            fits = 0 < len(text) <= letters and times[text] == 1
            if fits and name not in chosen and text not in chosen.values():
                chosen[name] = text
    for number, name in enumerate(full, 1):
        chosen.setdefault(name, f"{name[: letters - _NUMBER_LETTERS]}… {number}")
    return chosen


def _ways(full: Sequence[str], parts: Sequence[tuple[str, ...]], letters: int) -> Iterator[list[str]]:
    """All names in one way after the other. Empty: this way has nothing to tell of a name."""
    for number in range(1, _PARTS_MAX + 1):
        yield ["/".join(own[-number:]) for own in parts]
    yield [_difference(own, parts) for own in parts]
    yield [_cut(own[-1], letters) for own in parts]
    yield [name if len(name) <= letters else f"…{name[1 - letters :]}" for name in full]


def _difference(own: tuple[str, ...], parts: Sequence[tuple[str, ...]]) -> str:
    """The last part in which a path differs from all that end alike."""
    alike = [other for other in parts if other != own and other[-1] == own[-1]]
    shared = 1
    while shared < len(own) and all(other[-shared - 1 :][:1] == own[-shared - 1 :][:1] for other in alike):
        shared += 1
    return f"{own[-shared - 1]}/…" if alike and shared < len(own) else ""


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
