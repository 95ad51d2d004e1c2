"""Addresses that may be references to environment variables."""

from collections.abc import Mapping

from halfopen.rollout import reference
from halfopen.rollout.place import Path
from halfopen.rollout.problem import Findings


def is_known(
    url: str, path: Path, environ: Mapping[str, str], findings: Findings, *, hint: str, example: str
) -> bool:
    """Whether every variable that it names is set; otherwise the finding is added.

    Args:
        url: As the file has it.
        path: Where it stands.
        environ: The environment.
        findings: What is wrong.
        hint: What to write instead of what is no reference.
        example: A value for a variable that is not set.
    """
    if reference.malformed(url):
        findings.add(path, "is no reference to an environment variable", hint)
        return False
    missing = [name for name in reference.names(url) if not environ.get(name, "").strip()]
    if missing:
        told = f"the environment variable {missing[0]} is not set"
        findings.add(path, told, f"export {missing[0]}={example}")
    return not missing
