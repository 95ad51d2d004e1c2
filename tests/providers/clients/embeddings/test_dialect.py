"""The dialect of embeddings as a whole."""

import json

import pytest

from halfopen import errors
from halfopen.model import Fault, Kind, Reply
from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.client import Failure
from halfopen.providers.clients.embeddings import EMBEDDINGS


def test_anthropic_makes_none(make, make_target) -> None:
    """Its targets are skipped for every request."""
    target = make_target("claude-haiku-4-5", "anthropic")
    translation = EMBEDDINGS.translation(ANTHROPIC, target)
    ask = make()
    assert translation.unfit(ask, target) == "Anthropic has no embeddings"
    assert translation.adapted(ask, target) == ()
    with pytest.raises(ValueError, match="Anthropic has no embeddings"):
        translation.call(ask, target, "k")
    assert isinstance(translation.answer(ask, target, Reply(200, (), b"{}")), Fault)
    assert translation.reader(ask, target).close()[0].fault is not None


def test_failures_are_in_openais_words(make) -> None:
    """As the JSON body, which is all there can be."""
    failure = Failure(errors.make(Kind.NO_FIT_TARGET), 400, "r1", {"kind": "no_fit_target"})
    body = json.loads(EMBEDDINGS.error(failure))
    assert body["error"]["halfopen"] == {"kind": "no_fit_target"}
    assert b"no_fit_target" in EMBEDDINGS.writer(make(), request_id="r", created_s=0).error(failure)
    assert (EMBEDDINGS.name, EMBEDDINGS.request_id_header) == ("embeddings", "x-request-id")
