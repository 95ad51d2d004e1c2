"""What one error object, or one piece of text, says."""

from dataclasses import dataclass

MESSAGE_MAX_CHARS = 2000


@dataclass(frozen=True, slots=True)
class Report:
    """One layer of an error. A wrapped error has several, the outermost first."""

    path: str
    """Where it was found, such as `error.message`."""
    message: str = ""
    type: str | None = None
    code: str | None = None
    param: str | None = None
    status: int | None = None
    """An HTTP status that the object itself names."""
    words: tuple[tuple[str, str], ...] = ()
    """Every identifier in it with the name of its field: type, code, reason, exception class."""
    delay_s: float | None = None
    """Seconds of a structured hint such as Gemini's RetryInfo."""
    quota_ids: tuple[str, ...] = ()
    """Gemini's names of the quotas that were hit."""
    request_id: str | None = None

    def has_word(self, *wanted: str) -> bool:
        """Whether one of the identifiers is one of `wanted`, given in lower case."""
        return any(word.lower() in wanted for _, word in self.words)
