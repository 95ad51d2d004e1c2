"""Trace ids that anybody makes again from the outcome."""

import pytest

from halfopen.model import trace

SENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        SENT.upper(),
        f"{SENT} ",
        f"{SENT}\n",
        f"{SENT}-",
        f"{SENT}-more",
        SENT[:-1],
        SENT.replace("00-", "ff-", 1),
        SENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        SENT.replace("b7ad6b7169203331", "0" * 16),
        SENT.replace("-01", "-0g"),
        SENT.replace("b7ad6b7169203331", "b7ad6b716920333\N{ARABIC-INDIC DIGIT ONE}"),
        f"01{SENT[2:]}more",
        f"01{SENT[2:]}-{'m' * 100}",
    ],
    ids=[
        "empty",
        "short",
        "capitals",
        "space",
        "line-end",
        "more-in-the-first-version",
        "words-in-the-first-version",
        "a-digit-less",
        "version-that-never-is",
        "no-trace",
        "no-parent",
        "no-digit",
        "digits-of-another-script",
        "later-version-run-together",
        "endless",
    ],
)
def test_what_is_no_traceparent_is_none(text: str) -> None:
    """What the standard calls invalid is not read."""
    assert trace.context_of(text) is None


@pytest.mark.parametrize("text", [SENT, f"cc{SENT[2:]}", f"cc{SENT[2:]}-later"])
def test_a_traceparent_is_read(text: str) -> None:
    """That of a later version as far as it is known."""
    context = trace.context_of(text)
    assert context == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 1)
    assert context.sampled


def test_flags_that_are_unknown_are_not_passed_on() -> None:
    """Of the flags those that the standard defines."""
    made = trace.traceparent("req_1", 1, SENT.replace("-01", "-fe"))
    assert made.endswith("-02")


def test_an_attempt_continues_the_clients_trace() -> None:
    """Same trace and flags, its own span, and that is neither the client's nor another's."""
    first, second = (trace.traceparent("req_1", number, SENT) for number in (1, 2))
    assert trace.context_of(first) == (SENT[3:35], trace.span_id("req_1", 1), 1)
    spans = {"b7ad6b7169203331", *(trace.span_id("req_1", number) for number in range(9))}
    assert len(spans) == 10
    assert first != second


def test_a_trace_of_our_own_is_found_again() -> None:
    """By the id of the request alone, and another request has another."""
    made = trace.context_of(trace.traceparent("req_1", 3))
    assert made == (trace.trace_id("req_1"), trace.span_id("req_1", 3), 1)
    assert trace.trace_id("req_2") != trace.trace_id("req_1")
    assert trace.trace_id("req_1", SENT) == SENT[3:35]


def test_the_ids_stay_what_they_are() -> None:
    """Processes of two versions find the same."""
    assert trace.trace_id("req_1") == "a606a16cc55ecedaa077f131154452c9"
    assert trace.span_id("req_1", 1) == "feba83d3f24e2957"


@pytest.mark.parametrize(("part", "least", "most"), [(0.0, 0, 0), (0.25, 200, 300), (1.0, 1000, 1000)])
def test_a_part_of_the_traces_is_sampled(part: float, least: int, most: int) -> None:
    """Of many traces that part, and what their upstreams are told is the same."""
    ids = [f"req_{number}" for number in range(1000)]
    kept = [each for each in ids if trace.is_sampled(trace.trace_id(each), part)]
    assert least <= len(kept) <= most
    told = [each for each in ids if trace.traceparent(each, 1, part=part).endswith("-01")]
    assert told == kept
