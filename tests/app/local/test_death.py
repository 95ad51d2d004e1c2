"""What is said about a child that died."""

import pytest

from halfopen.app.local.death import explained, unexplained

LINES = (
    "0.01.425.843 W load: control-looking token: 212",
    "0.02.245.981 E common_chat_templates_init: error: Unexpected token",
    "0.02.248.060 E srv          init: chat template parsing error",
)


def test_the_childs_own_words_come_first_and_then_the_cause() -> None:
    """Our line says what happened, llama.cpp's first error why; warnings are left out."""
    assert explained("halfopen: The model m.gguf could not be loaded.", LINES) == (
        "The model m.gguf could not be loaded. | common_chat_templates_init: error: Unexpected token"
        " | srv          init: chat template parsing error"
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [(None, "not ready within start_s = 5 s"), (-9, "ended by signal 9"), (139, "ended with status 139")],
    ids=["slow start", "signal", "status"],
)
def test_an_unexplained_end_names_how_it_ended(status: int | None, words: str) -> None:
    """Without an explanation, the way the process ended and its last lines are the evidence."""
    assert words in unexplained(status, 5, ())
    assert unexplained(status, 5, ("terminate called",)).endswith(" | terminate called")
