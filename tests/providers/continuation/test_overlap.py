"""The splice: what a continuation repeats is left out, and nothing else."""

from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from halfopen.providers.continuation import Splice, overlap
from halfopen.providers.continuation.overlap import RESTART_MIN_CHARS, TAIL_MAX_CHARS

LONG = "The library opened in 1907. It has nine rooms, and in every room there is a clock that goes wrong"


def read(delivered: str, *pieces: str, prefilled: bool = False) -> str:
    """The whole text that the client reads."""
    splice = Splice(delivered, prefilled=prefilled)
    return delivered + "".join(splice.feed(piece) for piece in pieces) + splice.finish()


@pytest.mark.parametrize(
    ("delivered", "continuation", "whole"),
    [
        pytest.param("The quick brown", " fox.", "The quick brown fox.", id="exact"),
        pytest.param("The quick brown", "quick brown fox.", "The quick brown fox.", id="last words"),
        pytest.param("The quick brown", "brown fox.", "The quick brown fox.", id="last word"),
        pytest.param(
            "It was cold. He left.", "He left. Then it", "It was cold. He left. Then it", id="sentence"
        ),
        pytest.param(LONG, LONG + ".", LONG + ".", id="all"),
        pytest.param("Yes", "Yes, it is.", "Yes, it is.", id="all of a short one"),
        pytest.param("we contin", "continuing on", "we continuing on", id="the cut word"),
        pytest.param("we contin", "we continue", "we continue", id="the cut word and one before"),
        pytest.param("This is a", "amazing thing", "This is a amazing thing", id="a letter is no cut word"),
        pytest.param("good for", "formatting", "good for formatting", id="three letters are none"),
        pytest.param("I don't", "think so", "I don't think so", id="not after an apostrophe"),
        pytest.param("I don\u2019t", "try", "I don\u2019t try", id="not after a curly apostrophe"),
        pytest.param("about 0.3", "333", "about 0.3333", id="not inside a number"),
        pytest.param("he had", " had enough", "he had had enough", id="had had"),
        pytest.param("a very, very", ", very old", "a very, very, very old", id="very very"),
        pytest.param("[0, 0, 0, 0", ", 0, 0]", "[0, 0, 0, 0, 0, 0]", id="zeros go on"),
        pytest.param("1, 2, 3, 4", ", 5, 6", "1, 2, 3, 4, 5, 6", id="numbers"),
        pytest.param("1, 2, 3, 4", "3, 4, 5", "1, 2, 3, 4, 5", id="numbers repeated"),
        pytest.param("x\n- one\n- two", "\n- three", "x\n- one\n- two\n- three", id="list"),
        pytest.param("x\n- one\n- two", "- two\n- three", "x\n- one\n- two\n- three", id="list repeated"),
        pytest.param("x\n- one\n- two", "- three", "x\n- one\n- two\n- three", id="list without break"),
        pytest.param("1. a\n2. b", "3. c", "1. a\n2. b\n3. c", id="numbered list without break"),
        pytest.param("|a|b|\n|-|-|\n|1|2|", "|3|4|", "|a|b|\n|-|-|\n|1|2|\n|3|4|", id="table"),
        pytest.param("def f():\n    ", "    return 1", "def f():\n    return 1", id="indentation repeated"),
        pytest.param("def f():\n", "    return 1", "def f():\n    return 1", id="indentation new"),
        pytest.param(
            "```py\ndef f(x):\n    return x",
            "def f(x):\n    return x + 1",
            "```py\ndef f(x):\n    return x + 1",
            id="code",
        ),
        pytest.param("```py\nget", "Name()", "```py\ngetName()", id="no blank in code"),
        pytest.param("call user.na", "me now", "call user.name now", id="no blank in a dotted name"),
        pytest.param("see https://a.test/pa", "ge", "see https://a.test/page", id="no blank in an address"),
        pytest.param('{"a": 1, "b', '": 2}', '{"a": 1, "b": 2}', id="json"),
        pytest.param('{"a": 1, "b', '"b": 2}', '{"a": 1, "b": 2}', id="json repeated"),
        pytest.param("The quick", "brown fox", "The quick brown fox", id="blank lost"),
        pytest.param("contin", "uing. We are", "contin uing. We are", id="a cut word can't be known"),
        pytest.param(
            "Continuing is contin", "uing. We", "Continuing is continuing. We", id="a cut word known"
        ),
        pytest.param("It ended.", "The next", "It ended. The next", id="blank after a sentence"),
        pytest.param("so,", "then", "so, then", id="blank after a comma"),
        pytest.param("example.", "com", "example.com", id="no blank before a small letter"),
        pytest.param("the U.", "S. army", "the U.S. army", id="no blank in an abbreviation"),
        pytest.param("in 19", "84", "in 1984", id="no blank between digits"),
        pytest.param("One.\n\n", "\n\nTwo.", "One.\n\nTwo.", id="paragraph break repeated"),
        pytest.param("One.\n", "\nTwo.", "One.\nTwo.", id="line break"),
        pytest.param("One.\n", "\n\nTwo.", "One.\n\nTwo.", id="the second line break is new"),
        pytest.param("One. ", " Two.", "One. Two.", id="blank repeated"),
        pytest.param("One two\n", "two three", "One two\nthree", id="word before white space repeated"),
        pytest.param("One.\r\n", "\r\nTwo.", "One.\r\nTwo.", id="crlf"),
        pytest.param("One.\r", "\nTwo.", "One.\r\nTwo.", id="crlf cut"),
        pytest.param("One.\n", "\r\nTwo.", "One.\nTwo.", id="crlf for lf"),
        pytest.param("a line\r\nand one", "and one more", "a line\r\nand one more", id="words after crlf"),
        pytest.param("今日は天気が", "いいので", "今日は天気がいいので", id="cjk"),
        pytest.param("今日は天気が", "天気がいいので", "今日は天気がいいので", id="cjk repeated"),
        pytest.param("我看", "看书", "我看看书", id="cjk doubled"),
        pytest.param("서울", "에서", "서울에서", id="hangul particle"),
        pytest.param("สวัส", "ดีครับ", "สวัสดีครับ", id="thai"),
        pytest.param("Nice 🎉🎉", "🎉🎉!", "Nice 🎉🎉🎉🎉!", id="emoji go on"),
        pytest.param("so 👍 and", "👍 and 🎉", "so 👍 and 🎉", id="emoji repeated"),
        pytest.param("", "Hello", "Hello", id="nothing delivered"),
        pytest.param("\n\n", "\n\nHello", "\n\nHello", id="only white space delivered"),
        pytest.param("All is said.", "", "All is said.", id="nothing to add"),
        pytest.param("All is said.", "is said.", "All is said.", id="nothing but a repetition"),
        pytest.param(
            "A long sentence.", "\n\nlong sentence. More", "A long sentence. More", id="break, then repeated"
        ),
    ],
)
def test_by_instruction(delivered: str, continuation: str, whole: str) -> None:
    """A continuation by instruction is joined as a reader would, however it is cut into pieces."""
    assert read(delivered, continuation) == whole
    assert read(delivered, *continuation) == whole


