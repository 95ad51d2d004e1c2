"""Images and files become blocks with the same content."""

import pytest

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def user(text):
    return {"role": "user", "content": text}


def called(*calls, **fields):
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
            for call_id, name, arguments in calls
        ],
        **fields,
    }


def result(call_id, content):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def block(text):
    return {"type": "text", "text": text}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        pytest.param(
            {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}},
            {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
            id="image-url",
        ),
        pytest.param(
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            id="image-inline",
        ),
        pytest.param(
            {"type": "image_url", "image_url": {"url": f"data:image/jpg;base64,{PIXEL}"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": PIXEL}},
            id="image-jpg",
        ),
        pytest.param(
            {
                "type": "file",
                "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
            },
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                "title": "a.pdf",
            },
            id="pdf",
        ),
        pytest.param(
            {"type": "file", "file": {"file_data": "JVBERi0="}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
            },
            id="pdf-bare",
        ),
        pytest.param(
            {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGk="}},
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "hi"},
                "title": "a.txt",
            },
            id="text-file",
        ),
    ],
)
def test_parts(lab, part, expected):
    """Images and files become blocks with the same content."""
    body = lab.body(lab.chat([user([block("look"), part])]))
    lab.accepted(body)
    assert body["messages"][0]["content"] == [block("look"), expected]


def test_a_tool_result_may_hold_an_image(lab):
    """A result with an image stays a list of blocks."""
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    body = lab.body(lab.chat([user("a"), called(("c1", "f", "{}")), result("c1", [block("x"), image])]))
    lab.accepted(body)
    assert [each["type"] for each in body["messages"][2]["content"][0]["content"]] == ["text", "image"]
