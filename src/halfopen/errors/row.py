"""One row of the taxonomy."""

from dataclasses import dataclass

from halfopen.model import Place, Verdict


@dataclass(frozen=True, slots=True)
class Row:
    """What holds for every fault of one kind, unless the evidence of a single fault says otherwise."""

    verdict: Verdict
    place: Place
    statuses: tuple[int, ...]
    """The HTTP statuses that say this kind plainly; the first is the one it deserves."""
    meaning: str
    """What has happened, in one sentence. The message when the provider said nothing."""
    remedy: str
    """What a person does next, in one or two sentences."""
    retries_max: int | None = None
    """How often the same upstream may be tried again; None: no limit of its own."""

    @property
    def effective_status(self) -> int:
        """The HTTP status that the kind deserves."""
        return self.statuses[0]
