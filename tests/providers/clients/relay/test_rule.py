"""What is relayed, and by what rule."""

import pytest

from halfopen.providers.clients.relay import ModelPlace, RelayRule, Repeat, rule_of

READ = RelayRule(Repeat.HARMLESS, bound=True)
WRITE = RelayRule(Repeat.STORES, bound=True)


def computed(place: ModelPlace) -> RelayRule:
    return RelayRule(Repeat.COSTS, bound=False, model=place)


@pytest.mark.parametrize(
    ("method", "path", "rule"),
    [
        ("POST", "/v1/audio/speech", computed(ModelPlace.JSON)),
        ("POST", "/v1/audio/transcriptions", computed(ModelPlace.FORM)),
        ("POST", "/v1/audio/translations", computed(ModelPlace.FORM)),
        ("POST", "/v1/images/generations", computed(ModelPlace.JSON)),
        ("POST", "/v1/images/edits", computed(ModelPlace.FORM)),
        ("POST", "/v1/images/variations", computed(ModelPlace.FORM)),
        ("POST", "/v1/moderations", computed(ModelPlace.JSON)),
        ("POST", "/v1/moderations/", computed(ModelPlace.JSON)),
        ("POST", "/v1/responses/input_tokens", RelayRule(Repeat.COSTS, bound=True, model=ModelPlace.JSON)),
        ("POST", "/v1/responses/compact", RelayRule(Repeat.COSTS, bound=True, model=ModelPlace.JSON)),
        ("GET", "/v1/files", READ),
        ("POST", "/v1/files", WRITE),
        ("GET", "/v1/files/file-1", READ),
        ("HEAD", "/v1/files/file-1", READ),
        ("GET", "/v1/files/file-1/content", READ),
        ("DELETE", "/v1/files/file-1", WRITE),
        ("POST", "/v1/uploads/upload_1/parts", WRITE),
        ("POST", "/v1/batches", WRITE),
        ("POST", "/v1/batches/batch_1/cancel", WRITE),
        ("GET", "/v1/batches/batch_1", READ),
        ("POST", "/v1/fine_tuning/jobs", WRITE),
        ("GET", "/v1/fine_tuning/checkpoints/ft:gpt-4o-mini:org::id:ckpt/permissions", READ),
        ("GET", "/v1/responses/resp_1", READ),
        ("DELETE", "/v1/responses/resp_1", WRITE),
        ("POST", "/v1/responses/resp_1/cancel", WRITE),
        ("GET", "/v1/responses/resp_1/input_items", READ),
        ("POST", "/v1/vector_stores/vs_1/search", WRITE),
        ("GET", "/v1/vector_stores/vs_1/files/file-1/content", READ),
        ("POST", "/v1/threads/t_1/runs/r_1/submit_tool_outputs", WRITE),
        ("GET", "/v1/assistants", READ),
        ("POST", "/v1/conversations/conv_1/items", WRITE),
        ("GET", "/v1/containers/c_1/files/f_1/content", READ),
        ("GET", "/v1/evals/e_1/runs/r_1/output_items/o_1", READ),
        ("GET", "/v1/chat/completions", READ),
        ("GET", "/v1/chat/completions/chatcmpl-1", READ),
        ("GET", "/v1/chat/completions/chatcmpl-1/messages", READ),
        ("POST", "/v1/chat/completions/chatcmpl-1", WRITE),
        ("DELETE", "/v1/chat/completions/chatcmpl-1", WRITE),
        ("POST", "/v1/videos", WRITE),
        ("GET", "/v1/audio/voices/v_1", READ),
    ],
)
def test_what_is_relayed(method, path, rule) -> None:
    """Reads are harmless, what computes costs, what stores is stored; ids belong to one account."""
    assert rule_of(method, path) == rule


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/completions"),
        ("POST", "/v1/embeddings"),
        ("POST", "/v1/responses"),
        ("GET", "/v1/responses"),
        ("GET", "/v1/models"),
        ("DELETE", "/v1/models/ft:x"),
        ("POST", "/v1/messages"),
        ("GET", "/v1/realtime"),
        ("POST", "/v1/realtime/client_secrets"),
        ("POST", "/v1/live/sessions"),
        ("GET", "/v1/organization/admin_api_keys"),
        ("GET", "/v1/projects/p_1/users"),
        ("GET", "/v1/moderations"),
        ("DELETE", "/v1/images/edits"),
        ("GET", "/v1/responses/input_tokens"),
        ("OPTIONS", "/v1/files"),
        ("CONNECT", "/v1/files"),
        ("GET", "/files"),
        ("GET", "/v1/"),
        ("GET", "/v1/files/../organization/users"),
        ("GET", "/v1/files/.."),
        ("GET", "/v1/files//content"),
        ("GET", "/v1/files/a b"),
        ("GET", "/v1/files/a\r\nx: y"),
        ("GET", "/v1/files/a?b"),
        ("GET", "/v1/files/é"),
        ("GET", "/v1/files/" + "a" * 300),
        ("GET", "/v1/files" + "/a" * 20),
    ],
)
def test_what_is_not_relayed(method, path) -> None:
    """What is served elsewhere, the organization's administration, what is no HTTP, odd paths."""
    assert rule_of(method, path) is None
