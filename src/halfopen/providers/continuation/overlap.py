"""Joins a continuation to the text before it: what it repeats of that text is left out.

Rules
1. The longest overlap counts: an end of the delivered text with which the continuation begins. It
   must begin where a word begins and hold a letter or digit, or be eight characters long; after a
   prefill, where models go on exactly, twelve. In Han and Japanese a word may begin anywhere, and two
   characters are enough.
2. An overlap that stops inside a word of the continuation ("contin" and "continuing") is one of at
   least five characters, or of two words: "This is a" and "amazing" have none.
3. An overlap that repeats itself ("0, 0, 0, 0, ") tells nothing: only the shortest piece of it counts.
4. White space before a repeated word counts as "to be written": only eight characters are an overlap
   then. So "he had" and " had enough" keep both.
5. A continuation that agrees with the delivered text from its start, for 40 characters more than
   any overlap explains, begins anew, unless the text itself comes back to those words. It is passed
   over as long as it agrees; if it leaves the text before its end, the two can't be joined.
6. White space that the delivered text ends with is not written again; see `_spaces_left`.
7. What the model left out at the seam is put in by the rules of `seam`, after an instruction only
   and where no overlap was found. After an overlap what follows is taken as it is.
8. The result depends on the continuation only, never on how it was cut into pieces; text is held
   back only while it could still be part of an overlap.
"""

from enum import Enum, auto
from typing import Final

from halfopen.providers.continuation import seam
from halfopen.providers.continuation.words import begins_word, is_ideograph, is_word

TAIL_MAX_CHARS: Final = 4000
"""How far back an overlap may begin; also the most characters that are held back."""
RESTART_MIN_CHARS: Final = 40
"""Characters of agreement from the start by which an answer that begins anew is known."""
_LONG_CHARS: Final = 8
_LONG_AFTER_PREFILL_CHARS: Final = 12
_CUT_WORD_MIN_CHARS: Final = 5
_VARIED: Final = 4
"""Distinct characters of an overlap without any letter or digit."""


class _Stage(Enum):
    OPENING = auto()
    """An overlap or a restart is possible."""
    RESTART = auto()
    """It begins anew, and agrees so far."""
    SPACES = auto()
    """White space may be there that the client has already."""
    SEAM = auto()
    """A blank may be missing."""
    OPEN = auto()
    """All that comes is new."""
    DIVERGED = auto()
    """It began anew with other words."""