@pytest.mark.parametrize(
    ("delivered", "continuation", "whole"),
    [
        pytest.param("he had", " had enough", "he had had enough", id="had had"),
        pytest.param("he had", "had", "he hadhad", id="exact, whatever it is"),
        pytest.param("contin", "uing", "continuing", id="cut word"),
        pytest.param("binary 1", "11", "binary 111", id="digits"),
        pytest.param("|---|---|---|---|", "---|---|", "|---|---|---|---|---|---|", id="table rule"),
        pytest.param("One. ", " Two", "One. Two", id="blank trimmed"),
        pytest.param("One.\n\n", " Two", "One.\n\nTwo", id="blank in place of a trimmed break"),
        pytest.param("One.\n", "\n\nTwo", "One.\n\nTwo", id="one of two breaks trimmed"),
        pytest.param("f():\n    ", "\n    return", "f():\n    return", id="indentation trimmed"),
        pytest.param("f():\n    ", "\n\treturn", "f():\n    \n\treturn", id="another indentation"),
        pytest.param(
            "The quick brown fox", "quick brown fox ran", "The quick brown fox ran", id="long overlap"
        ),
        pytest.param(
            "The brown fox", "brown fox ran", "The brown foxbrown fox ran", id="short overlap is text"
        ),
        pytest.param(LONG, LONG + ".", LONG + ".", id="the server ignored the prefill"),
    ],
)
def test_after_prefill(delivered: str, continuation: str, whole: str) -> None:
    """After a prefill only white space and long overlaps are left out, and nothing is put in."""
    assert read(delivered, continuation, prefilled=True) == whole
    assert read(delivered, *continuation, prefilled=True) == whole


