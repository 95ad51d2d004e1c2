#!/usr/bin/env bash
# Is deploy/ sound? The Dockerfile by hadolint, the compose file and the Kubernetes manifests by their schemas.
# The tools get an environment of their own: nobody else wants them. What the files promise beyond their
# schemas is tested by tests/deploy.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3.11}
command -v "$PYTHON" >/dev/null || PYTHON=python3
ENVIRONMENT=.venv-deploy
PINS=requirements/deploy.txt
# The oldest and the newest release that the manifests are for.
KUBERNETES=(1.30 1.37)

if ! cmp -s "$PINS" "$ENVIRONMENT/.pins"; then
	rm -rf "$ENVIRONMENT"
	"$PYTHON" -m venv "$ENVIRONMENT"
	"$ENVIRONMENT/bin/python" -m pip --disable-pip-version-check --quiet install --require-hashes -r "$PINS"
	cp "$PINS" "$ENVIRONMENT/.pins"
fi

failed=0
"$ENVIRONMENT/bin/hadolint" --failure-threshold style deploy/Dockerfile || failed=1
"$ENVIRONMENT/bin/check-jsonschema" --builtin-schema vendor.compose-spec deploy/compose.yaml || failed=1
for release in "${KUBERNETES[@]}"; do
	"$ENVIRONMENT/bin/kubernetes-validate" --strict --quiet --kubernetes-version "$release" deploy/kubernetes/*.yaml || failed=1
done
[ "$failed" -ne 0 ] || echo "deploy: the Dockerfile, the compose file and the manifests are sound"
exit "$failed"