class Splice:
    """Takes one continuation in pieces, and gives what the client shall read of it."""

    __slots__ = (
        "_agreed",
        "_filled",
        "_held",
        "_other",
        "_overlapped",
        "_prefilled",
        "_repeated",
        "_spaces",
        "_stage",
        "_start",
        "_text",
        "restarted",
    )

    def __init__(self, delivered: str, *, prefilled: bool) -> None:
        """Begin at the end of a text.

        Args:
            delivered: What the client has. Empty: there is nothing to join to.
            prefilled: Whether the model was given the text as the beginning of its own message.
        """
        text = delivered.rstrip()
        self._text = text
        self._spaces = delivered[len(text) :][-TAIL_MAX_CHARS:]
        self._start = len(text) - len(text.lstrip())
        self._prefilled = prefilled
        self._filled = _filled(text)
        self._held = ""
        self._stage = _Stage.OPENING if text else _Stage.SPACES
        self._overlapped = False
        self._agreed = 0
        """Where the delivered text goes on that is being repeated from its start."""
        self._other = self._start + 1
        """Before this place the beginning of the delivered text does not come back."""
        self._repeated: int | None = None
        """Length of the longest overlap; None: it may still grow."""
        self.restarted = False
        """Whether the continuation began anew."""

    @property
    def joins(self) -> bool:
        """Whether there is any text to join to."""
        return bool(self._text)

    @property
    def diverged(self) -> bool:
        """Whether it began anew with other words, so that nothing of it can be joined."""
        return self._stage is _Stage.DIVERGED

    def feed(self, text: str) -> str:
        """Take a piece; return what may go to the client now."""
        if self._stage is _Stage.OPEN:
            return text
        self._held += text
        return self._advance(final=False)

    def finish(self) -> str:
        """The continuation is over; return the rest."""
        return self._advance(final=True)

    def _advance(self, *, final: bool) -> str:
        if self._stage is _Stage.OPENING:
            self._open(final=final)
        if self._stage is _Stage.RESTART:
            self._follow(final=final)
        if self._stage is _Stage.SPACES:
            self._join_spaces(final=final)
        if self._stage is _Stage.SEAM:
            self._mend(final=final)
        if self._stage is _Stage.DIVERGED:
            self._held = ""
        if self._stage is not _Stage.OPEN:
            return ""
        held, self._held = self._held, ""
        return held

    def _open(self, *, final: bool) -> None:
        """Find out what the beginning repeats, as soon as that is certain."""
        body = self._held.lstrip()
        lead = len(self._held) - len(body)
        if not body or lead >= TAIL_MAX_CHARS:
            if final or lead >= TAIL_MAX_CHARS:
                self._stage = _Stage.SPACES
            return
        from_start = self._counts(self._start, lead)
        anew = from_start and self._follows_start(body)
        growing = not final and self._repeated is None and self._may_grow(body, lead)
        if growing:
            return
        if self._repeated is None:
            self._repeated = self._overlap(body, lead)
        agreed = _agreement(self._text, self._start, body) if from_start else 0
        if self._begins_anew(body, agreed, self._repeated):
            self.restarted = True
            self._agreed = self._start + agreed
            self._held = body[agreed:]
            self._stage = _Stage.RESTART
        elif not anew or final:
            self._overlapped = self._repeated > 0
            self._held = body[self._repeated :] if self._overlapped else self._held
            self._stage = _Stage.SPACES
            self.restarted = self._repeated == len(self._text) - self._start

    def _follows_start(self, body: str) -> bool:
        """Whether all that came agrees with the start of the text, and there is more of that."""
        return len(body) < len(self._text) - self._start and self._text.startswith(body, self._start)

    def _begins_anew(self, body: str, agreed: int, repeated: int) -> bool:
        if agreed - repeated < RESTART_MIN_CHARS:
            return False
        if agreed > TAIL_MAX_CHARS:
            return True
        # A longer beginning can't come back before the place where the shorter one does.
        if self._other >= 0:
            self._other = self._text.find(body[:agreed], self._other)
        return self._other < 0

    def _may_grow(self, body: str, lead: int) -> bool:
        """Whether the beginning stands in the text's tail so that an overlap may come of it."""
        at = self._text.find(body, max(0, len(self._text) - TAIL_MAX_CHARS))
        while 0 <= at <= self._filled:
            if self._counts(at, lead):
                return True
            at = self._text.find(body, at + 1)
        return False

    def _overlap(self, body: str, lead: int) -> int:
        """Length of the longest overlap that counts; 0: there is none."""
        text = self._text
        for length in range(min(len(body), len(text), TAIL_MAX_CHARS), 0, -1):
            at = len(text) - length
            if (
                text[at] == body[0]
                and text.startswith(body[:length], at)
                and self._counts(at, lead)
                and self._ends_well(body, length)
                and not _repeats_itself(body[:length])
            ):
                return length
        return 0

    def _counts(self, at: int, lead: int) -> bool:
        """Whether an overlap that begins at a place of the text is no accident."""
        length = len(self._text) - at
        if at > self._filled:
            return False
        if self._prefilled:
            return length >= _LONG_AFTER_PREFILL_CHARS
        if length >= _LONG_CHARS:
            return True
        if lead:  # only the whole text again, with the white space at its start
            return at == self._start == lead and self._held[:lead] == self._text[:lead]
        return begins_word(self._text, at) or (length > 1 and is_ideograph(self._text[at]))

    def _ends_well(self, body: str, length: int) -> bool:
        """Whether an overlap stops at the end of a word, or is long enough to be a word cut in two."""
        if length >= _CUT_WORD_MIN_CHARS or length == len(body):
            return True
        last, following = body[length - 1], body[length]
        if not is_word(last) or not is_word(following) or is_ideograph(last) or is_ideograph(following):
            return True
        return not all(is_word(each) for each in body[:length])

    def _follow(self, *, final: bool) -> None:
        """Pass over what agrees with the delivered text."""
        length = min(len(self._held), len(self._text) - self._agreed)
        if not self._text.startswith(self._held[:length], self._agreed):
            self._stage = _Stage.DIVERGED
            return
        self._agreed += length
        self._held = self._held[length:]
        if self._agreed == len(self._text):
            self._overlapped = True
            self._stage = _Stage.SPACES
        elif final:  # its end is not the end of what the client has
            self._stage = _Stage.DIVERGED

    def _join_spaces(self, *, final: bool) -> None:
        """Leave out white space that the client has, once all of it has come."""
        if not self._spaces:
            seam_open = self._text and not self._overlapped and not self._prefilled
            self._stage = _Stage.SEAM if seam_open else _Stage.OPEN
            return
        rest = self._held.lstrip()
        came = self._held[: len(self._held) - len(rest)]
        if not rest and not final and len(came) < TAIL_MAX_CHARS:
            return
        separates = self._overlapped or self._prefilled
        left = _spaces_left(self._spaces, came[:TAIL_MAX_CHARS], separates=separates)
        self._held = left + came[TAIL_MAX_CHARS:] + rest
        self._stage = _Stage.OPEN

    def _mend(self, *, final: bool) -> None:
        """Put in what is missing between the two texts."""
        held = self._held
        if held and seam.may_lack(self._text, held[0]):
            head = held[: seam.HEAD_MAX_CHARS]
            blank = next((at + 1 for at, each in enumerate(head) if each.isspace()), 0)
            if not blank and len(head) < seam.HEAD_MAX_CHARS and not final:
                return
            self._held = seam.missing(self._text, head[:blank] if blank else head) + held
        elif not held and not final:
            return
        self._stage = _Stage.OPEN