@pytest.mark.parametrize("prefilled", [False, True])
@pytest.mark.parametrize("copies", [1, 60], ids=["short", "longer than the tail"])
def test_a_restart_with_other_words_is_told(copies: int, prefilled: bool) -> None:
    """An answer that begins anew and leaves the delivered words gives nothing and says so."""
    delivered = "".join(f"<{n}> {LONG}. " for n in range(copies)) + LONG
    splice = Splice(delivered, prefilled=prefilled)
    assert "".join(map(splice.feed, delivered[:60] + "another story altogether")) + splice.finish() == ""
    assert splice.diverged
    assert splice.restarted
    assert splice.feed("more") == ""


def test_a_restart_that_ends_early_is_told() -> None:
    """An answer that begins anew and is over before the delivered text ends is another answer."""
    splice = Splice(LONG, prefilled=False)
    assert splice.feed(LONG[:70]) + splice.finish() == ""
    assert splice.diverged


def test_a_long_restart_is_passed_over() -> None:
    """A text longer than the tail is passed over from its start to its end, and the rest goes out."""
    delivered = " ".join(f"word{n}" for n in range(3000))
    assert len(delivered) > 2 * TAIL_MAX_CHARS
    splice = Splice(delivered, prefilled=False)
    pieces = [delivered[at : at + 7] for at in range(0, len(delivered), 7)]
    assert all(splice.feed(piece) == "" for piece in pieces)
    assert splice.restarted
    assert len(splice._held) <= TAIL_MAX_CHARS
    assert splice.feed(" and more") == " and more"
    assert not splice.diverged


def test_a_refrain_is_no_restart() -> None:
    """A text that comes back to its first words may do so again."""
    refrain = "And the river runs on to the sea, to the sea.\n"
    assert len(refrain) > RESTART_MIN_CHARS
    delivered = f"{refrain}One.\n{refrain}Two.\n"
    assert read(delivered, *f"{refrain}Three.") == f"{delivered}{refrain}Three."


def test_text_is_held_no_longer_than_needed() -> None:
    """What can't be a part of an overlap goes out with the piece that shows it."""
    splice = Splice("The quick brown", prefilled=False)
    assert splice.feed(" fox") == " fox"
    splice = Splice("The quick brown", prefilled=False)
    assert splice.feed("quick") == ""
    assert splice.feed(" brown") == ""
    assert splice.feed(" fox") == " fox"
    assert splice.feed("brown") == "brown"


ALPHABET = st.text(st.sampled_from("ab1 ,.\n-'天気🎉|"), max_size=30)
ANY = st.one_of(ALPHABET, st.text(max_size=60))


