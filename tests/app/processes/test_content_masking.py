"""What is kept of a request is masked and cut, in this order."""

import msgspec
import pytest

from halfopen import redact
from halfopen.app.processes.content_masking import masked
from halfopen.model.content import Content, Message, Part, Transcript
from halfopen.providers.transcript import MARGIN_BYTES, bounded

KNOWN = "zebra-crossing-42"
SAMPLES = {
    "e-mail": "jane.doe@example.org",
    "card": "4111 1111 1111 1111",
    "key": "sk-" + "proj-aB3dE5fG7hJ9kL1mN2pQ4rS6",
    "iban": "DE89 3704 0044 0532 0130 00",
    "phone": "+49 30 90182036",
    "configured": KNOWN,
}


def content(prompt, answer=(), max_bytes=8192):
    return Content("ho-1", 1000.0, True, max_bytes, bounded(prompt, max_bytes), bounded(answer, max_bytes))


def user(*texts):
    return Message("user", tuple(Part("text", each) for each in texts))


def read(data):
    return msgspec.json.decode(data, type=Transcript)


def test_every_text_is_masked():
    """Of every part and name, with a count of the masks; what is harmless stays as it was."""
    call = Part("tool_call", '{"to":"jane.doe@example.org"}', f"send-{KNOWN}")
    kept = masked(content([user("Hello", KNOWN)], [Message("assistant", (call,))]), redact.known([KNOWN]))
    assert read(kept.prompt).messages == (user("Hello", "[secret]"),)
    assert read(kept.answer).messages[0].parts == (Part("tool_call", '{"to":"[email]"}', "send-[secret]"),)
    assert (kept.masked, kept.cut, kept.request_id) == (2, False, "ho-1")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_cut_never_leaves_a_part_of_a_secret(name):
    """Wherever the bound falls in it: what no rule knows any more is not kept either."""
    secret = SAMPLES[name]
    redactor = redact.known([KNOWN])
    for before in range(200, 290):
        text = "word " * (before // 5) + "x" * (before % 5) + " " + secret + " and so on." * 400
        kept = masked(content([user(text)], max_bytes=256), redactor)
        transcript = read(kept.prompt)
        said = transcript.messages[0].parts[0].content
        assert transcript.is_cut
        assert len(said.encode()) <= 256
        rest = said.replace("word ", "").replace("x", "").replace(" and so on.", "").strip()
        assert not any(secret[:n] in rest for n in range(6, len(secret) + 1)), said


@pytest.mark.parametrize("name", SAMPLES)
def test_masks_that_are_shorter_than_what_they_hide_uncover_no_cut(name):
    """A worker cuts before anything is masked: where its cut comes to lie within the bound, its end goes."""
    secret = SAMPLES[name]
    keys = ("sk-" + "proj-aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY" * 4 + " ") * 10
    for before in range(4096 - 16 + MARGIN_BYTES - len(secret), 4096 - 16 + MARGIN_BYTES):
        text = (keys + "word " * 1000)[: before - 1] + " " + secret + " and so on." * 400
        kept = masked(content([user(text)], max_bytes=4096), redact.known([KNOWN]))
        said = read(kept.prompt).messages[0].parts[0].content
        assert said.startswith("[key] [key]")
        assert not any(secret[:n] in said for n in range(6, len(secret) + 1)), said


def test_masks_that_are_longer_than_what_they_hide_break_no_bound():
    """A prompt of nothing but short secrets."""
    text = "a@b.co " * 2000
    kept = masked(content([user(text)], max_bytes=1024), redact.known([]))
    transcript = read(kept.prompt)
    assert sum(len(part.content.encode()) for part in transcript.messages[0].parts) <= 1024
    assert transcript.is_cut
    assert "@" not in kept.prompt.decode()


def test_the_margin_is_longer_than_what_a_rule_looks_for():
    """The longest form that is only known by its end: an address with a password."""
    secret = "https://" + "u" * 500 + ":hunter2@host/"
    text = "x" * 250 + " " + secret + " and so on" * 400
    kept = masked(content([user(text)], max_bytes=256), redact.known([]))
    assert "uuuu" not in kept.prompt.decode()
    assert len(secret) < MARGIN_BYTES
