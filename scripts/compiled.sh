#!/usr/bin/env bash
# Build Halfopen with its hot modules compiled by mypyc, from the same source, into build/compiled.
# Afterwards `build/compiled/bin/halfopen run` is the compiled one; nothing under src/ changes.
set -euo pipefail
cd "$(dirname "$0")/.."
python="$PWD/.venv/bin/python"
target="$PWD/build/compiled"
stamp="$target/.source"

# What the build is made of. The same again: nothing to do.
wanted=$(find src/halfopen scripts/compiled_modules.txt scripts/compiled.sh -type f -not -name '*.pyc' -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
    echo "build/compiled is up to date"
    exit 0
fi
rm -rf "$target"
mkdir -p "$target"
cp -R src/halfopen "$target/"
find "$target" -name __pycache__ -prune -exec rm -rf {} +
mapfile -t modules < <(grep -v '^#' scripts/compiled_modules.txt | sed 's,\.,/,g; s,$,.py,')
echo "compiling ${#modules[@]} modules: takes a minute or two"
if ! (cd "$target" && MYPYPATH="$target" MYPYC_OPT_LEVEL="${OPT_LEVEL:-3}" "$python" -m mypyc --strict "${modules[@]}") \
    >"$target/build.log" 2>&1; then
    grep -n 'error' "$target/build.log" | head -20 >&2
    echo "the compiled build failed: see build/compiled/build.log" >&2
    exit 1
fi
rm -rf "$target/build"
mkdir -p "$target/bin"
cat >"$target/bin/halfopen" <<EOF
#!/bin/sh
PYTHONPATH="$target" exec "$python" -P -m halfopen "\$@"
EOF
chmod +x "$target/bin/halfopen"
echo "$wanted" >"$stamp"
echo "build/compiled/bin/halfopen is ready"
