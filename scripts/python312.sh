#!/usr/bin/env bash
# Finds Python 3.12 and prints the path of one that has halfopen and what it needs to run, in .venv312.
# Where there is none it prints nothing but one line on the error output. It installs no Python.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=.venv312

say() { echo "python312: $*" >&2; }

is_312() {
	[ -x "$1" ] && [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = 3.12 ]
}

find_312() {
	# pyenv puts a stand-in on the path that only works where a version was chosen: so each is tried.
	local candidate
	for candidate in "${PYTHON312:-}" "$(command -v python3.12 || true)" \
		"${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python /usr/local/bin/python3.12 /opt/python/3.12*/bin/python; do
		if [ -n "$candidate" ] && is_312 "$candidate"; then
			echo "$candidate"
			return
		fi
	done
}

python=$(find_312)
if [ -z "$python" ]; then
	say "there is no Python 3.12 here (set PYTHON312=... if there is); nothing is compared with it"
	exit 0
fi
if ! is_312 "$VENV/bin/python"; then
	"$python" -m venv --clear "$VENV"
	echo '*' >"$VENV/.gitignore"
fi
if [ ! "$VENV/.run" -nt requirements/run.txt ] || [ ! "$VENV/.run" -nt pyproject.toml ]; then
	pip=("$VENV/bin/python" -m pip --disable-pip-version-check --quiet install)
	if ! { "${pip[@]}" --require-hashes -r requirements/run.txt &&
		"${pip[@]}" --no-deps --no-build-isolation --editable .; } >&2; then
		say "halfopen could not be installed for $python"
		exit 1
	fi
	touch "$VENV/.run"
fi
echo "$PWD/$VENV/bin/python"
