"""What the two simulated providers really had to say, so that an answer can be told from a fake."""

import zlib
from collections.abc import Mapping, Sequence

import msgspec

from halfopen.lab.answer import continued_text, expected_text, is_whole
from halfopen.lab.instance import instance
from halfopen.lab.matrix.case import CHOICES, TOOL_NAMES, Case
from halfopen.lab.matrix.seen import TOOL_SCHEMA, embedded_texts
from halfopen.lab.vector import vector

VECTOR_DIMENSIONS = 3072
"""What the embedding model gives when nothing is said."""
_ROUNDED = 1e-6
PRIMARY, BACKUP, BOTH = "primary", "backup", "both"


def texts(case: Case, prompt: str, choice: int = 0) -> Mapping[str, str]:
    """What each of the two has to answer."""
    return {
        source: expected_text(dialect, case.models[dialect], prompt, choice=choice)
        for source, dialect in ((PRIMARY, case.primary), (BACKUP, case.backup))
    }


def seam(case: Case, prompt: str, text: str) -> int | None:
    """Where in a text the backup went on with what the primary had begun; None: nowhere.

    The text is a true beginning of the primary's answer, then what the backup says behind exactly
    that beginning: its mark at the end would be another if a letter were lost or repeated.
    """
    whole = texts(case, prompt)[PRIMARY]
    if not is_whole(text):
        return None
    common = 0
    while common < min(len(whole), len(text)) and whole[common] == text[common]:
        common += 1
    model = case.models[case.backup]
    for place in range(common, 0, -1):
        if continued_text(case.backup, model, prompt, text[:place]) == text[place:]:
            return place
    return None


def is_beginning(case: Case, prompt: str, text: str, choice: int = 0) -> bool:
    """Whether a text is the true beginning of an answer, be it one that was gone on with."""
    if any(whole.startswith(text) for whole in texts(case, prompt, choice).values()):
        return True
    if choice or case.question == CHOICES:  # nobody goes on with several answers
        return False
    whole = texts(case, prompt)[PRIMARY]
    model = case.models[case.backup]
    return any(
        text.startswith(whole[:place])
        and (whole[:place] + continued_text(case.backup, model, prompt, whole[:place])).startswith(text)
        for place in range(1, len(whole) + 1)
    )


def arguments() -> object:
    """What a simulated model calls each tool with."""
    return instance(TOOL_SCHEMA)


def is_true_call(text: str) -> bool:
    """Whether a call's arguments are whole JSON with the values that the model gave."""
    try:
        return bool(msgspec.json.decode(text) == arguments())
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def makers(case: Case, prompt: str, call_id: str) -> set[str]:
    """Which of the two made a tool call, told by its id; empty: the id is the gateway's own."""
    found: set[str] = set()
    for source, dialect in ((PRIMARY, case.primary), (BACKUP, case.backup)):
        for place, name in enumerate(TOOL_NAMES):
            seed = f"{case.models[dialect]}\0{prompt}\0{name}\0{place}"
            if f"{zlib.crc32(seed.encode()):08x}" in call_id:
                found.add(source)
    return found


def are_true_vectors(case: Case, prompt: str, vectors: Sequence[Sequence[float]]) -> bool:
    """Whether these are the vectors of the texts that were asked for, as far as their numbers go."""
    inputs = embedded_texts(prompt)
    if len(vectors) != len(inputs):
        return False
    for text, given in zip(inputs, vectors, strict=True):
        true = vector(case.models[case.primary], text, VECTOR_DIMENSIONS)
        if len(given) != len(true):
            return False
        if any(abs(one - other) > _ROUNDED for one, other in zip(given, true, strict=True)):
            return False
    return True
