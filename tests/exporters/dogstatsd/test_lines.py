"""Lines of DogStatsD, read by the grammar."""

from statsd_grammar import Event, Metric, parse

from halfopen.exporters.dogstatsd import lines
from halfopen.exporters.dogstatsd.datagrams import datagrams


def read(line: str) -> Metric | Event:
    (found,) = parse(line.encode())
    return found


def test_kinds() -> None:
    """Counts, gauges, and distributions with their rate."""
    tags = (("route", "gpt-4o"), ("empty", ""))
    assert read(lines.count("h.requests", 3, tags)) == Metric(
        "h.requests", "c", (3.0,), 1.0, {"route": "gpt-4o"}
    )
    assert read(lines.gauge("h.x", -0.25, ())) == Metric("h.x", "g", (-0.25,), 1.0, {})
    found = read(lines.distribution("h.d", 1.5, 3, ()))
    assert isinstance(found, Metric)
    assert (found.kind, found.values, round(1 / found.rate, 6)) == ("d", (1.5,), 3)
    assert "@" not in lines.distribution("h.d", 1.5, 1, ())


def test_small_and_large_numbers_have_no_exponent() -> None:
    """Billionths of a dollar and more than the number of bytes of a day."""
    assert lines.count("c", 2.5e-8, ()) == "c:0.000000025|c"
    assert lines.count("c", 123456789012345678, ()) == "c:123456789012345678|c"
    assert lines.gauge("c", 1e15, ()) == "c:1000000000000000|g"
    assert lines.gauge("c", -1e-12, ()) == "c:0|g"


def test_no_tag_breaks_a_line() -> None:
    """Whatever a route is called: bars, commas, ends of lines, at signs, half a letter, and 400 letters."""
    for name in ("a|b", "a,b", "a\nb", "a@b#c", "a:b", "\ud800", "x" * 400, "ä" * 300, "\x00\x7f"):
        found = read(lines.count("c", 1, (("route", name), ("k:1", "v"))))
        assert isinstance(found, Metric)
        assert set(found.tags) == {"route", "k_1"}


def test_events() -> None:
    """Sizes are in bytes; an end of a line is written as two letters; a bar is allowed."""
    found = read(lines.event("Größe", "a|b\nc", "error", "halfopen-health", (("env", "x"),)))
    assert found == Event(
        "Größe", "a|b\\nc", {"k:": "halfopen-health", "s:": "halfopen", "t:": "error"}, {"env": "x"}
    )


def test_long_events_fit() -> None:
    """Whatever letters they are written in."""
    for letter in ("a", "ä", "語", "\n", "😀"):
        line = lines.event(letter * 5000, letter * 5000, "info", "k", (("a", "b"),))
        made, left_out = datagrams([line])
        assert left_out == 0
        assert isinstance(parse(made[0])[0], Event)


def test_datagrams_are_full_but_not_too_long() -> None:
    """Every line is in one, in order, and none is longer than a frame takes."""
    told = [
        lines.count(f"h.metric_{number}", number, (("route", "r" * (number % 150)),)) for number in range(500)
    ]
    made, left_out = datagrams([*told, "x" * 2000])
    assert left_out == 1
    assert b"\n".join(made).decode().split("\n") == told
    assert all(len(datagram) <= 1432 for datagram in made)
    assert sum(map(len, made)) / len(made) > 1250
    assert len([metric for datagram in made for metric in parse(datagram)]) == 500
