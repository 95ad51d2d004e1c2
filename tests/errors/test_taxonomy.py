"""The taxonomy and the faults made from it."""

import math
from pathlib import Path

import pytest

from halfopen import errors
from halfopen.model import Kind, Place, Verdict

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "faults.md"
HOW = "python -c \"from halfopen import errors; open('docs/reference/faults.md', 'w').write(errors.faults_page())\""


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_every_kind_has_a_row(kind: Kind) -> None:
    """Each kind has a meaning and a remedy in sentences, and statuses of failures."""
    row = errors.TAXONOMY[kind]
    assert row.meaning.endswith(".")
    assert row.remedy.endswith(".")
    assert row.effective_status == row.statuses[0]
    assert all(400 <= status <= 599 for status in row.statuses)


def test_the_rows_are_the_kinds() -> None:
    """The taxonomy holds every kind once and nothing else, and can't be changed."""
    assert set(errors.TAXONOMY) == set(Kind)
    with pytest.raises(TypeError):
        errors.TAXONOMY[Kind.UNKNOWN] = errors.TAXONOMY[Kind.BAD_KEY]  # type: ignore[index]  # that it fails is the test


def test_every_verdict_and_place_is_explained() -> None:
    """Each verdict and place has a sentence, and some kind that has it."""
    assert set(errors.VERDICTS) == set(Verdict) == {row.verdict for row in errors.TAXONOMY.values()}
    assert set(errors.PLACES) == set(Place) == {row.place for row in errors.TAXONOMY.values()}


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_make_fills_in_from_the_row(kind: Kind) -> None:
    """A fault that is made of a kind alone has everything its row says."""
    row = errors.TAXONOMY[kind]
    fault = errors.make(kind)
    assert (fault.verdict, fault.place, fault.remedy, fault.message) == (
        row.verdict,
        row.place,
        row.remedy,
        row.meaning,
    )
    assert (fault.effective_status, fault.retries_max) == (row.effective_status, row.retries_max)
    assert not fault.masked


def test_make_keeps_what_is_given() -> None:
    """What the caller knows better than the row is kept."""
    fault = errors.make(
        Kind.OVERLOADED,
        "Busy.",
        status=529,
        delay_s=3.0,
        evidence=("e",),
        request_id="r",
        retries_max=2,
        body=b"b",
        verdict=Verdict.FAILOVER,
        place=Place.EDGE,
    )
    assert (fault.message, fault.status, fault.effective_status, fault.delay_s) == ("Busy.", 529, 529, 3.0)
    assert (fault.evidence, fault.request_id, fault.retries_max, fault.body) == (("e",), "r", 2, b"b")
    assert (fault.verdict, fault.place) == (Verdict.FAILOVER, Place.EDGE)
    assert errors.make(Kind.BAD_KEY, status=500, effective_status=403).effective_status == 403


@pytest.mark.parametrize("delay_s", [math.nan, math.inf, -1.0])
def test_make_drops_a_delay_that_is_none(delay_s: float) -> None:
    """A delay is finite and not negative, or absent."""
    assert errors.make(Kind.RATE_LIMITED, delay_s=delay_s).delay_s is None


def test_make_bounds_the_body() -> None:
    """At most 64 KiB of the body are kept."""
    assert len(errors.make(Kind.UNKNOWN, body=b"x" * 100_000).body) == errors.BODY_MAX_BYTES == 65_536


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        pytest.param(Kind.CONNECTION_RESET, Verdict.RETRY, id="reset"),
        pytest.param(Kind.NO_FINISH, Verdict.RETRY, id="no-finish"),
        pytest.param(Kind.UNKNOWN_MODEL, Verdict.FIX_REQUEST, id="unknown-model"),
        pytest.param(Kind.POISON_REQUEST, Verdict.FIX_REQUEST, id="poison"),
        pytest.param(Kind.NO_FIT_TARGET, Verdict.FIX_REQUEST, id="no-fit-target"),
    ],
)
def test_verdicts_that_others_rely_on(kind: Kind, verdict: Verdict) -> None:
    """Verdicts of kinds that no provider sends."""
    assert errors.make(kind).verdict is verdict


def test_the_page_is_the_taxonomy() -> None:
    """docs/reference/faults.md is what the taxonomy renders to."""
    assert PAGE.read_text(encoding="utf-8") == errors.faults_page(), f"Write the page again:\n{HOW}"


def test_the_page_names_every_kind() -> None:
    """Each kind has a line in the page."""
    page = errors.faults_page()
    assert [kind for kind in Kind if f"| `{kind.value}` |" not in page] == []