@given(ANY, ANY, st.booleans(), st.data())
def test_pieces_change_nothing(
    delivered: str, continuation: str, prefilled: bool, data: st.DataObject
) -> None:
    """The result is the same for every way to cut a continuation, and nothing raises."""
    if data.draw(st.booleans()):
        continuation = delivered[data.draw(st.integers(0, len(delivered))) :] + continuation
    cuts = sorted(data.draw(st.lists(st.integers(0, len(continuation)), max_size=6)))
    pieces = [continuation[a:b] for a, b in zip([0, *cuts], [*cuts, len(continuation)], strict=True)]
    whole = read(delivered, continuation, prefilled=prefilled)
    assert read(delivered, *pieces, prefilled=prefilled) == whole
    assert read(delivered, *continuation, prefilled=prefilled) == whole


@given(st.lists(st.integers(0, 9), min_size=45, max_size=70), st.data())
def test_pieces_change_nothing_in_restarts(numbers: list[int], data: st.DataObject) -> None:
    """Nor where texts are long and repeat their beginnings."""
    delivered = " ".join("ab"[n % 2] * (n % 3 + 1) for n in numbers) * data.draw(st.integers(1, 3))
    agreed = data.draw(st.integers(0, len(delivered)))
    continuation = delivered[:agreed] + data.draw(ALPHABET)
    assert read(delivered, *continuation) == read(delivered, continuation)


@given(st.text(st.sampled_from("ab -\n"), min_size=60, max_size=200), st.booleans(), st.data())
def test_pieces_change_nothing_beyond_the_tail(delivered: str, prefilled: bool, data: st.DataObject) -> None:
    """Nor where the text is longer than the tail in which overlaps are looked for."""
    start = data.draw(st.sampled_from([0, len(delivered) - 55, len(delivered) - 9]))
    end = data.draw(st.integers(start, len(delivered)))
    continuation = delivered[start:end] + data.draw(ALPHABET)
    with patch.object(overlap, "TAIL_MAX_CHARS", 50):
        whole = read(delivered, continuation, prefilled=prefilled)
        assert read(delivered, *continuation, prefilled=prefilled) == whole


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 40), st.booleans())
@example(40, 40, 0, False)
def test_every_overlap_is_left_out(words: int, repeated: int, rest: int, late: bool) -> None:
    """Whatever whole words are repeated, the client reads the delivered text and the rest."""
    delivered = " ".join(f"w{n}x" for n in range(words))
    added = "".join(f" r{n}y" for n in range(rest))
    start = max(0, words - repeated)
    again = " ".join(f"w{n}x" for n in range(start, words))
    whole = delivered + added
    if late:  # the blank was delivered as well
        delivered += " "
        whole = delivered + added.lstrip()
    assert read(delivered, *(again + added)) == whole


@given(ANY, st.text(st.sampled_from("xyz ,\n"), max_size=30), st.booleans())
def test_without_overlap_nothing_is_lost(delivered: str, rest: str, prefilled: bool) -> None:
    """A continuation that shares no letter with the text goes out whole, but for white space at the seam."""
    delivered = delivered.translate(dict.fromkeys(map(ord, "xyzXYZ"), "q"))
    result = read(delivered, rest, prefilled=prefilled)
    assert result.startswith(delivered)
    assert "".join(result.split()) == "".join((delivered + rest).split())
    assert result[len(delivered) :].strip() == rest.strip()


@given(st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=200), st.data())
def test_an_exact_continuation_after_prefill_is_exact(whole: str, data: st.DataObject) -> None:
    """A short text is gone on with exactly after a prefill: fewer than twelve characters can't overlap."""
    cut = data.draw(st.integers(0, min(11, len(whole))))
    assert read(whole[:cut], whole[cut:], prefilled=True) == whole


@pytest.mark.parametrize("unit", ["a", "ab ", "-", "0, ", "天", " \n", "word and "], ids=repr)
def test_work_is_bounded(unit: str) -> None:
    """Repetitive text, a character at a time, costs no more than about linear time."""
    delivered = unit * (100_000 // len(unit))
    splice = Splice(delivered, prefilled=False)
    came = "".join(splice.feed(each) for each in (unit * 20_000)[:20_000]) + splice.finish()
    assert len(came) <= 20_000 + 1
