"""What no committed file holds: addresses of registries, paths of one machine, exceptions without a reason."""

import io
import re
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Put together from parts, so that this file keeps the rule as well.
_NAMES = (
    "py+pi.org python+hosted.org npm+js.org npm+js.com yarn+pkg.com deb+ian.org deb+ian.net ubu+ntu.com"
    " con+da.io ana+conda.org cra+tes.io proxy.go+lang.org"
)
HOSTS = tuple(name.replace("+", "") for name in _NAMES.split())
HOST = re.compile("|".join(re.escape(host) for host in HOSTS))
PATH = re.compile(r"(?<![\w./~$}-])/(?:work|root|home/[A-Za-z_][\w-]*|Users/[A-Za-z_][\w-]*)(?![\w.-])")
EXCEPTION = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b")
CODED = re.compile(
    r"#\s*(?:noqa:\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*|type:\s*ignore\[[a-z-]+(?:,\s*[a-z-]+)*\])"
)
PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[\w,-]+\])?==[\w.+!-]+(?: *;[^\\]*)? *\\?")
HASH = re.compile(r" +--hash=sha256:[0-9a-f]{64} *\\?")


def foreign(path: str, text: str) -> list[str]:
    """Registry addresses and paths of one machine."""
    breaches = []
    for number, line in enumerate(text.split("\n"), 1):
        for match in HOST.finditer(line):
            breaches.append(
                f"{path}:{number}: {match[0]} is a registry; leave addresses to the machine's own settings"
            )
        for match in PATH.finditer(line):
            breaches.append(
                f"{path}:{number}: {match[0]} is a path of one machine; make it relative or an argument"
            )
    return breaches


def unexplained(path: str, text: str) -> list[str]:
    """Exceptions to a check that name no code or give no reason, in the line or as a comment above it."""
    breaches = []
    above = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        comment = token.string
        whole_line = token.line.strip() == comment
        if EXCEPTION.search(comment):
            rest = CODED.sub("", comment)
            if EXCEPTION.search(rest):
                breaches.append(
                    f"{path}:{token.start[0]}: {comment}; name the code of the check, as in noqa: ABC123"
                )
            elif not re.search(r"[A-Za-z]{3}", rest) and above != f"{token.start[0] - 1}":
                breaches.append(f"{path}:{token.start[0]}: {comment}; add the reason after a dash")
        above = f"{token.start[0]}" if whole_line else above
    return breaches


def bad_pins(path: str, text: str) -> list[str]:
    """Requirements without a hash or with an address."""
    breaches = []
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(" "):
            if not HASH.fullmatch(line):
                breaches.append(f"{path}:{number}: not a hash; run `make pins`")
        elif not PIN.fullmatch(line):
            breaches.append(f"{path}:{number}: not an exact version, or an address; run `make pins`")
        elif number == len(lines) or not HASH.fullmatch(lines[number]):
            breaches.append(f"{path}:{number}: no hash; run `make pins`")
    return breaches


def test_no_registry_and_no_machine_path(
    committed: list[str], root: Path, hold: Callable[[list[str]], None]
) -> None:
    """No file names a package registry or a path of one machine; no file is exempt."""
    breaches = []
    for path in committed:
        breaches += foreign(path, (root / path).read_bytes().decode("utf-8", "replace"))
    hold(breaches)


def test_exceptions_have_code_and_reason(python: list[Any], hold: Callable[[list[str]], None]) -> None:
    """Every `noqa` and `type: ignore` names its check and says why."""
    hold([breach for source in python for breach in unexplained(source.path, source.text)])


def test_pins(committed: list[str], root: Path, hold: Callable[[list[str]], None]) -> None:
    """Every pin is exact, has hashes, and no address."""
    paths = [path for path in committed if path.startswith("requirements/") and path.endswith(".txt")]
    assert len(paths) >= 2
    hold([breach for path in paths for breach in bad_pins(path, (root / path).read_text())])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"--index-url https://{HOSTS[0]}/simple", id="index"),
        pytest.param(f"https://files.{HOSTS[1]}/packages/x.whl", id="file"),
        pytest.param(f"registry.{HOSTS[2]}", id="npm"),
        pytest.param(f"deb http://deb.{HOSTS[5]} stable main", id="apt"),
        pytest.param("cd " + "/" + "work/main", id="work"),
        pytest.param('open("' + "/" + 'root/x")', id="root"),
        pytest.param("path=" + "/" + "home/joe/x", id="home"),
    ],
)
def test_foreign_catches(text: str) -> None:
    """A planted registry address or machine path is caught with its line."""
    (breach,) = foreign("docs/a.md", f"fine\n{text}\n")
    assert breach.startswith("docs/a.md:2: ")


def test_foreign_passes_addresses_of_others() -> None:
    """Addresses of providers, and paths that every machine has, pass."""
    text = "https://api.openai.com/v1 /v1/models /usr/bin/env /workflows network/work ~/x ${HOME}/x /dev/null"
    assert foreign("docs/a.md", text) == []


@pytest.mark.parametrize(
    "comment",
    [
        pytest.param("# noqa", id="bare noqa"),
        pytest.param("# type: ignore", id="bare ignore"),
        pytest.param("# noqa - because", id="no code"),
        pytest.param("# noqa: S311", id="no reason"),
        pytest.param("# type: ignore[attr-defined]", id="ignore without reason"),
        pytest.param("# type: ignore[override]  # noqa: ARG002", id="two without reason"),
    ],
)
def test_exceptions_catches(comment: str) -> None:
    """A planted exception without a code or a reason is caught."""
    assert len(unexplained("src/a.py", f"x = 1  {comment}\n")) == 1


def test_exceptions_passes_reasons() -> None:
    """An exception with its reason passes, in the line or above it; a string about one is none."""
    text = (
        "a = 1  # noqa: S311 - a schedule, not a secret\n# The stubs lack it.\nb = 2  # type: ignore[attr-defined]\n"
        'c = "# noqa"\nd = 1  # type: ignore[override]  # noqa: ARG002 - the signature is click\'s\n'
    )
    assert unexplained("src/a.py", text) == []


GOOD_HASH = "    --hash=sha256:" + "0" * 64


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a==1.0\n", id="no hash"),
        pytest.param(f"a>=1.0 \\\n{GOOD_HASH}\n", id="no exact version"),
        pytest.param(f"a @ https://x.test/a.whl \\\n{GOOD_HASH}\n", id="address"),
        pytest.param(f"--index-url https://x.test\na==1.0 \\\n{GOOD_HASH}\n", id="index"),
        pytest.param(f"a==1.0 \\\n{GOOD_HASH} \\\n    --hash=md5:00\n", id="weak hash"),
    ],
)
def test_pins_catches(text: str) -> None:
    """A planted pin without hash or with an address is caught."""
    assert len(bad_pins("requirements/run.txt", text)) == 1


def test_pins_passes() -> None:
    """An exact pin with its hashes passes, also with a marker."""
    text = f"a==1.0 \\\n{GOOD_HASH} \\\n{GOOD_HASH}\nb==2 ; sys_platform != 'win32' \\\n{GOOD_HASH}\n"
    assert bad_pins("requirements/run.txt", text) == []
