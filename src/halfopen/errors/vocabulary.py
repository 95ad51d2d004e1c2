"""The identifiers and sentences by which one provider names its errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from halfopen.errors.finding import Finding, Weight
from halfopen.errors.report import Report
from halfopen.model import Kind, Verdict


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that a message begins with or, if `anywhere`, contains."""

    text: str
    """In lower case."""
    kind: Kind
    weight: Weight = Weight.CODE
    anywhere: bool = False
    """Only for kinds that can't park a credential: a message may quote what a user wrote."""
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a provider's identifiers and sentences mean. Everything is compared in lower case."""

    codes: Mapping[str, Kind] = field(default_factory=dict)
    """Identifiers that mean one exact thing."""
    types: Mapping[str, Kind] = field(default_factory=dict)
    """Identifiers of a class of errors."""
    vague: Mapping[str, Kind] = field(default_factory=dict)
    """Identifiers that say less than the HTTP status does."""
    sentences: tuple[Sentence, ...] = ()

    def read(self, report: Report, opening: str) -> list[Finding]:
        """Return what the report's identifiers and its message mean.

        Args:
            report: One layer of an error.
            opening: Its message in lower case, without the prefixes that wrappers put before it.
        """
        findings = [
            Finding(kind, _weigh(kind, weight), f"{where} = {word}")
            for where, word in report.words
            for weight, table in (
                (Weight.CODE, self.codes),
                (Weight.TYPE, self.types),
                (Weight.VAGUE, self.vague),
            )
            if (kind := table.get(word.lower())) is not None
        ]
        findings.extend(
            Finding(
                sentence.kind,
                _weigh(sentence.kind, sentence.weight),
                f'{report.path} says "{sentence.text}"',
                verdict=sentence.verdict,
            )
            for sentence in self.sentences
            if (sentence.text in opening if sentence.anywhere else opening.startswith(sentence.text))
        )
        return findings


def _weigh(kind: Kind, weight: Weight) -> Weight:
    if kind is Kind.QUOTA_EXHAUSTED and weight >= Weight.TYPE:
        return Weight.CREDIT
    if kind is Kind.INVALID_REQUEST and weight is Weight.TYPE:
        return Weight.STATUS
    return weight
