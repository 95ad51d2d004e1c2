"""The nesting of a request is bounded, and found in time that grows with its length alone."""

import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.providers.json_body import NESTING_MAX, is_too_deep

TEXT = st.text(alphabet='[]{}"\\a', max_size=6)
JSON = st.recursive(
    TEXT | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=12,
)


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(st.lists(st.tuples(JSON, st.integers(NESTING_MAX - 6, NESTING_MAX + 2)), min_size=1, max_size=4))
def test_the_bound_is_exact(values: list[tuple[Any, int]]) -> None:
    """A text is refused from one level beyond the bound on, whatever brackets and quotes its texts have."""
    parts, depth = [], 0
    for value, wrapped in values:
        parts.append("[" * wrapped + json.dumps(value) + "]" * wrapped)
        depth = max(depth, wrapped + depth_of(value))
    body = ("[" + ",".join(parts) + "]").encode()
    assert is_too_deep(body) is (depth + 1 > NESTING_MAX)


@pytest.mark.parametrize("filler", ["[]", '"[["', '"\\\\"', '"\\""', "[[],[[]]]"])
@pytest.mark.parametrize("deep", [NESTING_MAX - 1, NESTING_MAX], ids=["within", "beyond"])
def test_long_texts(filler: str, deep: int) -> None:
    """The bound holds at the far end of a long text as at its start."""
    body = "[" + (filler + ",") * 30_000 + "[" * deep + "]" * deep + "]"
    assert is_too_deep(body.encode()) is (deep == NESTING_MAX)


MB = 1_000_000
HEAVY: dict[str, bytes] = {
    "deep arrays": b"[" + b",".join([b"[" * 198 + b"]" * 198] * (4 * MB // 397)) + b"]",
    "a deep place with many leaves": b"[" * 199 + b",".join([b"[]"] * (4 * MB // 3)) + b"]" * 199,
    "deep teeth": b"[" * 100 + b",".join([b"[" * 99 + b"]" * 99] * (4 * MB // 199)) + b"]" * 100,
    "flat objects": b"[" + b",".join([b'{"a":[]}'] * (4 * MB // 9)) + b"]",
    "escapes": b'{"a":"' + b"\\n" * (2 * MB) + b'","m":[' + b"[]," * 201 + b"[]]}",
    "escaped quotes": b'{"a":"' + b'\\"' * (2 * MB) + b'","m":[' + b"[]," * 201 + b"[]]}",
    "short texts": b"[" + b'"",' * (4 * MB // 3) + b"[]," * 201 + b"[]]",
}


@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY.keys())
def test_heavy_texts(body: bytes) -> None:
    """4 MB of whatever kind take a moment, and a few times their own size in memory."""
    tracemalloc.start()
    began = time.process_time()
    try:
        assert not is_too_deep(body)
        took_s, peak_bytes = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert took_s < 1.5
    assert peak_bytes < 3 * len(body) + 10 * MB
