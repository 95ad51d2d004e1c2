"""Addresses of providers: what is accepted, and which are on this machine."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_EVERYWHERE = frozenset(("0.0.0.0", "::"))  # noqa: S104 - names what others bind to


def address_problem(url: str) -> tuple[str, str] | None:
    """What is wrong with the base URL of a provider.

    Neither text repeats a part of the URL that may hold a secret.

    Returns:
        Message and hint; None when the URL is fine.
    """
    if "${" in url:
        return "references are for keys and headers only", "write the address out"
    if not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        return "a URL has no spaces, no control characters and only ASCII letters", ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "not a valid URL: its host or port can't be read", "write it like https://api.example.com/v1"
    if "@" in parts.netloc:
        return "a URL must not hold a user name or password", "put the key under `key` as a ${REFERENCE}"
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return _no_scheme(url, parts)
    if not parts.hostname:
        return "the URL has no host", "write it like https://api.example.com/v1"
    if port == 0:
        return "port 0 can't be connected to", ""
    if parts.query or parts.fragment or "?" in url or "#" in url:
        return "a base URL has no query and no fragment", "keys go under `key` or `headers` as ${REFERENCES}"
    return _operation(parts)


def version_problem(url: str, dialect: str) -> tuple[str, str] | None:
    """What is wrong with the version at the end of a base URL.

    The version that the dialect's own paths begin with may stand there: it is not sent twice.

    Returns:
        Message and hint; None when the URL is fine.
    """
    if dialect == "gemini" and url.rstrip("/").endswith("/v1"):
        return "Gemini is spoken to in its version v1beta", 'leave out "/v1"'
    return None


def pathless(url: str) -> bool:
    """Whether a base URL that can be read has no path."""
    return not urlsplit(url).path.strip("/")


def _no_scheme(url: str, parts: SplitResult) -> tuple[str, str]:
    secretless = "@" not in url and "?" not in url
    if not parts.netloc and "://" not in url and secretless:
        return "the URL has no scheme", f"write it like https://{url.lstrip('/')}"
    return "the scheme must be https or http", "write it like https://api.example.com/v1"


def _operation(parts: SplitResult) -> tuple[str, str] | None:
    """People paste the address of the operation instead of the API's."""
    for ending in ("/chat/completions", "/completions", "/messages", ":generateContent"):
        if parts.path.rstrip("/").endswith(ending):
            return f'the base URL ends before "{ending}", which Halfopen adds itself', f'leave out "{ending}"'
    return None


def loopback(url: str) -> bool:
    """Whether the URL's host is this machine itself."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return loopback_host(host)


def leads_to(url: str, host: str, port: int) -> bool:
    """Whether a URL is the address on which a server on this machine listens.

    Args:
        url: One in which `address_problem` finds nothing wrong.
        host: Where the server listens; 0.0.0.0 and :: are every address of this machine.
        port: Its port.
    """
    parts = urlsplit(url)
    if (parts.port or (443 if parts.scheme == "https" else 80)) != port:
        return False
    named = parts.hostname or ""
    return named == host or (loopback_host(named) and (loopback_host(host) or host in _EVERYWHERE))


def loopback_host(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
