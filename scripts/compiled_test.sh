#!/usr/bin/env bash
# Test the compiled build: real processes, drills, and a sample of the fault matrix with the official clients.
# Other arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/compiled.sh
export PYTHONPATH="$PWD/build/compiled"
# Processes that the tests start are compiled as well: they have the same PYTHONPATH.
module=$(.venv/bin/python -P -c 'import halfopen.gateway.connection as module; print(module.__file__)')
if [[ $module != "$PWD"/build/compiled/*.so ]]; then
    echo "the tests would not run what is compiled, but $module" >&2
    exit 1
fi
left_out=()
while read -r test; do
    left_out+=(--deselect "$test")
done < <(grep -v '^#' scripts/compiled_left_out.txt)
scripts/tests.sh "${left_out[@]}" "$@" \
    tests/app/run tests/app/processes tests/deploy/test_readiness.py tests/drills tests/gateway tests/http1 \
    tests/policy tests/providers
build/compiled/bin/halfopen lab matrix --sample "${SAMPLE:-600}"
