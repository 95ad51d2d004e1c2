#!/usr/bin/env bash
# Run the tests: first all that don't measure time, on JOBS workers, then those marked `alone`, one after another.
# JOBS may be `auto`: a worker for each core. More are hardly faster, and tests that start processes then miss their time.
# Both parts always run, and a failure of either is one of the whole. Arguments go to pytest, both times.
set -euo pipefail
cd "$(dirname "$0")/.."
# Tests start some hundred processes; without this each would compile all of its modules anew.
unset PYTHONDONTWRITEBYTECODE
NOTHING=5 # what pytest ends with when it has run no test
jobs=${JOBS:-auto}
if [[ $jobs == auto ]]; then
    jobs=$(nproc)
fi
beside=0
alone=0
# Neighbours share what a folder's tests set up, and who has done his takes over from who has not.
.venv/bin/pytest -n "$jobs" --dist worksteal -m "not alone" --durations=10 "$@" || beside=$?
.venv/bin/pytest -n 0 -m "alone" --durations=10 "$@" || alone=$?
for status in "$beside" "$alone"; do
    if ((status != 0 && status != NOTHING)); then
        exit "$status"
    fi
done
# Arguments may select tests of one part only, but not none at all.
if ((beside == NOTHING)); then
    exit "$alone"
fi
