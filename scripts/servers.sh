#!/usr/bin/env bash
# Installs the programs that the real-server tests start, from apt. Nothing runs afterwards that did
# not run before, now or after a reboot: tests start the servers themselves, on ports of their own.
# Without root or apt it says what is missing; the tests that need it are skipped then.
set -euo pipefail
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# Debian keeps the programs of PostgreSQL out of the path.
for bin in /usr/lib/postgresql/*/bin; do PATH=$PATH:$bin; done

# program:package
NEEDED=(nginx:nginx openssl:openssl redis-server:redis-server prometheus:prometheus chromium:chromium initdb:postgresql)
POLICY=/usr/sbin/policy-rc.d
SAVED=$POLICY.before-halfopen
MARK="made by scripts/servers.sh of halfopen while it installs"
UNITS=(/lib/systemd/system /usr/lib/systemd/system)

say() { echo "servers: $*" >&2; }

missing() {
	local pair
	for pair in "${NEEDED[@]}"; do
		command -v "${pair%%:*}" >/dev/null || echo "${pair##*:}"
	done
}

services() {
	# The name of every service that is there, for systemd or as an init script.
	find "${UNITS[@]}" /etc/init.d -maxdepth 1 -type f \( -name '*.service' -o -path '/etc/init.d/*' \) \
		-printf '%f\n' 2>/dev/null | sed 's/\.service$//' | sort -u
}

forbid_starts() {
	# invoke-rc.d asks this program before it starts anything; 101 forbids it.
	local answer=0
	[ ! -x "$POLICY" ] || "$POLICY" nginx start >/dev/null 2>&1 || answer=$?
	[ "$answer" -ne 101 ] || return 0
	trap allow_starts EXIT
	[ ! -e "$POLICY" ] || mv "$POLICY" "$SAVED"
	printf '#!/bin/sh\n# %s\nexit 101\n' "$MARK" >"$POLICY"
	chmod 755 "$POLICY"
}

allow_starts() {
	! grep -qs "$MARK" "$POLICY" || rm "$POLICY"
	[ ! -e "$SAVED" ] || mv "$SAVED" "$POLICY"
}

install() {
	DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -qq \
		install --yes --no-install-recommends "$@" >"$log" 2>&1 </dev/null
}

disable() {
	# A package enables its service for the next boot; that is not what it was installed for.
	local service
	for service in "$@"; do
		[ ! -x /usr/bin/deb-systemd-helper ] || deb-systemd-helper disable "$service.service" >/dev/null 2>&1 || true
		[ ! -e "/etc/init.d/$service" ] || update-rc.d "$service" disable >/dev/null 2>&1 || true
	done
}

mapfile -t packages < <(missing)
[ ${#packages[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	say "not installed: ${packages[*]}. The tests that need them are skipped."
	say "As root on Debian or Ubuntu, 'make servers' installs them without starting any."
	exit 0
fi

exec 9</var/lib/dpkg
flock 9 # one at a time; dpkg's own lock is of another sort
mapfile -t packages < <(missing)
[ ${#packages[@]} -gt 0 ] || exit 0
allow_starts # what a killed run may have left

log=$(mktemp)
say "installing ${packages[*]}"
before=$(services)
forbid_starts
# The lists may be absent or old; they are fetched only when they are.
if ! install "${packages[@]}"; then
	apt-get -o DPkg::Lock::Timeout=120 -qq update >/dev/null 2>&1 </dev/null || true
	if ! install "${packages[@]}"; then
		tail -n 5 "$log" >&2
		say "apt-get could not install ${packages[*]}. The tests that need them are skipped."
	fi
fi
rm -f "$log"
mapfile -t brought < <(comm -13 <(echo "$before") <(services))
disable "${brought[@]}"
