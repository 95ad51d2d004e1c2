"""The judge of DogStatsD's datagrams notices what is wrong with one."""

import pytest
from statsd_grammar import Event, MalformedError, Metric, parse


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"a:1|c\n", id="a line's end at the end"),
        pytest.param(b"a:1|c\n\nb:1|c", id="an empty line"),
        pytest.param(b"a|c", id="no value"),
        pytest.param(b"a:|c", id="an empty value"),
        pytest.param(b"a:1e-9|c", id="an exponent"),
        pytest.param(b"a:nan|g", id="no number"),
        pytest.param(b"a:1", id="no type"),
        pytest.param(b"a:1|x", id="another type"),
        pytest.param(b"a b:1|c", id="a blank in the name"),
        pytest.param("ä:1|c".encode(), id="a letter beyond ASCII in the name"),
        pytest.param(b"1a:1|c", id="a digit first"),
        pytest.param(b"a:1|c|@0", id="a rate of 0"),
        pytest.param(b"a:1|c|@1.5", id="a rate above 1"),
        pytest.param(b"a:1|g|@0.5", id="a rate of a gauge"),
        pytest.param(b"a:1|c|#x:1|@0.5", id="the rate after the tags"),
        pytest.param(b"a:1|c|#", id="no tags"),
        pytest.param(b"a:1|c|#x:1,,y:2", id="an empty tag"),
        pytest.param(b"a:1|c|#x:1,x:2", id="a tag twice"),
        pytest.param(b"a:1|c|#x:a@b", id="an at sign in a tag"),
        pytest.param(b"a:1|c|#x:1|#y:2", id="tags twice"),
        pytest.param(b"a:1|c|zz", id="something unknown"),
        pytest.param(b"a:1|c|#x:\xff", id="no UTF-8"),
        pytest.param(b"_e{5,4}:title|text|t:bad", id="another alert type"),
        pytest.param(b"_e{5,9}:title|text", id="a size that is too large"),
        pytest.param(b"_e{4,4}:title|text", id="a size that is too small"),
        pytest.param(b"_e{5,3}:title|text", id="a text that goes on"),
        pytest.param(b"_e{0,4}:|text", id="no title"),
        pytest.param(b"_e{5,4}title|text", id="no colon"),
        pytest.param("_e{3,4}:äää|text".encode(), id="letters counted instead of bytes"),
        pytest.param(b"a:1|c|#x:" + b"y" * 1500, id="too long"),
    ],
)
def test_malformed(datagram: bytes) -> None:
    """A planted malformed datagram is noticed."""
    with pytest.raises(MalformedError):
        parse(datagram)


def test_well_formed() -> None:
    """Examples of the protocol's description are read as they are meant."""
    assert parse(b"page.views:1|c\nfuel.level:0.5|g|#a,b:c:d\nsong.length:240:3|d|@0.5") == [
        Metric("page.views", "c", (1.0,), 1.0, {}),
        Metric("fuel.level", "g", (0.5,), 1.0, {"a": "", "b": "c:d"}),
        Metric("song.length", "d", (240.0, 3.0), 0.5, {}),
    ]
    assert parse("_e{3,8}:ä!|a|b\\nc|d|t:error|#x:1".encode()) == [
        Event("ä!", "a|b\\nc|d", {"t:": "error"}, {"x": "1"})
    ]
