#!/usr/bin/env bash
# How many wrong versions of errors/ and policy/ do the tests notice? Arguments go to tests/mutation/run.py
# (--help tells them). The tools get an environment of their own: they want other packages than the tests do.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3.11}
command -v "$PYTHON" >/dev/null || PYTHON=python3
ENVIRONMENT=.venv-mutation
PINS=requirements/mutation.txt

if ! cmp -s "$PINS" "$ENVIRONMENT/.pins"; then
	rm -rf "$ENVIRONMENT"
	"$PYTHON" -m venv "$ENVIRONMENT"
	"$ENVIRONMENT/bin/python" -m pip --disable-pip-version-check --quiet install --require-hashes -r "$PINS"
	cp "$PINS" "$ENVIRONMENT/.pins"
fi
# Hashes of a set's order decide in which order tests run that take equally long: the same every time.
PYTHONHASHSEED=0 exec "$ENVIRONMENT/bin/python" tests/mutation/run.py "$@"
