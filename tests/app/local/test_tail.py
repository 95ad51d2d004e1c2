"""The bounded tail of a child's standard error."""

from hypothesis import given
from hypothesis import strategies as st

from halfopen.app.local.tail import LINE_MAX_BYTES, LINES_MAX, Tail


def test_the_last_lines_are_kept_and_the_first_forgotten() -> None:
    """However much a child writes, only its last lines are held."""
    tail = Tail()
    tail.feed(b"".join(b"line %d\n" % number for number in range(1000)))
    assert tail.lines == tuple(f"line {number}" for number in range(1000 - LINES_MAX, 1000))


def test_a_line_without_an_end_is_bounded_and_shown() -> None:
    """A child that writes without a line end fills no memory, and its words are still seen."""
    tail = Tail()
    for _ in range(1000):
        tail.feed(b"x" * 1000)
    assert tail.lines == ("x" * LINE_MAX_BYTES,)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_where_the_bytes_are_cut_changes_nothing(data: bytes, cut: int) -> None:
    """Any bytes, cut anywhere, give the same lines."""
    whole, pieces = Tail(), Tail()
    whole.feed(data)
    pieces.feed(data[:cut])
    pieces.feed(data[cut:])
    assert pieces.lines == whole.lines
