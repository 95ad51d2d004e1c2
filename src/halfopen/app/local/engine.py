"""llama.cpp, as xllamacpp brings it: it loads the model and serves HTTP from threads of its own.

Its server has what a last resort needs: OpenAI-shaped chat, plain and streamed, `/v1/models`, `/health`
that answers 503 "Loading model" until the model is there, continuous batching, and it stops generating
when the client leaves. So nothing of this is built anew here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halfopen.app.local.gguf import has_chat_template
from halfopen.app.ports import LOOPBACK

PLAIN_TURNS = """\
{%- for message in messages -%}
{%- if message.role == 'user' -%}User: {{ message.content }}
{% elif message.role == 'assistant' -%}Assistant: {{ message.content }}
{% else -%}{{ message.content }}

{% endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}Assistant:{%- endif -%}"""
"""For a model without a template: base models have seen dialogues of this form, but no special tokens."""

TURN_STOPS = ("\nUser:", "\nAssistant:")
"""Where a base model begins to make up the next turn. A request with stops of its own replaces these."""

BASE_TEMPERATURE = 0.3
"""For a base model whose request sets none: llama.cpp's 0.8 makes a small one ramble."""

_PROMPT_CACHE_MIB = 256
_WARNINGS = 2


class LoadError(Exception):
    """The model could not be loaded, or the server could not listen."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What one server is started with."""

    path: Path
    port: int
    name: str
    context_tokens: int
    parallel: int
    threads: int
    """1 or more."""
    answer_tokens: int
    chat_template: str | None
    key: str | None
    """Bearer token that requests must bring; None: none."""


def start(options: EngineOptions) -> Any:
    """Load the model and serve it; return the server, which ends with its last reference.

    Blocks, with the interpreter's lock held, until the model is loaded. `/health` is served meanwhile.

    Raises:
        LoadError: With what llama.cpp says; more of it is on standard error.
    """
    import xllamacpp  # noqa: PLC0415 - an extra, so not always there

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(options.path)
    parameters.model_alias = {options.name}
    # llama.cpp divides the context among the slots; ours is meant for each request.
    parameters.n_ctx = options.context_tokens * options.parallel
    parameters.n_parallel = options.parallel
    parameters.n_predict = options.answer_tokens
    parameters.cpuparams.n_threads = options.threads
    parameters.cpuparams_batch.n_threads = options.threads
    parameters.hostnames = [LOOPBACK]
    parameters.port = options.port
    if options.key is not None:
        parameters.api_keys = [options.key]
    # No page in a browser has business here. The default lets every origin read the answers.
    parameters.cors_origins = f"http://{LOOPBACK}:{options.port}"
    parameters.ui = False
    # Slots show other people's prompts.
    parameters.endpoint_slots = False
    parameters.offline = True
    parameters.cache_ram_mib = _PROMPT_CACHE_MIB
    parameters.verbosity = _WARNINGS
    # Fitting layers to a GPU's memory loads the model twice; without a GPU there is nothing to fit.
    parameters.fit_params = _has_gpu(xllamacpp)
    if options.chat_template is not None:
        parameters.chat_template = options.chat_template
    elif has_chat_template(options.path) is False:
        parameters.chat_template = PLAIN_TURNS
        parameters.antiprompt = list(TURN_STOPS)
        parameters.sampling.temp = BASE_TEMPERATURE
    try:
        return xllamacpp.Server(parameters)
    except Exception as problem:
        raise LoadError(str(problem)) from problem


def _has_gpu(xllamacpp: Any) -> bool:
    kinds = xllamacpp.ggml_backend_dev_type
    gpus = (kinds.GGML_BACKEND_DEVICE_TYPE_GPU, kinds.GGML_BACKEND_DEVICE_TYPE_IGPU)
    return any(device.get("type") in gpus for device in xllamacpp.get_device_info())