def _spaces_left(delivered: str, came: str, *, separates: bool) -> str:
    r"""What remains of white space when the text before it ends with white space.

    The longest end of the delivered white space with which the new begins is left out: "\n\n" after
    "\n" leaves "\n", since that line break was delivered. A lone blank after any white space only
    keeps words apart, which that does already, where the model did not see it (`separates`).
    """
    if separates and came == " ":
        return ""
    for length in range(min(len(delivered), len(came)), 0, -1):
        if delivered.endswith(came[:length]):
            return came[length:]
    # Line ends of another kind are line ends all the same.
    return came[2:] if delivered.endswith("\n") and came.startswith("\r\n") else came


def _agreement(text: str, start: int, body: str) -> int:
    """Characters for which a text, from a place on, and a body are the same."""
    low, high = 0, min(len(body), len(text) - start)
    while low < high:
        middle = (low + high + 1) // 2
        if text.startswith(body[:middle], start):
            low = middle
        else:
            high = middle - 1
    return low


def _filled(text: str) -> int:
    """The last place from which on a text says enough to be told from chance; -1: there is none."""
    seen: set[str] = set()
    for at in range(len(text) - 1, max(0, len(text) - TAIL_MAX_CHARS) - 1, -1):
        if text[at].isalnum():
            return at
        if not text[at].isspace():
            seen.add(text[at])
            if len(seen) >= _VARIED and len(text) - at >= _LONG_CHARS:
                return at
    return -1


def _repeats_itself(text: str) -> bool:
    """Whether a text is one piece twice or more, the last one perhaps in part."""
    half = len(text) // 2
    at = text.find(text[: len(text) - half], 1)
    while 0 < at <= half:
        if text.startswith(text[at:]):
            return True
        at = text.find(text[: len(text) - half], at + 1)
    return False
