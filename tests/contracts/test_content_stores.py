"""What every store of prompts and answers must do. A new store joins in `conftest.content_places`."""

import pytest

from halfopen.seams.content_store import ContentStore, KeptContent
from halfopen.seams.outcome_store import StoreError

PLENTY = 1 << 30
HARD = "zero \x00, quote ' \" ` \\ \n\r\t, Straße 東京 🙂".encode() + bytes(range(256))
"""Bytes that some database would rather not take."""


def kept(number, size=100, request_id=""):
    prompt = b'{"n":%d}' % number + b"p" * size
    return KeptContent(request_id or f"ho-{number}", 1000.0 + number, prompt, b"a" * size, False, number)


@pytest.fixture
def make(content_places):
    """Makes the store anew over the same data."""
    made = []

    def again():
        for store in made:
            store.close()
        made.append(content_places.store())
        return made[-1]

    yield again
    for store in made:
        store.close()


@pytest.fixture
def store(make) -> ContentStore:
    opened = make()
    opened.open()
    return opened


@pytest.fixture
def reader(content_places):
    opened = content_places.reader()
    yield opened
    opened.close()


def test_nothing_is_there_before_it_is_made(reader):
    """Who asks for content where none was ever kept is told that there is none, and makes no table."""
    assert reader.find("ho-1") is None


def test_what_is_written_is_found(make, store, reader):
    """Every value as it was, also when the store is opened again."""
    rows = [kept(1), KeptContent("ho-2", 1002.5, HARD, HARD[::-1], True, 7), kept(3)]
    store.write(rows[:1])
    store.write(rows[1:])
    assert [reader.find(row.request_id) for row in rows] == rows
    assert reader.find("ho-4") is None
    size_bytes = store.size_bytes()
    assert store.count() == 3
    again = make()
    again.open()
    assert again.count() == 3
    assert abs(again.size_bytes() - size_bytes) < 20
    assert reader.find("ho-2") == rows[1]


def test_of_one_id_the_latest_is_found(store, reader):
    """A client may give its own ids, and the same one twice."""
    store.write([kept(5, request_id="same"), kept(9, request_id="same"), kept(7, request_id="same")])
    found = reader.find("same")
    assert found is not None
    assert found.masked == 9


@pytest.mark.parametrize("name", ["nul\x00inside", "half \ud800 pair", "quote ' \" \\", "x" * 5000, ""])
def test_any_id_is_taken(store, reader, name):
    """Whatever a client calls its request: no row is refused for it, nor a question."""
    store.write([KeptContent(name, 1.0, b"{}", b"{}", False, 0), kept(1)])
    reader.find("quote ' \" \\")
    assert store.count() == 2
    assert reader.find("ho-1") == kept(1)


def test_what_is_old_goes(store, reader):
    """That which ended before the time, and nothing else."""
    store.write([kept(number) for number in range(10)])
    assert store.forget(1004.0) == 4
    assert store.forget(1004.0) == 0
    assert store.count() == 6
    assert reader.find("ho-3") is None
    assert reader.find("ho-4") == kept(4)


def test_the_oldest_go_when_there_is_too_much(store, reader):
    """A slice at a time, until the rest fits; by time, not by the order in which they came."""
    store.write([kept(number, 1000) for number in range(600, 0, -1)])
    assert store.trim(PLENTY) == 0
    for _ in range(600):
        if not store.trim(300_000):
            break
    assert store.size_bytes() <= 300_000
    assert 0 < store.count() < 600
    assert reader.find("ho-600") == kept(600, 1000)
    assert reader.find("ho-1") is None


def test_a_store_that_isnt_open_says_so(make):
    """As StoreError, which a writer knows."""
    store = make()
    with pytest.raises(StoreError):
        store.write([kept(1)])
    store.close()


def test_tables_of_a_later_version_are_left_alone(make, content_places, store):
    """Whoever made them knows better; nothing is read, changed or deleted."""
    store.write([kept(1)])
    store.close()
    content_places.make_later()
    with pytest.raises(StoreError, match="later version"):
        make().open()
