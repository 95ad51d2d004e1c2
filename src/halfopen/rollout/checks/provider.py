"""A provider's address, key and headers; and what goes with a local model."""

import re
from collections.abc import Mapping

from msgspec import UNSET

from halfopen.providers.compatible import FLAVOURS
from halfopen.rollout import reference
from halfopen.rollout.address import address_problem, leads_to, loopback, version_problem
from halfopen.rollout.place import Path, key, quoted
from halfopen.rollout.problem import Findings, did_you_mean
from halfopen.rollout.settings import LOCAL_ONLY, Gateway, Provider

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie|credential|password", re.IGNORECASE)
_OURS = frozenset({
    "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host",
    "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip


def check_provider(name: str, provider: Provider, environ: Mapping[str, str], findings: Findings) -> None:
    """Refuse what can't be called, and secrets that are written out."""
    path: Path = ("providers", name)
    if provider.local:
        _check_local(provider, path, findings)
    else:
        _check_remote(provider, path, findings)
    if provider.flavour is not UNSET:
        _check_flavour(provider, provider.flavour, path, findings)
    _check_keys(name, provider, environ, findings)
    for header, value in provider.headers.items():
        _check_header(name, header, value, environ, findings)
    for model, settings in provider.models.items():
        if (settings.input_price is UNSET) != (settings.output_price is UNSET):
            message = "input_price and output_price go together"
            findings.add((*path, "models", model), message, "give both, in US dollars per million tokens")


def check_is_other(name: str, provider: Provider, gateway: Gateway, findings: Findings) -> None:
    """Refuse the gateway's own address: each request would call itself until a time limit."""
    path: Path = ("providers", name, "base_url")
    if provider.base_url is UNSET or findings.blamed(path):
        return
    if leads_to(provider.base_url, gateway.host, gateway.port):
        message = (
            f"this is the gateway's own address, port {gateway.port}: requests would go round in a circle"
        )
        hint = "write the provider's address, or move the gateway with port under [gateway]"
        findings.add(path, message, hint)


def _check_local(provider: Provider, path: Path, findings: Findings) -> None:
    if provider.dialect not in {UNSET, "openai"}:
        findings.add((*path, "dialect"), "a local model speaks openai", 'leave out "dialect"')
    for name in ("base_url", "key", "keys", "flavour"):
        if getattr(provider, name) is not UNSET:
            message = "not with `local = true`: Halfopen starts that model itself"
            findings.add((*path, name), message, f'leave out "{name}", or `local` for a server of your own')


def _check_remote(provider: Provider, path: Path, findings: Findings) -> None:
    if (
        provider.dialect is UNSET
        and not findings.blamed((*path, "dialect"))
        and not findings.blamed((*path, "local"))
    ):
        hint = 'add dialect = "openai" (or "anthropic", "gemini")'
        findings.add(path, '"dialect" is missing', hint)
    for name in LOCAL_ONLY:
        if getattr(provider, name) is not UNSET:
            findings.add((*path, name), "only a local model has this", "add local = true, or leave it out")
    if provider.base_url is not UNSET:
        wrong = address_problem(provider.base_url)
        if wrong is None and provider.dialect is not UNSET:
            wrong = version_problem(provider.base_url, provider.dialect)
        if wrong is not None:
            findings.add((*path, "base_url"), *wrong)


def _check_flavour(provider: Provider, flavour: str, path: Path, findings: Findings) -> None:
    if provider.dialect not in {UNSET, "openai"}:
        findings.add((*path, "flavour"), "only a provider with dialect openai has a flavour", "leave it out")
    elif flavour not in FLAVOURS:
        findings.add((*path, "flavour"), f"{quoted(flavour)} is not known", did_you_mean(flavour, FLAVOURS))
    elif (
        FLAVOURS[flavour].base_url is None
        and provider.base_url is UNSET
        and not findings.blamed((*path, "base_url"))
    ):
        findings.add(path, f'"base_url" is missing: every {flavour} server has an address of its own')


def _check_keys(name: str, provider: Provider, environ: Mapping[str, str], findings: Findings) -> None:
    """One key or several, no two of them the same: a key that counts twice is used twice as fast."""
    path: Path = ("providers", name, "keys")
    if provider.key is not UNSET:
        _check_key(provider, provider.key, environ, ("providers", name, "key"), findings)
    if provider.keys is UNSET:
        return
    if provider.key is not UNSET:
        findings.add(
            path, "there is a `key` as well", "put it first among the keys, or leave one of them out"
        )
    seen: dict[str, int] = {}
    for index, value in enumerate(provider.keys):
        _check_key(provider, value, environ, (*path, index), findings)
        variable = reference.referred(value)
        # Two variables with the same value are one key. Without a value there is a problem already.
        found = value if variable is None else environ.get(variable, "").strip() or value
        if found in seen:
            message = f"is the same key as keys[{seen[found]}]"
            findings.add((*path, index), message, "leave one out, or give the variable another key")
        seen.setdefault(found, index)


def _check_key(
    provider: Provider, value: str, environ: Mapping[str, str], path: Path, findings: Findings
) -> None:
    """A key is one reference, unless the server is on this machine and any key will do."""
    name = str(path[1])
    variable = reference.referred(value)
    if variable is not None and not reference.malformed(value):
        _check_variable(name, variable, environ, path, findings)
        return
    suggestion = f"{re.sub('[^A-Z0-9]', '_', name.upper())}_API_KEY"
    if "$" in value:
        message = "must be exactly one reference to an environment variable"
        named = re.fullmatch(r"\$\(?([A-Za-z_][A-Za-z0-9_]*)\)?", value)
        findings.add(path, message, f'write "{reference.reference(named[1] if named else suggestion)}"')
    elif provider.base_url is UNSET or not loopback(provider.base_url):
        message = "a key is written out; only a reference to an environment variable may stand here"
        hint = f'write "{reference.reference(suggestion)}" and set it; replace the key if others saw it'
        findings.add(path, message, hint)
    elif not _header_text(value):
        findings.add(path, "holds characters that a header can't carry")


def _check_header(name: str, header: str, value: str, environ: Mapping[str, str], findings: Findings) -> None:
    path: Path = ("providers", name, "headers", header)
    if not _TOKEN.fullmatch(header):
        findings.add(path, "not a valid header name")
    elif header.lower() in _OURS:
        findings.add(path, "Halfopen sets this header itself", "leave it out")
    if reference.malformed(value):
        findings.add(path, "holds a reference that can't be read", 'a reference looks like "${NAME}"')
        return
    if not _header_text(value):
        findings.add(path, "holds characters that a header can't carry")
    variables = reference.names(value)
    for variable in variables:
        _check_variable(name, variable, environ, path, findings)
    if _SECRET_HEADER.search(header) and not variables:
        message = "this header looks like a secret, which must be a reference to an environment variable"
        findings.add(path, message, 'write it like "Bearer ${NAME}"')


def _check_variable(
    name: str, variable: str, environ: Mapping[str, str], path: Path, findings: Findings
) -> None:
    value = environ.get(variable, "").strip()
    if value and _header_text(value):
        return
    if value:
        message = f"the environment variable {variable} holds characters that a header can't carry"
        findings.add(path, message, "look for quotes, line ends or letters that are not ASCII in it")
        return
    state = "is empty" if variable in environ else "is not set"
    message = f"provider {quoted(name)} needs the environment variable {variable}, which {state}"
    findings.add(path, message, f"run `export {variable}=...` first, or remove [providers.{key(name)}]")


def _header_text(value: str) -> bool:
    """Whether a header can carry it: visible ASCII and blanks."""
    return value.isascii() and value.isprintable()
