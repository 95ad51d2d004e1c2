"""Ids of answers that OpenAI did not make begin as OpenAI's do, fit its limit, and are known again."""

import pytest

from halfopen.providers.clients.responses import ids

ID_MAX_CHARS = 64


@pytest.mark.parametrize("origin", ["chatcmpl-abc", "req_1-2", "x" * 300, "", "é/\n"], ids=repr)
def test_ids(origin: str) -> None:
    """Whatever an id is made from, it is short, plain and ours."""
    core = ids.core_of(origin)
    made = [ids.response_id(core), *(ids.item_id(prefix, core, 12345) for prefix in ("msg", "rs", "fc"))]
    assert [each.split("_")[0] for each in made] == ["resp", "msg", "rs", "fc"]
    assert all(len(each) <= ID_MAX_CHARS and each.isascii() and each.isprintable() for each in made)
    assert all(ids.is_ours(each) for each in made)


@pytest.mark.parametrize("value", ["resp_68a1", "msg_1", "", None, 4], ids=repr)
def test_not_ours(value: object) -> None:
    """OpenAI's own ids, and what is none, are not ours."""
    assert not ids.is_ours(value)
